//! npm dependencies from a committed `package-lock.json`.
//!
//! The lock says which packages lie where; the host fetches them through the
//! user's own client; their bytes are checked against the lock and unpacked into
//! the tree that the bundler sees. Nothing of a package is ever run outside the
//! sandbox, install scripts not even inside it.

mod lockfile;

use bytes::Bytes;
use wb_manifest::{RelPath, Tree};

use crate::diagnose::Diagnostic;
use crate::error::{Error, ErrorKind};
use crate::lane::layout;
use crate::toolchain::archive::{check_integrity, unpack_tgz};

pub use lockfile::{Locked, read_lock};

/// The lock file's name, beside the entry file.
pub const LOCK_FILE: &str = "package-lock.json";

/// Most bytes of all packages of one build together.
const MOST_BYTES: u64 = 512 << 20;

/// Where packages come from: filled by the host with the user's client.
pub trait PackageSource {
    /// The archives of these packages, in the same order.
    ///
    /// The bytes need not be trusted: they are checked against the lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fetch`] names the package that could not be had.
    fn fetch(&self, wanted: &[Locked]) -> Result<Vec<Bytes>, Error>;
}

/// A source that has no packages, for builds that may not fetch any.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPackages;

impl PackageSource for NoPackages {
    fn fetch(&self, wanted: &[Locked]) -> Result<Vec<Bytes>, Error> {
        match wanted.first() {
            None => Ok(Vec::new()),
            Some(first) => Err(ErrorKind::Fetch {
                what: format!("package `{}@{}`", first.name, first.version),
                message: "this host fetches no packages".to_owned(),
            }
            .into()),
        }
    }
}

/// Puts the packages that the tree's lock file names into its `node_modules`.
///
/// A tree without dependencies comes back as it is. A lock replaces any
/// `node_modules` that the tree holds; without a lock those are used as they are.
///
/// # Errors
///
/// [`ErrorKind::Layout`] if there are dependencies and neither a lock file nor
/// packages; [`ErrorKind::Dependency`] if the lock cannot be read or pins
/// something other than a registry package, or all packages together unpack to more
/// than 512 MiB; [`ErrorKind::Corrupt`] and [`ErrorKind::Archive`] for a package that
/// is not what the lock says; and what `source` answers.
pub fn install(tree: Tree, source: &dyn PackageSource) -> Result<Tree, Error> {
    let Some(lock) = tree.get(LOCK_FILE) else {
        check_no_dependencies(&tree)?;
        return Ok(tree);
    };
    let wanted = read_lock(lock)?;
    if wanted.is_empty() {
        return Ok(tree);
    }
    let archives = source.fetch(&wanted)?;
    let mut out: Tree = tree
        .into_iter()
        .filter(|(path, _)| !path.as_str().starts_with("node_modules/"))
        .collect();
    let mut total = 0;
    for (package, archive) in wanted.iter().zip(archives) {
        let name = format!("{}@{}", package.name, package.version);
        check_integrity(&format!("package `{name}`"), &package.integrity, &archive)?;
        let files = unpack_tgz(&name, &archive)?;
        total += files.size();
        if total > MOST_BYTES {
            return Err(dependency(
                &name,
                format!("the packages unpack to more than {MOST_BYTES} bytes together"),
            ));
        }
        for (path, bytes) in files {
            // npm archives have one folder at the top, mostly `package/`.
            let Some((_, inner)) = path.as_str().split_once('/') else {
                continue;
            };
            let target: RelPath = format!("{}/{inner}", package.path)
                .parse()
                .map_err(|e| dependency(&name, format!("{e}")))?;
            out.insert(target, bytes);
        }
    }
    Ok(out)
}

