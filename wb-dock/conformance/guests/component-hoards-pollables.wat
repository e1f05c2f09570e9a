;; Opens things to wait for without end, and closes none.
(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $pollable (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (core func $open (canon lower (func $clock "subscribe-duration")))
  (core module $module
    (import "host" "open" (func $open (param i64) (result i32)))
    (func (export "hoard") (loop $again (drop (call $open (i64.const 1))) (br $again))))
  (core instance $instance (instantiate $module
    (with "host" (instance (export "open" (func $open))))))
  (func (export "hoard") (canon lift (core func $instance "hoard"))))
