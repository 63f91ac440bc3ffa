;; Grows one table past what the pool holds for one, well within its limit of memory.
(table $a 1 funcref)
(func $handle
  (loop $again
    (br_if $again (i32.ne (i32.const -1) (table.grow $a (ref.null func) (i32.const 1000)))))
  (unreachable))
