//! The structure read from lines is the one that `orgize` reads, wherever that
//! follows Org.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use orgize::ast;
use orgize::rowan::ast::AstNode;
use orgize::{Org, SyntaxKind, SyntaxNode};
use proptest::prelude::*;
use wb_oql::{Document, guard};

/// Lines whose meaning depends on those around them.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,5}( [a-z]{1,5}){0,2}",
        2 => Just(String::new()),
        3 => "\\*{1,4} [A-Z][a-z]{1,4}( :[a-z]{1,3}:([a-z]{1,3}:)?)?",
        1 => "\\*{1,2} (TODO|DONE|NEXT) (\\[#[AB]\\] )?[a-z]{1,4}",
        1 => "\\*bold\\* [a-z]{1,4}",
        3 => "[ ]{0,2}#\\+[A-Z_]{1,6}: [a-z]{0,4}",
        1 => "#\\+begin_src( [a-z]{1,3}( :role [a-z]{1,4})?)?",
        2 => Just("#+end_src".to_owned()),
        1 => "#\\+BEGIN_(QUOTE|EXAMPLE)",
        1 => "#\\+END_(QUOTE|EXAMPLE)",
        1 => Just("#+begin_note".to_owned()),
        1 => Just("#+end_note".to_owned()),
        1 => "\\| [a-z]{1,3} \\| [a-z]{0,3} \\|",
        1 => Just("|---+---|".to_owned()),
        1 => Just(":PROPERTIES:".to_owned()),
        1 => ":[A-Z]{1,3}: [a-z]{1,4}",
        1 => Just(":END:".to_owned()),
        1 => Just(":LOGBOOK:".to_owned()),
    ]
}

fn document() -> impl Strategy<Value = String> {
    proptest::collection::vec(line(), 0..30)
        .prop_map(|lines| lines.into_iter().map(|line| line + "\n").collect())
}

type Range = (u32, u32);

fn range(node: &SyntaxNode) -> Range {
    (
        node.text_range().start().into(),
        node.text_range().end().into(),
    )
}

/// Level, title, state and tags, and where the subtree is.
type Heading = (usize, String, Option<String>, Vec<String>, Range);

fn headlines_of(root: &SyntaxNode) -> Vec<Heading> {
    root.descendants()
        .filter_map(ast::Headline::cast)
        .map(|headline| {
            (
                headline.level(),
                headline.title_raw().trim().to_owned(),
                headline.todo_keyword().map(|state| state.to_string()),
                headline.tags().map(|tag| tag.to_string()).collect(),
                range(headline.syntax()),
            )
        })
        .collect()
}

/// Where the contents of each block are.
fn blocks_of(root: &SyntaxNode) -> Vec<(String, Range)> {
    root.descendants()
        .filter(|node| {
            matches!(
                node.kind(),
                SyntaxKind::SOURCE_BLOCK
                    | SyntaxKind::EXAMPLE_BLOCK
                    | SyntaxKind::QUOTE_BLOCK
                    | SyntaxKind::SPECIAL_BLOCK
            )
        })
        .map(|block| {
            let child = |kind| block.children().find(|node| node.kind() == kind).unwrap();
            let begin = child(SyntaxKind::BLOCK_BEGIN);
            let name = begin.to_string().trim().to_ascii_lowercase();
            let name = name["#+begin_".len()..]
                .split(' ')
                .next()
                .unwrap()
                .to_owned();
            (
                name,
                (range(&begin).1, range(&child(SyntaxKind::BLOCK_END)).0),
            )
        })
        .collect()
}

