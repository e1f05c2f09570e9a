//! Time and randomness: the host's to choose, the same again when it does not.

use std::sync::Arc;
use std::time::Duration;

use wb_dock::{Clock, Grant, Invocation, Random, Services};

use super::guest;
use crate::case::{Case, Finding, Verdict, ended, holds, same};
use crate::host::Host;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "determinism",
            "same-again",
            "the same run gives the same bytes",
            |host| {
                let first = told(host, &Services::default())?;
                let second = told(host, &Services::default())?;
                same("the second run", first, second)
            },
        ),
        Case::new(
            "determinism",
            "seed",
            "another seed gives other randomness and the same time",
            seed,
        ),
        Case::new(
            "determinism",
            "clock-and-randomness-of-the-host",
            "a guest reads the clock and the randomness that the host gave it",
            |host| {
                let services = Services::default()
                    .clock(Arc::new(Fixed))
                    .random(Arc::new(Fixed));
                let told = told(host, &services)?;
                let mut expected = 1_000_000_007_u64.to_le_bytes().to_vec();
                expected.extend(42_u64.to_le_bytes());
                expected.extend([0xab; 8]);
                same("clocks and randomness", expected, told)
            },
        ),
        Case::new(
            "determinism",
            "nothing-of-the-machine",
            "a guest that is told nothing finds no arguments, no environment and no files",
            nothing,
        ),
    ]
}

/// The two clocks and eight random bytes.
fn told(host: &dyn Host, services: &Services) -> Result<Vec<u8>, Finding> {
    let guest = Invocation::new("guest");
    let run = host.run(&guest!("tells-time"), &Grant::none(), services, guest);
    Ok(ended(run)?.stdout.to_vec())
}

fn seed(host: &dyn Host) -> Verdict {
    let one = told(host, &Services::default().seed(1))?;
    let other = told(host, &Services::default().seed(2))?;
    same("length", (24, 24), (one.len(), other.len()))?;
    same("the time", &one[..16], &other[..16])?;
    let seen = format!("{:?} twice", &one[16..]);
    holds(one[16..] != other[16..], "other randomness", seen)
}

/// A clock that stands, and randomness that is none.
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn wall(&self) -> u64 {
        1_000_000_007
    }

    fn monotonic(&self) -> u64 {
        42
    }

    fn sleep(&self, _: Duration) {}
}

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0xab);
    }
}

fn nothing(host: &dyn Host) -> Verdict {
    use crate::script::{Arg, OUT, Script};
    let sizes = |function| {
        (
            function,
            [Arg::Number(OUT.into()), Arg::Number((OUT + 4).into())],
        )
    };
    let (args, environ) = (sizes("args_sizes_get"), sizes("environ_sizes_get"));
    let script = Script::default()
        .wasi(args.0, args.1, (OUT, 8))
        .wasi(environ.0, environ.1, (OUT, 8))
        .wasi(
            "fd_prestat_get",
            [Arg::Number(3), Arg::Number(OUT.into())],
            (OUT, 8),
        );
    let answers = script.run(host, &Grant::none(), &Services::default())?;
    // One argument, `guest` with its NUL; no variable; no directory.
    same(
        "arguments",
        &[1, 0, 0, 0, 6, 0, 0, 0][..],
        &answers[0].value,
    )?;
    same("environment", &[0; 8][..], &answers[1].value)?;
    same(
        "the error for a directory (8 is EBADF)",
        8,
        answers[2].number,
    )
}
