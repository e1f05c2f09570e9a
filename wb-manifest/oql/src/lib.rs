//! Org documents: structure, places, findings, queries.
//!
//! Lines are read here, in linear time and without recursion; what stands
//! inside of lines (links, timestamps) is read by `orgize`, which only ever
//! sees text that [`guard`] has made harmless. This crate knows nothing of
//! toolkits or capabilities.

mod block;
mod diag;
mod document;
mod headline;
mod scan;
mod source;
mod span;
mod table;

pub use block::{Block, BlockKind, HeaderArg};
pub use diag::{CODES, Diagnostic, Label, Severity};
pub use document::{Document, Keyword};
pub use headline::{Headline, Property, PropertyDrawer};
pub use span::{LineIndex, Position, Span};
pub use table::{Row, Table};
