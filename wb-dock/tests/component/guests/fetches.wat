;; Sends one request over plain HTTP and reads the answer as it comes. Results of calls lie at
;; 1024, what is returned at 2048, lists from the host at 4096 and above, each in the place of
;; the one before.
(module
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-request"
    (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method"
    (func $set-method (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme"
    (func $set-scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority"
    (func $set-authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query"
    (func $set-path (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.body"
    (func $body (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $write (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish"
    (func $finish (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
    (func $put (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream"
    (func $drop-output (param i32)))
  (import "wasi:http/types@0.2.12" "[constructor]request-options" (func $options (result i32)))
  (import "wasi:http/types@0.2.12" "[method]request-options.set-connect-timeout"
    (func $connect (param i32 i32 i64) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]request-options.set-first-byte-timeout"
    (func $first-byte (param i32 i32 i64) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]request-options.set-between-bytes-timeout"
    (func $between-bytes (param i32 i32 i64) (result i32)))
  (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get"
    (func $get (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.status"
    (func $status (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.consume"
    (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read"
    (func $read (param i32 i64 i32)))
  (import "wasi:http/types@0.2.12" "http-error-code" (func $error-code (param i32 i32)))

  (memory (export "memory") 64)
  ;; What is passed to the guest is kept, what it reads goes to one place.
  (global $next (mut i32) (i32.const 65536))
  (global $reads (mut i32) (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $len i32) (result i32)
    (if (global.get $reads) (then (return (i32.const 4096))))
    (global.get $next)
    (global.set $next (i32.and (i32.const -16)
      (i32.add (i32.const 15) (i32.add (global.get $next) (local.get $len))))))

  (func $failed (param $code i32) (result i32)
    (i32.store8 (i32.const 2048) (i32.const 1))
    (i32.store8 (i32.const 2056) (local.get $code))
    (i32.const 2048))

  (func (export "fetch")
    (param $host i32) (param $host-len i32) (param $path i32) (param $path-len i32)
    (param $bytes i32) (param $len i32)
    (param $connect i64) (param $first-byte i64) (param $between i64) (result i32)
    (local $request i32) (local $out i32) (local $stream i32) (local $options i32)
    (local $at i32) (local $piece i32)
    (local.set $request (call $request (call $fields)))
    (drop (call $set-scheme (local.get $request)
      (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $set-authority (local.get $request)
      (i32.const 1) (local.get $host) (local.get $host-len)))
    (drop (call $set-path (local.get $request)
      (i32.const 1) (local.get $path) (local.get $path-len)))
    (local.set $options (call $options))
    (drop (call $connect (local.get $options)
      (i64.ne (local.get $connect) (i64.const 0)) (local.get $connect)))
    (drop (call $first-byte (local.get $options)
      (i64.ne (local.get $first-byte) (i64.const 0)) (local.get $first-byte)))
    (drop (call $between-bytes (local.get $options)
      (i64.ne (local.get $between) (i64.const 0)) (local.get $between)))

    (if (local.get $len) (then
      (drop (call $set-method (local.get $request)
        (i32.const 2) (i32.const 0) (i32.const 0)))
      (call $body (local.get $request) (i32.const 1024))
      (local.set $out (i32.load (i32.const 1028)))))
    (call $handle (local.get $request) (i32.const 1) (local.get $options) (i32.const 1024))
    (if (i32.load8_u (i32.const 1024)) (then
      (return (call $failed (i32.load8_u (i32.const 1032))))))
    (local.set $request (i32.load (i32.const 1032)))
    ;; The body, in pieces of 4096 bytes.
    (if (local.get $len) (then
      (call $write (local.get $out) (i32.const 1024))
      (local.set $stream (i32.load (i32.const 1028)))
      (loop $more
        (local.set $piece (i32.sub (local.get $len) (local.get $at)))
        (if (i32.gt_u (local.get $piece) (i32.const 4096))
          (then (local.set $piece (i32.const 4096))))
        (call $put (local.get $stream) (i32.add (local.get $bytes) (local.get $at))
          (local.get $piece) (i32.const 1024))
        (local.set $at (i32.add (local.get $at) (local.get $piece)))
        (br_if $more (i32.lt_u (local.get $at) (local.get $len))))
      (call $drop-output (local.get $stream))
      (call $finish (local.get $out) (i32.const 0) (i32.const 0) (i32.const 1152))))

    (call $get (local.get $request) (i32.const 1280))
    (if (i32.load8_u (i32.const 1296)) (then
      (return (call $failed (i32.load8_u (i32.const 1304))))))
    (local.set $request (i32.load (i32.const 1304)))
    (memory.fill (i32.const 2048) (i32.const 0) (i32.const 64))
    (i32.store16 (i32.const 2056) (call $status (local.get $request)))
    (call $consume (local.get $request) (i32.const 1024))
    (call $stream (i32.load (i32.const 1028)) (i32.const 1024))
    (local.set $stream (i32.load (i32.const 1028)))
    (global.set $reads (i32.const 1))
    (loop $more
      (call $read (local.get $stream) (i64.const 65536) (i32.const 1024))
      (if (i32.eqz (i32.load8_u (i32.const 1024))) (then
        (i64.store (i32.const 2064)
          (i64.add (i64.load (i32.const 2064)) (i64.load32_u (i32.const 1032))))
        (i32.store (i32.const 2072) (i32.add (i32.load (i32.const 2072)) (i32.const 1)))
        (br $more))))
    ;; Closed, or an error that has its own number.
    (if (i32.eqz (i32.load8_u (i32.const 1028))) (then
      (call $error-code (i32.load (i32.const 1032)) (i32.const 1152))
      (i32.store8 (i32.const 2076) (i32.load8_u (i32.const 1152)))
      (i32.store8 (i32.const 2077) (i32.load8_u (i32.const 1160)))))
    (global.set $reads (i32.const 0))
    (i32.const 2048)))
