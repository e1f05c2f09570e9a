//! The second rung: a session command becomes a toolkit with sources of its own.
//!
//! Promotion writes files and builds nothing. What it writes is a pure function
//! of the source, so a later build gives the artifact of the session again.

use std::fmt;

use bytes::Bytes;
use wb_manifest::{CommandName, RelPath, ToolkitId, Tree, read};

use crate::{NameError, command_name};

/// Where a language's build expects things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The value of `#+BUILD_LANG`.
    pub lang: &'static str,
    /// The value of `#+BUILD_SRC`.
    pub build_src: &'static str,
    /// The entry file, from the toolkit's root.
    pub entry: &'static str,
}

impl Layout {
    /// The six languages that a single source file can be written in.
    pub const ALL: [Self; 6] = [
        Self::new("rust", "path:.", "src/main.rs"),
        Self::new("c", "path:src", "src/main.c"),
        Self::new("zig", "path:src", "src/main.zig"),
        Self::new("js", "path:src", "src/index.js"),
        Self::new("ts", "path:src", "src/index.ts"),
        Self::new("go", "path:src", "src/main.go"),
    ];

    const fn new(lang: &'static str, build_src: &'static str, entry: &'static str) -> Self {
        Self {
            lang,
            build_src,
            entry,
        }
    }

    /// The layout of `lang`, if it is one of the six.
    pub fn of(lang: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.lang == lang)
    }

    /// The sources alone, as a build expects them.
    ///
    /// Building these is what `build-inline` does, and what building the
    /// promoted toolkit does again.
    pub fn sources(self, name: &CommandName, source: Bytes) -> Tree {
        let mut tree = Tree::new();
        insert(&mut tree, self.entry, source);
        if self.lang == "rust" {
            insert(&mut tree, "Cargo.toml", cargo_toml(name).into());
        }
        tree
    }
}

/// What is to be promoted.
#[derive(Clone, Debug)]
pub struct Promotion<'a> {
    /// The command's name, which becomes the toolkit's.
    pub name: &'a str,
    /// The language of the source.
    pub lang: &'a str,
    /// The source file as the user named it.
    pub file: &'a str,
    /// Its contents; `None` when there is no such file.
    pub source: Option<Bytes>,
    /// One sentence about the tool, when the user gave one.
    pub tagline: Option<&'a str>,
    /// The toolkits' root as the user would write it, for the message.
    pub root: &'a str,
}

/// A toolkit that is ready to be written.
///
/// Its text form is the message for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// The toolkit's name.
    pub id: ToolkitId,
    /// Its files, from its own directory.
    pub tree: Tree,
    root: String,
}

impl Promoted {
    /// What writing these files over `present` would cost.
    ///
    /// Promoting again what nobody has touched costs nothing, and neither do
    /// files that are missing or that promotion does not write.
    ///
    /// # Examples
    ///
    /// ```
    /// use wb_registry::{Promotion, promote};
    ///
    /// let promoted = |lang| {
    ///     promote(Promotion {
    ///         name: "slug",
    ///         lang,
    ///         file: "slug",
    ///         source: Some("text".into()),
    ///         tagline: None,
    ///         root: "toolkits",
    ///     })
    /// };
    /// let (js, c) = (promoted("js")?, promoted("c")?);
    /// assert!(js.over(&js.tree).is_empty());
    /// assert_eq!(c.over(&js.tree).superseded[0].as_str(), "src/index.js");
    /// # Ok::<(), wb_registry::PromoteError>(())
    /// ```
    pub fn over(&self, present: &Tree) -> Losses {
        let edited = self.tree.iter().filter(|(path, contents)| {
            let found = present.get(path.as_str());
            found.is_some_and(|found| found != *contents)
        });
        let superseded = self.superseded(present);
        Losses {
            edited: edited.map(|(path, _)| path.clone()).collect(),
            superseded,
        }
    }

