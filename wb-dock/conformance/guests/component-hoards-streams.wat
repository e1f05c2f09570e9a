;; Opens standard output without end, and closes it never.
(component
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type (sub resource)))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $outer))
    (export "output-stream" (type $output-stream (eq $outer)))
    (export "get-stdout" (func (result (own $output-stream))))))
  (core func $open (canon lower (func $stdout "get-stdout")))
  (core module $module
    (import "host" "open" (func $open (result i32)))
    (func (export "hoard") (loop $again (drop (call $open )) (br $again))))
  (core instance $instance (instantiate $module
    (with "host" (instance (export "open" (func $open))))))
  (func (export "hoard") (canon lift (core func $instance "hoard"))))
