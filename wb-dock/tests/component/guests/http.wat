;; Sends requests in the order of calls that tool chains use. Results lie at 1024 and above,
;; texts below, lists from the host at 4096 and above.
(module
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.12" "[method]fields.append"
    (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-request"
    (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method"
    (func $set-method (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query"
    (func $set-path (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority"
    (func $set-authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.body"
    (func $body (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $write (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish"
    (func $finish (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]outgoing-body" (func $drop-body (param i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
    (func $put (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream"
    (func $drop-output (param i32)))
  (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe"
    (func $subscribe (param i32) (result i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop-pollable (param i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get"
    (func $get (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.status"
    (func $status (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.consume"
    (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read"
    (func $read (param i32 i64 i32)))
  (import "wasi:http/types@0.2.12" "[constructor]request-options"
    (func $options (result i32)))
  (import "wasi:http/types@0.2.12" "[method]request-options.set-connect-timeout"
    (func $connect (param i32 i32 i64) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]request-options.set-first-byte-timeout"
    (func $first-byte (param i32 i32 i64) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]request-options.set-between-bytes-timeout"
    (func $between-bytes (param i32 i32 i64) (result i32)))

  (memory (export "memory") 64)
  (data (i32.const 16) "X-One")
  (data (i32.const 32) "1")
  (data (i32.const 48) "/x?y=1")
  (data (i32.const 64) "api.example")
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get 3))))

  (func $write-all (param $out i32) (param $bytes i32) (param $len i32) (local $stream i32)
    (call $write (local.get $out) (i32.const 1024))
    (local.set $stream (i32.load (i32.const 1028)))
    (call $put (local.get $stream) (local.get $bytes) (local.get $len) (i32.const 1024))
    (call $drop-output (local.get $stream))
    (call $finish (local.get $out) (i32.const 0) (i32.const 0) (i32.const 1152)))

  (func $prepared (param $method i32) (param $host i32) (param $len i32) (result i32)
    (local $fields i32) (local $request i32)
    (local.set $fields (call $fields))
    (call $append (local.get $fields)
      (i32.const 16) (i32.const 5) (i32.const 32) (i32.const 1) (i32.const 1024))
    (local.set $request (call $request (local.get $fields)))
    (drop (call $set-method (local.get $request)
      (local.get $method) (i32.const 0) (i32.const 0)))
    (drop (call $set-path (local.get $request)
      (i32.const 1) (i32.const 48) (i32.const 6)))
    (drop (call $set-authority (local.get $request)
      (i32.const 1) (local.get $host) (local.get $len)))
    (local.get $request))

  (func $failed (param $code i32) (result i32)
    (i32.store (i32.const 2048) (i32.const 1))
    (i32.store (i32.const 2052) (local.get $code))
    (i32.const 2048))

  (func (export "send")
    (param $order i32) (param $host i32) (param $host-len i32)
    (param $bytes i32) (param $len i32) (result i32)
    (local $request i32) (local $out i32) (local $future i32) (local $pollable i32)
    (local $response i32)
    (local.set $request (call $prepared
      (select (i32.const 2) (i32.const 0) (local.get $order))
      (local.get $host) (local.get $host-len)))
    (if (local.get $order) (then
      (call $body (local.get $request) (i32.const 1024))
      (local.set $out (i32.load (i32.const 1028)))))
    (if (i32.eq (local.get $order) (i32.const 2)) (then
      (call $write-all (local.get $out) (local.get $bytes) (local.get $len))))
    (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then
      (return (call $failed (i32.load8_u (i32.const 1032))))))
    (local.set $future (i32.load (i32.const 1032)))
    (if (i32.eq (local.get $order) (i32.const 1)) (then
      (call $write-all (local.get $out) (local.get $bytes) (local.get $len))))
    (local.set $pollable (call $subscribe (local.get $future)))
    (call $block (local.get $pollable))
    (call $drop-pollable (local.get $pollable))
    ;; An option of a result of a result: 1280, 1288, 1296, and what it holds at 1304.
    (call $get (local.get $future) (i32.const 1280))
    (if (i32.load8_u (i32.const 1296)) (then
      (return (call $failed (i32.load8_u (i32.const 1304))))))
    (if (i32.ne (i32.load8_u (i32.const 1280)) (i32.const 1)) (then (unreachable)))
    (local.set $response (i32.load (i32.const 1304)))
    ;; Whatever is there is there once.
    (call $get (local.get $future) (i32.const 1280))
    (if (i32.ne (i32.load8_u (i32.const 1288)) (i32.const 1)) (then (unreachable)))
    (i32.store (i32.const 2048) (i32.const 0))
    (i32.store16 (i32.const 2052) (call $status (local.get $response)))
    (call $consume (local.get $response) (i32.const 1024))
    (call $stream (i32.load (i32.const 1028)) (i32.const 1024))
    (call $read (i32.load (i32.const 1028)) (i64.const 65536) (i32.const 1024))
    (i64.store (i32.const 2056) (i64.const 0))
    (if (i32.eqz (i32.load8_u (i32.const 1024))) (then
      (i64.store (i32.const 2056) (i64.load (i32.const 1028)))))
    (i32.const 2048))

  (func $unfinished (param $out i32) (result i32)
    (local $request i32)
    (local.set $request (call $prepared (i32.const 2) (i32.const 64) (i32.const 11)))
    (call $body (local.get $request) (i32.const 1024))
    (i32.store (local.get $out) (i32.load (i32.const 1028)))
    (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 1024))
    (i32.load (i32.const 1032)))

  (func (export "wait")
    (call $block (call $subscribe (call $unfinished (i32.const 1536)))))

  (func (export "give-up") (result i32) (local $future i32)
    (local.set $future (call $unfinished (i32.const 1536)))
    (call $drop-body (i32.load (i32.const 1536)))
    (call $get (local.get $future) (i32.const 1280))
    (i32.load8_u (i32.const 1304)))

  (func (export "append") (param i32 i32 i32 i32) (result i32)
    (call $append (call $fields)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 1024))
    (i32.const 1024))

  (func (export "timeouts") (result i32) (local $options i32)
    (local.set $options (call $options))
    (i32.store8 (i32.const 2048) (i32.eqz
      (call $connect (local.get $options) (i32.const 1) (i64.const 1000))))
    (i32.store8 (i32.const 2049) (i32.eqz
      (call $first-byte (local.get $options) (i32.const 1) (i64.const 1000))))
    (i32.store8 (i32.const 2050) (i32.eqz
      (call $between-bytes (local.get $options) (i32.const 1) (i64.const 1000))))
    (i32.const 2048)))
