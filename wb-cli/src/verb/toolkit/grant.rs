use serde_json::json;
use wb_host::{consent, rfc3339, toolkit_id, unix_time};
use wb_manifest::Digest;
use wb_policy::{Cap, CapSet, Consent};

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
    let mut consent = Consent::new(id.as_str(), caps, Env::user(), rfc3339(unix_time()));
    if let Some(artifact) = &args.artifact {
        let digest: Digest = artifact
            .parse()
            .map_err(|error| Failure::usage(format!("--artifact: {error}")))?;
        consent = consent.pinned_to(digest.to_string());
    }
    consent::save(&env.home, &consent)?;
    let text = format!("`{id}` may use {caps}");
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
