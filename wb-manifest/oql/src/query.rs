use std::fmt;
use std::str::FromStr;

use crate::{Document, Headline};

/// A question about headlines, such as `(and (tags :toolkit:) (not (todo DONE)))`.
///
/// - `(tags :a:b:)`: carries every one of the tags
/// - `(property :KEY:)`, `(property :KEY: "value")`: has the property, or has it
///   with that value; the key in any case
/// - `(todo)`, `(todo DONE)`: has a state, or that one
/// - `(and …)`, `(or …)`, `(not …)`
///
/// # Examples
///
/// ```
/// let doc = wb_oql::Document::parse(b"* Notes\n* rev :toolkit:\n");
/// let query: wb_oql::Query = "(tags :toolkit:)".parse()?;
/// let found: Vec<_> = query.select(&doc).map(|headline| doc.str(headline.title)).collect();
/// assert_eq!(found, ["rev"]);
/// # Ok::<(), wb_oql::InvalidQuery>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Carries every one of the tags.
    Tags(Vec<String>),
    /// Has the property, with the value if one is given.
    Property(String, Option<String>),
    /// Has a state, the given one if one is given.
    Todo(Option<String>),
    /// All of them hold.
    And(Vec<Query>),
    /// One of them holds.
    Or(Vec<Query>),
    /// It does not hold.
    Not(Box<Query>),
}

/// Deepest nesting of a query.
const MAX_DEPTH: usize = 32;

impl Query {
    /// Whether `headline` is an answer.
    pub fn matches(&self, doc: &Document<'_>, headline: &Headline) -> bool {
        match self {
            Self::Tags(tags) => tags.iter().all(|tag| headline.has_tag(doc, tag)),
            Self::Property(key, value) => headline.property(doc, key).is_some_and(|property| {
                value
                    .as_ref()
                    .is_none_or(|value| doc.str(property.value) == value)
            }),
            Self::Todo(state) => headline
                .state
                .is_some_and(|found| state.as_ref().is_none_or(|state| doc.str(found) == state)),
            Self::And(all) => all.iter().all(|query| query.matches(doc, headline)),
            Self::Or(any) => any.iter().any(|query| query.matches(doc, headline)),
            Self::Not(query) => !query.matches(doc, headline),
        }
    }

    /// The headlines that are answers, in document order.
    pub fn select<'d>(&'d self, doc: &'d Document<'_>) -> impl Iterator<Item = &'d Headline> {
        doc.headlines()
            .iter()
            .filter(move |headline| self.matches(doc, headline))
    }
}

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidQuery {
    /// Something else than what must come here.
    #[error("`{found}` at byte {at}, expected {expected}")]
    Unexpected {
        /// What was found; empty at the end.
        found: String,
        /// Where, as a byte offset.
        at: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// Nested deeper than 32 levels.
    #[error("a query nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl FromStr for Query {
    type Err = InvalidQuery;

    fn from_str(text: &str) -> Result<Self, InvalidQuery> {
        let mut parser = Parser { text, at: 0 };
        let query = parser.query(0)?;
        match parser.next() {
            Token::End => Ok(query),
            other => Err(parser.unexpected(&other, "the end")),
        }
    }
}

/// The text that reads as the same query.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, name: &str, parts: &[Query]| {
            write!(f, "({name}")?;
            parts.iter().try_for_each(|part| write!(f, " {part}"))?;
            f.write_str(")")
        };
        match self {
            Self::Tags(tags) => write!(f, "(tags :{}:)", tags.join(":")),
            Self::Property(key, None) => write!(f, "(property :{key}:)"),
            Self::Property(key, Some(value)) => {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "(property :{key}: \"{value}\")")
            }
            Self::Todo(None) => f.write_str("(todo)"),
            Self::Todo(Some(state)) => write!(f, "(todo {state})"),
            Self::And(parts) => list(f, "and", parts),
            Self::Or(parts) => list(f, "or", parts),
            Self::Not(query) => write!(f, "(not {query})"),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

