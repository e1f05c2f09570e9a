//! Guests that crash: a typed error, and the next run as if nothing had been.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use wb_dock::cap::{Failure, Kv, Principal};
use wb_dock::{Grant, Invocation, Services};

use super::{granted, guest, still_works};
use crate::case::{Case, Finding, Verdict, holds, refused, same};
use crate::host::Host;
use crate::script::calls;
use crate::stand_in::{Table, everything};

pub(crate) fn cases() -> Vec<Case> {
    let crashes = |name: &str, about: &str, wasm: fn() -> Vec<u8>| {
        Case::new("crash", name, about, move |host| {
            for _ in 0..3 {
                let guest = Invocation::new("guest");
                let run = host.run(&wasm(), &Grant::none(), &Services::default(), guest);
                refused(run, &["dock/trap"])?;
                still_works(host)?;
            }
            Ok(())
        })
    };
    vec![
        crashes(
            "trap",
            "a guest that crashes is an error of that run alone",
            || guest!("traps"),
        ),
        crashes(
            "out-of-bounds",
            "a guest that reads beyond its memory crashes",
            || guest!("out-of-bounds"),
        ),
        Case::new(
            "crash",
            "nested",
            "a guest outlives the crash of a command that it runs, and is told of it",
            nested,
        ),
        Case::new(
            "crash",
            "bad-pointers",
            "a pointer out of memory is an error of the call",
            bad_pointers,
        ),
        Case::new(
            "crash",
            "worker-in-a-call",
            "a worker that is killed while its guest waits for the host is an error of that run alone",
            worker_in_a_call,
        ),
        Case::new(
            "crash",
            "worker-at-work",
            "a worker that is killed while its guest computes is an error of that run alone",
            worker_at_work,
        ),
        Case::new(
            "crash",
            "many-at-a-time",
            "guests that crash on other threads do not touch those that do not",
            many,
        ),
    ]
}

fn nested(host: &dyn Host) -> Verdict {
    let table = Table::of("child", &guest!("traps"), Grant::none());
    table.set("echo", &guest!("echo"), Grant::none());
    let script = calls! {
        "wb:commands" run("child", "", "");
        "wb:commands" run("echo", "", "still here");
    };
    let services = everything().commands(table);
    let answers = script.run(host, &granted(|_| {}), &services)?;
    same(
        "the status of the crash (-5 is failed)",
        -5,
        answers[0].number,
    )?;
    let named = answers[0].message.contains("child");
    holds(
        named,
        "a message that names the command",
        &answers[0].message,
    )?;
    same(
        "what the next command says",
        "still here",
        &*answers[1].text(),
    )
}

/// Is asked for a key, says so, and answers when it is told to.
struct Waits {
    asked: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Kv for Waits {
    fn get(&self, who: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let told = asked.send(()).ok().and_then(|()| {
            let go_on = self.go_on.lock().unwrap_or_else(PoisonError::into_inner);
            go_on.recv_timeout(who.time_left()).ok()
        });
        told.map(|()| None)
            .ok_or_else(|| Failure::failed("nobody is there to kill the worker"))
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

fn worker_in_a_call(host: &dyn Host) -> Verdict {
    let ((asked, is_asked), (go, go_on)) = (channel(), channel());
    let services = everything().kv(Arc::new(Waits {
        asked: Mutex::new(asked),
        go_on: Mutex::new(go_on),
    }));
    let script = calls! { "wb:kv" get("a"); };
    let run = || {
        host.run(
            &script.wasm(),
            &granted(|_| {}),
            &services,
            Invocation::new("guest"),
        )
    };
    killed(host, run, move || {
        let asked = is_asked.recv_timeout(PATIENCE).is_ok();
        let killed = host.kill_workers();
        // The service answers a worker that is no more.
        let _ = go.send(());
        killed.filter(|_| asked)
    })
}

fn worker_at_work(host: &dyn Host) -> Verdict {
    let grant = granted(|limits| limits.wall = PATIENCE);
    let run = || {
        let guest = Invocation::new("guest");
        host.run(&guest!("spins"), &grant, &Services::default(), guest)
    };
    killed(host, run, || {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
            match host.kill_workers() {
                Some(0) => {}
                killed => return killed,
            }
        }
        Some(0)
    })
}

/// How long a worker may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Three times: `run` while `kill` kills its worker, then a run that works.
fn killed(
    host: &dyn Host,
    run: impl Fn() -> Result<crate::Ended, crate::Refusal>,
    mut kill: impl FnMut() -> Option<usize> + Send,
) -> Verdict {
    if host.kill_workers().is_none() {
        return Err(Finding::skipped("this host has no workers"));
    }
    for _ in 0..3 {
        let (run, killed) = std::thread::scope(|scope| {
            let killed = scope.spawn(&mut kill);
            (run(), killed.join().ok().flatten())
        });
        same("workers that were killed", Some(1), killed)?;
        refused(run, &["tier/worker-died"])?;
        still_works(host)?;
    }
    Ok(())
}

fn bad_pointers(host: &dyn Host) -> Verdict {
    use crate::script::{Arg, Script};
    let far = |len| [Arg::Number(-16), Arg::Number(len)];
    let script = Script::default()
        .call("wb:kv", "get", far(64))
        .call("wb:kv", "get", far(-1))
        .wasi("random_get", far(64), (0x400, 4));
    let answers = script.run(host, &granted(|_| {}), &everything())?;
    let numbers: Vec<i32> = answers.iter().map(|answer| answer.number).collect();
    // 21 is EFAULT.
    same("the statuses", vec![-4, -4, 21], numbers)
}

fn many(host: &dyn Host) -> Verdict {
    std::thread::scope(|scope| {
        let crashing = scope.spawn(|| {
            for _ in 0..20 {
                let guest = Invocation::new("guest");
                let run = host.run(
                    &guest!("traps"),
                    &Grant::none(),
                    &Services::default(),
                    guest,
                );
                refused(run, &["dock/trap"])?;
            }
            Ok(())
        });
        for _ in 0..20 {
            still_works(host)?;
        }
        crashing
            .join()
            .unwrap_or_else(|_| Err(Finding::failed("no panic", "a panic")))
    })
}
