//! Whether links to files of the toolkit lead somewhere.

use wb_oql::{BlockKind, Document};

use super::report::{Check, Finding, Findings};
use super::subject::{Page, Subject};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let outcome = subject
        .units()
        .next()
        .map_or(super::Outcome::Warning, |unit| unit.rigor());
    let mut count = 0;
    let pages = std::iter::once(&subject.manifest).chain(subject.skills.iter().map(|(_, p)| p));
    for page in pages {
        for (at, target) in links(&page.document) {
            let Some(path) = file_target(target) else {
                continue;
            };
            count += 1;
            if leads_somewhere(subject, page, path) {
                continue;
            }
            let span = wb_manifest::Span {
                start: at as u32,
                end: (at + target.len()) as u32,
            };
            findings.add(
                Finding::new(Check::Links, outcome, "verify/broken-link")
                    .message(format!("`{}` is not there", clip(path)))
                    .place(page.place(span)),
            );
        }
    }
    if count > 0 {
        findings.pass(Check::Links, format!("{count}, each leads somewhere"));
    }
}

/// The targets of `[[target]]` and `[[target][text]]` outside of blocks whose
/// contents are no Org, with their offsets.
fn links<'d>(document: &'d Document<'_>) -> impl Iterator<Item = (usize, &'d str)> {
    let text = document.text();
    let mut plain = document
        .blocks()
        .iter()
        .filter(|block| !block.kind.holds_elements() && block.kind != BlockKind::Verse)
        .peekable();
    text.match_indices("[[").filter_map(move |(at, _)| {
        while plain.peek().is_some_and(|b| b.span.range().end <= at) {
            plain.next();
        }
        if plain.peek().is_some_and(|b| b.span.range().start <= at) {
            return None;
        }
        // No line is a link across its end, which also bounds the search.
        let line = text[at + 2..].lines().next()?;
        let (inner, _) = line.split_once("]]")?;
        let target = inner.split_once("][").map_or(inner, |(target, _)| target);
        Some((at + 2, target))
    })
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
fn leads_somewhere(subject: &Subject<'_>, page: &Page<'_>, path: &str) -> bool {
    let mut parts: Vec<&str> = page.path.split('/').collect();
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
    if path.starts_with('/') || path.starts_with('~') {
        return false;
    }
    let found = parts.join("/");
    found.is_empty()
        || subject.tree.contains(&found)
        || found
            .parse()
            .is_ok_and(|dir| subject.tree.iter().any(|(path, _)| path.is_below(&dir)))
}

fn clip(path: &str) -> String {
    path.chars().take(100).collect()
}
