;; Passes a tensor where a graph is asked for.
(import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[constructor]tensor" (func $tensor (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi:nn/graph@0.2.0-rc-2024-10-28" "[method]graph.init-execution-context" (func $init (param i32 i32)))
(func $handle
  (call $init
    (call $tensor (i32.const 132) (i32.const 1) (i32.const 4) (i32.const 128) (i32.const 1))
    (i32.const 2048)))
