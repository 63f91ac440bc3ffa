;; Uses handles that it was never given, as a tensor and as a graph.
(import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[method]tensor.data" (func $data (param i32 i32)))
(func $handle (call $data (i32.const 7) (i32.const 2048)))
