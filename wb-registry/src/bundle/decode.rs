use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use bytes::Bytes;
use wb_manifest::{Digest, Tree};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::{Bundle, BundleError, FORMAT, INDEX, Index, Part, PathRefusal, clip, part_file, path};

/// How much a bundle may inflate to.
///
/// Counted are the bytes that really come out, not those that a header claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of one entry.
    pub entry: u64,
    /// Bytes of all entries together.
    pub total: u64,
    /// Entries.
    pub entries: usize,
    /// Bytes that come out for each byte that goes in, for entries of over a mebibyte.
    pub ratio: u64,
}

impl Default for UnpackLimits {
    /// 256 MiB each, 512 MiB in all, 16,384 entries, 200 for one.
    fn default() -> Self {
        Self {
            entry: 256 << 20,
            total: 512 << 20,
            entries: 16_384,
            ratio: 200,
        }
    }
}

/// Below this size no entry is a bomb, however well it packs.
const RATIO_FLOOR: u64 = 1 << 20;

/// Unpacks a toolkit and checks every digest in it.
///
/// Nothing is written anywhere: what is not plainly a bundle is an error
/// before any of it is used.
///
/// # Errors
///
/// [`BundleError::Zip`] and [`BundleError::Method`] for what is no zip of stored or deflated
/// entries; [`BundleError::Path`], [`BundleError::Duplicate`] and [`BundleError::CaseClash`] for
/// names that could do harm; [`BundleError::TooMany`], [`BundleError::EntryTooLarge`],
/// [`BundleError::TooLarge`] and [`BundleError::Ratio`] for what is beyond `limits`;
/// [`BundleError::Index`] and [`BundleError::PartMismatch`] when the index says something else
/// than the bundle holds.
pub fn decode_bundle(bytes: &[u8], limits: &UnpackLimits) -> Result<Bundle, BundleError> {
    let mut entries = inflate(bytes, limits)?;
    let index = entries
        .remove(INDEX)
        .ok_or_else(|| BundleError::Index("it is missing".to_owned()))?;
    let index = read_index(&index)?;

    let mut parts = Vec::with_capacity(index.parts.len());
    for binding in index.parts {
        let file = part_file(&binding);
        let wasm = entries
            .remove(file.as_str())
            .ok_or_else(|| BundleError::Index(format!("`{file}` is listed once and not there")))?;
        let found = Digest::of(&wasm);
        if found != binding.digest {
            return Err(BundleError::PartMismatch {
                name: binding.name.to_string(),
                wanted: binding.digest,
                found,
            });
        }
        parts.push(Part { binding, wasm });
    }
    // A part's name is `<name>.wasm` to the letter; `.WASM` is a document.
    let unlisted = entries
        .keys()
        .find(|path| !path.contains('/') && path.strip_suffix(".wasm").is_some());
    if let Some(path) = unlisted {
        return Err(BundleError::Index(format!(
            "`{path}` is there and not listed"
        )));
    }

    let mut tree = Tree::new();
    for (name, contents) in entries {
        let path = path::check(&name).map_err(|why| BundleError::path(&name, why))?;
        tree.insert(path, contents);
    }
    if tree.digest() != index.tree {
        return Err(BundleError::Index(
            "the documents are not those it was made for".to_owned(),
        ));
    }
    Ok(Bundle {
        id: index.id,
        tree,
        parts,
    })
}

fn read_index(text: &[u8]) -> Result<Index, BundleError> {
    let refused = |error: serde_json::Error| BundleError::Index(clip(&error.to_string()));
    let format: serde_json::Value = serde_json::from_slice(text).map_err(refused)?;
    match format.get("format").and_then(|format| format.as_str()) {
        Some(FORMAT) => serde_json::from_value(format).map_err(refused),
        found => Err(BundleError::Index(format!(
            "format `{}` found, `{FORMAT}` wanted",
            clip(found.unwrap_or("none"))
        ))),
    }
}

