//! What the user names on the command line, read; `-` is standard input.

use std::io::{self, Read as _};
use std::path::Path;

use bytes::Bytes;
use wb_host::{ErrorKind, tree};

use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;

/// Larger than any source file or bundle that could be used.
const LIMIT: u64 = 512 << 20;

/// The contents of `file`.
pub(crate) fn read(file: &Path, env: &Env) -> Result<Bytes, Failure> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin()
            .take(LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::new(Exit::Failed, "cli/stdin", error.to_string()))?;
        if bytes.len() as u64 > LIMIT {
            let message = "more than 512 MiB on standard input";
            return Err(Failure::new(Exit::Failed, "cli/stdin", message));
        }
        return Ok(bytes.into());
    }
    let shown = file.to_string_lossy();
    Ok(tree::read_named(&env.cwd.join(file), &shown, LIMIT)?.into())
}

/// The contents of `file`, if there is one.
pub(crate) fn existing(file: &Path, env: &Env) -> Result<Option<Bytes>, Failure> {
    if file == Path::new("-") {
        return read(file, env).map(Some);
    }
    let shown = file.to_string_lossy();
    match tree::read_named(&env.cwd.join(file), &shown, LIMIT) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
