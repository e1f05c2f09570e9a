//! Types of worlds as golden text: `tests/types/NAME.wit` gives `NAME.d.ts`, and so does
//! the WIT of the toolkit `invoice` in its sources. `BLESS=1` rewrites.

#![expect(clippy::disallowed_methods, reason = "the test reads its fixtures")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use wb_build::lane::Component;
use wb_manifest::Tree;
use wb_policy::CapSet;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn declarations(world: &str, wit: &Path) -> Result<String, wb_build::Error> {
    let mut tree = Tree::new();
    let text = fs::read(wit).expect("the WIT is there");
    tree.insert("world.wit".parse().expect("a path"), text);
    let component = Component {
        world: world.to_owned(),
        entry: "run".to_owned(),
        wit: tree,
        caps: CapSet::EMPTY,
    };
    component.declarations()
}

#[test]
fn worlds_have_the_types_of_their_golden_text() {
    for (world, wit, golden) in [
        ("kinds", "tests/types/kinds.wit", "tests/types/kinds.d.ts"),
        ("agent", "tests/types/engine.wit", "tests/types/engine.d.ts"),
        (
            "invoice",
            "../fixtures/toolkits/invoice/wit/invoice.wit",
            "../fixtures/toolkits/invoice/src/invoice.d.ts",
        ),
    ] {
        let found = declarations(world, &here(wit)).expect("a world of JavaScript");
        let golden = here(golden);
        if env::var("BLESS").is_ok() {
            fs::write(&golden, &found).expect("the golden text is written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(found == expected, "{}:\n{found}", golden.display());
    }
}

#[test]
fn a_world_that_is_not_there_has_no_types() {
    let error = declarations("kind", &here("tests/types/kinds.wit")).expect_err("a misspelling");
    assert_eq!(error.code(), "build/layout");
    assert!(
        error
            .to_string()
            .contains("no world `kind`, which `#+WIT` names"),
        "{error}"
    );
}
