;; Makes a tensor, drops it, and asks for its type.
(import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[constructor]tensor" (func $tensor (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[method]tensor.ty" (func $ty (param i32) (result i32)))
(import "wasi:nn/tensor@0.2.0-rc-2024-10-28" "[resource-drop]tensor" (func $drop (param i32)))
(func $handle
  (local $tensor i32)
  (local.set $tensor (call $tensor (i32.const 132) (i32.const 1) (i32.const 4) (i32.const 128) (i32.const 1)))
  (call $drop (local.get $tensor))
  (drop (call $ty (local.get $tensor))))
