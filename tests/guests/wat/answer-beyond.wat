;; Answers fields that reach beyond its memory.
(func $handle (i32.store (i32.const 76) (i32.const -256)))
