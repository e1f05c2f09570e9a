use std::collections::BTreeMap;

use serde_json::json;
use wb_host::{consent, rfc3339, toolkit_id, unix_time};
use wb_manifest::Digest;
use wb_policy::{Cap, CapSet, Consent, Scopes};

use crate::args::Grant;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;

/// `wbx toolkit grant ID CAPS…`
pub(crate) fn run(args: &Grant, env: &Env) -> Result<Done, Failure> {
    let id = toolkit_id(&args.id)?;
    if !args.ahead && env.catalog().find(&args.id).is_err() {
        let message = format!("no such toolkit: {id}");
        return Err(
            Failure::new(Exit::NotFound, "host/no-such-toolkit", message)
                .hint("`--ahead` consents before it is installed"),
        );
    }
    let caps = caps(&args.caps)?;
    let scopes = scopes(args, caps)?;
    let mut consent =
        Consent::new(id.as_str(), caps, Env::user(), rfc3339(unix_time())).within(&scopes);
    if let Some(artifact) = &args.artifact {
        let digest: Digest = artifact
            .parse()
            .map_err(|error| Failure::usage(format!("--artifact: {error}")))?;
        consent = consent.pinned_to(digest.to_string());
    }
    let consent = consent::grant(&env.home, consent)?;
    let text = format!("`{id}` may use {}", consent.caps());
    Ok(Done::new(text, json!(consent)))
}

/// The capabilities in `words`, which may be separated by commas as well.
pub(crate) fn caps(words: &[String]) -> Result<CapSet, Failure> {
    words
        .iter()
        .flat_map(|word| word.split([',', ' ']))
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.parse::<Cap>().map_err(|error| {
                let all: Vec<_> = Cap::ALL.iter().map(|cap| cap.name()).collect();
                Failure::usage(error.to_string()).hint(format!("there are {}", all.join(", ")))
            })
        })
        .collect()
}

/// How far `caps` shall reach, by `--host` and `--scope`.
fn scopes(args: &Grant, caps: CapSet) -> Result<Scopes, Failure> {
    let mut lists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for scope in &args.scopes {
        let (cap, pattern) = scope.split_once('=').ok_or_else(|| {
            Failure::usage(format!("`{scope}` is no scope, expected `CAP=PATTERN`"))
        })?;
        lists.entry(cap).or_default().push(pattern);
    }
    let web = [Cap::Net, Cap::Browse];
    if !args.hosts.is_empty() {
        // The sockets are held to the list of `net`, too.
        let sockets = [Cap::Tcp, Cap::Udp, Cap::Tls];
        let reach = |cap: &Cap| caps.contains(*cap);
        if !web.iter().chain(&sockets).any(reach) {
            let message = "`--host` narrows `net` and `browse`, and neither is granted";
            return Err(Failure::usage(message));
        }
        for cap in web {
            let hosts = args.hosts.iter().map(String::as_str);
            lists.entry(cap.name()).or_default().extend(hosts);
        }
    }
    serde_json::from_value(json!(lists))
        .map_err(|error| Failure::usage(format!("a scope cannot be read: {error}")))
}
