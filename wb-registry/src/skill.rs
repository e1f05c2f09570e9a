//! The manual of a toolkit: recipes that are read one at a time.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use wb_manifest::{RelPath, SkillSlug, Tree};
use wb_oql::Document;

/// One recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill<'t> {
    /// Its name.
    pub slug: SkillSlug,
    /// How it lies on disk.
    pub kind: SkillKind,
    /// Its file, from the toolkit's directory.
    pub path: &'t RelPath,
    /// What the file holds.
    pub contents: &'t Bytes,
}

/// How a skill lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkillKind {
    /// One file: `skills/<slug>.org`.
    Thin,
    /// A directory: `skills/<slug>/SKILL.org`, with references beside it.
    Thick,
}

/// The skill that every toolkit must have.
pub const OVERVIEW: &str = "overview";

/// The skills of a toolkit, thin and thick, in order of name.
///
/// Where a name has both, the thin one is taken.
pub fn skills(tree: &Tree) -> Vec<Skill<'_>> {
    let mut found = BTreeMap::new();
    for (path, contents) in tree {
        if let Some((slug, kind)) = skill_at(path.as_str()) {
            let skill = Skill {
                slug: slug.clone(),
                kind,
                path,
                contents,
            };
            if kind == SkillKind::Thin || !found.contains_key(&slug) {
                found.insert(slug, skill);
            }
        }
    }
    found.into_values().collect()
}

/// The skill called `slug`.
///
/// A name with a separator, `..` or anything else that is no slug finds
/// nothing, so no text from a user ever becomes a path.
pub fn find_skill<'t>(tree: &'t Tree, slug: &str) -> Option<Skill<'t>> {
    let slug: SkillSlug = slug.parse().ok()?;
    let places = [
        (format!("skills/{slug}.org"), SkillKind::Thin),
        (format!("skills/{slug}/SKILL.org"), SkillKind::Thick),
    ];
    places.into_iter().find_map(|(path, kind)| {
        let path: RelPath = path.parse().ok()?;
        let (path, contents) = tree.iter().find(|(found, _)| **found == path)?;
        Some(Skill {
            slug: slug.clone(),
            kind,
            path,
            contents,
        })
    })
}

fn skill_at(path: &str) -> Option<(SkillSlug, SkillKind)> {
    let inner = path.strip_prefix("skills/")?;
    let (slug, kind) = match inner.strip_suffix("/SKILL.org") {
        Some(slug) => (slug, SkillKind::Thick),
        None => (inner.strip_suffix(".org")?, SkillKind::Thin),
    };
    // A further separator makes it a reference of a thick skill.
    Some((slug.parse().ok()?, kind))
}

/// The text form is what a reader is shown: the captions as a table of
/// contents, then the recipe.
impl fmt::Display for Skill<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = Document::parse(self.contents);
        let mut captions = document
            .blocks()
            .iter()
            .flat_map(|block| &block.captions)
            .map(|caption| document.str(*caption))
            .filter(|caption| !caption.is_empty())
            .peekable();
        if captions.peek().is_some() {
            for caption in captions {
                writeln!(f, "• {caption}")?;
            }
            writeln!(f)?;
        }
        f.write_str(document.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let file = |path: &&str| (path.parse().unwrap(), Bytes::from(format!("* {path}\n")));
        paths.iter().map(file).collect()
    }

    fn names(tree: &Tree) -> Vec<String> {
        skills(tree).iter().map(|s| s.slug.to_string()).collect()
    }

    #[test]
    fn thin_and_thick_skills_are_listed() {
        let tree = tree(&[
            "skills/overview.org",
            "skills/deep/SKILL.org",
            "skills/deep/references/more.org",
            "skills/both/SKILL.org",
            "skills/both.org",
            "skills/notes.txt",
            "skills/a b.org",
            "docs/skills/other.org",
        ]);
        assert_eq!(names(&tree), ["both", "deep", "overview"]);
        assert_eq!(find_skill(&tree, "both").unwrap().kind, SkillKind::Thin);
        assert_eq!(
            find_skill(&tree, "deep").unwrap().path.as_str(),
            "skills/deep/SKILL.org"
        );
        for skill in skills(&tree) {
            assert_eq!(find_skill(&tree, skill.slug.as_str()), Some(skill));
        }
    }

    #[test]
    fn no_name_leads_out_of_the_skills() {
        let tree = tree(&[
            "manifest.org",
            "skills/a.org",
            "skills/deep/references/x.org",
        ]);
        let long = "x".repeat(10_240);
        for slug in [
            "../manifest",
            "..",
            ".",
            "",
            "/a",
            "a\0",
            "deep/references/x",
            "a.org/../a",
            &long,
        ] {
            assert_eq!(find_skill(&tree, slug), None, "{slug:?}");
        }
    }

    #[test]
    fn captions_come_first() {
        let text = "* Workflow\n  #+CAPTION: Build it\n  #+begin_src sh\n  make\n  #+end_src\n#+CAPTION: Run it\n#+begin_src sh\nrun\n#+end_src\n";
        let tree: Tree = [("skills/overview.org".parse().unwrap(), Bytes::from(text))]
            .into_iter()
            .collect();
        let shown = find_skill(&tree, OVERVIEW).unwrap().to_string();
        assert_eq!(shown, format!("• Build it\n• Run it\n\n{text}"));
    }
}