/// The entries by name, with names and sizes checked.
fn inflate(bytes: &[u8], limits: &UnpackLimits) -> Result<BTreeMap<String, Bytes>, BundleError> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    if zip.len() > limits.entries {
        return Err(BundleError::TooMany {
            found: zip.len(),
            limit: limits.entries,
        });
    }
    if zip.has_duplicate_names() {
        return Err(BundleError::Duplicate(duplicate(bytes, &zip)));
    }
    // Also finds entries that share bytes, and a local header that says
    // something else than the directory does.
    zip.validate_header_consistency()
        .map_err(|error| unreadable(&error))?;

    let mut entries = BTreeMap::new();
    let mut left = limits.total;
    for i in 0..zip.len() {
        let mut file = zip.by_index_raw(i).map_err(|error| unreadable(&error))?;
        let Ok(name) = std::str::from_utf8(file.name_raw()).map(str::to_owned) else {
            let name = String::from_utf8_lossy(file.name_raw());
            return Err(BundleError::path(&name, PathRefusal::NotUtf8));
        };
        let refused = |why| Err(BundleError::path(&name, why));
        if file.is_symlink() {
            return refused(PathRefusal::Symlink);
        }
        if file.encrypted() {
            return refused(PathRefusal::Encrypted);
        }
        if let Some(directory) = name.strip_suffix('/') {
            path::check(directory).map_err(|why| BundleError::path(&name, why))?;
            continue;
        }
        path::check(&name).map_err(|why| BundleError::path(&name, why))?;
        match file.compression() {
            CompressionMethod::Stored | CompressionMethod::Deflated => {}
            other => {
                return Err(BundleError::Method {
                    name,
                    method: other.to_string().to_lowercase(),
                });
            }
        }
        let packed = file.compressed_size();
        drop(file);

        file = zip.by_index(i).map_err(|error| unreadable(&error))?;
        let allowance = Allowance::new(limits, left, packed);
        let mut contents = Vec::new();
        let taken = file
            .by_ref()
            .take(allowance.bytes + 1)
            .read_to_end(&mut contents)
            .map_err(|error| BundleError::Zip(format!("`{}`: {error}", clip(&name))))?;
        if taken as u64 > allowance.bytes {
            return Err(allowance.exceeded(&name, limits));
        }
        left -= taken as u64;
        if entries
            .insert(name.clone(), Bytes::from(contents))
            .is_some()
        {
            return Err(BundleError::Duplicate(clip(&name)));
        }
    }
    for name in entries.keys() {
        let mut parents = name.match_indices('/').map(|(at, _)| &name[..at]);
        if parents.any(|parent| entries.contains_key(parent)) {
            return Err(BundleError::path(name, PathRefusal::BelowFile));
        }
    }
    if let Some((first, second)) = path::case_clash(entries.keys().map(String::as_str)) {
        return Err(BundleError::CaseClash {
            first: clip(first),
            second: clip(second),
        });
    }
    Ok(entries)
}

/// How much one entry may inflate to, and what decides that.
struct Allowance {
    bytes: u64,
    by: Limit,
}

enum Limit {
    Entry,
    Total,
    Ratio,
}

impl Allowance {
    fn new(limits: &UnpackLimits, left: u64, packed: u64) -> Self {
        let ratio = packed.saturating_mul(limits.ratio).max(RATIO_FLOOR);
        [
            (limits.entry, Limit::Entry),
            (left, Limit::Total),
            (ratio, Limit::Ratio),
        ]
        .into_iter()
        .min_by_key(|(bytes, _)| *bytes)
        .map(|(bytes, by)| Self { bytes, by })
        .expect("three limits have a least one")
    }

    fn exceeded(&self, name: &str, limits: &UnpackLimits) -> BundleError {
        let name = clip(name);
        match self.by {
            Limit::Entry => BundleError::EntryTooLarge {
                name,
                limit: limits.entry,
            },
            Limit::Total => BundleError::TooLarge {
                limit: limits.total,
            },
            Limit::Ratio => BundleError::Ratio {
                name,
                limit: limits.ratio,
            },
        }
    }
}

/// The name that two entries have, for the message.
///
/// The archive keeps one entry a name, so the directory is walked by hand: each
/// entry is 46 bytes with the lengths of its three texts at 28, 30 and 32, then
/// these texts (APPNOTE.TXT 4.3.12).
fn duplicate(bytes: &[u8], zip: &ZipArchive<Cursor<&[u8]>>) -> String {
    let start = usize::try_from(zip.central_directory_start()).unwrap_or(usize::MAX);
    let mut rest = bytes.get(start..).unwrap_or_default();
    let mut seen = BTreeSet::new();
    while let Some(header) = rest
        .get(..46)
        .filter(|header| header.starts_with(b"PK\x01\x02"))
    {
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (name, texts) = (length(28), length(28) + length(30) + length(32));
        let Some(found) = rest.get(46..46 + name) else {
            break;
        };
        if !seen.insert(found) {
            return clip(&String::from_utf8_lossy(found));
        }
        rest = rest.get(46 + texts..).unwrap_or_default();
    }
    // Names in two encodings can become one.
    "the same name".to_owned()
}

fn unreadable(error: &ZipError) -> BundleError {
    BundleError::Zip(error.to_string())
}
