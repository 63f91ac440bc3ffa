;; Grows its memory page by page until it is refused, and then gives up.
(func $handle
  (loop $again
    (br_if $again (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))
  (unreachable))
