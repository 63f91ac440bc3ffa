;; Asks for its config without end, and forgets each: the host's copying counts as the guest's time.
(import "fleetwright:stage/config@1.0.0" "get" (func $get (param i32)))
(func $handle
  (local $heap i32)
  (local.set $heap (global.get $heap))
  (loop $again
    (call $get (i32.const 2048))
    (global.set $heap (local.get $heap))
    (br $again)))
