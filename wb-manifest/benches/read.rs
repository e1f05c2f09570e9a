//! How fast manifests are read, beside its bare twin: `orgize` parsing the same
//! text and nothing else.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const HEAD: &str = "\
#+TITLE: Slug
#+TOOLKIT: slug
#+VERSION: 1.4.2
#+STATUS: stable
#+TAGLINE: Turn titles in any script into names for files and addresses.
#+EXEC: command
#+TRUST: first-party
#+CAPS: vfs commands
#+CLI_BIN: slug
#+CLI_VERSION_RANGE: >=1.0 <2
#+REQUIRES: git node>=20
#+BUILD_LANG: js
#+BUILD_SRC: path:src
#+ARG_MODE: argv

* slug :toolkit:
  :PROPERTIES:
  :ID:        slug
  :CLI_BIN:   slug
  :STATUS:    stable
  :SKILL_DIR: skills/
  :END:

";

const BODY: &str = "
Takes lines on standard input and prints one name a line. Letters are folded to
their base form, *marks* are dropped, and runs of anything else become a single
=-=. See [[https://www.unicode.org/reports/tr15/][UAX 15]] for what folding means
and [[file:skills/overview.org][the overview]] for where to start.

- =--max N= cuts at the last whole word before N characters
- =--keep-case= leaves capitals as they are
- =--separator S= joins words by S in place of =-=

#+NAME: rename
#+CAPTION: Name every line of a list
#+begin_src bash :role task
slug --max 40 -- titles.txt | upper
#+end_src
";

const INDEX: &str = "
| Skill     | Use when                                   |
|-----------+--------------------------------------------|
| overview  | you have not used it before                |
| *Names*   |                                            |
| files     | names must be safe on every file system    |
| addresses | names go into addresses people will read   |
";

fn read(criterion: &mut Criterion) {
    let usual = format!("{HEAD}{BODY}{INDEX}");
    let long = format!("{HEAD}{}{INDEX}", BODY.repeat(64));
    for (name, text) in [("usual", &usual), ("long", &long)] {
        let mut group = criterion.benchmark_group(format!("manifest/{name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("read", |bencher| {
            bencher.iter(|| wb_manifest::read(black_box(text.as_bytes())));
        });
        group.bench_function("structure", |bencher| {
            bencher.iter(|| {
                wb_oql::Document::parse(black_box(text.as_bytes()))
                    .headlines()
                    .len()
            });
        });
        group.bench_function("orgize", |bencher| {
            bencher.iter(|| orgize::Org::parse(black_box(text)));
        });
        group.finish();
    }
}

criterion_group!(benches, read);
criterion_main!(benches);
