//! Where toolkits are looked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The toolkits directory: `WB_TOOLKITS_ROOT` if it names an existing directory, else the
/// first of `toolkits` and `../toolkits` that exists beside `cwd`.
///
/// A variable that names nothing is passed over rather than obeyed: a typing mistake must not
/// make a new, empty, writable place the source of what gets run. `None` if there is none.
pub fn toolkits_root(env: impl Fn(&str) -> Option<OsString>, cwd: &Path) -> Option<PathBuf> {
    let named = env("WB_TOOLKITS_ROOT").filter(|root| !root.is_empty());
    named
        .map(|root| cwd.join(root))
        .into_iter()
        .chain([cwd.join("toolkits"), cwd.join("../toolkits")])
        .find(|root| root.is_dir())
}

/// Where a new toolkit is written: the discovered root, else `toolkits` beside `cwd`.
pub fn toolkits_root_or_new(env: impl Fn(&str) -> Option<OsString>, cwd: &Path) -> PathBuf {
    toolkits_root(env, cwd).unwrap_or_else(|| cwd.join("toolkits"))
}

/// The root as the user would write it: relative to `cwd` where it lies below or beside it.
pub fn shown(root: &Path, cwd: &Path) -> String {
    let up = || {
        let beside = root.strip_prefix(cwd.parent()?).ok()?;
        Some(Path::new("..").join(beside))
    };
    let path = match root.strip_prefix(cwd) {
        Ok(below) => below.to_owned(),
        Err(_) => up().unwrap_or_else(|| root.to_owned()),
    };
    path.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn env(value: Option<&Path>) -> impl Fn(&str) -> Option<OsString> {
        let value = value.map(|path| path.as_os_str().to_owned());
        move |key| value.clone().filter(|_| key == "WB_TOOLKITS_ROOT")
    }

    #[test]
    fn the_first_that_exists_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path().join("work");
        fs::create_dir_all(&cwd).unwrap();
        assert_eq!(toolkits_root(env(None), &cwd), None);

        fs::create_dir(dir.path().join("toolkits")).unwrap();
        let beside = toolkits_root(env(None), &cwd).unwrap();
        assert!(beside.ends_with("../toolkits"));

        fs::create_dir(cwd.join("toolkits")).unwrap();
        let below = toolkits_root(env(None), &cwd).unwrap();
        assert_eq!(below, cwd.join("toolkits"));
        assert_eq!(shown(&below, &cwd), "toolkits");
        assert_eq!(shown(&beside, &cwd), "../toolkits");
    }

    #[test]
    fn the_variable_counts_only_if_it_names_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let named = dir.path().join("named");
        assert_eq!(toolkits_root(env(Some(&named)), dir.path()), None);
        fs::write(&named, b"a file").unwrap();
        assert_eq!(toolkits_root(env(Some(&named)), dir.path()), None);
        fs::remove_file(&named).unwrap();
        fs::create_dir(&named).unwrap();
        assert_eq!(toolkits_root(env(Some(&named)), dir.path()), Some(named));
    }

    #[test]
    fn a_new_toolkit_has_a_place_to_go() {
        let dir = tempfile::tempdir().unwrap();
        let root = toolkits_root_or_new(env(None), dir.path());
        assert_eq!(root, dir.path().join("toolkits"));
    }
}
