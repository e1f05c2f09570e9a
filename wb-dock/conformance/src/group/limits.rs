//! Guests that take all they can get: each ends with the limit that it reached, on time,
//! gives its memory back, and leaves the host as it was.

use std::time::{Duration, Instant};

use wb_dock::fs::{Image, Mount};
use wb_dock::{Grant, Invocation, Services};
use wb_policy::Resource;

use super::{assemble, granted, guest, nothing, still_works};
use crate::case::{Case, Finding, Verdict, ended, holds, limited, refused, same};
use crate::host::{Ended, Host, Refusal};
use crate::resident::resident;
use crate::script::calls;
use crate::stand_in::{Table, everything};

/// The time that guests get here which use it up.
const WALL: Duration = Duration::from_millis(200);

/// What the host may have more than before, after a guest that took all it could: what
/// engines and allocators keep at hand.
pub(crate) const KEPT: u64 = 48 << 20;

#[expect(clippy::too_many_lines, reason = "a list of cases")]
pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, about: &str, check: fn(&dyn Host) -> Verdict| {
        Case::new("limits", name, about, move |host| {
            let before = resident();
            check(host)?;
            still_works(host)?;
            if let (Some(before), Some(after)) = (before, resident()) {
                let more = after.saturating_sub(before);
                let seen = format!("{} MiB more than before", more >> 20);
                holds(
                    more <= KEPT,
                    "the memory of the guest to be given back",
                    seen,
                )?;
            }
            Ok(())
        })
    };
    vec![
        case(
            "spin",
            "a loop without a call ends at its deadline",
            |host| on_time(host, &guest!("spins"), &Services::default()),
        ),
        case(
            "spin-in-start-function",
            "a loop before there is an instance ends at the deadline",
            |host| on_time(host, &guest!("spins-in-start"), &Services::default()),
        ),
        case(
            "spin-in-a-nested-run",
            "a guest whose command loops ends with it, at its own deadline",
            |host| {
                let script = calls! { "wb:commands" run("child", "", ""); };
                let table = Table::of("child", &guest!("spins"), Grant::none());
                on_time(host, &script.wasm(), &everything().commands(table))
            },
        ),
        case(
            "spin-in-host-calls",
            "a guest that calls the host without end is stopped by time if by nothing else",
            |host| {
                let script = calls! { "wb:reply" len(0); }.forever();
                on_time(host, &script.wasm(), &Services::default())
            },
        ),
        case(
            "memory-bomb",
            "growing memory ends at the memory limit",
            |host| memory(host, &guest!("grows")),
        ),
        case(
            "memory-from-the-start",
            "memory that a module declares counts like memory it grows",
            |host| memory(host, &guest!("starts-large")),
        ),
        case(
            "table-bomb",
            "growing a table ends at the memory limit",
            |host| memory(host, &guest!("grows-table")),
        ),
        case(
            "stack-bomb",
            "endless recursion crashes the guest and not the host",
            |host| {
                let run = run(host, &guest!("recurses"), &Grant::none());
                refused(run, &["dock/trap"]).map(drop)
            },
        ),
        case(
            "output-flood",
            "output ends at its limit, and what was written until then is kept",
            output,
        ),
        case(
            "host-call-flood",
            "calls for a capability end at the limit on calls",
            |host| {
                let script = calls! { "wb:kv" get("a"); }.forever();
                let grant = granted(|limits| limits.host_calls = 1000);
                let run = script.try_run(host, &grant, &everything());
                limit(run, Resource::HostCalls, 1000)
            },
        ),
        case(
            "fan-out-bomb",
            "commands that are started one after the other end at the limit on them",
            |host| {
                let script = calls! { "wb:commands" run("child", "", ""); }.forever();
                let table = Table::of("child", &guest!("echo"), Grant::none());
                let grant = granted(|limits| limits.children = 20);
                let run = script.try_run(host, &grant, &everything().commands(table));
                limit(run, Resource::Children, 20)
            },
        ),
        case(
            "fan-out-at-once",
            "more inputs at once than the limit on commands run not at all, or to the limit",
            fan_out_at_once,
        ),
        case(
            "nested-run-depth",
            "a command that runs itself gets eight deep and no further",
            depth,
        ),
        case(
            "fuel",
            "a limit on fuel ends a loop at the same place every time",
            fuel,
        ),
        case(
            "file-bomb",
            "files that a guest makes in memory count as memory",
            file_bomb,
        ),
    ]
}