/// Keys and values of keywords that are in no block and no drawer.
fn keywords_of(root: &SyntaxNode) -> Vec<(String, String)> {
    root.descendants()
        .filter_map(ast::Keyword::cast)
        .filter(|keyword| {
            keyword.syntax().ancestors().skip(1).all(|node| {
                matches!(
                    node.kind(),
                    SyntaxKind::SECTION | SyntaxKind::HEADLINE | SyntaxKind::DOCUMENT
                )
            })
        })
        .map(|keyword| (keyword.key().to_string(), keyword.value().trim().to_owned()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn structure_is_that_of_orgize(text in document()) {
        let doc = Document::parse(text.as_bytes());
        // A drawer of properties stays one here when a line of it is none.
        prop_assume!(doc.diagnostics().iter().all(|found| found.code != "org/not-a-property"));
        let root = SyntaxNode::new_root(Org::parse(&text).green().clone());

        let headlines: Vec<_> = doc.headlines().iter().map(|headline| (
            headline.level as usize,
            doc.str(headline.title).to_owned(),
            headline.state.map(|state| doc.str(state).to_owned()),
            headline.tags.iter().map(|&tag| doc.str(tag).to_owned()).collect(),
            (headline.subtree.start, headline.subtree.end),
        )).collect();
        prop_assert_eq!(headlines, headlines_of(&root));

        let mut blocks: Vec<_> = doc.blocks().iter().map(|block| {
            (doc.str(block.name).to_ascii_lowercase(), (block.content.start, block.content.end))
        }).collect();
        let mut expected = blocks_of(&root);
        // orgize counts blank lines at the start of a block to its begin.
        for (_, content) in blocks.iter_mut().chain(&mut expected) {
            let inner = &text[content.0 as usize..content.1 as usize];
            content.0 += (inner.len() - inner.trim_start_matches('\n').len()) as u32;
        }
        prop_assert_eq!(blocks, expected);

        let keywords: Vec<_> = doc.keywords().iter().map(|keyword| {
            (doc.str(keyword.key).to_owned(), doc.str(keyword.value).to_owned())
        }).collect();
        prop_assert_eq!(keywords, keywords_of(&root));
    }

    #[test]
    fn the_guard_leaves_well_meant_text_alone(text in document()) {
        let doc = Document::parse(text.as_bytes());
        prop_assume!(doc.diagnostics().iter().all(|found| found.code != "org/not-a-property"));
        let tamed = guard::tame(&doc);
        prop_assert_eq!(&tamed.diagnostics, &[]);
        let root = SyntaxNode::new_root(Org::parse(&text).green().clone());
        let tame = SyntaxNode::new_root(Org::parse(&tamed.text).green().clone());
        prop_assert_eq!(headlines_of(&tame), headlines_of(&root));
        // Empty quotes and the like are taken from orgize, which asserts on them.
        let filled = |(name, range): &(String, Range)| {
            let content = text[range.0 as usize..range.1 as usize].trim();
            !content.is_empty() || matches!(name.as_str(), "src" | "example")
        };
        let kept: Vec<_> = blocks_of(&root).into_iter().filter(filled).collect();
        prop_assert_eq!(blocks_of(&tame), kept);
        prop_assert_eq!(keywords_of(&tame), keywords_of(&root));
    }

    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>) {
        let doc = Document::parse(&bytes);
        prop_assert_eq!(doc.text().len(), bytes.len());
        let (links, _) = doc.links();
        prop_assert!(links.iter().all(|link| doc.span().contains(link.span)));
        let _ = wb_oql::parse_headlines(&doc);
    }

    #[test]
    fn every_span_lies_inside_of_what_holds_it(text in document()) {
        let doc = Document::parse(text.as_bytes());
        let mut at = doc.preamble().end;
        for headline in doc.headlines() {
            prop_assert_eq!(headline.line.start, at);
            at = headline.section.end;
            prop_assert!(headline.subtree.contains(headline.section));
            prop_assert!(headline.line.contains(headline.title));
            if let Some(parent) = headline.parent {
                let parent = &doc.headlines()[parent];
                prop_assert!(parent.level < headline.level);
                prop_assert!(parent.subtree.contains(headline.subtree));
            }
        }
        prop_assert_eq!(at as usize, text.len());
        for block in doc.blocks() {
            prop_assert!(block.span.contains(block.content));
        }
    }
}
