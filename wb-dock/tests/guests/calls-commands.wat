;; Runs the command named on the first line of standard input with the rest of the
;; line as one argument and the rest of the input as its input; then writes the
;; child's output and standard error to its own, the message of a failed call to
;; standard error, and exits with the result of the call, counted from 100 down if
;; it is below zero.
(module
  (import "wb:commands" "run" (func $run (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wb:reply" "len" (func $len (param i32) (result i32)))
  (import "wb:reply" "read" (func $reply (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 3)
  ;; Copies a stream of the reply to a descriptor, through 0x20000.
  (func $copy (param $stream i32) (param $fd i32) (local $size i32)
    (local.set $size (call $len (local.get $stream)))
    (if (i32.ne (call $reply (local.get $stream) (i32.const 0) (i32.const 0x20000) (i32.const 0x10000))
                (local.get $size)) (then unreachable))
    (i32.store (i32.const 0) (i32.const 0x20000))
    (i32.store (i32.const 4) (local.get $size))
    (if (local.get $size) (then
      (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))))
  ;; The first place at or after $from that holds $byte.
  (func $find (param $from i32) (param $byte i32) (result i32)
    (loop $next
      (if (i32.ne (i32.load8_u (local.get $from)) (local.get $byte)) (then
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (br $next))))
    (local.get $from))
  (func (export "_start") (local $line i32) (local $space i32) (local $end i32) (local $code i32)
    (i32.store (i32.const 0) (i32.const 0x10000))
    (i32.store (i32.const 4) (i32.const 0xffff))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $end (i32.add (i32.const 0x10000) (i32.load (i32.const 8))))
    (local.set $line (call $find (i32.const 0x10000) (i32.const 10)))
    (i32.store8 (local.get $line) (i32.const 32))
    (local.set $space (call $find (i32.const 0x10000) (i32.const 32)))
    ;; The argument ends in NUL where the line did; without one there is none.
    (i32.store8 (local.get $line) (i32.const 0))
    (local.set $code (call $run
      (i32.const 0x10000) (i32.sub (local.get $space) (i32.const 0x10000))
      (i32.add (local.get $space) (i32.const 1)) (i32.sub (local.get $line) (local.get $space))
      (i32.add (local.get $line) (i32.const 1))
      (i32.sub (local.get $end) (i32.add (local.get $line) (i32.const 1)))))
    (call $copy (i32.const 1) (i32.const 1))
    (call $copy (i32.const 2) (i32.const 2))
    (call $copy (i32.const 0) (i32.const 2))
    (if (i32.lt_s (local.get $code) (i32.const 0))
      (then (local.set $code (i32.add (i32.const 100) (local.get $code)))))
    (call $exit (local.get $code))))
