//! Whether links to files of the toolkit lead somewhere.

use wb_manifest::Span;

use super::report::{Check, Finding, Findings};
use super::subject::{MANIFEST, Subject};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let document = &subject.document;
    let (links, _) = document.links();
    let own = links
        .iter()
        .map(|link| (MANIFEST, document.str(link.target), link.target));
    let of_skills = subject.skills.iter().flat_map(|(skill, reading)| {
        let links = reading.skill.links.iter();
        links.map(|link| (skill.path.as_str(), link.target.as_str(), link.target.span))
    });
    let mut count = 0;
    for (page, target, span) in own.chain(of_skills) {
        if let Some(path) = file_target(target) {
            count += 1;
            if !leads_somewhere(subject, page, path) {
                findings.add(broken(subject, page, path, span));
            }
        }
    }
    if count > 0 {
        findings.pass(Check::Links, format!("{count} checked"));
    }
}

fn broken(subject: &Subject<'_>, page: &str, path: &str, span: Span) -> Finding {
    let path: String = path.chars().take(100).collect();
    Finding::new(Check::Links, subject.rigor(), "verify/broken-link")
        .message(format!("`{path}` is not in the toolkit"))
        .place(subject.place(page, span))
}

/// The path of a link to a file, without the place inside of it.
fn file_target(target: &str) -> Option<&str> {
    let path = match target.strip_prefix("file:") {
        Some(path) => path,
        None if target.starts_with("./") || target.starts_with("../") => target,
        None => return None,
    };
    let path = path.split_once("::").map_or(path, |(path, _)| path);
    (!path.is_empty()).then_some(path)
}

/// Whether `path`, seen from the directory of `page`, is a file or directory of
/// the toolkit. What leads out of it is not: a toolkit travels alone.
fn leads_somewhere(subject: &Subject<'_>, page: &str, path: &str) -> bool {
    if path.starts_with(['/', '~']) {
        return false;
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            _ => parts.push(part),
        }
    }
    let found = parts.join("/");
    let is_dir = |found: &str| {
        let found = found.parse();
        found.is_ok_and(|dir| subject.tree.iter().any(|(path, _)| path.is_below(&dir)))
    };
    found.is_empty() || subject.tree.contains(&found) || is_dir(&found)
}
