//! Components: what they are told when nothing is granted, and what becomes of those that
//! open things without end.

use std::sync::Arc;

use wb_dock::{Grant, Services};
use wb_policy::Resource;

use super::determinism::Fixed;
use super::limits::KEPT;
use super::{granted, guest, still_works};
use crate::case::{Case, Finding, Verdict, holds, same};
use crate::host::{Host, Refusal};
use crate::resident::resident;
use crate::stand_in::everything;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, about: &str, check: fn(&dyn Host) -> Verdict| {
        Case::new("components", name, about, check)
    };
    vec![
        case(
            "same-again",
            "a component that is granted nothing reads the same clock and the same randomness again",
            |host| {
                let services = Services::default();
                same(
                    "the second call",
                    told(host, &services)?,
                    told(host, &services)?,
                )
            },
        ),
        case(
            "seed",
            "another seed gives a component other randomness and the same time",
            |host| {
                let (now, drawn) = told(host, &Services::default().seed(1))?;
                let (then, other) = told(host, &Services::default().seed(2))?;
                same("the time", now, then)?;
                holds(drawn != other, "other randomness", drawn)
            },
        ),
        case(
            "clock-and-randomness-of-the-host",
            "a component reads the clock and the randomness that the host gave it",
            |host| {
                let fixed = Arc::new(Fixed);
                let services = Services::default().clock(fixed.clone()).random(fixed);
                let expected = ("42".to_owned(), 0xabab_abab_abab_abab_u64.to_string());
                same("clock and randomness", expected, told(host, &services)?)
            },
        ),
        case(
            "hoards-pollables",
            "a component that opens things to wait for without end is ended",
            |host| hoards(host, &guest!("component-hoards-pollables")),
        ),
        case(
            "hoards-streams",
            "a component that opens streams without end is ended",
            |host| hoards(host, &guest!("component-hoards-streams")),
        ),
        case(
            "hoards-fields",
            "a component that makes header fields without end is ended",
            |host| hoards(host, &guest!("component-hoards-fields")),
        ),
        case(
            "handles-are-memory",
            "what a component opens counts as its memory",
            |host| {
                let grant = granted(|limits| limits.memory = 256 << 10);
                let wasm = guest!("component-hoards-streams");
                let refusal = ended(call(host, &wasm, &grant, &everything(), "hoard")?)?;
                let resource = refusal.limit.map(|exceeded| exceeded.resource);
                same("the limit", Some(Resource::Memory), resource)
            },
        ),
    ]
}

fn call(
    host: &dyn Host,
    wasm: &[u8],
    grant: &Grant,
    services: &Services,
    function: &str,
) -> Result<Result<String, Refusal>, Finding> {
    let called = host.call_component(wasm, grant, services, function);
    called.ok_or_else(|| Finding::skipped("this host takes no components"))
}

/// The clock, and a random number.
fn told(host: &dyn Host, services: &Services) -> Result<(String, String), Finding> {
    let wasm = guest!("component-tells-time");
    let ask = |function| {
        let told = call(host, &wasm, &Grant::none(), services, function)?;
        told.map_err(|refusal| Finding::failed("an answer", refusal.to_string()))
    };
    Ok((ask("now")?, ask("draw")?))
}

fn ended(called: Result<String, Refusal>) -> Result<Refusal, Finding> {
    match called {
        Err(refusal) => Ok(refusal),
        Ok(_) => Err(Finding::failed("an end", "it came back")),
    }
}

/// That a guest is ended well before its time is over, and leaves the host as it was.
fn hoards(host: &dyn Host, wasm: &[u8]) -> Verdict {
    let before = resident();
    let called = call(host, wasm, &granted(|_| {}), &everything(), "hoard")?;
    let refusal = ended(called)?;
    let is_memory =
        refusal.limit.as_ref().map(|exceeded| exceeded.resource) == Some(Resource::Memory);
    holds(
        is_memory || refusal.code == "dock/trap",
        "the memory limit, or a trap",
        &refusal,
    )?;
    if let (Some(before), Some(after)) = (before, resident()) {
        let more = after.saturating_sub(before);
        let seen = format!("{} MiB more than before", more >> 20);
        holds(
            more <= KEPT,
            "the memory of the guest to be given back",
            seen,
        )?;
    }
    still_works(host)
}
