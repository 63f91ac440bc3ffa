;; Grows four tables in turn until one is refused: a table's entries are the host's memory, too.
(table $a 1 funcref) (table $b 1 funcref) (table $c 1 funcref) (table $d 1 funcref)
(func $handle
  (loop $again
    (if (i32.eq (i32.const -1) (table.grow $a (ref.null func) (i32.const 100))) (then (unreachable)))
    (if (i32.eq (i32.const -1) (table.grow $b (ref.null func) (i32.const 100))) (then (unreachable)))
    (if (i32.eq (i32.const -1) (table.grow $c (ref.null func) (i32.const 100))) (then (unreachable)))
    (if (i32.eq (i32.const -1) (table.grow $d (ref.null func) (i32.const 100))) (then (unreachable)))
    (br $again)))
