//! How our own packs are built from others.

use wb_manifest::Tree;

use super::Lock;
use crate::error::{Error, ErrorKind};
use crate::plan::Plan;

/// Plans the build of a derived pack.
///
/// `sources` gives the files of a tree member of another pack.
///
/// # Errors
///
/// [`ErrorKind::UnknownPack`] if there is no recipe of this name, and what
/// `sources` answers.
pub fn recipe(
    name: &str,
    lock: &Lock,
    sources: impl Fn(&str, &str) -> Result<Tree, Error>,
) -> Result<Plan, Error> {
    let _ = (lock, &sources);
    Err(ErrorKind::UnknownPack { name: name.to_owned(), known: Vec::new() }.into())
}
