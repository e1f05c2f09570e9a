//! What holds for every capability alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use wb_dock::cap::{Failure, Kv, Principal, Revocations};
use wb_dock::{ErrorKind, Grant, Services, Session};
use wb_policy::{Cap, Limits, Profile, Resource};

use crate::script::{Script, calls};
use crate::services::everything;
use crate::support::granting;

/// One call for each capability that core modules have, but those that run commands.
fn each() -> Vec<(Cap, Script)> {
    vec![
        (Cap::Vfs, calls! { "wb:vfs" list("tmp"); }),
        (
            Cap::Commands,
            calls! { "wb:commands" run("nobody", "", ""); },
        ),
        (Cap::Exec, calls! { "wb:exec" run("nobody", "", "", ""); }),
        (Cap::Kv, calls! { "wb:kv" get("a"); }),
        (Cap::Secrets, calls! { "wb:secrets" present("a"); }),
        (Cap::Queue, calls! { "wb:queue" poll("a"); }),
        (Cap::Tcp, calls! { "wb:tcp" connect("a", 1); }),
        (Cap::Udp, calls! { "wb:udp" connect("a", 1); }),
        (Cap::Tls, calls! { "wb:tls" connect("a", 1); }),
        (
            Cap::Net,
            calls! { "wb:net" request(r#"{"url":"https://a"}"#, ""); },
        ),
        (Cap::Llm, calls! { "wb:llm" complete("a"); }),
        (Cap::Browse, calls! { "wb:browse" fetch("https://a"); }),
        (
            Cap::Parallel,
            calls! { "wb:parallel" run_many("nobody", "\0\0\0\0"); },
        ),
    ]
}

fn limited(cap: Cap, change: impl FnOnce(&mut Limits)) -> Grant {
    let mut limits = Profile::posix().limits();
    change(&mut limits);
    granting(&[cap]).narrow_limits(limits)
}

#[test]
fn without_a_grant_nothing_is_linked() {
    for (cap, script) in each() {
        let error = script.try_run(&Grant::none(), &everything()).unwrap_err();
        assert_eq!(error.code(), "dock/not-granted", "{cap}");
        let message = error.to_string();
        let expected = format!("needs `{cap}`, which the manifest does not declare");
        assert!(message.contains(&expected), "{message}");
        assert!(message.contains("profile `"), "{message}");
    }
}

#[test]
fn without_a_service_nothing_is_admitted() {
    for (cap, script) in each() {
        let error = script
            .try_run(&granting(&[cap]), &Services::default())
            .unwrap_err();
        assert_eq!(error.code(), "dock/not-provided", "{cap}");
        let message = error.to_string();
        assert!(message.contains(&format!("needs `{cap}`")), "{message}");
    }
}

#[test]
fn a_call_is_charged_whatever_comes_of_it() {
    for (cap, script) in each() {
        let grant = limited(cap, |limits| limits.host_calls = 100);
        let error = script.forever().try_run(&grant, &everything()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "host-call limit of 100 reached: `guest` asked for 1 more",
            "{cap}"
        );
    }
    // Arguments that cannot be read cost as much.
    let script = calls! { "wb:kv" get(crate::script::Arg::At(u32::MAX, 1)); };
    let grant = limited(Cap::Kv, |limits| limits.host_calls = 100);
    let error = script.forever().try_run(&grant, &everything()).unwrap_err();
    assert_eq!(error.code(), "policy/host-call-limit");
}

/// Revokes a capability once it was asked about so often.
struct After(usize, AtomicUsize);

impl Revocations for After {
    fn is_revoked(&self, who: &Principal<'_>, _: Cap) -> bool {
        assert_eq!(
            (who.program(), who.session().tenant.as_str()),
            ("guest", "acme")
        );
        self.1.fetch_add(1, Ordering::Relaxed) >= self.0
    }
}

#[test]
fn what_was_revoked_is_refused_from_the_next_call_on() {
    for (cap, script) in each() {
        let script = script.twice();
        let session = Session {
            tenant: "acme".into(),
            ..Session::default()
        };
        let services = everything()
            .session(session)
            .revocations(Arc::new(After(1, AtomicUsize::new(0))));
        let answers = script.run(&granting(&[cap]), &services);
        assert_ne!(answers[0].number, -3, "{cap}: {answers:?}");
        assert_eq!(
            answers[1].failure(),
            (-3, format!("`{cap}` was revoked").as_str())
        );
    }
}

/// Keys that take their time.
struct Slow(Duration);

impl Kv for Slow {
    fn get(&self, who: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        assert!(who.time_left() <= Duration::from_millis(50));
        std::thread::sleep(self.0);
        Ok(None)
    }

    fn put(&self, _: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        Err(Failure::limit("full"))
    }

    fn delete(&self, _: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        Err(Failure::unavailable("gone"))
    }

    fn list(&self, _: &Principal<'_>, _: &str) -> Result<Vec<String>, Failure> {
        Err(Failure::timed_out("late"))
    }
}

#[test]
fn a_guest_ends_with_the_call_that_took_too_long() {
    let script = calls! { "wb:kv" get("a"); "wb:kv" get("a"); };
    let grant = limited(Cap::Kv, |limits| limits.wall = Duration::from_millis(50));
    let services = Services::default().kv(Arc::new(Slow(Duration::from_millis(80))));
    let started = Instant::now();
    let error = script.try_run(&grant, &services).unwrap_err();
    assert_eq!(
        error.to_string(),
        "wall-time limit of 50 ms reached by `guest`"
    );
    // Not a second one.
    assert!(started.elapsed() < Duration::from_millis(160));
}

#[test]
fn a_failure_of_the_service_is_one_of_the_call() {
    let script = calls! {
        "wb:kv" put("a", "");
        "wb:kv" delete("a");
        "wb:kv" list("");
    };
    let services = Services::default().kv(Arc::new(Slow(Duration::ZERO)));
    let answers = script.run(&granting(&[Cap::Kv]), &services);
    let failures: Vec<_> = answers
        .iter()
        .map(super::super::script::Answer::failure)
        .collect();
    assert_eq!(failures, [(-6, "full"), (-7, "gone"), (-8, "late")]);
}

#[test]
fn a_spent_egress_budget_ends_the_guest() {
    let script = calls! {
        "wb:tcp" connect("a.example", 1);
        "wb:tcp" send(0, "12345");
        "wb:tcp" send(0, "678901");
        "wb:tcp" send(0, "");
    };
    let grant = limited(Cap::Tcp, |limits| limits.egress = 10);
    let error = script.try_run(&grant, &everything()).unwrap_err();
    let ErrorKind::Limit(exceeded) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!((exceeded.resource, exceeded.asked), (Resource::Egress, 6));
    assert_eq!(
        error.to_string(),
        "egress limit of 10 bytes reached: `guest` asked for 6 bytes more"
    );
    let outcome = error.outcome().unwrap();
    assert_eq!(outcome.usage.egress, 5);
    assert_eq!(crate::script::answers(&outcome.stdout).len(), 2);
}

#[test]
fn a_report_has_calls_and_bytes_for_each_capability() {
    let script = calls! {
        "wb:kv" put("key", "value");
        "wb:kv" get("key");
        "wb:kv" get("");
        "wb:queue" publish("topic", "message");
    };
    let grant = granting(&[Cap::Kv, Cap::Queue, Cap::Net]);
    let outcome = script.try_run(&grant, &everything()).unwrap();
    let caps: Vec<_> = outcome
        .caps
        .iter()
        .map(|(cap, used)| (cap.name(), used.calls, used.sent, used.received))
        .collect();
    assert_eq!(caps, [("kv", 3, 11, 5), ("queue", 1, 12, 0)]);
    assert_eq!(outcome.usage.host_calls, 4);
}

/// A clock that moves by a second each time it is looked at.
struct Seconds(AtomicUsize);

impl wb_dock::CpuClock for Seconds {
    fn thread_time(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed) as u64)
    }
}

#[test]
fn processor_time_is_told_by_the_clock_of_the_host() {
    let script = calls! { "wb:kv" get("a"); };
    let grant = granting(&[Cap::Kv]);
    let outcome = script.try_run(&grant, &everything()).unwrap();
    assert_eq!(outcome.cpu, None);
    let services = everything().cpu_clock(Arc::new(Seconds(AtomicUsize::new(7))));
    let outcome = script.try_run(&grant, &services).unwrap();
    assert_eq!(outcome.cpu, Some(Duration::from_secs(1)));
}

#[test]
fn tenants_see_their_own() {
    let services = everything();
    let tenant = |name: &str| {
        services.clone().session(Session {
            tenant: name.into(),
            ..Session::default()
        })
    };
    let grant = granting(&[Cap::Kv]);
    calls! { "wb:kv" put("a", "1"); }.run(&grant, &tenant("one"));
    let script = calls! { "wb:kv" get("a"); };
    assert_eq!(script.run(&grant, &tenant("two"))[0].number, 0);
    assert_eq!(script.run(&grant, &tenant("one"))[0].value(), "1");
}