    /// The sources that an earlier promotion wrote for another language.
    ///
    /// Only the language that the manifest names is believed: a C file in a
    /// JavaScript toolkit is the user's own.
    fn superseded(&self, present: &Tree) -> Vec<RelPath> {
        let lang = present
            .get("manifest.org")
            .and_then(|text| read(text).manifest().lang());
        let Some(layout) = lang.and_then(|lang| Layout::of(lang.name())) else {
            return Vec::new();
        };
        let sources = layout.sources(&CommandName::from(self.id.clone()), Bytes::new());
        let of_that_lang = sources.iter().filter(|(path, contents)| {
            let found = present.get(path.as_str());
            // The package file is generated, the entry file is whatever was promoted.
            path.as_str() == layout.entry || found == Some(contents)
        });
        of_that_lang
            .map(|(path, _)| path.clone())
            .filter(|path| present.contains(path.as_str()) && !self.tree.contains(path.as_str()))
            .collect()
    }
}

/// What is lost when a toolkit is promoted over one that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Files that hold something else than would be written.
    pub edited: Vec<RelPath>,
    /// Sources of the language that the toolkit was promoted from before.
    pub superseded: Vec<RelPath>,
}

impl Losses {
    /// Whether nothing is lost.
    pub fn is_empty(&self) -> bool {
        self.edited.is_empty() && self.superseded.is_empty()
    }
}

/// The files, as a message lists them.
impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, path) in self.edited.iter().chain(&self.superseded).enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}`{path}`")?;
        }
        Ok(())
    }
}

impl fmt::Display for Promoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, root, .. } = self;
        write!(
            f,
            "promoted session command → workspace toolkit `{id}` at {root}/{id}\n  \
             build it: wb toolkit build {id}\n  \
             then it packs into a workbook (Library.store) and installs elsewhere (Library.install)"
        )
    }
}

/// A command that cannot be promoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromoteError {
    /// The name is reserved, or none.
    #[error("cannot promote: {0}")]
    Name(#[from] NameError),
    /// The language has no layout.
    #[error("cannot promote: {0:?} is not a language to promote from (rust, c, zig, js, ts, go)")]
    Lang(String),
    /// The source file is not there.
    #[error("cannot promote: no such file: {0}")]
    NoFile(String),
}

impl PromoteError {
    /// The stable code of the error, for example `registry/promote-lang`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(error) => error.code(),
            Self::Lang(_) => "registry/promote-lang",
            Self::NoFile(_) => "registry/promote-no-file",
        }
    }
}

/// Makes the toolkit of a session command.
///
/// # Errors
///
/// Asking in this order: [`PromoteError::Name`] unless the name is not reserved and is a
/// name, [`PromoteError::Lang`] unless the language is one of the six,
/// [`PromoteError::NoFile`] unless the source file exists.
///
/// # Examples
///
/// ```
/// use wb_registry::{Promotion, promote};
///
/// let promoted = promote(Promotion {
///     name: "slug",
///     lang: "js",
///     file: "slug.js",
///     source: Some("console.log('slug')".into()),
///     tagline: None,
///     root: "toolkits",
/// })?;
/// assert!(promoted.tree.contains("src/index.js"));
/// assert!(promoted.to_string().ends_with("(Library.install)"));
/// # Ok::<(), wb_registry::PromoteError>(())
/// ```
pub fn promote(promotion: Promotion<'_>) -> Result<Promoted, PromoteError> {
    let name = command_name(promotion.name)?;
    let layout = Layout::of(promotion.lang)
        .ok_or_else(|| PromoteError::Lang(promotion.lang.chars().take(64).collect()))?;
    let source = promotion
        .source
        .ok_or_else(|| PromoteError::NoFile(promotion.file.to_owned()))?;
    let id: ToolkitId = promotion.name.parse().map_err(NameError::Invalid)?;

    let mut tree = layout.sources(&name, source);
    let manifest = manifest(&name, layout, promotion.tagline);
    insert(&mut tree, "manifest.org", manifest.into());
    insert(&mut tree, "skills/overview.org", overview(&name).into());
    Ok(Promoted {
        id,
        tree,
        root: promotion.root.to_owned(),
    })
}

