use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use wb_oql::{Document, Span, Table};

use crate::diag::Findings;
use crate::{SkillSlug, Spanned, diag};

/// A row of the skill table: `| Skill | Use when |`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SkillEntry {
    /// The skill.
    pub slug: Spanned<SkillSlug>,
    /// The need that it answers.
    pub use_when: Option<Spanned<String>>,
    /// The bold row it stands under.
    pub group: Option<Spanned<String>>,
}

/// Reads the first of `tables` whose first column is headed `Skill`.
pub(crate) fn read<'d>(
    doc: &Document<'_>,
    mut tables: impl Iterator<Item = &'d Table>,
    findings: &mut Findings,
) -> Vec<SkillEntry> {
    let headed = |table: &&Table| {
        let head = table.rows.first().and_then(|row| row.cells.first());
        head.is_some_and(|&cell| {
            let title = doc.str(plain(doc, cell));
            title.eq_ignore_ascii_case("skill") || title.eq_ignore_ascii_case("skills")
        })
    };
    let Some(table) = tables.find(headed) else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    let mut listed = BTreeMap::new();
    let mut group = None;
    for row in table.rows.iter().skip(table.header_rows.max(1)) {
        let cell = |index: usize| {
            row.cells
                .get(index)
                .copied()
                .filter(|cell| !cell.is_empty())
        };
        let Some(first) = cell(0) else { continue };
        let text = doc.str(first);
        let bold = text.len() > 2 && text.starts_with('*') && text.ends_with('*');
        if bold && cell(1).is_none() {
            let span = first.slice(1, first.len() - 2);
            group = Some(Spanned::new(doc.str(span).to_owned(), span));
            continue;
        }
        let span = plain(doc, first);
        let slug = match doc.str(span).parse::<SkillSlug>() {
            Ok(slug) => Spanned::new(slug, span),
            Err(fault) => {
                findings.push(diag::bad_name(span, &fault));
                continue;
            }
        };
        if let Some(&first) = listed.get(&slug.value) {
            findings.push(diag::repeated_skill(span, &slug, first));
            continue;
        }
        listed.insert(slug.value.clone(), span);
        let use_when = cell(1).map(|span| Spanned::new(doc.str(span).to_owned(), span));
        entries.push(SkillEntry {
            slug,
            use_when,
            group: group.clone(),
        });
    }
    entries
}

/// The name inside of markup: `=name=`, `~name~`, `*name*`,
/// `[[file:skills/name.org][name]]`.
fn plain(doc: &Document<'_>, cell: Span) -> Span {
    let text = doc.str(cell);
    if let Some(inner) = text
        .strip_prefix("[[")
        .and_then(|rest| rest.strip_suffix("]]"))
    {
        if let Some((target, name)) = inner.split_once("][") {
            return cell.slice(2 + target.len() + 2, name.len());
        }
        let from = inner.rfind(['/', ':']).map_or(0, |at| at + 1);
        let name = inner[from..].strip_suffix(".org").unwrap_or(&inner[from..]);
        return cell.slice(2 + from, name.len());
    }
    for mark in ['=', '~', '*'] {
        if text.len() > 2 && text.starts_with(mark) && text.ends_with(mark) {
            return cell.slice(1, text.len() - 2);
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(text: &str) -> (Vec<String>, usize) {
        let doc = Document::parse(text.as_bytes());
        let mut findings = Findings::default();
        let entries = read(&doc, doc.tables().iter(), &mut findings);
        let shown = entries.iter().map(|entry| {
            let group = entry.group.as_ref().map_or("-", |group| &group.value);
            let need = entry.use_when.as_ref().map_or("-", |need| &need.value);
            format!("{group}/{}: {need}", *entry.slug)
        });
        (shown.collect(), findings.finish().len())
    }

    #[test]
    fn rows_are_read_in_groups_and_out_of_markup() {
        let table = "| Skill | Use when |\n|-------+---|\n| overview | starting |\n| *Edit* | |\n\
                     | =trim= | cut |\n| [[file:skills/join.org][join]] | glue |\n| [[file:skills/x.org]] | |\n";
        let (entries, faults) = index(table);
        assert_eq!(
            entries,
            [
                "-/overview: starting",
                "Edit/trim: cut",
                "Edit/join: glue",
                "Edit/x: -"
            ]
        );
        assert_eq!(faults, 0);
    }

    #[test]
    fn other_tables_are_no_index() {
        assert_eq!(index("| Flag | Meaning |\n| -v | loud |\n"), (vec![], 0));
    }

    #[test]
    fn bad_and_repeated_rows_are_findings() {
        let (entries, faults) =
            index("| Skill | Use when |\n| a/b | x |\n| ok | y |\n| ok | z |\n");
        assert_eq!(
            (entries.as_slice(), faults),
            (["-/ok: y".to_owned()].as_slice(), 2)
        );
    }
}
