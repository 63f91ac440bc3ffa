;; Grows four memories in turn until one is refused: no one of them is large.
(memory $a 1) (memory $b 1) (memory $c 1)
(func $handle
  (loop $again
    (if (i32.eq (i32.const -1) (memory.grow (i32.const 1))) (then (unreachable)))
    (if (i32.eq (i32.const -1) (memory.grow $a (i32.const 1))) (then (unreachable)))
    (if (i32.eq (i32.const -1) (memory.grow $b (i32.const 1))) (then (unreachable)))
    (if (i32.eq (i32.const -1) (memory.grow $c (i32.const 1))) (then (unreachable)))
    (br $again)))
