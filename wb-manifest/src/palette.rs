use crate::read::{Reading, read_palette_entry};
use crate::{RelDir, RelPath, SkillSlug, Tree};

/// One of several artifacts of a toolkit, with a manifest of its own.
#[derive(Clone, Debug)]
pub struct PaletteEntry {
    /// What it is built by: the name of its file or directory.
    pub name: SkillSlug,
    /// Where its manifest is.
    pub path: RelPath,
    /// What its manifest states.
    pub reading: Reading,
}

/// Reads the palette of a toolkit, sorted by name: `runtimes/<name>.org` and
/// `runtimes/<name>/manifest.org`. Where both are there the file counts.
pub fn palette(tree: &Tree) -> Vec<PaletteEntry> {
    let runtimes = RelDir::named("runtimes");
    let mut entries: Vec<PaletteEntry> = Vec::new();
    for (path, bytes) in tree {
        let Some(inner) = path.relative_to(&runtimes) else {
            continue;
        };
        let name = inner
            .as_str()
            .strip_suffix("/manifest.org")
            .or_else(|| inner.as_str().strip_suffix(".org"))
            .and_then(|name| name.parse::<SkillSlug>().ok());
        if let Some(name) = name {
            let reading = read_palette_entry(bytes);
            entries.push(PaletteEntry {
                name,
                path: path.clone(),
                reading,
            });
        }
    }
    // `a.org` sorts before `a/manifest.org`, so the first of a name is the file.
    entries.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    entries.dedup_by(|later, first| later.name == first.name);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directories_are_entries() {
        let text = "#+RUNTIME: lua\n#+EXEC: command\n#+CLI_BIN: lua\n#+BUILD_LANG: c\n#+BUILD_SRC: path:src\n";
        let mut tree = Tree::new();
        for path in [
            "manifest.org",
            "runtimes/lua.org",
            "runtimes/lua/manifest.org",
            "runtimes/awk/manifest.org",
            "runtimes/awk/src/manifest.org",
            "runtimes/notes.txt",
        ] {
            tree.insert(path.parse().unwrap(), text);
        }
        let found = palette(&tree);
        let shown: Vec<_> = found
            .iter()
            .map(|entry| (entry.name.as_str(), entry.path.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("awk", "runtimes/awk/manifest.org"),
                ("lua", "runtimes/lua.org")
            ]
        );
        assert_eq!(found[0].reading.diagnostics(), []);
    }
}
