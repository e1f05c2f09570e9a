//! `.wbundle`: a toolkit and its artifacts in one zip file.
//!
//! Inside lie the toolkit's documents under their own paths, each artifact as
//! `<name>.wasm`, and `manifest.json` with the bindings and the digests of all
//! of it. The same toolkit always gives the same bytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wb_manifest::{Digest, ToolkitId, Tree};

use crate::Binding;

mod decode;
mod encode;
mod path;

pub use decode::{UnpackLimits, decode_bundle};
pub use encode::encode_bundle;
pub use path::{MAX_DEPTH, PathRefusal, strip_private};

/// The format of a bundle; a reader refuses any other.
const FORMAT: &str = "wbundle/1";

/// The name of the index inside a bundle.
const INDEX: &str = "manifest.json";

/// A toolkit with its artifacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The toolkit's name.
    pub id: ToolkitId,
    /// Manifest, skills and sources.
    pub tree: Tree,
    /// The artifacts with the names they are to be registered under.
    pub parts: Vec<Part>,
}

/// An artifact inside a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is to be registered as.
    pub binding: Binding,
    /// The bytes; their digest is the binding's.
    pub wasm: Bytes,
}

/// `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Index {
    format: String,
    id: ToolkitId,
    /// The digest of the documents.
    tree: Digest,
    parts: Vec<Binding>,
}

/// Bytes that are no bundle, or a toolkit that does not fit into one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not a zip file, or a damaged one.
    #[error("it is no bundle, or a damaged one: {0}")]
    Zip(String),
    /// An entry has a name that could do harm where it is unpacked.
    #[error("bundle entry `{name}` is refused: {why}")]
    Path {
        /// The name, cut after some characters.
        name: String,
        /// What is wrong with it.
        why: PathRefusal,
    },
    /// Two entries have names that differ in nothing but case.
    #[error(
        "the bundle holds `{first}` and `{second}`, which are one file where case does not count"
    )]
    CaseClash {
        /// The first, cut after some characters.
        first: String,
        /// The other, cut after some characters.
        second: String,
    },
    /// Two entries have one name.
    #[error("the bundle holds two entries called `{0}`")]
    Duplicate(String),
    /// An entry is packed with something other than store or deflate.
    #[error("bundle entry `{name}` uses {method}, wanted store or deflate")]
    Method {
        /// The name.
        name: String,
        /// What it is packed with.
        method: String,
    },
    /// There are too many entries.
    #[error("the bundle holds {found} entries, at most {limit} are taken")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// An entry inflates to more than it may.
    #[error("bundle entry `{name}` inflates to more than {limit} bytes")]
    EntryTooLarge {
        /// The name.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// All entries together inflate to more than they may.
    #[error("the bundle inflates to more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// An entry inflates to far more than it takes.
    #[error("bundle entry `{name}` inflates to more than {limit} times its size")]
    Ratio {
        /// The name.
        name: String,
        /// The limit.
        limit: u64,
    },
    /// `manifest.json` is missing or says something else than the bundle holds.
    #[error("bundle index `{INDEX}`: {0}")]
    Index(String),
    /// An artifact is not the one the index names.
    #[error("bundle part `{name}` has the sha256 `{found}`, the index says `{wanted}`")]
    PartMismatch {
        /// The part's name.
        name: String,
        /// The digest in the index.
        wanted: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
}

impl BundleError {
    /// The stable code of the error, for example `bundle/zip`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Zip(_) => "bundle/zip",
            Self::Path { .. } => "bundle/path",
            Self::Duplicate(_) | Self::CaseClash { .. } => "bundle/duplicate",
            Self::Method { .. } => "bundle/method",
            Self::TooMany { .. } | Self::EntryTooLarge { .. } | Self::TooLarge { .. } => {
                "bundle/too-large"
            }
            Self::Ratio { .. } => "bundle/ratio",
            Self::Index(_) => "bundle/index",
            Self::PartMismatch { .. } => "bundle/part-mismatch",
        }
    }

    fn path(name: &str, why: PathRefusal) -> Self {
        Self::Path {
            name: clip(name),
            why,
        }
    }
}

/// The name that an artifact has inside a bundle.
fn part_file(binding: &Binding) -> String {
    format!("{}.wasm", binding.name)
}

/// Text of a stranger for a message: at most 100 characters, none of them control.
pub(crate) fn clip(text: &str) -> String {
    const KEEP: usize = 100;
    let mut shown: String = text
        .chars()
        .flat_map(char::escape_debug)
        .take(KEEP + 1)
        .collect();
    if let Some((end, _)) = shown.char_indices().nth(KEEP) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
