;; Answers a disposition that there is none of.
(func $handle (i32.store8 (i32.const 96) (i32.const 9)))
