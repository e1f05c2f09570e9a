use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The wasm bytes of a program, their digest, and what the program is.
///
/// Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Module {
    wasm: Bytes,
    digest: [u8; 32],
    contract: Contract,
}

/// What a program is, and so how it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Contract {
    /// A command of WASI preview 1: run from start to exit.
    Command,
    /// A component: its functions are called with typed values.
    Component,
    /// A kernel: the export of this name is called with a frame.
    Kernel(String),
}

/// A call of a function of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its name, as [`ComponentProgram::function`](wb_dock::ComponentProgram::function)
    /// takes it.
    pub function: String,
    /// What it is called with.
    pub values: Values,
}

/// The values of a call, in one of their two forms of text. What is returned comes back
/// in the same form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// [WAVE](wb_dock::Component::call_wave), separated by commas; an empty text comes back
    /// from a function without a result.
    Wave(String),
    /// [JSON](wb_dock::Component::call_json): an array of all, or an object of them by name;
    /// `null` comes back from a function without a result.
    Json(String),
}

impl Module {
    /// A command of these bytes. They are read by whoever runs it, not here.
    pub fn new(wasm: impl Into<Bytes>) -> Self {
        Self::of(wasm.into(), Contract::Command)
    }

    /// A component of these bytes.
    pub fn component(wasm: impl Into<Bytes>) -> Self {
        Self::of(wasm.into(), Contract::Component)
    }

    /// A kernel of these bytes, with the name of its entry.
    pub fn kernel(wasm: impl Into<Bytes>, entry: impl Into<String>) -> Self {
        Self::of(wasm.into(), Contract::Kernel(entry.into()))
    }

    fn of(wasm: Bytes, contract: Contract) -> Self {
        let digest = Sha256::digest(&wasm).into();
        Self {
            wasm,
            digest,
            contract,
        }
    }

    /// The bytes.
    pub const fn wasm(&self) -> &Bytes {
        &self.wasm
    }

    /// Their SHA-256.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What the program is.
    pub const fn contract(&self) -> &Contract {
        &self.contract
    }
}

impl Contract {
    /// What is wrong with a program of this kind where one of another kind was wanted.
    pub(crate) const fn is(&self) -> &'static str {
        match self {
            Self::Command => "it is a command",
            Self::Component => "it is a component",
            Self::Kernel(_) => "it is a kernel",
        }
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("contract", &self.contract)
            .field("bytes", &self.wasm.len())
            .finish_non_exhaustive()
    }
}
