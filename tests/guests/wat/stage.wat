;; The frame of a guest written by hand: what the world asks of every stage, in the canonical ABI. A case gives the imports,
;; and `$handle` and `$describe`, which run before the answer and the description are given; both may be left out.
;;
;; Memory: 64 the answer (`result<answer, failure>`, all zero but its fields), 128 its fields, 256 the description, from 4096
;; on the description's texts, then the heap.
(module
  ;; imports
  (memory (export "memory") ;; pages
  )
  (global $heap (mut i32) (i32.const ;; heap
  ))
  (data (i32.const 72) "\80\00\00\00\02\00\00\00")
  (data (i32.const 128) "{}")
  ;; data
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (if (i32.eq (i32.const -1)
                    (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
          (then (unreachable)))))
    (local.get $at))
  (func (export "fleetwright:stage/handler@1.0.0#handle") (param i32 i32 i32 i32) (result i32)
    (call $handle)
    (i32.const 64))
  (func (export "fleetwright:stage/description@1.0.0#describe") (result i32)
    (call $describe)
    (i32.const 256))
  ;; case
)
