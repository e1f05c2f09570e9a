;; Makes header fields without end, and drops none.
(component
  (import "wasi:http/types@0.2.0" (instance $http
    (export "fields" (type $fields (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))))
  (core func $open (canon lower (func $http "[constructor]fields")))
  (core module $module
    (import "host" "open" (func $open (result i32)))
    (func (export "hoard") (loop $again (drop (call $open )) (br $again))))
  (core instance $instance (instantiate $module
    (with "host" (instance (export "open" (func $open))))))
  (func (export "hoard") (canon lift (core func $instance "hoard"))))
