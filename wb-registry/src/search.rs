//! Finding the recipe for a need.

use std::collections::BTreeMap;
use std::fmt;

use wb_manifest::Tree;

/// A line that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The file, from the toolkits' root.
    pub path: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The line's text without blanks around it.
    pub text: String,
    /// How well the file fits the query, from 0 (Okapi BM25 with k1 = 1.2 and b = 0.75); files
    /// with more come first.
    pub score: f64,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Searches manifests and skills of toolkits, given with their directories.
///
/// Every line that holds the query, in any case, is a hit; files are ordered by
/// how well they fit. When no line holds the query as it is, the files that
/// hold its words are found, each with its best line.
///
/// # Examples
///
/// ```
/// use wb_manifest::Tree;
/// use wb_registry::search;
///
/// let mut tree = Tree::new();
/// tree.insert("skills/overview.org".parse()?, "* When to use this\nMakes slugs of titles.\n");
/// let hits = search([("slug", &tree)], "SLUGS");
/// assert_eq!(hits[0].to_string(), "slug/skills/overview.org:2: Makes slugs of titles.");
/// # Ok::<(), wb_manifest::InvalidPath>(())
/// ```
pub fn search<'t>(
    toolkits: impl IntoIterator<Item = (&'t str, &'t Tree)>,
    query: &str,
) -> Vec<Hit> {
    let query = query.trim().to_lowercase();
    if query.is_empty() {
        return Vec::new();
    }
    let mut terms: Vec<&str> = words(&query).collect();
    terms.sort_unstable();
    terms.dedup();

    let pages: Vec<Page<'_>> = toolkits
        .into_iter()
        .flat_map(|(dir, tree)| {
            let documents = tree
                .iter()
                .filter(|(path, _)| path.extension() == Some("org"));
            documents.map(move |(path, contents)| (format!("{dir}/{path}"), contents))
        })
        .map(|(path, contents)| Page::read(path, contents, &terms))
        .collect();
    let scores = Bm25::of(&pages, terms.len());

    let mut found: Vec<(f64, &Page<'_>, Vec<usize>)> = pages
        .iter()
        .map(|page| (scores.score(page), page, page.lines_with(&query)))
        .filter(|(_, _, lines)| !lines.is_empty())
        .collect();
    if found.is_empty() {
        found = pages
            .iter()
            .map(|page| (scores.score(page), page, page.best_line(&terms)))
            .filter(|(score, _, lines)| *score > 0.0 && !lines.is_empty())
            .collect();
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
    found
        .into_iter()
        .flat_map(|(score, page, lines)| {
            lines.into_iter().map(move |line| Hit {
                path: page.path.clone(),
                line: line as u32 + 1,
                text: page
                    .text
                    .lines()
                    .nth(line)
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
                score,
            })
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// A file as the search sees it.
struct Page<'t> {
    path: String,
    text: std::borrow::Cow<'t, str>,
    lower: String,
    /// How many words it has.
    length: usize,
    /// How often each term of the query occurs.
    counts: Vec<usize>,
}

impl<'t> Page<'t> {
    fn read(path: String, contents: &'t [u8], terms: &[&str]) -> Self {
        let text = String::from_utf8_lossy(contents);
        let lower = text.to_lowercase();
        let mut occurrences = BTreeMap::new();
        let mut length = 0;
        for word in words(&lower) {
            length += 1;
            if terms.binary_search(&word).is_ok() {
                *occurrences.entry(word).or_insert(0) += 1;
            }
        }
        let counts = terms
            .iter()
            .map(|term| occurrences.get(term).copied().unwrap_or(0))
            .collect();
        Self {
            path,
            text,
            lower,
            length,
            counts,
        }
    }

    fn lines_with(&self, query: &str) -> Vec<usize> {
        if !self.lower.contains(query) {
            return Vec::new();
        }
        self.lower
            .lines()
            .enumerate()
            .filter_map(|(i, line)| line.contains(query).then_some(i))
            .collect()
    }

    /// The line with the most terms, and the first of several.
    fn best_line(&self, terms: &[&str]) -> Vec<usize> {
        let distinct = |line: &str| {
            terms
                .iter()
                .filter(|term| words(line).any(|word| word == **term))
                .count()
        };
        self.lower
            .lines()
            .enumerate()
            .map(|(i, line)| (distinct(line), i))
            .filter(|(count, _)| *count > 0)
            .max_by_key(|(count, i)| (*count, std::cmp::Reverse(*i)))
            .map(|(_, i)| i)
            .into_iter()
            .collect()
    }
}

/// Robertson and Walker's ranking function, with the customary constants.
struct Bm25 {
    mean_length: f64,
    /// How telling each term is.
    weights: Vec<f64>,
}

impl Bm25 {
    /// How soon further occurrences stop to count.
    const K1: f64 = 1.2;
    /// How much a long file is held against it.
    const B: f64 = 0.75;

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of words are far below 2^52"
    )]
    fn of(pages: &[Page<'_>], terms: usize) -> Self {
        let all = pages.len().max(1) as f64;
        let words: usize = pages.iter().map(|page| page.length).sum();
        let weights = (0..terms)
            .map(|term| {
                let with = pages.iter().filter(|page| page.counts[term] > 0).count() as f64;
                (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
            })
            .collect();
        Self {
            mean_length: (words as f64 / all).max(1.0),
            weights,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of words are far below 2^52"
    )]
    fn score(&self, page: &Page<'_>) -> f64 {
        let length = page.length as f64 / self.mean_length;
        let norm = Self::K1 * (1.0 - Self::B + Self::B * length);
        self.weights
            .iter()
            .zip(&page.counts)
            .map(|(weight, count)| {
                let count = *count as f64;
                weight * count * (Self::K1 + 1.0) / (count + norm)
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(path, text)| (path.parse().unwrap(), Bytes::from((*text).to_owned())))
            .collect()
    }

    fn found(tree: &Tree, query: &str) -> Vec<String> {
        search([("kit", tree)], query)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn every_line_with_the_query_is_a_hit_and_the_best_file_comes_first() {
        let tree = tree(&[
            (
                "manifest.org",
                "#+TAGLINE: Resizes pictures, crops pictures.\n",
            ),
            (
                "skills/a.org",
                "one word about Pictures among a great many other words here\nmore\n",
            ),
            ("skills/b.txt", "pictures\n"),
            ("src/main.c", "pictures\n"),
        ]);
        assert_eq!(
            found(&tree, " pictures "),
            [
                "kit/manifest.org:1: #+TAGLINE: Resizes pictures, crops pictures.",
                "kit/skills/a.org:1: one word about Pictures among a great many other words here",
            ]
        );
        assert!(found(&tree, "").is_empty() && found(&tree, "videos").is_empty());
    }

    #[test]
    fn words_apart_are_found_when_the_phrase_is_not() {
        let tree = tree(&[
            ("skills/a.org", "nothing\nresize a picture\n"),
            ("skills/b.org", "resize a window\n"),
        ]);
        let hits = found(&tree, "picture resize");
        assert_eq!(hits[0], "kit/skills/a.org:2: resize a picture");
        assert_eq!(hits.len(), 2);
    }

    proptest! {
        #[test]
        fn any_query_and_any_bytes_do(query in "\\PC{0,12}", bytes: Vec<u8>) {
            let tree: Tree = [("a.org".parse().unwrap(), Bytes::from(bytes))].into_iter().collect();
            for hit in search([("kit", &tree)], &query) {
                prop_assert!(hit.line >= 1);
            }
        }
    }
}