enum Token<'a> {
    Open,
    Close,
    Word(&'a str),
    Text(String),
    End,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Token<'a> {
        let rest = self.text[self.at..].trim_ascii_start();
        self.at = self.text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            return Token::End;
        };
        match first {
            '(' | ')' => {
                self.at += 1;
                if first == '(' {
                    Token::Open
                } else {
                    Token::Close
                }
            }
            '"' => self.text(),
            _ => {
                let end = rest.find(|c: char| c.is_ascii_whitespace() || "()\"".contains(c));
                let word = &rest[..end.unwrap_or(rest.len())];
                self.at += word.len();
                Token::Word(word)
            }
        }
    }

    fn text(&mut self) -> Token<'a> {
        let mut value = String::new();
        let mut escaped = false;
        let rest = &self.text[self.at + 1..];
        for (offset, c) in rest.char_indices() {
            match c {
                '"' if !escaped => {
                    self.at += 1 + offset + 1;
                    return Token::Text(value);
                }
                '\\' if !escaped => escaped = true,
                _ => {
                    escaped = false;
                    value.push(c);
                }
            }
        }
        // An open quote is no text; the word shows what was meant to be one.
        self.at = self.text.len();
        Token::Word(rest)
    }

    fn unexpected(&self, found: &Token<'_>, expected: &'static str) -> InvalidQuery {
        let found = match found {
            Token::Open => "(".to_owned(),
            Token::Close => ")".to_owned(),
            Token::Word(word) => word.chars().take(40).collect(),
            Token::Text(text) => text.chars().take(40).collect(),
            Token::End => String::new(),
        };
        InvalidQuery::Unexpected {
            at: self.at.saturating_sub(found.len()),
            found,
            expected,
        }
    }

    fn query(&mut self, depth: usize) -> Result<Query, InvalidQuery> {
        match self.next() {
            Token::Open => self.form(depth),
            other => Err(self.unexpected(&other, "`(`")),
        }
    }

    fn form(&mut self, depth: usize) -> Result<Query, InvalidQuery> {
        const FORMS: &str = "`tags`, `property`, `todo`, `and`, `or` or `not`";
        if depth >= MAX_DEPTH {
            return Err(InvalidQuery::TooDeep);
        }
        match self.next() {
            Token::Word("tags") => self.tags(),
            Token::Word("property") => {
                let key = match self.next() {
                    Token::Word(word) => word.trim_matches(':').to_owned(),
                    other => return Err(self.unexpected(&other, "a property such as `:ID:`")),
                };
                let value = self.value()?;
                Ok(Query::Property(key, value))
            }
            Token::Word("todo") => self.value().map(Query::Todo),
            Token::Word("and") => self.parts(depth).map(Query::And),
            Token::Word("or") => self.parts(depth).map(Query::Or),
            Token::Word("not") => {
                let query = self.query(depth + 1)?;
                self.close()?;
                Ok(Query::Not(Box::new(query)))
            }
            other => Err(self.unexpected(&other, FORMS)),
        }
    }

    fn tags(&mut self) -> Result<Query, InvalidQuery> {
        let mut tags: Vec<String> = Vec::new();
        loop {
            match self.next() {
                Token::Word(word) => {
                    let words = word.split(':').filter(|tag| !tag.is_empty());
                    tags.extend(words.map(str::to_owned));
                }
                Token::Close if !tags.is_empty() => return Ok(Query::Tags(tags)),
                other => return Err(self.unexpected(&other, "tags such as `:toolkit:`")),
            }
        }
    }

    /// At most one value and the `)`.
    fn value(&mut self) -> Result<Option<String>, InvalidQuery> {
        let value = match self.next() {
            Token::Close => return Ok(None),
            Token::Word(word) => word.to_owned(),
            Token::Text(text) => text,
            other => return Err(self.unexpected(&other, "a value or `)`")),
        };
        self.close()?;
        Ok(Some(value))
    }

    fn parts(&mut self, depth: usize) -> Result<Vec<Query>, InvalidQuery> {
        let mut parts = Vec::new();
        loop {
            match self.next() {
                Token::Open => parts.push(self.form(depth + 1)?),
                Token::Close => return Ok(parts),
                other => return Err(self.unexpected(&other, "`(` or `)`")),
            }
        }
    }

    fn close(&mut self) -> Result<(), InvalidQuery> {
        match self.next() {
            Token::Close => Ok(()),
            other => Err(self.unexpected(&other, "`)`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "* TODO A :x:y:\n:PROPERTIES:\n:ID: wb\n:END:\n* DONE B :x:\n* C\n";

    fn select(query: &str) -> String {
        let doc = Document::parse(TEXT.as_bytes());
        let query: Query = query.parse().unwrap();
        query
            .select(&doc)
            .map(|headline| doc.str(headline.title))
            .collect()
    }

    #[test]
    fn forms_select_headlines() {
        assert_eq!(select("(tags :x:)"), "AB");
        assert_eq!(select("(tags :x:y:)"), "A");
        assert_eq!(select("(property :id: \"wb\")"), "A");
        assert_eq!(select("(property :ID:)"), "A");
        assert_eq!(select("(todo)"), "AB");
        assert_eq!(select("(todo DONE)"), "B");
        assert_eq!(select("(and (tags x) (not (todo DONE)))"), "A");
        assert_eq!(select("(or (todo DONE) (property ID wb))"), "AB");
        assert_eq!(select("(and)"), "ABC");
        assert_eq!(select("(or)"), "");
    }

    #[test]
    fn says_what_was_expected() {
        let refused = |text: &str| text.parse::<Query>().unwrap_err().to_string();
        assert_eq!(refused("tags"), "`tags` at byte 0, expected `(`");
        assert!(refused("(tag :x:)").starts_with("`tag` at byte 1, expected `tags`"));
        assert_eq!(refused("(todo) x"), "`x` at byte 7, expected the end");
        assert_eq!(refused("(todo \"x"), "`` at byte 8, expected `)`");
        assert!(refused(&"(not ".repeat(100_000)).contains("deeper than 32"));
    }

    fn queries() -> impl Strategy<Value = Query> {
        let leaf = prop_oneof![
            proptest::collection::vec("[a-z]{1,4}", 1..3).prop_map(Query::Tags),
            ("[A-Z]{1,4}", proptest::option::of("\\PC{0,6}"))
                .prop_map(|(key, value)| Query::Property(key, value)),
            proptest::option::of("[A-Z]{1,4}").prop_map(Query::Todo),
        ];
        leaf.prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Query::And),
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Query::Or),
                inner.prop_map(|query| Query::Not(Box::new(query))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_printed_query_reads_as_itself(query in queries()) {
            prop_assert_eq!(query.to_string().parse(), Ok(query));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[()a-z:\" \\\\]{0,40}") {
            let _ = text.parse::<Query>();
        }
    }
}