fn run(host: &dyn Host, wasm: &[u8], grant: &Grant) -> Result<Ended, Refusal> {
    host.run(wasm, grant, &Services::default(), Invocation::new("guest"))
}

fn limit(run: Result<Ended, Refusal>, resource: Resource, amount: u64) -> Verdict {
    let refusal = limited(run, resource)?;
    let exceeded = refusal.limit.map(|exceeded| exceeded.limit);
    same("the amount named", Some(amount), exceeded)
}

/// What a run takes that has nothing to do: where there is a worker to be started or
/// code to be compiled, this is not the guest's time.
pub(crate) fn overhead(host: &dyn Host) -> Result<Duration, Finding> {
    static RUNS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    // Never the same module: nothing is at hand yet.
    let number = RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let wasm = assemble(&format!(
        r#"(module (memory (export "memory") 1) (global i32 (i32.const {number}))
             (func (export "_start")))"#
    ));
    let started = Instant::now();
    ended(run(host, &wasm, &Grant::none()))?;
    Ok(started.elapsed())
}

/// That a guest is ended by the time limit, neither before nor long after.
pub(crate) fn on_time(host: &dyn Host, wasm: &[u8], services: &Services) -> Verdict {
    let grant = granted(|limits| limits.wall = WALL);
    let overhead = overhead(host)?;
    let started = Instant::now();
    let run = host.run(wasm, &grant, services, Invocation::new("guest"));
    let took = started.elapsed();
    let refusal = limited(run, Resource::Wall)?;
    let exceeded = refusal.limit.map(|exceeded| exceeded.limit);
    same("the limit in milliseconds", Some(200), exceeded)?;
    holds(took >= WALL, "all of its time", format!("{took:?}"))?;
    let most = WALL + host.slack() + overhead;
    holds(
        took <= most,
        &format!("an end within {most:?}"),
        format!("{took:?}"),
    )
}

fn memory(host: &dyn Host, wasm: &[u8]) -> Verdict {
    let grant = nothing(|limits| limits.memory = 32 << 20);
    limit(run(host, wasm, &grant), Resource::Memory, 32 << 20)
}

fn output(host: &dyn Host) -> Verdict {
    let grant = nothing(|limits| limits.output = 1_000_000);
    let run = run(host, &guest!("floods-output"), &grant);
    let refusal = limited(run, Resource::Output)?;
    let kept = refusal.stdout.len();
    // Half of it went to standard error.
    holds(
        (400_000..=1_000_000).contains(&kept),
        "what was written up to the limit",
        format!("{kept} bytes"),
    )
}

fn fan_out_at_once(host: &dyn Host) -> Verdict {
    let mut inputs = 1000_u32.to_le_bytes().to_vec();
    inputs.resize(4 + 1000 * 4, 0);
    let script = calls! { "wb:parallel" run_many("child", &*inputs); };
    let table = Table::of("child", &guest!("echo"), Grant::none());
    let grant = granted(|limits| limits.children = 20);
    let run = script.try_run(host, &grant, &everything().commands(table));
    limit(run, Resource::Children, 20)
}

fn depth(host: &dyn Host) -> Verdict {
    let wasm = guest!("calls-itself");
    let grant = granted(|_| {});
    let table = Table::of("self", &wasm, grant.clone());
    let guest = Invocation::new("self");
    let run = host.run(&wasm, &grant, &everything().commands(table), guest);
    // The innermost says 100, and each one around it one more.
    same("levels below the first", 8, ended(run)?.exit_code - 100)
}

fn fuel(host: &dyn Host) -> Verdict {
    let grant = nothing(|limits| limits.fuel = Some(100_000));
    let spins = run(host, &guest!("spins"), &grant);
    if matches!(&spins, Err(refusal) if refusal.code == "dock/engine") {
        return Err(Finding::skipped("this host counts no fuel"));
    }
    limit(spins, Resource::Fuel, 100_000)?;
    let burnt = || ended(run(host, &guest!("echo"), &grant)).map(|ended| ended.usage.fuel);
    same("fuel burnt the second time", burnt()?, burnt()?)
}

fn file_bomb(host: &dyn Host) -> Verdict {
    let script = super::preview1::script(
        "A file of 1 GiB.\n\n\
         path_open root \"large\" creat as f\n\
         fd_allocate f 0 1073741824",
    );
    let grant = nothing(|limits| limits.memory = 32 << 20);
    let guest = Invocation::new("guest").mount(Mount::writable("/", Image::empty()));
    let run = host.run(&script.wasm(), &grant, &Services::default(), guest);
    limit(run, Resource::Memory, 32 << 20)
}
