;; Answers bytes that are no UTF-8.
(func $handle (i32.store8 (i32.const 128) (i32.const 255)))
