use serde_json::json;
use wb_host::{consent, toolkit_id};
use wb_policy::{Cap, CapSet};

use super::grant::caps;
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;

/// `wbx toolkit revoke ID [CAPS]`
pub(crate) fn run(id: &str, words: &[String], env: &Env) -> Result<Done, Failure> {
    let id = toolkit_id(id)?;
    let taken = if words.is_empty() {
        Cap::ALL.into_iter().collect()
    } else {
        caps(words)?
    };
    let Some(revoked) = consent::revoke(&env.home, &id, taken)? else {
        let message = format!("there is no consent to `{id}`");
        return Err(Failure::new(Exit::NotFound, "cli/no-consent", message)
            .hint("`wbx toolkit grants` lists those there are"));
    };
    let left = match revoked.left {
        caps if caps == CapSet::EMPTY => "nothing".to_owned(),
        caps => format!("`{caps}`"),
    };
    let text = format!("revoked `{}` from `{id}`; it keeps {left}", revoked.taken);
    let data = json!({ "id": id, "revoked": revoked.taken, "caps": revoked.left });
    Ok(Done::new(text, data))
}
