use std::path::Path;

use serde_json::json;
use wb_host::InstallOptions;
use wb_manifest::Digest;

use crate::args::Install;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::input;

/// `wbx toolkit install FILE [--sha SHA256]`
pub(crate) fn run(args: &Install, env: &Env) -> Result<Done, Failure> {
    let pin = args.sha.as_deref().map(str::parse::<Digest>).transpose();
    let options = InstallOptions {
        pin: pin.map_err(|error| Failure::usage(format!("--sha: {error}")))?,
        as_third_party: args.third_party,
        allow_unsigned: args.allow_unsigned,
        replace: args.replace,
    };
    let bundle: &Path = &args.bundle;
    let installed = env.nexus().install(&input::read(bundle, env)?, options)?;
    let names: Vec<_> = installed.bindings.iter().map(|b| b.name.as_str()).collect();
    let mut text = format!(
        "installed `{}` → commands: {}",
        installed.id,
        names.join(" ")
    );
    if let Some(first) = names.first() {
        text.push_str("\nrun it: wbx run ");
        text.push_str(first);
    }
    let data = json!({
        "id": installed.id,
        "sha256": installed.digest,
        "commands": names,
        "bindings": installed.bindings.iter().map(|b| &**b).collect::<Vec<_>>(),
    });
    Ok(Done::new(text, data))
}
