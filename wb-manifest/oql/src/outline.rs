use std::collections::BTreeMap;

use serde::Serialize;

use crate::timestamp::Timestamp;
use crate::{Document, Headline};

/// A headline as data: the shape in which outlines leave this crate as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlineEntry {
    /// How many stars it has.
    pub level: u32,
    /// The title without state, priority and tags.
    pub title: String,
    /// `TODO` or `DONE`.
    pub state: Option<String>,
    /// The property `ID`.
    pub id: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// The properties by upper-case key; `:KEY+:` adds to the value before.
    pub props: BTreeMap<String, String>,
    /// When it is scheduled.
    pub scheduled: Option<Timestamp>,
    /// When it is due.
    pub deadline: Option<Timestamp>,
}

/// All headlines of a document, in order.
///
/// # Examples
///
/// ```
/// let doc = wb_oql::Document::parse(b"* TODO Write :draft:\n:PROPERTIES:\n:ID: w\n:END:\n");
/// let json = serde_json::to_string(&wb_oql::parse_headlines(&doc)).unwrap();
/// assert_eq!(
///     json,
///     r#"[{"level":1,"title":"Write","state":"TODO","id":"w","tags":["draft"],"#.to_owned()
///         + r#""props":{"ID":"w"},"scheduled":null,"deadline":null}]"#
/// );
/// ```
pub fn parse_headlines(doc: &Document<'_>) -> Vec<OutlineEntry> {
    doc.headlines()
        .iter()
        .map(|headline| entry(doc, headline))
        .collect()
}

fn entry(doc: &Document<'_>, headline: &Headline) -> OutlineEntry {
    let text = |span| doc.str(span).to_owned();
    let mut props: BTreeMap<String, String> = BTreeMap::new();
    for property in headline.drawer.iter().flat_map(|drawer| &drawer.properties) {
        let value = doc.str(property.value);
        let known = props.entry(doc.str(property.key).to_ascii_uppercase());
        if property.appends {
            let whole = known.or_default();
            if !whole.is_empty() {
                whole.push(' ');
            }
            whole.push_str(value);
        } else {
            known.or_insert_with(|| value.to_owned());
        }
    }
    let plan = headline.plan(doc);
    OutlineEntry {
        level: headline.level,
        title: text(headline.title),
        state: headline.state.map(text),
        id: props.get("ID").filter(|id| !id.is_empty()).cloned(),
        tags: headline.tags.iter().map(|&tag| text(tag)).collect(),
        props,
        scheduled: plan.scheduled,
        deadline: plan.deadline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planning_and_appended_properties_are_read() {
        let text = "* DONE [#A] Fetch\n\
                    SCHEDULED: <2026-06-06 Sat 06:00 +1d> DEADLINE: [2026-06-07 Sun]\n\
                    :PROPERTIES:\n:header-args: :dir a\n:header-args+: :eval no\n:Empty:\n:END:\n";
        let doc = Document::parse(text.as_bytes());
        let entry = &parse_headlines(&doc)[0];
        assert_eq!(
            (entry.title.as_str(), entry.state.as_deref()),
            ("Fetch", Some("DONE"))
        );
        let scheduled = entry.scheduled.as_ref().unwrap();
        assert_eq!(scheduled.at, "2026-06-06T06:00");
        assert_eq!(
            (scheduled.repeat.as_deref(), scheduled.active),
            (Some("+1d"), true)
        );
        let deadline = entry.deadline.as_ref().unwrap();
        assert_eq!(
            (deadline.at.as_str(), deadline.active),
            ("2026-06-07", false)
        );
        assert_eq!(entry.props["HEADER-ARGS"], ":dir a :eval no");
        assert_eq!(entry.props["EMPTY"], "");
        assert_eq!(entry.id, None);
    }
}
