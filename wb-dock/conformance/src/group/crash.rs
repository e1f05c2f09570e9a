//! Guests that crash: a typed error, and the next run as if nothing had been.

use wb_dock::{Grant, Invocation, Services};

use super::{granted, guest, still_works};
use crate::case::{Case, Verdict, holds, refused, same};
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
            .unwrap_or_else(|_| Err(crate::case::Finding::failed("no panic", "a panic")))
    })
}
