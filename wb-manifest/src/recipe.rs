use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use schemars::JsonSchema;
use serde::Serialize;
use wb_oql::{Block, BlockKind, Document, Span};

use crate::diag::Findings;
use crate::name::TaskName;
use crate::{Spanned, diag};

/// A task of a toolkit: a `:role task` source block.
///
/// The script is kept as text; running it means lowering it to command calls,
/// never handing it to a shell.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Recipe {
    /// What it is called by: `#+NAME`, a `:name` argument, or its headline.
    pub name: Spanned<TaskName>,
    /// `#+CAPTION`: what it does.
    pub caption: Option<Spanned<String>>,
    /// The language of the block.
    pub language: Option<Spanned<String>>,
    /// The contents of the block.
    pub script: Spanned<String>,
}

/// A `:role pre` or `:role post` source block: a check before or after use.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Check {
    /// Before or after.
    pub role: CheckRole,
    /// `#+CAPTION`: what it checks.
    pub caption: Option<Spanned<String>>,
    /// The language of the block.
    pub language: Option<Spanned<String>>,
    /// The `:path` argument: the file a `post` check looks at.
    pub path: Option<Spanned<String>>,
    /// The contents of the block.
    pub script: Spanned<String>,
}

/// When a [`Check`] applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckRole {
    /// Before use.
    Pre,
    /// After use.
    Post,
}

/// The roles a block can have: the first three are read here, the others are
/// turns of a conversation in prompts.
const ROLES: [&str; 6] = ["task", "pre", "post", "user", "system", "assistant"];

/// Reads the blocks with a role among `blocks`.
pub(crate) fn read<'d>(
    doc: &Document<'_>,
    blocks: impl Iterator<Item = &'d Block>,
    findings: &mut Findings,
) -> (Vec<Recipe>, Vec<Check>) {
    let (mut recipes, mut checks) = (Vec::new(), Vec::new());
    let mut named = BTreeMap::new();
    for block in blocks.filter(|block| block.kind == BlockKind::Source) {
        let Some(role) = block.arg(doc, "role") else {
            continue;
        };
        let owned = |span: Span| Spanned::new(doc.str(span).to_owned(), span);
        let caption = block.captions.first().map(|&span| owned(span));
        let language = block.language.map(owned);
        let script = Spanned::new(block.unescaped(doc).into_owned(), block.content);
        match doc.str(role.value) {
            "task" => {
                let Some(name) = name(doc, block, findings) else {
                    continue;
                };
                match named.entry(name.value.clone()) {
                    Entry::Occupied(first) => {
                        findings.push(diag::repeated_recipe(name.span, &name, *first.get()));
                    }
                    Entry::Vacant(free) => {
                        free.insert(name.span);
                        recipes.push(Recipe {
                            name,
                            caption,
                            language,
                            script,
                        });
                    }
                }
            }
            role @ ("pre" | "post") => {
                let role = if role == "pre" {
                    CheckRole::Pre
                } else {
                    CheckRole::Post
                };
                let path = block.arg(doc, "path").map(|arg| owned(arg.value));
                checks.push(Check {
                    role,
                    caption,
                    language,
                    path,
                    script,
                });
            }
            known if ROLES.contains(&known) => {}
            found => {
                let span = if found.is_empty() {
                    role.key
                } else {
                    role.value
                };
                findings.push(diag::unknown_role(span, found, &ROLES));
            }
        }
    }
    (recipes, checks)
}

fn name(doc: &Document<'_>, block: &Block, findings: &mut Findings) -> Option<Spanned<TaskName>> {
    let stated = block
        .label
        .or_else(|| block.arg(doc, "name").map(|arg| arg.value));
    let line = Span::new(block.span.start, block.content.start);
    if let Some(span) = stated.filter(|span| !span.is_empty()) {
        return match doc.str(span).parse() {
            Ok(name) => Some(Spanned::new(name, span)),
            Err(fault) => {
                findings.push(diag::bad_name(span, &fault));
                None
            }
        };
    }
    // A headline that is a single word names the task it holds.
    let title = block.headline.map(|index| doc.headlines()[index].title);
    let name = title.and_then(|span| Some(Spanned::new(doc.str(span).parse().ok()?, span)));
    if name.is_none() {
        findings.push(diag::unnamed_recipe(line));
    }
    name
}
