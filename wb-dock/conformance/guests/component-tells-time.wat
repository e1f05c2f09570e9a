;; Tells the clock and a random number, each as a function.
(component
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (export "now" (func (result u64)))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-u64" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))
  (core func $draw (canon lower (func $random "get-random-u64")))
  (core module $module
    (import "host" "now" (func $now (result i64)))
    (import "host" "draw" (func $draw (result i64)))
    (export "now" (func $now))
    (export "draw" (func $draw)))
  (core instance $instance (instantiate $module
    (with "host" (instance (export "now" (func $now)) (export "draw" (func $draw))))))
  (func (export "now") (result u64) (canon lift (core func $instance "now")))
  (func (export "draw") (result u64) (canon lift (core func $instance "draw"))))
