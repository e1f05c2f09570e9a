//! Org documents: structure, places, findings, queries.
//!
//! Lines are read here, in linear time and without recursion; what stands
//! inside of lines (links, timestamps) is read by `orgize`, which only ever
//! sees text that [`guard`] has made harmless. This crate knows nothing of
//! toolkits or capabilities.

mod block;
mod diag;
mod document;
pub mod guard;
mod headline;
mod link;
mod outline;
mod query;
mod scan;
mod source;
mod span;
mod table;
mod timestamp;

pub use block::{Block, BlockKind, HeaderArg};
pub use diag::{CODES, Diagnostic, Label, Severity};
pub use document::{Document, Keyword};
pub use headline::{Headline, Property, PropertyDrawer};
pub use link::Link;
pub use outline::{OutlineEntry, parse_headlines};
pub use query::{InvalidQuery, Query};
pub use span::{LineIndex, Position, Span};
pub use table::{Row, Table};
pub use timestamp::{Plan, Timestamp};
