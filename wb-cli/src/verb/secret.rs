use std::io::{self, Read as _};

use serde_json::json;
use wb_policy::HostPattern;
use wb_services::{Owner, Secret, Vault, VaultError};

use crate::args::{SecretSet, SecretVerb};
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;

/// The largest value, and room for a line end.
const LIMIT: u64 = (64 << 10) + 2;

/// `wbx secret …`
pub(crate) fn run(verb: &SecretVerb, env: &Env) -> Result<Done, Failure> {
    let vault = Vault::open(env.home.vault())?;
    match verb {
        SecretVerb::Set(args) => set(args, &vault),
        SecretVerb::List { deployer } => list(&owner(*deployer), &vault),
        SecretVerb::Remove { name, deployer } => remove(name, &owner(*deployer), &vault),
    }
}

fn set(args: &SecretSet, vault: &Vault) -> Result<Done, Failure> {
    let hosts = args.hosts.iter().map(|host| host.parse::<HostPattern>());
    let hosts: Result<Vec<_>, _> = hosts.collect();
    let hosts = hosts.map_err(|error| Failure::usage(format!("--host: {error}")))?;
    let value = value()?;
    let secret = if args.signing_key {
        let seed = seed(&value).ok_or_else(|| {
            Failure::usage(
                "the value is no signing key, expected 64 hex digits: a seed of 32 bytes",
            )
            .hint("`openssl rand -hex 32` makes one")
        })?;
        Secret::signing_key(seed)
    } else {
        Secret::token(value)
    };
    let secret = hosts.into_iter().fold(secret, Secret::only_to);
    let owner = owner(args.deployer);
    let kind = secret.kind().to_string();
    vault.set(owner.clone(), &args.name, secret)?;
    let public = vault.public_key(&owner, &args.name)?.map(|key| hex(&key));
    let text = match &public {
        Some(public) => format!("`{}` is set; its public key is {public}", args.name),
        None => format!("`{}` is set", args.name),
    };
    Ok(Done::new(
        text,
        json!({ "name": args.name, "kind": kind, "hosts": args.hosts, "public_key": public }),
    ))
}

/// What there is, and never its value.
fn list(owner: &Owner, vault: &Vault) -> Result<Done, Failure> {
    let listed = vault.list(owner)?;
    let lines = listed.iter().map(|secret| {
        let hosts = match secret.hosts.as_slice() {
            [] => "never sent".to_owned(),
            hosts => format!("only to {}", hosts.join(" ")),
        };
        format!("{:<24} {}, {hosts}", secret.name, secret.kind)
    });
    let mut lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        lines.push("(no secrets)".to_owned());
    }
    let data = listed.iter().map(
        |secret| json!({ "name": secret.name, "kind": secret.kind.to_string(), "hosts": secret.hosts }),
    );
    let data: Vec<_> = data.collect();
    Ok(Done::new(lines.join("\n"), data))
}

fn remove(name: &str, owner: &Owner, vault: &Vault) -> Result<Done, Failure> {
    if !vault.remove(owner, name)? {
        let message = format!("there is no secret `{name}`");
        return Err(Failure::new(Exit::NotFound, "cli/no-secret", message)
            .hint("`wbx secret list` lists those there are"));
    }
    Ok(Done::new(
        format!("`{name}` is removed"),
        json!({ "name": name }),
    ))
}

/// Whose secrets: those of guests, or those that no guest can name.
fn owner(deployer: bool) -> Owner {
    if deployer {
        Owner::Host
    } else {
        Owner::Tenant(wb_host::TENANT.to_owned())
    }
}

/// Standard input without the line end that `echo` adds.
fn value() -> Result<Vec<u8>, Failure> {
    // Of its final size, so that growing leaves no copy behind.
    let mut value = Vec::with_capacity(LIMIT as usize + 1);
    let read = io::stdin().take(LIMIT + 1).read_to_end(&mut value);
    read.map_err(|error| Failure::new(Exit::Failed, "cli/stdin", error.to_string()))?;
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    Ok(value)
}

fn seed(value: &[u8]) -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    if value.len() != 64 {
        return None;
    }
    for (byte, digits) in seed.iter_mut().zip(value.chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        // `from_str_radix` would take a sign.
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        *byte = is_hex.then(|| u8::from_str_radix(digits, 16).ok())??;
    }
    Some(seed)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let (exit, code) = match error {
            VaultError::BadName(_) | VaultError::BadValue(_) => (Exit::Usage, "vault/bad-secret"),
            VaultError::Full => (Exit::Failed, "vault/full"),
            VaultError::Exposed(_) => (Exit::Refused, "vault/exposed"),
            VaultError::Corrupt(_) => (Exit::Failed, "vault/corrupt"),
            _ => (Exit::Failed, "vault/io"),
        };
        Self::new(exit, code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_64_hex_digits() {
        assert_eq!(seed("0f".repeat(32).as_bytes()), Some([15; 32]));
        for bad in [
            "",
            "+1",
            &"+f".repeat(32),
            &"0f".repeat(33),
            &"é".repeat(32),
        ] {
            assert_eq!(seed(bad.as_bytes()), None, "{bad}");
        }
    }
}
