use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wb_manifest::{RelPath, ToolkitId, Tree};

use crate::atomic::{self, Mode};
use crate::error::{Error, ErrorKind};
use crate::tree::{self, TreeLimits};

/// The file that makes a directory a toolkit.
const MANIFEST: &str = "manifest.org";

/// A manifest is a page of text; what is larger is something else.
const MANIFEST_LIMIT: u64 = 8 << 20;

/// A directory with one toolkit a subdirectory.
///
/// Anybody may write there, so nothing found in it is trusted: it can be read,
/// and what it asks for is decided elsewhere.
#[derive(Clone, Debug)]
pub struct Toolkits {
    root: PathBuf,
}

impl Toolkits {
    /// The toolkits in `root`, which need not exist.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of the subdirectories that hold a manifest, in order.
    ///
    /// Links are passed over: a toolkit lies where it seems to lie.
    ///
    /// # Errors
    ///
    /// What the system said; a missing root holds nothing.
    pub fn ids(&self) -> Result<Vec<ToolkitId>, Error> {
        let fail = |error| Error::io("list", "toolkits", error);
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(fail)?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            let Some(Ok(id)) = name.to_str().map(str::parse::<ToolkitId>) else {
                continue;
            };
            let is_dir = entry.file_type().map_err(fail)?.is_dir();
            if is_dir && !id.as_str().starts_with('.') && entry.path().join(MANIFEST).is_file() {
                ids.push(id);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Whether there is a toolkit called `id`.
    pub fn contains(&self, id: &ToolkitId) -> bool {
        self.dir(id).join(MANIFEST).is_file()
    }

    /// The manifest of `id` as it is written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchToolkit`], or what the system said.
    pub fn manifest(&self, id: &ToolkitId) -> Result<Vec<u8>, Error> {
        if !self.contains(id) {
            return Err(no_such_toolkit(id.as_str()));
        }
        tree::read_file(&self.dir(id).join(MANIFEST), MANIFEST_LIMIT)
    }

    /// Every file of `id`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoSuchToolkit`], [`ErrorKind::TooLarge`] for its manifest, and
    /// those of [`tree::read`].
    pub fn tree(&self, id: &ToolkitId) -> Result<Tree, Error> {
        let dir = self.dir(id);
        if !dir.is_dir() {
            return Err(no_such_toolkit(id.as_str()));
        }
        let tree = tree::read(&dir, TreeLimits::default())?;
        // What `manifest` refuses is refused here, so that no verb takes it for sound.
        match tree.get(MANIFEST) {
            Some(text) if text.len() as u64 > MANIFEST_LIMIT => Err(ErrorKind::TooLarge {
                what: format!("`{MANIFEST}`"),
                limit: format!("{} MiB", MANIFEST_LIMIT >> 20),
            }
            .into()),
            _ => Ok(tree),
        }
    }

    /// Writes a toolkit: files that are there already are replaced, others stay.
    ///
    /// A new toolkit appears whole or not at all.
    ///
    /// # Errors
    ///
    /// Those of [`tree::write_new`] and [`tree::write_over`].
    pub fn write(&self, id: &ToolkitId, files: &Tree, mode: Mode) -> Result<(), Error> {
        let dir = self.dir(id);
        if fs::symlink_metadata(&dir).is_ok_and(|meta| meta.is_symlink()) {
            return Err(ErrorKind::Symlink {
                name: id.to_string(),
            }
            .into());
        }
        if dir.exists() {
            return tree::write_over(files, &dir, mode);
        }
        atomic::create_dir(&self.root, mode)
            .map_err(|error| Error::io("write", "toolkits", error))?;
        tree::write_new(files, &dir, mode)
    }

    /// Removes single files of a toolkit; those that are not there are passed over.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn remove_files(&self, id: &ToolkitId, files: &[RelPath]) -> Result<(), Error> {
        for path in files {
            match fs::remove_file(self.dir(id).join(path.as_path())) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", path.as_str(), error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Replaces a toolkit by `files`: afterwards it holds these and nothing else.
    ///
    /// # Errors
    ///
    /// As [`Toolkits::write`]. The old toolkit stays when the new one cannot be written.
    pub fn replace(&self, id: &ToolkitId, files: &Tree, mode: Mode) -> Result<(), Error> {
        let dir = self.dir(id);
        if fs::symlink_metadata(&dir).is_err() {
            return self.write(id, files, mode);
        }
        let fail = |error| Error::io("write", id.as_str(), error);
        let aside = atomic::scratch_dir(&self.root, mode).map_err(fail)?;
        tree::write_new(files, &aside.path().join("new"), mode)?;
        fs::rename(&dir, aside.path().join("old")).map_err(fail)?;
        fs::rename(aside.path().join("new"), &dir).map_err(fail)
    }

    /// Removes a toolkit; one that is not there is passed over.
    ///
    /// # Errors
    ///
    /// What the system said. Then either all of it is still there or none is listed.
    pub fn remove(&self, id: &ToolkitId) -> Result<(), Error> {
        let fail = |error| Error::io("remove", id.as_str(), error);
        let aside = atomic::scratch_dir(&self.root, Mode::Private).map_err(fail)?;
        match fs::rename(self.dir(id), aside.path().join("old")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail(error)),
            _ => Ok(()),
        }
    }

    fn dir(&self, id: &ToolkitId) -> PathBuf {
        self.root.join(id.as_str())
    }
}

/// The name of a toolkit as a user wrote it.
///
/// # Errors
///
/// [`ErrorKind::NoSuchToolkit`]: what is no name names nothing.
pub fn toolkit_id(name: &str) -> Result<ToolkitId, Error> {
    name.parse().map_err(|_| no_such_toolkit(name))
}

/// The toolkit called `name` is nowhere.
pub(crate) fn no_such_toolkit(name: &str) -> Error {
    let name = name.chars().take(128).collect();
    ErrorKind::NoSuchToolkit { name }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &'static str)]) -> Tree {
        let files = files.iter();
        files
            .map(|&(path, text)| (path.parse().unwrap(), text.into()))
            .collect()
    }

    fn ids(toolkits: &Toolkits) -> Vec<String> {
        let ids = toolkits.ids().unwrap();
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_manifest_has_one_limit() {
        let dir = tempfile::tempdir().unwrap();
        let toolkits = Toolkits::at(dir.path());
        let id = "t".parse().unwrap();
        let mut large = Tree::new();
        large.insert("manifest.org".parse().unwrap(), vec![b'x'; 9 << 20]);
        toolkits.write(&id, &large, Mode::Shared).unwrap();
        let (one, other) = (toolkits.manifest(&id), toolkits.tree(&id));
        assert_eq!(one.unwrap_err().to_string(), other.unwrap_err().to_string());
    }

    #[test]
    fn what_has_a_manifest_is_a_toolkit() {
        let dir = tempfile::tempdir().unwrap();
        let toolkits = Toolkits::at(dir.path().join("toolkits"));
        assert!(ids(&toolkits).is_empty());
        let source = tree(&[("manifest.org", "* b :toolkit:\n"), ("src/main.c", "")]);
        for name in ["b", "a"] {
            toolkits
                .write(&name.parse().unwrap(), &source, Mode::Shared)
                .unwrap();
        }
        fs::create_dir(toolkits.root().join("empty")).unwrap();
        fs::create_dir(toolkits.root().join(".hidden")).unwrap();
        fs::write(toolkits.root().join(".hidden/manifest.org"), "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(toolkits.root().join("a"), toolkits.root().join("link"))
            .unwrap();
        assert_eq!(ids(&toolkits), ["a", "b"]);
        assert_eq!(toolkits.tree(&"a".parse().unwrap()).unwrap(), source);
        assert_eq!(
            toolkits
                .manifest(&"c".parse().unwrap())
                .unwrap_err()
                .to_string(),
            "no such toolkit: c"
        );
        assert_eq!(
            toolkit_id("../a").unwrap_err().to_string(),
            "no such toolkit: ../a"
        );
    }

    #[test]
    fn writing_keeps_other_files_and_replacing_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let toolkits = Toolkits::at(dir.path());
        let id: ToolkitId = "t".parse().unwrap();
        toolkits
            .write(
                &id,
                &tree(&[("manifest.org", "1"), ("own", "x")]),
                Mode::Shared,
            )
            .unwrap();
        toolkits
            .write(&id, &tree(&[("manifest.org", "2")]), Mode::Shared)
            .unwrap();
        let both = tree(&[("manifest.org", "2"), ("own", "x")]);
        assert_eq!(toolkits.tree(&id).unwrap(), both);
        let new = tree(&[("manifest.org", "3")]);
        toolkits.replace(&id, &new, Mode::Private).unwrap();
        assert_eq!(toolkits.tree(&id).unwrap(), new);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        toolkits.remove(&id).unwrap();
        toolkits.remove(&id).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
