//! One ledger: what a command spends, whoever started it spends.

use std::time::Duration;

use wb_dock::{Grant, Invocation};
use wb_policy::{Limits, Resource};

use super::{granted, guest};
use crate::case::{Case, Finding, Verdict, ended, holds, limited, same};
use crate::host::Host;
use crate::script::{Script, calls};
use crate::stand_in::{Table, everything};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "budget",
            "calls-of-a-child",
            "the calls of a command count against the limit of its parent, and each is named in turn",
            calls_of_a_child,
        ),
        Case::new(
            "budget",
            "output-of-a-child",
            "the output of a command counts against the limit of its parent",
            |host| {
                let grant = granted(|limits| limits.output = 500_000);
                let run = parent(host, &grant, &guest!("floods-output"), &granted(|_| {}));
                limited(run, Resource::Output).map(drop)
            },
        ),
        Case::new(
            "budget",
            "time-of-a-child",
            "a command has no more time than its parent has left, and the parent is named",
            |host| {
                let grant = granted(|limits| limits.wall = Duration::from_millis(100));
                let run = parent(host, &grant, &guest!("spins"), &granted(|_| {}));
                let refusal = limited(run, Resource::Wall)?;
                let by = refusal
                    .limit
                    .map(|limit| (limit.limit, limit.by.to_string()));
                same("limit and who", Some((100, "parent".to_owned())), by)
            },
        ),
        Case::new(
            "budget",
            "memory-of-a-child",
            "the memory of a command is that of its own limit and of its parent's",
            memory_of_a_child,
        ),
        Case::new(
            "budget",
            "own-limits-of-a-child",
            "a command that reaches a limit of its own is an error of the call",
            own_limits,
        ),
        Case::new(
            "budget",
            "usage",
            "the report of a run counts what its commands used",
            usage,
        ),
    ]
}

/// Runs `child` from a guest called `parent`.
fn parent(
    host: &dyn Host,
    grant: &Grant,
    child: &[u8],
    childs: &Grant,
) -> Result<crate::Ended, crate::Refusal> {
    let script = calls! { "wb:commands" run("child", "", "x"); };
    let table = Table::of("child", child, childs.clone());
    let services = everything().commands(table);
    host.run(&script.wasm(), grant, &services, Invocation::new("parent"))
}

/// The first answer of a guest that ran a command.
fn answer(run: Result<crate::Ended, crate::Refusal>) -> Result<crate::script::Answer, Finding> {
    let answers = super::run::answers(&ended(run)?.stdout)?;
    let first = answers.into_iter().next();
    first.ok_or_else(|| Finding::failed("an answer", "none"))
}

fn calls_of_a_child(host: &dyn Host) -> Verdict {
    let child: Script = calls! { "wb:kv" get("a"); }.forever();
    let script = calls! { "wb:commands" run("child", "", ""); "wb:kv" get("a"); };
    let table = Table::of("child", &child.wasm(), granted(|_| {}));
    let services = everything().commands(table);
    let grant = granted(|limits| limits.host_calls = 100);
    let parent = Invocation::new("parent");
    let run = host.run(&script.wasm(), &grant, &services, parent);
    let refusal = limited(run, Resource::HostCalls)?;
    // The child ended, which its parent was told; then nothing was left for the parent.
    let answers = super::run::answers(&refusal.stdout)?;
    let told = answers.first().map(|first| (first.number, &*first.message));
    let message = "host-call limit of 100 reached: `child` asked for 1 more";
    same("what the parent was told", Some((-6, message)), told)?;
    let limit = refusal.limit.map(|l| (l.limit, l.asked, l.by.to_string()));
    let expected = Some((100, 1, "parent".to_owned()));
    same("limit, what was asked, and who", expected, limit)
}

fn memory_of_a_child(host: &dyn Host) -> Verdict {
    // Five pages are the parent's own.
    let grant = granted(|limits| limits.memory = 8 << 20);
    let answer = answer(parent(host, &grant, &guest!("grows"), &granted(|_| {})))?;
    same("the status (-6 is a limit)", -6, answer.number)?;
    let words = answer.message.contains("8 MiB") && answer.message.contains("child");
    holds(words, "a message with the limit and who", &answer.message)
}

fn own_limits(host: &dyn Host) -> Verdict {
    let small = granted(|limits: &mut Limits| limits.memory = 4 << 20);
    let answer = answer(parent(host, &granted(|_| {}), &guest!("grows"), &small))?;
    same("the status (-6 is a limit)", -6, answer.number)?;
    let words = answer.message.contains("4 MiB") && answer.message.contains("child");
    holds(words, "a message with the limit and who", &answer.message)
}

fn usage(host: &dyn Host) -> Verdict {
    let child: Script = calls! { "wb:kv" get("a"); "wb:kv" get("b"); };
    let run = parent(host, &granted(|_| {}), &child.wasm(), &granted(|_| {}));
    let usage = ended(run)?.usage;
    // `run`, then two calls of the child; reading answers costs nothing.
    same(
        "calls and commands",
        (3, 1),
        (usage.host_calls, usage.children),
    )
}
