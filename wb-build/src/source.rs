//! Where an artifact comes from: the forms of `#+BUILD_SRC`.

use bytes::Bytes;
use wb_manifest::{BuildSrc, Digest, HttpsUrl, RelPath, Tree};

use crate::diagnose::Diagnostic;
use crate::error::{Error, ErrorKind};
use crate::lane::layout;
use crate::toolchain::archive::{check, unpack_tgz};

/// Most bytes of a prebuilt module or archive, as fetched: 256 MiB.
pub const MOST_FETCHED: u64 = 256 << 20;

/// Fetches what a manifest names by address; filled by the host.
pub trait Fetch {
    /// The body of `url`, which may have `limit` bytes at most.
    ///
    /// The bytes need not be trusted: their digest is checked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fetch`] says what went wrong.
    fn fetch(&self, url: &HttpsUrl, limit: u64) -> Result<Bytes, Error>;
}

/// Fetches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFetch;

impl Fetch for NoFetch {
    fn fetch(&self, url: &HttpsUrl, _: u64) -> Result<Bytes, Error> {
        Err(ErrorKind::Fetch {
            what: format!("`{}`", url.as_str()),
            message: "this host fetches nothing".to_owned(),
        }
        .into())
    }
}

/// What a source turns out to be.
#[derive(Clone, Debug)]
pub enum Material {
    /// Sources for a lane.
    Sources(Tree),
    /// A module that is ready to run.
    Prebuilt {
        /// The module.
        wasm: Bytes,
        /// The files it was packed with; empty for a lone module.
        files: Tree,
    },
}

/// What pins a source that is fetched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pins<'a> {
    /// `#+SHA256`: the digest of the fetched bytes.
    pub sha256: Option<Digest>,
    /// `#+WASM_PATH`: the module inside an archive.
    pub wasm_path: Option<&'a RelPath>,
}

/// Finds what `source` names, in the toolkit's own tree or by `fetch`.
///
/// # Errors
///
/// [`ErrorKind::Layout`] if the folder holds no file; [`ErrorKind::Unsupported`]
/// for a form that is not built, or lacks a pin; [`ErrorKind::Corrupt`] if fetched
/// bytes are not the pinned ones; [`ErrorKind::Archive`] for an archive without
/// the module; and what `fetch` answers.
///
/// # Examples
///
/// ```
/// use wb_build::source::{Material, NoFetch, Pins, resolve};
/// use wb_manifest::Tree;
///
/// let mut toolkit = Tree::new();
/// toolkit.insert("src/index.js".parse()?, "console.log(1)");
/// let found = resolve(&"path:src".parse()?, &toolkit, Pins::default(), &NoFetch)?;
/// assert!(matches!(found, Material::Sources(tree) if tree.contains("index.js")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resolve(
    source: &BuildSrc,
    toolkit: &Tree,
    pins: Pins<'_>,
    fetch: &dyn Fetch,
) -> Result<Material, Error> {
    let form = format!("`{source}`");
    match source {
        BuildSrc::Path(dir) => {
            let tree = toolkit.under(dir);
            if tree.is_empty() {
                let message = format!("no files in `{dir}`, where `#+BUILD_SRC` points to");
                return Err(layout(Diagnostic::error(message)));
            }
            Ok(Material::Sources(tree))
        }
        BuildSrc::Wasm(url) => {
            let wasm = fetched(&form, url, pins, fetch)?;
            check_module(&form, &wasm)?;
            Ok(Material::Prebuilt {
                wasm,
                files: Tree::new(),
            })
        }
        BuildSrc::Archive(url) => {
            let path = pins.wasm_path.ok_or_else(|| {
                unsupported(
                    &form,
                    "no `#+WASM_PATH`, expected the path of the module inside",
                )
            })?;
            let files = unpack_tgz(&form, &fetched(&form, url, pins, fetch)?)?;
            let wasm = files.get(path.as_str()).cloned().ok_or_else(|| {
                Error::from(ErrorKind::Archive {
                    what: form.clone(),
                    message: format!("no `{path}` in it"),
                })
            })?;
            check_module(&format!("`{path}` of {form}"), &wasm)?;
            Ok(Material::Prebuilt { wasm, files })
        }
        other => Err(unsupported(&form, refusal(other))),
    }
}

/// Whether this version builds the form of `source`; nothing is looked at or fetched.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] says why not, and what works instead.
pub fn supported(source: &BuildSrc) -> Result<(), Error> {
    match source {
        BuildSrc::Path(_) | BuildSrc::Wasm(_) | BuildSrc::Archive(_) => Ok(()),
        other => Err(unsupported(&format!("`{other}`"), refusal(other))),
    }
}

