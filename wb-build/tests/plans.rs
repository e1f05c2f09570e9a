//! Plans as golden text: each folder of `tests/plans` is a source tree in `src`,
//! a language in `lang` and the plan it gives in `plan.txt`; what is no command has
//! a `manifest.org` as well, and its `wit`. `BLESS=1` rewrites.
//!
//! The lock is one of the test's own, so that plans show what lanes do and not
//! which compiler is current.

#![expect(clippy::disallowed_methods, reason = "the test reads its fixtures")]

use std::path::Path;
use std::{env, fs};

use wb_build::lane::{self, Contract, Options};
use wb_build::toolchain::Lock;
use wb_manifest::Tree;

#[test]
fn plans_are_as_their_golden_text_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let lock = fs::read_to_string(root.join("lock.toml")).expect("the lock is there");
    let lock = Lock::parse(&lock).expect("the lock reads");
    let mut cases = 0;
    for entry in fs::read_dir(&root).expect("the folder is there") {
        let dir = entry.expect("an entry").path();
        if !dir.is_dir() {
            continue;
        }
        cases += 1;
        let text = fs::read_to_string(dir.join("lang")).expect("every case names its language");
        let mut words = text.split_whitespace();
        let lang = words
            .next()
            .unwrap_or_default()
            .parse()
            .expect("a language");
        let mut toolkit = Tree::new();
        collect(&dir, "", &mut toolkit);
        let manifest = toolkit
            .get("manifest.org")
            .map(|text| wb_manifest::read(text));
        let contract = manifest.map_or(Contract::Command, |reading| {
            Contract::declared(reading.manifest(), &toolkit)
        });
        let options = Options {
            contract,
            check_types: words.next() == Some("check-types"),
        };
        let tree = toolkit.under(&"src".parse().expect("a folder"));
        let plan = match lane::plan(lang, tree, &options, &lock) {
            Ok(plan) => plan.render(),
            Err(error) => format!("{error}\n"),
        };
        let golden = dir.join("plan.txt");
        if env::var("BLESS").is_ok() {
            fs::write(&golden, &plan).expect("the golden text is written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(plan, expected, "{}", dir.display());
    }
    assert!(cases >= 15, "only {cases} cases were found");
}

fn collect(dir: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(dir).expect("the folder is there") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a UTF-8 name");
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), tree);
        } else {
            let bytes = fs::read(entry.path()).expect("a file");
            tree.insert(path.parse().expect("a relative path"), bytes);
        }
    }
}
