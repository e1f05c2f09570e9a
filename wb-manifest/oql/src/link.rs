use orgize::rowan::ast::AstNode;
use orgize::{SyntaxKind, SyntaxNode, ast};

use crate::diag::Diagnostic;
use crate::{Document, Span, guard};

/// `[[target][description]]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// All of it, brackets included.
    pub span: Span,
    /// Where it leads.
    pub target: Span,
}

impl Document<'_> {
    /// The links in document order, and what of the text had too much markup to
    /// be searched for any.
    pub fn links(&self) -> (Vec<Link>, Vec<Diagnostic>) {
        let tamed = guard::tame(self);
        let root = SyntaxNode::new_root(tamed.parse().green().clone());
        let links = root
            .descendants()
            .filter_map(ast::Link::cast)
            .filter_map(|link| {
                let path = link
                    .syntax()
                    .children_with_tokens()
                    .find(|child| child.kind() == SyntaxKind::LINK_PATH)?;
                Some(Link {
                    span: span(link.syntax().text_range()),
                    target: span(path.text_range()),
                })
            });
        (links.collect(), tamed.diagnostics)
    }
}

fn span(range: orgize::TextRange) -> Span {
    Span::new(range.start().into(), range.end().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_places_and_blocks_have_no_links() {
        let text = "see [[file:a.org][A]] and [[https://example.org]]\n\
                    #+begin_src sh\n[[ -f x ]]\n#+end_src\n";
        let doc = Document::parse(text.as_bytes());
        let (links, _) = doc.links();
        let targets: Vec<_> = links.iter().map(|link| doc.str(link.target)).collect();
        assert_eq!(targets, ["file:a.org", "https://example.org"]);
        assert_eq!(doc.str(links[0].span), "[[file:a.org][A]]");
    }
}