fn insert(tree: &mut Tree, path: &str, contents: Bytes) {
    let path = path.parse().expect("the layout's own paths are relative");
    tree.insert(path, contents);
}

fn manifest(name: &CommandName, layout: Layout, tagline: Option<&str>) -> String {
    let given = tagline.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let tagline = match given.as_deref() {
        None | Some("") => "Promoted session command.",
        Some(text) => text,
    };
    let Layout {
        lang, build_src, ..
    } = layout;
    format!(
        "#+TITLE: {name}\n\
         #+TOOLKIT: {name}\n\
         #+VERSION: 0.1.0\n\
         #+STATUS: experimental\n\
         #+TAGLINE: {tagline}\n\
         #+EXEC: command\n\
         #+TRUST: first-party\n\
         #+CLI_BIN: {name}\n\
         #+BUILD_LANG: {lang}\n\
         #+BUILD_SRC: {build_src}\n\
         #+ARG_MODE: argv\n\
         \n\
         * {name} :toolkit:\n  \
           :PROPERTIES:\n  \
           :ID:      {name}\n  \
           :CLI_BIN: {name}\n  \
           :END:\n  \
           Promoted from a session command. Source-owned + rebuildable.\n"
    )
}

fn overview(name: &CommandName) -> String {
    format!(
        "#+TITLE: {name}: overview\n\
         #+TOOLKIT: {name}\n\
         #+SKILL: overview\n\
         #+VERSION: 0.1.0\n\
         #+STATUS: experimental\n\
         #+DESCRIPTION: Use when you need what the `{name}` command does.\n\
         #+TAGS: {name}\n\
         \n\
         * When to use this\n  \
           :PROPERTIES:\n  \
           :NETWORK: no\n  \
           :DESTRUCTIVE: no\n  \
           :END:\n  \
           Reach for `{name}` when its output is what you need. Say here what that is, and\n  \
           what it is not for.\n\
         \n\
         * The mental model\n  \
           One program in a sandbox: argv and stdin go in, stdout and an exit code come\n  \
           out. It reaches no file, network or other command that `#+CAPS` does not declare.\n\
         \n\
         * Workflow\n  \
           `run-command {name}` — argv plus stdin to stdout.\n\
         \n\
         * Common pitfalls\n  \
           An edited source changes nothing until `wb toolkit build {name}` is run again.\n\
         \n\
         * Verification checklist\n  \
           - [ ] `{name}` exits 0 on a small input\n  \
           - [ ] its output is what you expected\n\
         \n\
         * See also\n  \
           [[file:../manifest.org][The manifest]]: the source it is built from and what it may use.\n"
    )
}

