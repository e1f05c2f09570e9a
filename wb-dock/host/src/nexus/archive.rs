//! A module out of a ready-made archive (`#+BUILD_SRC: archive:`).

use std::io::{Cursor, Read};
use std::path::Path;

use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::error::{Error, ErrorKind};

/// Bytes that an archive may inflate to, up to the module's end.
const LIMIT: u64 = 512 << 20;

/// First bytes of a gzip file (RFC 1952, 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The file `path` of a tar archive, packed with gzip or not; the only
/// `.wasm` file if no path is given.
///
/// # Errors
///
/// [`ErrorKind::Archive`] if there is no such file, or not one alone.
pub(super) fn member(archive: &Bytes, path: Option<&str>) -> Result<Bytes, Error> {
    let plain: Box<dyn Read> = if archive.starts_with(GZIP) {
        Box::new(GzDecoder::new(Cursor::new(archive.clone())))
    } else {
        Box::new(Cursor::new(archive.clone()))
    };
    let mut tar = tar::Archive::new(plain.take(LIMIT));
    let mut found = None;
    for entry in tar.entries().map_err(|e| unreadable(&e))? {
        let mut entry = entry.map_err(|e| unreadable(&e))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").to_owned();
        let wanted = path.map_or_else(|| is_wasm(&name), |path| path == name);
        if !wanted || !entry.header().entry_type().is_file() {
            continue;
        }
        if found.is_some() {
            return Err(refused(
                "it holds several wasm files, expected `#+WASM_PATH` to name one",
            ));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
        found = Some(Bytes::from(bytes));
    }
    found.ok_or_else(|| match path {
        Some(path) => refused(&format!("it holds no file `{path}`")),
        None => refused("it holds no wasm file"),
    })
}

fn is_wasm(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|ending| ending == "wasm")
}

fn unreadable(error: &std::io::Error) -> Error {
    refused(&format!("it cannot be read: {error}"))
}

fn refused(reason: &str) -> Error {
    let reason = reason.to_owned();
    ErrorKind::Archive { reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn tar(files: &[(&str, &[u8])]) -> Bytes {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, path, *bytes).unwrap();
        }
        builder.into_inner().unwrap().into()
    }

    fn message(archive: &Bytes, path: Option<&str>) -> String {
        member(archive, path).unwrap_err().to_string()
    }

    #[test]
    fn the_named_file_is_taken_or_the_only_one() {
        let one = tar(&[("readme", b"x"), ("bin/a.wasm", b"a")]);
        assert_eq!(member(&one, None).unwrap(), "a");
        let two = tar(&[("bin/a.wasm", b"a"), ("b.wasm", b"b")]);
        assert_eq!(member(&two, Some("b.wasm")).unwrap(), "b");
        assert!(message(&two, None).contains("several wasm files"));
        assert!(message(&two, Some("c.wasm")).contains("no file `c.wasm`"));
        assert!(message(&tar(&[]), None).contains("no wasm file"));

        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&one).unwrap();
        assert_eq!(member(&gzip.finish().unwrap().into(), None).unwrap(), "a");
    }

    #[test]
    fn noise_is_an_error() {
        assert!(member(&Bytes::from_static(b"\x1f\x8bnoise"), None).is_err());
        assert!(member(&Bytes::from(vec![7; 2000]), None).is_err());
    }
}
