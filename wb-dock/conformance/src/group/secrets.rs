//! Secrets: used and never read.

use std::sync::Arc;

use wb_dock::{Services, Session};
use wb_policy::{Cap, CapSet};
use wb_services::{Egress, Owner, Secret, Vault};

use super::{egress, granted};
use crate::case::{Case, Finding, Verdict, holds, same};
use crate::host::Host;
use crate::script::{Answer, Script, calls};
use crate::server::{Names, Server, response};

const VALUE: &str = "hunter2-the-value-of-the-token";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "secrets",
            "never-readable",
            "no call for a secret answers with its value",
            never_readable,
        ),
        Case::new(
            "secrets",
            "other-tenant",
            "the secrets of one tenant are not there for another, nor are the host's",
            other_tenant,
        ),
        Case::new(
            "secrets",
            "filled-toward-its-audience",
            "a template is filled in a request to the host that the secret is bound to",
            |host| {
                let (seen, answer) = send(host, "server.test", granted(|_| {}).caps())?;
                same("the status", 200, answer.number)?;
                holds(seen.contains(VALUE), "the value at the server", seen)
            },
        ),
        Case::new(
            "secrets",
            "redacted-on-the-way-back",
            "a server that sends a secret back does not show it to the guest",
            |host| {
                let (_, answer) = send(host, "server.test", granted(|_| {}).caps())?;
                same("the status", 200, answer.number)?;
                has_not_the_value(&answer)
            },
        ),
        Case::new(
            "secrets",
            "not-toward-others",
            "a request to another host with a template is refused, and nothing is sent",
            |host| {
                let (seen, answer) = send(host, "other.test", granted(|_| {}).caps())?;
                same(
                    "the answer and what was sent",
                    (-3, ""),
                    (answer.number, &seen),
                )?;
                has_not_the_value(&answer)
            },
        ),
        Case::new(
            "secrets",
            "not-without-the-capability",
            "a template in a request of a guest without `secrets` is refused",
            |host| {
                let caps = granted(|_| {}).caps().difference(CapSet::of(Cap::Secrets));
                let (seen, answer) = send(host, "server.test", caps)?;
                same(
                    "the answer and what was sent",
                    (-3, ""),
                    (answer.number, &seen),
                )
            },
        ),
    ]
}

fn vault() -> Result<Arc<Vault>, Finding> {
    let vault = Vault::in_memory();
    let bad = |error: String| Finding::failed("a vault with a token", error);
    let audience = "http://server.test:*"
        .parse()
        .map_err(|_| bad("no pattern".to_owned()))?;
    let token = Secret::token(VALUE).only_to(audience);
    let tenant = Owner::Tenant("ada".to_owned());
    vault
        .set(tenant, "TOKEN", token)
        .and_then(|()| vault.set(Owner::Host, "HOST_TOKEN", Secret::token(VALUE)))
        .map_err(|error| bad(error.to_string()))?;
    Ok(Arc::new(vault))
}

fn services(tenant: &str) -> Services {
    Services::default().session(Session {
        id: "s1".to_owned(),
        tenant: tenant.to_owned(),
    })
}

fn has_not_the_value(answer: &Answer) -> Verdict {
    let streams = [answer.message.as_bytes(), &answer.value, &answer.second];
    let all = streams.map(String::from_utf8_lossy).concat();
    holds(!all.contains(VALUE), "an answer without the value", &all)
}

fn never_readable(host: &dyn Host) -> Verdict {
    let script = calls! {
        "wb:secrets" present("TOKEN");
        "wb:secrets" hmac("TOKEN", "data");
        "wb:secrets" sign("TOKEN", "data");
        "wb:secrets" hmac("TOKEN", "");
        "wb:secrets" present("{{secret:TOKEN}}");
    };
    let services = services("ada").secrets(vault()?);
    let answers = script.run(host, &granted(|_| {}), &services)?;
    same("that it is there", 1, answers[0].number)?;
    same("bytes of an HMAC", 32, answers[1].number)?;
    holds(
        answers[2].number < 0,
        "no signature with a token",
        answers[2].text(),
    )?;
    answers.iter().try_for_each(has_not_the_value)
}

fn other_tenant(host: &dyn Host) -> Verdict {
    let script = calls! {
        "wb:secrets" present("TOKEN");
        "wb:secrets" present("HOST_TOKEN");
        "wb:secrets" hmac("TOKEN", "data");
        "wb:secrets" hmac("HOST_TOKEN", "data");
    };
    let services = services("eve").secrets(vault()?);
    let answers = script.run(host, &granted(|_| {}), &services)?;
    let numbers: Vec<i32> = answers.iter().map(|answer| answer.number).collect();
    same("the answers", vec![0, 0, -1, -1], numbers)
}

/// Sends the token to `name`; what the server saw, and what the guest did.
fn send(host: &dyn Host, name: &str, caps: CapSet) -> Result<(String, Answer), Finding> {
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::http(move |request| {
        // Nobody listens any more when the case has ended.
        let _ = tell.send(request.to_owned());
        response(200, &format!("X-Back: {VALUE}\r\n"), request)
    })?;
    let vault = vault()?;
    let names = Names::new(&[("server.test", "127.0.0.1"), ("other.test", "127.0.0.1")]);
    let egress = Egress::public()
        .allow(egress::only_loopback()?)
        .resolver(names);
    let net = host.net(egress, Arc::clone(&vault));
    let services = services("ada").secrets(vault).net(net);
    let head = serde_json::json!({
        "url": format!("http://{name}:{}/", server.port),
        "headers": [["authorization", "Bearer {{secret:TOKEN}}"]],
    });
    let script: Script = calls! { "wb:net" request(head.to_string(), ""); };
    let grant = granted(|_| {}).narrow_caps(caps);
    let mut answers = script.run(host, &grant, &services)?;
    let answer = answers.pop();
    let answer = answer.ok_or_else(|| Finding::failed("an answer", "none"))?;
    Ok((told.try_recv().unwrap_or_default(), answer))
}
