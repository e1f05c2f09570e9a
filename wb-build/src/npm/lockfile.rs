//! Reads `package-lock.json`, versions 1 to 3.
//!
//! Format: the npm documentation's page on package-lock.json. Version 1 nests
//! packages in `dependencies`; 2 and 3 list them in `packages` by their folder.

use std::collections::BTreeMap;

use serde::Deserialize;
use wb_manifest::RelPath;

use super::{dependency, json_fault};
use crate::error::Error;

/// Most packages of a lock: a bound on hostile input, far above real ones.
const MOST: usize = 20_000;

/// Deepest nesting of version 1; real trees stay below twenty.
const DEEPEST: usize = 64;

/// A package that a lock pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Its name in the registry; an alias is resolved.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// The digest of its archive: `sha512-…` in base64.
    pub integrity: String,
    /// The folder it is unpacked to, such as `node_modules/a/node_modules/b`.
    pub path: RelPath,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockFile {
    #[serde(default)]
    lockfile_version: u32,
    #[serde(default)]
    packages: BTreeMap<String, Package>,
    #[serde(default)]
    dependencies: BTreeMap<String, Nested>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags of the file's own format"
)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    in_bundle: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    dev_optional: bool,
    os: Option<serde_json::Value>,
    cpu: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Nested {
    version: String,
    integrity: Option<String>,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    bundled: bool,
    #[serde(default)]
    dependencies: BTreeMap<String, Nested>,
}

/// The packages a program needs, in the order of their folders.
///
/// Left out are development packages, packages inside another's archive, and
/// optional ones for particular machines: those hold native code.
///
/// # Errors
///
/// [`ErrorKind::Dependency`](crate::ErrorKind::Dependency) if the file is no
/// lock of version 1, 2 or 3, pins something that is no registry package with an
/// exact version and a digest, or more than 20,000 packages.
pub fn read_lock(bytes: &[u8]) -> Result<Vec<Locked>, Error> {
    let file = |message: String| dependency(super::LOCK_FILE, message);
    let lock: LockFile = serde_json::from_slice(bytes).map_err(|e| {
        let fault = json_fault(&e);
        file(format!("line {}, column {}: {fault}", e.line(), e.column()))
    })?;
    let mut locked = match lock.lockfile_version {
        1 => {
            let mut found = Vec::new();
            nested("", lock.dependencies, 0, &mut found)?;
            found
        }
        2 | 3 => listed(lock.packages)?,
        other => {
            return Err(file(format!("lockfileVersion {other}, expected 1, 2 or 3")));
        }
    };
    if locked.len() > MOST {
        return Err(file(format!(
            "{} packages, expected at most {MOST}",
            locked.len()
        )));
    }
    locked.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(locked)
}

fn listed(packages: BTreeMap<String, Package>) -> Result<Vec<Locked>, Error> {
    let mut found = Vec::new();
    for (path, package) in packages {
        let native = (package.optional || package.dev_optional)
            && (package.os.is_some() || package.cpu.is_some());
        // The empty path is the program itself.
        if path.is_empty() || package.dev || package.in_bundle || native {
            continue;
        }
        if package.link || !path.starts_with("node_modules/") {
            return Err(dependency(
                &path,
                "a link to a folder, expected a package from a registry",
            ));
        }
        let folder = path
            .rsplit_once("node_modules/")
            .map_or("", |(_, name)| name);
        let name = package.name.unwrap_or_else(|| folder.to_owned());
        found.push(checked(name, package.version, package.integrity, &path)?);
    }
    Ok(found)
}

fn nested(
    parent: &str,
    dependencies: BTreeMap<String, Nested>,
    depth: usize,
    found: &mut Vec<Locked>,
) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(dependency(
            super::LOCK_FILE,
            format!("packages nested more than {DEEPEST} deep"),
        ));
    }
    for (folder, package) in dependencies {
        if package.dev || package.bundled {
            continue;
        }
        let path = format!("{parent}node_modules/{folder}");
        // An alias reads `npm:name@version`.
        let (name, version) = match package.version.strip_prefix("npm:") {
            Some(alias) => match alias.rsplit_once('@') {
                Some((name, version)) => (name.to_owned(), version.to_owned()),
                None => (folder, package.version),
            },
            None => (folder, package.version),
        };
        found.push(checked(name, Some(version), package.integrity, &path)?);
        nested(&format!("{path}/"), package.dependencies, depth + 1, found)?;
    }
    Ok(())
}