/// The package of a single-file Rust program.
fn cargo_toml(name: &CommandName) -> String {
    // Cargo's package names have no dots, and ours may.
    let package = name.as_str().replace('.', "_");
    format!("[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promotion<'a>(name: &'a str, lang: &'a str) -> Promotion<'a> {
        Promotion {
            name,
            lang,
            file: "slug.js",
            source: Some(Bytes::from_static(b"the source")),
            tagline: None,
            root: "toolkits",
        }
    }

    fn refusal(promotion: Promotion<'_>) -> String {
        promote(promotion).unwrap_err().to_string()
    }

    #[test]
    fn the_message_is_three_lines() {
        assert_eq!(
            promote(promotion("slug", "js")).unwrap().to_string(),
            "promoted session command → workspace toolkit `slug` at toolkits/slug\n  build it: wb toolkit build slug\n  then it packs into a workbook (Library.store) and installs elsewhere (Library.install)"
        );
    }

    #[test]
    fn the_guards_ask_in_order() {
        let no_file = |name, lang| Promotion {
            source: None,
            ..promotion(name, lang)
        };
        assert_eq!(
            refusal(no_file("grep", "cobol")),
            r#"cannot promote: "grep" is a reserved built-in command name"#
        );
        assert!(refusal(no_file("a/b", "cobol")).starts_with("cannot promote: command name `a/b`"));
        assert_eq!(
            refusal(no_file("slug", "cobol")),
            r#"cannot promote: "cobol" is not a language to promote from (rust, c, zig, js, ts, go)"#
        );
        assert_eq!(
            refusal(no_file("slug", "js")),
            "cannot promote: no such file: slug.js"
        );
    }

    #[test]
    fn each_language_has_its_layout() {
        for layout in Layout::ALL {
            let tree = promote(promotion("my.tool", layout.lang)).unwrap().tree;
            let paths: Vec<_> = tree.iter().map(|(path, _)| path.as_str()).collect();
            let mut wanted = vec!["manifest.org", "skills/overview.org", layout.entry];
            if layout.lang == "rust" {
                wanted.push("Cargo.toml");
            }
            wanted.sort_unstable();
            assert_eq!(paths, wanted);
            assert_eq!(tree.get(layout.entry).unwrap(), "the source");
        }
        let rust = promote(promotion("my.tool", "rust")).unwrap().tree;
        assert!(
            rust.get("Cargo.toml")
                .unwrap()
                .starts_with(b"[package]\nname = \"my_tool\"\n")
        );
    }

    #[test]
    fn what_the_user_changed_would_be_lost() {
        let lost = |next: &Promoted, present: &Tree| next.over(present).to_string();
        let js = promote(promotion("slug", "js")).unwrap();
        assert_eq!(lost(&js, &Tree::new()), "");
        let mut edited = js.tree.clone();
        insert(&mut edited, "src/index.js", Bytes::from_static(b"mine"));
        insert(&mut edited, "src/main.c", Bytes::from_static(b"mine too"));
        edited.remove("skills/overview.org");
        assert_eq!(lost(&js, &edited), "`src/index.js`");

        let rust = promote(promotion("slug", "rust")).unwrap();
        assert_eq!(lost(&rust, &edited), "`manifest.org`, `src/index.js`");
        assert_eq!(
            lost(&js, &rust.tree),
            "`manifest.org`, `Cargo.toml`, `src/main.rs`"
        );
        let mut own_package = rust.tree.clone();
        insert(&mut own_package, "Cargo.toml", Bytes::from_static(b"mine"));
        assert_eq!(js.over(&own_package).superseded.len(), 1);
    }

    #[test]
    fn the_manifest_is_the_documented_one() {
        let tree = promote(promotion("slug", "rust")).unwrap().tree;
        let text = std::str::from_utf8(tree.get("manifest.org").unwrap()).unwrap();
        assert_eq!(
            text,
            "#+TITLE: slug\n#+TOOLKIT: slug\n#+VERSION: 0.1.0\n#+STATUS: experimental\n#+TAGLINE: Promoted session command.\n#+EXEC: command\n#+TRUST: first-party\n#+CLI_BIN: slug\n#+BUILD_LANG: rust\n#+BUILD_SRC: path:.\n#+ARG_MODE: argv\n\n* slug :toolkit:\n  :PROPERTIES:\n  :ID:      slug\n  :CLI_BIN: slug\n  :END:\n  Promoted from a session command. Source-owned + rebuildable.\n"
        );
    }

    #[test]
    fn a_tagline_stays_on_its_line() {
        let given = Promotion {
            tagline: Some("Makes slugs.\n#+CAPS: net"),
            ..promotion("a", "c")
        };
        let tree = promote(given).unwrap().tree;
        let text = std::str::from_utf8(tree.get("manifest.org").unwrap()).unwrap();
        assert!(text.contains("\n#+TAGLINE: Makes slugs. #+CAPS: net\n"));
    }
}
