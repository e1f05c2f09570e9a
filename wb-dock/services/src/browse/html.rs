//! What people read on a page, taken from the stream of its tags.
//!
//! The tree that a browser builds is not needed for that, and building it takes quadratic time on
//! pages made for it; the tokenizer alone does not keep what it has read.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;
use wb_dock::cap::{Failure, Link, Page};

use crate::stream::Deadline;

/// Bytes between two looks at the clock. Within a tag with very many attributes the tokenizer
/// takes quadratic time, so they are few.
const STRIDE: usize = 2 << 10;

const MOST_LINKS: usize = 10_000;
const LONGEST_LINK_TEXT: usize = 1 << 10;
const LONGEST_LINK: usize = 8 << 10;
const LONGEST_TITLE: usize = 4 << 10;

/// Reads the title, text and links of `source` into `page`.
pub(super) fn read(source: &str, page: Page, deadline: Deadline) -> Result<Page, Failure> {
    let base = Url::parse(&page.url).ok();
    let reader = Reader(RefCell::new(State {
        page,
        base,
        ..State::default()
    }));
    let tokenizer = Tokenizer::new(reader, TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut rest = source;
    while !rest.is_empty() {
        if deadline.left().is_zero() {
            return Err(Failure::timed_out("the page takes too long to read"));
        }
        let (now, later) = rest.split_at(rest.floor_char_boundary(STRIDE));
        input.push_back(StrTendril::from_slice(now));
        // It stops only for scripts, and none is announced.
        let _ = tokenizer.feed(&input);
        rest = later;
    }
    tokenizer.end();
    Ok(tokenizer.sink.0.into_inner().finish())
}

struct Reader(RefCell<State>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return state.open(&tag),
            Token::TagToken(tag) => state.close(&tag.name),
            Token::CharacterTokens(text) => state.characters(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[derive(Default)]
struct State {
    page: Page,
    base: Option<Url>,
    based: bool,
    /// The element whose content is not text, and how often it is open.
    skipped: Option<(String, usize)>,
    in_title: bool,
    titled: bool,
    /// The link whose text is being read.
    link: Option<Link>,
    /// How often `pre` is open.
    preformatted: usize,
    /// What separates the next word from the text so far.
    gap: Gap,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    Line,
}

impl State {
    fn open(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        if let Some((skipped, depth)) = &mut self.skipped {
            *depth += usize::from(skipped == name && !tag.self_closing);
            return TokenSinkResult::Continue;
        }
        match name {
            "script" => return self.skip(name, Some(RawKind::ScriptData)),
            "style" | "iframe" | "noembed" | "noframes" | "xmp" => {
                return self.skip(name, Some(RawKind::Rawtext));
            }
            "template" | "svg" | "math" if !tag.self_closing => return self.skip(name, None),
            "title" if !self.titled => {
                self.in_title = true;
                return TokenSinkResult::RawData(RawKind::Rcdata);
            }
            "textarea" | "title" => return self.skip(name, Some(RawKind::Rcdata)),
            "plaintext" => return TokenSinkResult::Plaintext,
            "base" if !self.based => {
                if let Some(url) = attribute(tag, "href").and_then(|href| self.resolve(href)) {
                    self.base = Some(url);
                    self.based = true;
                }
            }
            "a" => {
                self.end_link();
                self.link = self.link_of(tag);
            }
            "area" => {
                if let Some(mut link) = self.link_of(tag) {
                    attribute(tag, "alt")
                        .unwrap_or_default()
                        .clone_into(&mut link.text);
                    self.keep(link);
                }
            }
            "pre" => self.preformatted += 1,
            _ => {}
        }
        self.separate(name);
        TokenSinkResult::Continue
    }

    fn close(&mut self, name: &str) {
        if let Some((skipped, depth)) = &mut self.skipped {
            if skipped == name {
                *depth -= 1;
                if *depth == 0 {
                    self.skipped = None;
                }
            }
            return;
        }
        match name {
            "title" if self.in_title => {
                self.in_title = false;
                self.titled = true;
            }
            "a" => self.end_link(),
            "pre" => self.preformatted = self.preformatted.saturating_sub(1),
            _ => {}
        }
        self.separate(name);
    }

    fn characters(&mut self, text: &str) {
        if self.skipped.is_some() {
            return;
        }
        if self.in_title {
            append(&mut self.page.title, text, LONGEST_TITLE);
            return;
        }
        if let Some(link) = &mut self.link {
            append(&mut link.text, text, LONGEST_LINK_TEXT);
        }
        if self.preformatted > 0 {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.gap = Gap::Line;
                }
                let words = line.trim_end_matches(is_blank);
                if !words.is_empty() {
                    self.write(words);
                }
            }
            if text.ends_with(is_blank) {
                self.gap = self.gap.max(Gap::Space);
            }
            return;
        }
        if text.starts_with(is_blank) {
            self.gap = self.gap.max(Gap::Space);
        }
        for (at, word) in text
            .split(is_blank)
            .filter(|word| !word.is_empty())
            .enumerate()
        {
            if at > 0 {
                self.gap = self.gap.max(Gap::Space);
            }
            self.write(word);
        }
        if text.ends_with(is_blank) {
            self.gap = self.gap.max(Gap::Space);
        }
    }

    /// Adds to the text what the gap before `words` asks for, and `words`.
    fn write(&mut self, words: &str) {
        let text = &mut self.page.text;
        match self.gap {
            Gap::Space if !text.is_empty() => text.push(' '),
            Gap::Line if !text.is_empty() => text.push('\n'),
            _ => {}
        }
        self.gap = Gap::None;
        text.push_str(words);
    }

    fn separate(&mut self, name: &str) {
        let gap = match name {
            "td" | "th" | "img" | "input" | "button" => Gap::Space,
            _ if is_block(name) => Gap::Line,
            _ => return,
        };
        self.gap = self.gap.max(gap);
    }

    fn skip(&mut self, name: &str, raw: Option<RawKind>) -> TokenSinkResult<()> {
        self.skipped = Some((name.to_owned(), 1));
        raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }

    fn resolve(&self, reference: &str) -> Option<Url> {
        let reference = reference.trim();
        (reference.len() <= LONGEST_LINK).then_some(())?;
        match &self.base {
            Some(base) => base.join(reference).ok(),
            None => Url::parse(reference).ok(),
        }
    }

    /// Links within the page and to scripts lead nowhere else.
    fn link_of(&self, tag: &Tag) -> Option<Link> {
        let href = attribute(tag, "href")?;
        (self.page.links.len() < MOST_LINKS && !href.trim_start().starts_with('#')).then_some(())?;
        let url = self.resolve(href)?;
        let leads = matches!(url.scheme(), "http" | "https" | "ftp" | "mailto" | "tel");
        leads.then(|| Link {
            text: String::new(),
            url: url.into(),
        })
    }

    fn end_link(&mut self) {
        if let Some(link) = self.link.take() {
            self.keep(link);
        }
    }

    fn keep(&mut self, mut link: Link) {
        link.text = collapsed(&link.text);
        self.page.links.push(link);
    }

    fn finish(mut self) -> Page {
        self.end_link();
        self.page.title = collapsed(&self.page.title);
        self.page
    }
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    let found = tag
        .attrs
        .iter()
        .find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| &*attribute.value)
}

/// Adds so much of `text` that `whole` stays within `most` bytes.
fn append(whole: &mut String, text: &str, most: usize) {
    let room = most.saturating_sub(whole.len());
    whole.push_str(&text[..text.floor_char_boundary(room)]);
}

/// Blanks of HTML; a no-break space is one that authors meant.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace()
}

fn collapsed(text: &str) -> String {
    let words: Vec<&str> = text
        .split(is_blank)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "frameset"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "option"
            | "p"
            | "pre"
            | "search"
            | "section"
            | "select"
            | "summary"
            | "table"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
            | "ul"
    )
}