fn checked(
    name: String,
    version: Option<String>,
    integrity: Option<String>,
    path: &str,
) -> Result<Locked, Error> {
    if !is_package_name(&name) {
        return Err(dependency(&name, "not the name of a registry package"));
    }
    let version = version.unwrap_or_default();
    if !is_exact_version(&version) {
        return Err(dependency(
            &name,
            format!("version `{version}`, expected an exact one from a registry"),
        ));
    }
    let Some(integrity) = integrity.filter(|i| !i.is_empty()) else {
        return Err(dependency(
            &format!("{name}@{version}"),
            "no integrity in the lock, so its bytes cannot be checked",
        ));
    };
    let path = path
        .parse()
        .map_err(|e| dependency(&name, format!("{e}")))?;
    Ok(Locked {
        name,
        version,
        integrity,
        path,
    })
}

/// `name` or `@scope/name`. The first character keeps a name from being read as
/// an option or a path by the client it is handed to.
fn is_package_name(name: &str) -> bool {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '~')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    // Longest name the registry takes.
    name.len() <= 214
        && match name.strip_prefix('@').map(|rest| rest.split_once('/')) {
            None => plain(name),
            Some(Some((scope, name))) => plain(scope) && plain(name),
            Some(None) => false,
        }
}

fn is_exact_version(version: &str) -> bool {
    version.len() <= 256
        && version.split('.').count() >= 3
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths(lock: &str) -> Vec<String> {
        read_lock(lock.as_bytes())
            .unwrap()
            .iter()
            .map(|p| format!("{} {}@{}", p.path, p.name, p.version))
            .collect()
    }

    fn fault(lock: &str) -> String {
        read_lock(lock.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn versions_two_and_three_list_folders() {
        let lock = r#"{"lockfileVersion": 3, "packages": {
            "": {"dependencies": {"a": "^1"}},
            "node_modules/a": {"version": "1.2.3", "integrity": "sha512-x"},
            "node_modules/a/node_modules/@s/b": {"version": "0.1.0-rc.1", "integrity": "sha512-y"},
            "node_modules/alias": {"name": "real", "version": "2.0.0", "integrity": "sha512-z"},
            "node_modules/tool": {"version": "1.0.0", "integrity": "sha512-d", "dev": true},
            "node_modules/native": {"version": "1.0.0", "integrity": "sha512-n", "optional": true, "os": ["linux"]},
            "node_modules/a/node_modules/in": {"version": "1.0.0", "inBundle": true}
        }}"#;
        assert_eq!(
            paths(lock),
            [
                "node_modules/a a@1.2.3",
                "node_modules/a/node_modules/@s/b @s/b@0.1.0-rc.1",
                "node_modules/alias real@2.0.0",
            ]
        );
    }

    #[test]
    fn version_one_nests_packages() {
        let lock = r#"{"lockfileVersion": 1, "dependencies": {
            "a": {"version": "1.0.0", "integrity": "sha512-x", "dependencies": {
                "b": {"version": "2.0.0", "integrity": "sha512-y"}}},
            "c": {"version": "npm:real@3.0.0", "integrity": "sha512-z"},
            "d": {"version": "4.0.0", "dev": true}
        }}"#;
        assert_eq!(
            paths(lock),
            [
                "node_modules/a a@1.0.0",
                "node_modules/a/node_modules/b b@2.0.0",
                "node_modules/c real@3.0.0",
            ]
        );
    }

    #[test]
    fn what_is_no_registry_package_is_refused() {
        let one = |body: &str| {
            format!(r#"{{"lockfileVersion": 2, "packages": {{"node_modules/a": {body}}}}}"#)
        };
        assert_eq!(
            fault(&one(r#"{"version": "1.0.0", "resolved": "git+ssh://x"}"#)),
            "dependency `a@1.0.0`: no integrity in the lock, so its bytes cannot be checked"
        );
        assert!(fault(&one(r#"{"version": "file:../a"}"#)).contains("expected an exact one"));
        assert!(fault(&one(r#"{"link": true, "resolved": "lib"}"#)).contains("a link to a folder"));
        assert!(
            fault(&one(
                r#"{"name": "--registry", "version": "1.0.0", "integrity": "x"}"#
            ))
            .contains("not the name of a registry package")
        );
    }

    #[test]
    fn a_folder_outside_node_modules_is_refused() {
        let lock = r#"{"lockfileVersion": 3, "packages": {
            "node_modules/../../x": {"version": "1.0.0", "integrity": "sha512-x", "name": "x"}}}"#;
        assert!(fault(lock).contains("`..` in path"));
    }

    #[test]
    fn other_files_are_refused() {
        assert!(fault("nonsense").contains("line 1, column 2"));
        assert!(fault("{}").contains("lockfileVersion 0, expected 1, 2 or 3"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_lock_or_refused(text in "\\PC{0,200}") {
            let _ = read_lock(text.as_bytes());
        }

        #[test]
        fn names_that_pass_cannot_be_options_or_paths(name in "[-@./a~]{1,8}") {
            if is_package_name(&name) {
                prop_assert!(!name.starts_with('-') && !name.starts_with('.') && !name.starts_with('/'));
                prop_assert!(!name.split('/').any(|part| part == ".."));
            }
        }
    }
}
