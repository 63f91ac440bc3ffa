;; Traps when it is asked what it is.
(func $describe (unreachable))