/// Why a form is not built.
fn refusal(source: &BuildSrc) -> &'static str {
    match source {
        BuildSrc::Script(_) => {
            "a script would run outside of the sandbox, so it is never run; expected `path:` with \
             sources for a lane"
        }
        BuildSrc::Crate(_) => "the Rust lane is not there yet; c, c++, js and ts build by `path:`",
        BuildSrc::GoBuild(_) => "the Go lane is not there yet; c, c++, js and ts build by `path:`",
        BuildSrc::ZigBuild(_) => {
            "the Zig lane is not there yet; c, c++, js and ts build by `path:`"
        }
        BuildSrc::Git(_) => {
            "repositories are not fetched yet; copy the sources into the toolkit and use `path:`"
        }
        _ => "this form is not known, expected `path:`, `wasm:` or `archive:`",
    }
}

fn fetched(form: &str, url: &HttpsUrl, pins: Pins<'_>, fetch: &dyn Fetch) -> Result<Bytes, Error> {
    let expected = pins.sha256.ok_or_else(|| {
        unsupported(
            form,
            "no `#+SHA256`, expected the digest of what is fetched",
        )
    })?;
    let bytes = fetch.fetch(url, MOST_FETCHED)?;
    check(form, &bytes, expected)?;
    Ok(bytes)
}

/// The preamble of a core module: magic and version 1 (WebAssembly core
/// specification, binary format, modules).
const CORE_MODULE: &[u8; 8] = b"\0asm\x01\0\0\0";

fn check_module(what: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(CORE_MODULE) {
        return Ok(());
    }
    let message = if bytes.starts_with(&CORE_MODULE[..4]) {
        "a component or another version of wasm, expected a core module"
    } else {
        "not wasm, expected a core module"
    };
    Err(unsupported(what, message))
}

fn unsupported(what: &str, reason: &str) -> Error {
    ErrorKind::Unsupported {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    struct Serves(Vec<u8>);

    impl Fetch for Serves {
        fn fetch(&self, _: &HttpsUrl, _: u64) -> Result<Bytes, Error> {
            Ok(self.0.clone().into())
        }
    }

    fn resolve_with(source: &str, pins: Pins<'_>, body: &[u8]) -> Result<Material, Error> {
        let source = source.parse().unwrap();
        resolve(&source, &Tree::new(), pins, &Serves(body.to_vec()))
    }

    fn fault(source: &str, pins: Pins<'_>, body: &[u8]) -> String {
        resolve_with(source, pins, body).unwrap_err().to_string()
    }

    fn pinned(body: &[u8]) -> Pins<'static> {
        Pins {
            sha256: Some(Digest::of(body)),
            wasm_path: None,
        }
    }

    #[test]
    fn a_prebuilt_module_needs_its_digest_and_has_to_be_one() {
        let url = "wasm:https://example.org/t.wasm";
        assert!(matches!(
            resolve_with(url, pinned(CORE_MODULE), CORE_MODULE),
            Ok(Material::Prebuilt { wasm, .. }) if wasm == CORE_MODULE[..]
        ));
        assert_eq!(
            fault(url, Pins::default(), CORE_MODULE),
            "`wasm:https://example.org/t.wasm`: no `#+SHA256`, expected the digest of what is fetched"
        );
        assert!(fault(url, pinned(b"other"), CORE_MODULE).contains("has sha256"));
        assert!(fault(url, pinned(b"<html>"), b"<html>").contains("not wasm"));
        let component = b"\0asm\x0d\0\x01\0";
        assert!(fault(url, pinned(component), component).contains("a component"));
    }

    #[test]
    fn an_archive_needs_the_path_of_its_module() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(8);
        tar.append_data(&mut header, "bin/t.wasm", &CORE_MODULE[..])
            .unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        let body = gz.finish().unwrap();

        let url = "archive:https://example.org/t.tar.gz";
        let (path, gone) = ("bin/t.wasm".parse().unwrap(), "t.wasm".parse().unwrap());
        let at = |wasm_path| Pins {
            wasm_path: Some(wasm_path),
            ..pinned(&body)
        };
        assert!(resolve_with(url, at(&path), &body).is_ok());
        assert!(fault(url, at(&gone), &body).contains("no `t.wasm` in it"));
        assert!(fault(url, pinned(&body), &body).contains("no `#+WASM_PATH`"));
        assert!(
            fault(
                url,
                Pins {
                    wasm_path: Some(&path),
                    ..pinned(b"x")
                },
                b"x"
            )
            .contains("gzip")
        );
    }

    #[test]
    fn other_forms_say_why_and_what_works() {
        let reason = |source: &str| fault(source, Pins::default(), b"");
        assert!(reason("script:build.sh").contains("outside of the sandbox"));
        assert!(reason("crate:serde@1.0.0").contains("Rust lane is not there yet"));
        assert!(reason("gobuild:./cmd/x").contains("Go lane"));
        assert!(reason("zigbuild:src").contains("Zig lane"));
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert!(reason(&format!("git+https://example.org/r#{commit}")).contains("not fetched yet"));
        assert!(reason("npm:left-pad").contains("expected `path:`, `wasm:` or `archive:`"));
    }

    #[test]
    fn an_empty_folder_is_a_fault_of_the_layout() {
        assert!(fault("path:src", Pins::default(), b"").contains("no files in `src`"));
    }
}
