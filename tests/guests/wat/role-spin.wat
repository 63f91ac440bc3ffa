;; Asks for a model that it is not granted, without end, and drops each error.
(import "wasi:nn/graph@0.2.0-rc-2024-10-28" "load-by-name" (func $load (param i32 i32 i32)))
(import "wasi:nn/errors@0.2.0-rc-2024-10-28" "[resource-drop]error" (func $drop (param i32)))
(func $handle
  (loop $again
    (call $load (i32.const 128) (i32.const 2) (i32.const 2048))
    (call $drop (i32.load (i32.const 2052)))
    (br $again)))
