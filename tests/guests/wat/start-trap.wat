;; Traps before it is asked anything.
(start $start)
(func $start (unreachable))
