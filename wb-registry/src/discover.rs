//! The toolkits of a root, and what is said about them to people and agents.

use std::fmt::Write as _;

use wb_manifest::{Manifest, Tree, read};

use crate::skill::skills;

/// A toolkit as it is listed.
///
/// A file with several `:toolkit:` headlines gives one of these for each, all
/// with the same directory.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The directory below the root.
    pub dir: String,
    /// What the manifest states about it.
    pub manifest: Manifest,
    /// The names of its skills, in order.
    pub skills: Vec<String>,
}

impl Listed {
    /// The name: the manifest's, else the directory's.
    pub fn id(&self) -> &str {
        match &self.manifest.toolkit {
            Some(id) => id.as_str(),
            None => &self.dir,
        }
    }

    /// The sentence that says when to reach for it.
    pub fn tagline(&self) -> &str {
        self.manifest
            .tagline
            .as_ref()
            .map_or("", |tagline| tagline.as_str())
    }
}

/// The toolkits in directory `dir`, whose files are `tree`; none without a
/// manifest that has a `:toolkit:` headline.
pub fn discover(dir: &str, tree: &Tree) -> Vec<Listed> {
    let Some(text) = tree.get("manifest.org") else {
        return Vec::new();
    };
    let skills: Vec<_> = skills(tree).iter().map(|s| s.slug.to_string()).collect();
    read(text)
        .toolkits()
        .iter()
        .filter(|manifest| !manifest.headline.is_empty())
        .map(|manifest| Listed {
            dir: dir.to_owned(),
            manifest: manifest.clone(),
            skills: skills.clone(),
        })
        .collect()
}

/// The list for people: name, status and tagline, one line each.
///
/// # Examples
///
/// ```
/// assert_eq!(wb_registry::list_text(&[], "toolkits"), "(no toolkits under toolkits)\n");
/// ```
pub fn list_text(toolkits: &[Listed], root: &str) -> String {
    if toolkits.is_empty() {
        return format!("(no toolkits under {root})\n");
    }
    let mut text = String::new();
    for toolkit in toolkits {
        let status = toolkit.manifest.status.map_or("-", |s| s.value.name());
        let line = format!("{:<15} {status:<11} {}", toolkit.id(), toolkit.tagline());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A manifest with the names of the skills below it.
pub fn show_text(tree: &Tree) -> Option<String> {
    let manifest = tree.get("manifest.org")?;
    let mut text = String::from_utf8_lossy(manifest).trim_end().to_owned();
    text.push_str("\n\nskills:\n");
    for skill in skills(tree) {
        text.push_str("  ");
        text.push_str(skill.slug.as_str());
        text.push('\n');
    }
    Some(text)
}

/// Skills that are named in a prompt; the others are counted.
const NAMED_SKILLS: usize = 8;

/// What an agent that declares the toolkits `ids` is told about them.
///
/// Two lines a toolkit and never a manual: the agent reads the skill that it
/// needs. A name that nothing is installed under is told as such. Without
/// names there is nothing to tell.
pub fn injection_text(ids: &[&str], toolkits: &[Listed]) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "Toolkits\n\
         Before using a toolkit, read its skill: `wbx toolkit show <id> <skill>`, \
         or find one with `wbx toolkit search <words>`.\n",
    );
    for id in ids {
        let Some(toolkit) = toolkits.iter().find(|toolkit| toolkit.id() == *id) else {
            let id: String = id.chars().take(128).filter(|c| !c.is_control()).collect();
            let _ = writeln!(text, "- {id}: (not installed)");
            continue;
        };
        let _ = writeln!(text, "- {id}: {}", toolkit.tagline());
        let named = toolkit.skills.len().min(NAMED_SKILLS);
        if named == 0 {
            continue;
        }
        let _ = write!(text, "  skills: {}", toolkit.skills[..named].join(", "));
        if toolkit.skills.len() > named {
            let _ = write!(text, " (+{} more)", toolkit.skills.len() - named);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(manifest: &str, skills: usize) -> Tree {
        let mut tree = Tree::new();
        tree.insert("manifest.org".parse().unwrap(), manifest.to_owned());
        for i in 0..skills {
            tree.insert(format!("skills/s{i:02}.org").parse().unwrap(), "* S\n");
        }
        tree
    }

    const SLUG: &str = "#+TOOLKIT: slug\n#+STATUS: stable\n#+TAGLINE: Makes slugs.\n* slug :toolkit:\n:PROPERTIES:\n:ID: slug\n:END:\n";

    #[test]
    fn a_line_is_name_status_and_tagline() {
        let mut listed = discover("slug", &tree(SLUG, 1));
        listed.extend(discover("bare", &tree("* bare :toolkit:\n", 0)));
        assert_eq!(
            list_text(&listed, "toolkits"),
            "slug            stable      Makes slugs.\nbare            -\n"
        );
    }

    #[test]
    fn only_toolkit_headlines_are_toolkits() {
        assert!(discover("x", &Tree::new()).is_empty());
        assert!(discover("x", &tree("#+TOOLKIT: x\n* x\n", 0)).is_empty());
        let two = format!("{SLUG}* other :toolkit:\n:PROPERTIES:\n:ID: other\n:END:\n");
        let ids: Vec<_> = discover("slug", &tree(&two, 0))
            .iter()
            .map(|listed| format!("{} in {}", listed.id(), listed.dir))
            .collect();
        assert_eq!(ids, ["slug in slug", "other in slug"]);
    }

    #[test]
    fn a_manifest_is_shown_with_its_skills() {
        let shown = show_text(&tree("* x :toolkit:\n", 2)).unwrap();
        assert_eq!(shown, "* x :toolkit:\n\nskills:\n  s00\n  s01\n");
        assert_eq!(show_text(&Tree::new()), None);
    }

    #[test]
    fn a_prompt_holds_two_lines_a_toolkit() {
        let listed = discover("slug", &tree(SLUG, 10));
        assert_eq!(injection_text(&[], &listed), "");
        let text = injection_text(&["slug", "gone\n# evil"], &listed);
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "- slug: Makes slugs.",
                "  skills: s00, s01, s02, s03, s04, s05, s06, s07 (+2 more)",
                "- gone# evil: (not installed)",
            ]
        );
    }
}
