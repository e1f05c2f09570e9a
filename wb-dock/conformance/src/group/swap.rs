//! Commands that are replaced while they run.

use std::sync::Arc;

use bytes::Bytes;
use wb_dock::cap::{Failure, Kv, Principal};

use super::{granted, guest};
use crate::case::{Case, Verdict, same};
use crate::host::Host;
use crate::script::calls;
use crate::stand_in::{Table, everything};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new(
        "swap",
        "in-flight",
        "a command that is replaced while it runs ends on its own bytes; the next run has the new ones",
        in_flight,
    )]
}

/// Puts another command into the table when it is asked.
struct Swaps(Arc<Table>);

impl Kv for Swaps {
    fn get(&self, _: &Principal<'_>, _: &str) -> Result<Option<Bytes>, Failure> {
        self.0.set("tool", &guest!("says-two"), granted(|_| {}));
        Ok(None)
    }

    fn put(&self, _: &Principal<'_>, _: &str, _: Bytes) -> Result<(), Failure> {
        Ok(())
    }

    fn delete(&self, _: &Principal<'_>, _: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    fn list(&self, _: &Principal<'_>, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }
}

fn in_flight(host: &dyn Host) -> Verdict {
    let table = Table::of("tool", &guest!("waits"), granted(|_| {}));
    let services = everything()
        .commands(table.clone())
        .kv(Arc::new(Swaps(table)));
    let script = calls! {
        "wb:commands" run("tool", "", "");
        "wb:commands" run("tool", "", "");
    };
    let answers = script.run(host, &granted(|_| {}), &services)?;
    let said: Vec<String> = answers
        .iter()
        .map(super::super::script::Answer::text)
        .collect();
    same(
        "what the two runs said",
        vec!["one".to_owned(), "two".to_owned()],
        said,
    )
}
