use std::io::{Cursor, Write};

use bytes::Bytes;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::{Bundle, BundleError, FORMAT, INDEX, Index, PathRefusal, clip, part_file, path};

/// Deflate's usual middle way between size and time.
const LEVEL: i64 = 6;

/// Packs a toolkit.
///
/// Files that may not travel are an error here; leave them out with
/// [`strip_private`](super::strip_private).
///
/// # Errors
///
/// [`BundleError::Path`] for a file that may not travel,
/// [`BundleError::Duplicate`] when a document has the name of an artifact or of
/// the index, [`BundleError::CaseClash`] for two names that differ in nothing but case.
pub fn encode_bundle(bundle: &Bundle) -> Result<Bytes, BundleError> {
    let index = Index {
        format: FORMAT.to_owned(),
        id: bundle.id.clone(),
        tree: bundle.tree.digest(),
        parts: bundle.parts.iter().map(|p| p.binding.clone()).collect(),
    };
    let index =
        serde_json::to_vec_pretty(&index).map_err(|error| BundleError::Index(error.to_string()))?;

    let mut entries: Vec<(String, &[u8])> = vec![(INDEX.to_owned(), &index)];
    entries.extend(
        bundle
            .parts
            .iter()
            .map(|p| (part_file(&p.binding), &p.wasm[..])),
    );
    let documents = bundle.tree.iter();
    entries.extend(documents.map(|(path, contents)| (path.to_string(), &contents[..])));
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for pair in entries.windows(2) {
        if pair[0].0 == pair[1].0 {
            return Err(BundleError::Duplicate(pair[0].0.clone()));
        }
        if pair[1].0.starts_with(&format!("{}/", pair[0].0)) {
            return Err(BundleError::path(&pair[1].0, PathRefusal::BelowFile));
        }
    }

    if let Some((first, second)) = path::case_clash(entries.iter().map(|entry| entry.0.as_str())) {
        return Err(BundleError::CaseClash {
            first: clip(first),
            second: clip(second),
        });
    }

    // Times, permissions and the writing system would make the bytes differ
    // from machine to machine.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in entries {
        path::check(&name).map_err(|why| BundleError::path(&name, why))?;
        zip.start_file(name, options)
            .map_err(|error| refused(&error))?;
        zip.write_all(contents)
            .map_err(|error| refused(&error.into()))?;
    }
    Ok(zip
        .finish()
        .map_err(|error| refused(&error))?
        .into_inner()
        .into())
}

fn refused(error: &ZipError) -> BundleError {
    BundleError::Zip(error.to_string())
}
