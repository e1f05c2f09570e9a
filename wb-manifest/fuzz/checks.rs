//! What must hold for any bytes. The fuzz targets and the ordinary tests run
//! the same functions.

use wb_manifest::{ManifestText, RelDir, RelPath, SkillSlug, read, read_skill};
use wb_oql::{Document, Query, guard, parse_headlines};

/// Panics when something does not hold.
type Check = fn(&[u8]);

/// Every check.
pub(crate) const ALL: [Check; 6] = [org, manifest, skill, edit, query, names];

/// Structure is read with spans that fit, and the guard keeps offsets.
pub(crate) fn org(bytes: &[u8]) {
    let doc = Document::parse(bytes);
    assert_eq!(doc.text().len(), bytes.len().min(Document::MAX_LEN));
    for headline in doc.headlines() {
        assert!(headline.subtree.contains(headline.section));
        assert!(headline.line.contains(headline.title));
        doc.str(headline.title);
    }
    for block in doc.blocks() {
        assert!(block.span.contains(block.content));
        block.unescaped(&doc);
    }
    for keyword in doc.keywords() {
        assert!(keyword.line.contains(keyword.key));
        assert_eq!(doc.str(keyword.value).trim_ascii(), doc.str(keyword.value));
    }
    for table in doc.tables() {
        assert!(
            table
                .rows
                .iter()
                .flat_map(|row| &row.cells)
                .all(|&c| table.span.contains(c))
        );
    }
    assert_eq!(guard::tame(&doc).text.len(), doc.text().len());
    assert_eq!(parse_headlines(&doc).len(), doc.headlines().len());
}

/// A manifest is read the same twice, and every finding points into it.
pub(crate) fn manifest(bytes: &[u8]) {
    let reading = read(bytes);
    let doc = Document::parse(bytes);
    for found in reading.diagnostics() {
        doc.str(found.span);
        for label in &found.labels {
            doc.str(label.span);
        }
        assert!(found.message.len() < 1000, "{found:?}");
        assert!(!found.message.contains('\n'), "{found:?}");
    }
    assert_eq!(reading.diagnostics(), read(bytes).diagnostics());
    assert!(!reading.toolkits().is_empty());
    serde_json::to_value(reading.manifest()).expect("a manifest serializes");
}

/// A skill is read.
pub(crate) fn skill(bytes: &[u8]) {
    let slug: SkillSlug = "any".parse().expect("a plain word is a slug");
    let reading = read_skill(&slug, bytes);
    assert!(reading.skill.lines <= bytes.len());
}

/// What is set is read back and removing it leaves no trace.
pub(crate) fn edit(bytes: &[u8]) {
    if bytes.len() > Document::MAX_LEN {
        return;
    }
    let mut text = ManifestText::new(bytes);
    text.set_keyword("TAGLINE", "it was set")
        .expect("a plain line is a value");
    let tagline = read(text.as_bytes())
        .manifest()
        .tagline
        .as_ref()
        .map(|t| t.value.clone());
    assert_eq!(tagline.as_deref(), Some("it was set"));
    text.remove_keyword("TAGLINE");
    assert!(read(text.as_bytes()).manifest().tagline.is_none());
    if text.set_property("STATUS", "stable").is_ok() {
        let again = text.clone();
        text.set_property("STATUS", "stable")
            .expect("it was set before");
        assert_eq!(text, again);
    }
}

/// A query that is read prints as itself.
pub(crate) fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(query) = text.parse::<Query>() {
        assert_eq!(query.to_string().parse(), Ok(query));
    }
}

/// Names and paths that are accepted stay inside.
pub(crate) fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(path) = text.parse::<RelPath>() {
        assert!(
            path.components()
                .all(|part| !matches!(part, "" | "." | ".."))
        );
        assert!(!path.as_str().contains(['\0', '\\']));
    }
    if let Ok(slug) = text.parse::<SkillSlug>() {
        assert!(slug.as_str().parse::<RelPath>().is_ok());
    }
    if let Ok(dir) = text.parse::<RelDir>() {
        assert_eq!(dir.to_string().parse(), Ok(dir));
    }
}
