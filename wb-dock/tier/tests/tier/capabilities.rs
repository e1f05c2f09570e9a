//! Calls of guests in a worker reach the services of the host, checked there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wb_dock::cap::{Commands, Failure, Kv, Principal, Resolved};
use wb_dock::{Engine, ErrorKind, Grant, Invocation, Outcome, Services};
use wb_policy::{Cap, CapSet, Limits, Profile, Resource, Scopes, Trust};
use wb_tier::{Error, Instance, Module, Process, Runner};

use crate::guests::{ECHO, module};
use crate::script::{answers, calls};

/// Puts `b` under `a`, gets it back, and writes it. Exits with the status of the
/// first call that failed.
const KEEPS: &str = r#"(module
    (import "wb:kv" "put" (func $put (param i32 i32 i32 i32) (result i32)))
    (import "wb:kv" "get" (func $get (param i32 i32) (result i32)))
    (import "wb:reply" "read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "ab")
    (func $check (param $status i32)
      (if (i32.lt_s (local.get $status) (i32.const 0))
        (then (call $exit (i32.sub (i32.const 0) (local.get $status))))))
    (func (export "_start")
      (call $check (call $put (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 1)))
      (call $check (call $get (i32.const 0) (i32.const 1)))
      (drop (call $read (i32.const 1) (i32.const 0) (i32.const 64) (i32.const 64)))
      (i32.store (i32.const 16) (i32.const 64))
      (i32.store (i32.const 20) (i32.const 1))
      (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))"#;

/// Runs the command `echo` with the input `hi`, and writes what it wrote.
const STARTS: &str = r#"(module
    (import "wb:commands" "run" (func $run (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wb:reply" "read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "echohi")
    (func (export "_start") (local $status i32)
      (local.set $status (call $run (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0)
        (i32.const 4) (i32.const 2)))
      (if (local.get $status)
        (then (call $exit (i32.sub (i32.const 0) (local.get $status)))))
      (i32.store (i32.const 16) (i32.const 64))
      (i32.store (i32.const 20) (call $read (i32.const 1) (i32.const 0) (i32.const 64) (i32.const 64)))
      (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))"#;

/// The keys of each tenant.
#[derive(Default)]
struct Keys(Mutex<BTreeMap<(String, String), Bytes>>);

impl Keys {
    fn key(who: &Principal<'_>, key: &str) -> (String, String) {
        (who.session().tenant.clone(), key.to_owned())
    }
}

impl Kv for Keys {
    fn get(&self, who: &Principal<'_>, key: &str) -> Result<Option<Bytes>, Failure> {
        Ok(self.0.lock().unwrap().get(&Self::key(who, key)).cloned())
    }

    fn put(&self, who: &Principal<'_>, key: &str, value: Bytes) -> Result<(), Failure> {
        self.0.lock().unwrap().insert(Self::key(who, key), value);
        Ok(())
    }

    fn delete(&self, who: &Principal<'_>, key: &str) -> Result<bool, Failure> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .remove(&Self::key(who, key))
            .is_some())
    }

    fn list(&self, _: &Principal<'_>, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

/// One command, `echo`.
pub(crate) struct Echo(pub(crate) Engine);

impl Commands for Echo {
    fn resolve(&self, name: &str) -> Result<Option<Resolved>, String> {
        if name != "echo" {
            return Ok(None);
        }
        let program = self
            .0
            .load(module(ECHO).wasm())
            .map_err(|e| e.to_string())?;
        Ok(Some(Resolved {
            code: program.into(),
            grant: Grant::none(),
            arg_mode: wb_dock::ArgMode::Argv,
        }))
    }
}

fn grant(caps: impl IntoIterator<Item = Cap>) -> Grant {
    let declared = CapSet::from_iter(caps);
    Grant::decide(declared, Trust::FirstParty, &Profile::minimal(), None).unwrap()
}

fn run(guest: &str, grant: &Grant, services: &Services) -> Result<Outcome, Error> {
    let process = Process::with_worker(env!("CARGO_BIN_EXE_wb-worker"));
    process.run(&module(guest), grant, services, Invocation::new("guest"))
}

#[test]
fn a_value_is_kept_by_the_host() {
    let keys = Arc::new(Keys::default());
    let services = Services::default().kv(keys.clone());
    let outcome = run(KEEPS, &grant([Cap::Kv]), &services).unwrap();
    assert_eq!((outcome.exit_code, &outcome.stdout[..]), (0, &b"b"[..]));
    assert_eq!(outcome.usage.host_calls, 2, "each counted once");
    assert_eq!(keys.0.lock().unwrap().len(), 1);
}

#[test]
fn a_scope_is_checked_by_the_host() {
    let keys = Arc::new(Keys::default());
    let services = Services::default().kv(keys.clone());
    let scopes: Scopes = serde_json::from_str(r#"{"kv":["other-*"]}"#).unwrap();
    // The worker knows of no scopes: that the call is refused, the host did.
    let outcome = run(KEEPS, &grant([Cap::Kv]).narrow_scopes(&scopes), &services).unwrap();
    assert_eq!(outcome.exit_code, 3, "refused");
    assert!(keys.0.lock().unwrap().is_empty());
}

#[test]
fn a_spent_budget_ends_the_run() {
    let services = Services::default().kv(Arc::new(Keys::default()));
    let mut limits: Limits = grant([]).limits();
    limits.host_calls = 1;
    let error = run(KEEPS, &grant([Cap::Kv]).narrow_limits(limits), &services).unwrap_err();
    let Error::Dock(error) = error else {
        panic!("{error}")
    };
    assert!(
        matches!(error.kind(), ErrorKind::Limit(e) if e.resource == Resource::HostCalls),
        "{error}"
    );
}

#[test]
fn what_the_host_has_not_is_not_provided() {
    let error = run(KEEPS, &grant([Cap::Kv]), &Services::default()).unwrap_err();
    assert_eq!(error.code(), "dock/not-provided");
}

#[test]
fn commands_run_with_the_host() {
    let services = Services::default().commands(Arc::new(Echo(Engine::new().unwrap())));
    let outcome = run(STARTS, &grant([Cap::Commands]), &services).unwrap();
    assert_eq!((outcome.exit_code, &outcome.stdout[..]), (0, &b"hi"[..]));
    assert_eq!(outcome.usage.children, 1);
    let scopes: Scopes = serde_json::from_str(r#"{"commands":["other"]}"#).unwrap();
    let narrowed = grant([Cap::Commands]).narrow_scopes(&scopes);
    assert_eq!(run(STARTS, &narrowed, &services).unwrap().exit_code, 3);
}

/// Sends more than there is to send, whatever it is asked.
struct Spends;

impl Kv for Spends {
    fn get(&self, who: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        who.charge_egress(u64::MAX)?;
        Ok(None)
    }

    fn put(&self, _: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        Ok(())
    }

    fn delete(&self, _: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    fn list(&self, _: &Principal<'_>, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

#[test]
fn a_run_that_the_host_ends_keeps_what_it_had_written() {
    let script = calls! {
        "wb:kv" put("a", "b");
        "wb:kv" get("a");
        "wb:kv" put("a", "b");
    };
    let services = Services::default().kv(Arc::new(Spends));
    let guest = Module::new(script.wasm());
    let ended = |runner: &dyn Runner| {
        let run = runner.run(
            &guest,
            &grant([Cap::Kv]),
            &services,
            Invocation::new("guest"),
        );
        let Err(Error::Dock(error)) = run else {
            panic!("{run:?}")
        };
        let outcome = error.outcome().expect("it had run");
        let used = (outcome.usage.host_calls, outcome.usage.output);
        (error.to_string(), outcome.stdout.clone(), used)
    };
    let here = ended(&Instance::new(Engine::new().unwrap()));
    assert_eq!(answers(&here.1).len(), 1);
    let process = Process::with_worker(env!("CARGO_BIN_EXE_wb-worker"));
    assert_eq!(ended(&process), here);
    // The worker has ended its guest in step, and can be called again.
    assert_eq!(process.idle_workers().len(), 1);
    assert_eq!(ended(&process), here);
}