fn check_no_dependencies(tree: &Tree) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Package {
        #[serde(default)]
        dependencies: serde_json::Map<String, serde_json::Value>,
    }
    let Some(bytes) = tree.get("package.json") else {
        return Ok(());
    };
    let package: Package = serde_json::from_slice(bytes).map_err(|e| {
        layout(
            Diagnostic::error(format!("not a package.json: {}", json_fault(&e))).at(
                "package.json",
                u32::try_from(e.line()).unwrap_or(u32::MAX),
                u32::try_from(e.column()).unwrap_or(u32::MAX),
            ),
        )
    })?;
    let vendored = |name: &str| {
        let folder = format!("node_modules/{name}/");
        tree.iter()
            .any(|(path, _)| path.as_str().starts_with(&folder))
    };
    match package.dependencies.keys().find(|name| !vendored(name)) {
        None => Ok(()),
        Some(name) => Err(layout(
            Diagnostic::error(format!(
                "dependency `{name}` is not locked, expected a committed `{LOCK_FILE}` beside it"
            ))
            .at("package.json", 1, 0),
        )),
    }
}

/// A JSON error without the place, which travels beside it.
fn json_fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn dependency(name: &str, message: impl Into<String>) -> Error {
    ErrorKind::Dependency {
        name: name.to_owned(),
        message: message.into(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::Engine as _;
    use sha2::Digest as _;

    use super::*;

    fn tgz(files: &[(&str, &str)]) -> Bytes {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder
                .append_data(&mut header, path, text.as_bytes())
                .unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&builder.into_inner().unwrap()).unwrap();
        gz.finish().unwrap().into()
    }

    struct One(Bytes);

    impl PackageSource for One {
        fn fetch(&self, wanted: &[Locked]) -> Result<Vec<Bytes>, Error> {
            Ok(wanted.iter().map(|_| self.0.clone()).collect())
        }
    }

    fn tree(files: &[(&str, String)]) -> Tree {
        files
            .iter()
            .map(|(path, text)| (path.parse().unwrap(), text.clone().into()))
            .collect()
    }

    fn lock(archive: &[u8]) -> String {
        let sha = base64::engine::general_purpose::STANDARD.encode(sha2::Sha512::digest(archive));
        format!(
            r#"{{"lockfileVersion": 3, "packages": {{"": {{}}, "node_modules/p":
            {{"version": "1.0.0", "integrity": "sha512-{sha}"}}}}}}"#
        )
    }

    #[test]
    fn packages_land_where_the_lock_says_without_their_top_folder() {
        let archive = tgz(&[("package/index.js", "1"), ("package/lib/a.js", "2")]);
        let source = tree(&[
            ("index.js", "import 'p'".to_owned()),
            ("package-lock.json", lock(&archive)),
            ("node_modules/stale/index.js", "0".to_owned()),
        ]);
        let full = install(source, &One(archive)).unwrap();
        let paths: Vec<_> = full.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "index.js",
                "node_modules/p/index.js",
                "node_modules/p/lib/a.js",
                "package-lock.json"
            ]
        );
    }

    #[test]
    fn a_package_that_is_not_what_was_locked_is_refused() {
        let source = tree(&[("package-lock.json", lock(b"something else"))]);
        let error = install(source, &One(tgz(&[("package/a", "1")]))).unwrap_err();
        assert_eq!(error.code(), "build/corrupt");
        assert!(
            error
                .to_string()
                .starts_with("package `p@1.0.0` has sha512-")
        );
    }

    #[test]
    fn dependencies_without_a_lock_are_named() {
        let source = tree(&[(
            "package.json",
            r#"{"dependencies": {"left-pad": "^1"}}"#.to_owned(),
        )]);
        let error = install(source, &NoPackages).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("dependency `left-pad` is not locked"),
            "{error}"
        );
    }

    #[test]
    fn a_broken_package_json_is_shown_where_it_breaks() {
        let source = tree(&[("package.json", "{\n  \"name\": }".to_owned())]);
        let error = install(source, &NoPackages).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("package.json:2:11: error: not a package.json"),
            "{error}"
        );
    }
}
