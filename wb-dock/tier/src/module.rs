use std::fmt;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The wasm bytes of a program, and their digest.
///
/// Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Module {
    wasm: Bytes,
    digest: [u8; 32],
}

impl Module {
    /// A program of these bytes. They are read by whoever runs it, not here.
    pub fn new(wasm: impl Into<Bytes>) -> Self {
        let wasm = wasm.into();
        let digest = Sha256::digest(&wasm).into();
        Self { wasm, digest }
    }

    /// The bytes.
    pub const fn wasm(&self) -> &Bytes {
        &self.wasm
    }

    /// Their SHA-256.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("bytes", &self.wasm.len())
            .finish_non_exhaustive()
    }
}
