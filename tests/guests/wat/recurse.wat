;; Calls itself without end.
(func $handle (call $handle))
