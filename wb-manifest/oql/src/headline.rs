use crate::document::trim;
use crate::{Document, Span};

/// The words that are a state in front of a title, as in Org's defaults.
const STATES: [&str; 2] = ["TODO", "DONE"];

/// A headline and what belongs to it.
#[derive(Clone, Debug)]
pub struct Headline {
    /// How many stars it has, from 1.
    pub level: u32,
    /// Its line without the line break.
    pub line: Span,
    /// The title without state, priority and tags.
    pub title: Span,
    /// `TODO` or `DONE`.
    pub state: Option<Span>,
    /// The character in `[#A]`.
    pub priority: Option<char>,
    /// The tags without their colons.
    pub tags: Vec<Span>,
    /// The line of `SCHEDULED:`, `DEADLINE:` and `CLOSED:`.
    pub planning: Option<Span>,
    /// Its properties.
    pub drawer: Option<PropertyDrawer>,
    /// From behind its line to the next headline of any level.
    pub section: Span,
    /// From its line to the next headline of its level or a higher one.
    pub subtree: Span,
    /// Index of the headline it stands under.
    pub parent: Option<usize>,
}

impl Headline {
    /// Whether it carries `tag` itself.
    pub fn has_tag(&self, doc: &Document<'_>, tag: &str) -> bool {
        self.tags.iter().any(|&found| doc.str(found) == tag)
    }

    /// The property `key`, in any case.
    pub fn property<'d>(&'d self, doc: &Document<'_>, key: &str) -> Option<&'d Property> {
        self.drawer.as_ref()?.get(doc, key)
    }

    /// Reads the line at `line`, which has `level` stars and a space.
    pub(crate) fn read(text: &str, line: Span, level: usize) -> Self {
        let Span { start, end } = trim(text, line.start as usize + level, line.end as usize);
        let (mut start, mut end) = (start as usize, end as usize);
        let word = |start: usize| {
            let rest = &text[start..end];
            rest.find(|c: char| c.is_ascii_whitespace())
                .map_or(rest, |at| &rest[..at])
        };
        let state = STATES
            .contains(&word(start))
            .then(|| Span::of(start..start + 4));
        if let Some(state) = state {
            start = trim(text, state.end as usize, end).start as usize;
        }
        let priority = priority(&text[start..end]);
        if let Some(letter) = priority {
            start = trim(text, start + "[#]".len() + letter.len_utf8(), end).start as usize;
        }
        let mut tags = Vec::new();
        if let Some(at) = tags_start(&text[start..end]) {
            let mut from = start + at + 1;
            for tag in text[from..end].split_terminator(':') {
                if !tag.is_empty() {
                    tags.push(Span::of(from..from + tag.len()));
                }
                from += tag.len() + 1;
            }
            end = start + at;
        }
        Self {
            level: level as u32,
            line,
            title: trim(text, start, end),
            state,
            priority,
            tags,
            planning: None,
            drawer: None,
            section: Span::empty(line.end),
            subtree: line,
            parent: None,
        }
    }
}

fn priority(rest: &str) -> Option<char> {
    let mut inner = rest.strip_prefix("[#")?.chars();
    let letter = inner.next()?;
    inner.as_str().starts_with(']').then_some(letter)
}

/// Where the tags start: the last word, when it is like `:a:b:`.
fn tags_start(rest: &str) -> Option<usize> {
    let at = rest
        .rfind(|c: char| c.is_ascii_whitespace())
        .map_or(0, |blank| blank + 1);
    let tags = &rest[at..];
    let inner = tags.strip_prefix(':')?.strip_suffix(':')?;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '%' | ':');
    (inner.chars().all(allowed) && inner.chars().any(|c| c != ':')).then_some(at)
}

/// A `:PROPERTIES:` drawer.
#[derive(Clone, Debug)]
pub struct PropertyDrawer {
    /// From the line `:PROPERTIES:` to the line `:END:`, without its break.
    pub span: Span,
    /// The properties in document order.
    pub properties: Vec<Property>,
}

impl PropertyDrawer {
    /// The first property `key`, in any case.
    pub fn get(&self, doc: &Document<'_>, key: &str) -> Option<&Property> {
        self.properties
            .iter()
            .find(|found| doc.str(found.key).eq_ignore_ascii_case(key))
    }
}

/// `:KEY: value` in a property drawer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// The key as written, without its `+`.
    pub key: Span,
    /// Whether it is `:KEY+:`, which adds to a value given before.
    pub appends: bool,
    /// The value without blanks around it; empty when there is none.
    pub value: Span,
    /// The whole line without its line break.
    pub line: Span,
}

impl Property {
    /// Reads one line of a drawer.
    pub(crate) fn read(text: &str, line: Span) -> Option<Self> {
        let trimmed = trim(text, line.start as usize, line.end as usize);
        let rest = text[trimmed.range()].strip_prefix(':')?;
        let word = rest
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        // The value may not touch the colon, so the key is the whole word.
        let key = rest[..word]
            .strip_suffix(':')
            .filter(|key| !key.is_empty())?;
        let name = key.strip_suffix('+').filter(|name| !name.is_empty());
        let start = trimmed.start as usize + 1;
        Some(Self {
            key: Span::of(start..start + name.unwrap_or(key).len()),
            appends: name.is_some(),
            value: trim(text, start + word, trimmed.end as usize),
            line,
        })
    }
}
