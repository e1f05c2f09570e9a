//! The verify report of every fixture toolkit, held against a golden text.
//!
//! A case is a directory of `fixtures/toolkits` or `fixtures/broken-toolkits`;
//! its report is `fixtures/reports/<name>.txt`. A file `fixtures/artifacts/<name>.wat`
//! (or `.txt`, bytes as they are) is registered as the command of that name.
//! `BLESS=1 cargo test -p wb-registry` writes the reports anew.
#![expect(
    clippy::disallowed_methods,
    reason = "fixtures lie on disk; the crate itself reads no files"
)]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;

use proptest::prelude::*;
use wb_manifest::{BuildSrc, Digest, Lang, Tree, read};
use wb_policy::Profiles;
use wb_registry::{
    Binding, CommandTable, Facilities, MemoryStore, Promotion, Report, Store as _, Surroundings,
    json, junit, promote, sarif, verify,
};

#[path = "support/fixtures.rs"]
mod fixtures;

use fixtures::{fixtures, golden, registry, toolkits};

/// A nexus with the lanes for C, C++, JavaScript and TypeScript.
struct FourLanes;

impl Facilities for FourLanes {
    fn can_build(&self, source: &BuildSrc, lang: Option<Lang>) -> Result<(), String> {
        match (source, lang) {
            (BuildSrc::Wasm(_) | BuildSrc::Archive(_), _)
            | (BuildSrc::Path(_), Some(Lang::C | Lang::Cpp | Lang::Js | Lang::Ts)) => Ok(()),
            (BuildSrc::Path(_), Some(lang)) => Err(format!("there is no lane for {lang}")),
            _ => Err(format!("`{source}` cannot be built")),
        }
    }

    fn has_native(&self, program: &str) -> bool {
        matches!(program, "git" | "sort")
    }

    fn conforms(&self, _: &[u8], world: &str, _: &Tree) -> Result<(), Vec<String>> {
        match world {
            "engine" => Ok(()),
            other => Err(vec![format!("world `{other}`: no export `walk`")]),
        }
    }
}

fn check(folder: &str) -> Vec<Report> {
    let (table, store) = registry();
    let around = Surroundings {
        table: &table,
        artifacts: &store,
        profiles: &Profiles::built_in(),
        facilities: &FourLanes,
    };
    let toolkits = toolkits(folder);
    toolkits
        .iter()
        .map(|(dir, tree)| verify(dir, tree, &around))
        .collect()
}

#[test]
fn whole_toolkits_pass_without_a_word_of_warning() {
    for report in check("toolkits") {
        golden(&format!("{}.txt", report.toolkit), &report.to_string());
        // What no built-in profile grants is the deployment's affair.
        let problems = report
            .findings
            .iter()
            .filter(|f| f.outcome > wb_registry::Outcome::Note && f.code != "verify/no-profile");
        let problems: Vec<_> = problems.map(ToString::to_string).collect();
        assert_eq!(problems, [""; 0], "{}", report.toolkit);
    }
}

#[test]
fn broken_toolkits_fail_as_their_report_says() {
    // Real toolkits that fall short are warned about and pass.
    let pass = [
        "as-in-the-wild",
        "native-checks",
        "no-exec",
        "no-table",
        "not-utf8",
        "table-without-needs",
        "thin-skill",
        "ungrantable",
    ];
    for report in check("broken-toolkits") {
        golden(
            &format!("broken/{}.txt", report.toolkit),
            &report.to_string(),
        );
        let expected = pass.contains(&report.toolkit.as_str());
        assert_eq!(report.passed(), expected, "{}:\n{report}", report.toolkit);
    }
}

#[test]
fn every_fault_of_a_check_has_a_toolkit() {
    let told: Vec<_> = check("broken-toolkits")
        .iter()
        .flat_map(|report| report.findings.iter().map(|f| f.code))
        .collect();
    let sources = [
        include_str!("../src/verify.rs"),
        include_str!("../src/verify/caps.rs"),
        include_str!("../src/verify/exec.rs"),
        include_str!("../src/verify/exports.rs"),
        include_str!("../src/verify/imports.rs"),
        include_str!("../src/verify/index.rs"),
        include_str!("../src/verify/links.rs"),
        include_str!("../src/verify/name.rs"),
        include_str!("../src/verify/overview.rs"),
        include_str!("../src/verify/pre.rs"),
        include_str!("../src/verify/source.rs"),
    ];
    let codes = sources.iter().flat_map(|source| {
        source
            .split('"')
            .filter(|text| text.starts_with("verify/") && !text.contains(char::is_whitespace))
    });
    for code in codes {
        assert!(told.contains(&code), "no broken toolkit shows `{code}`");
    }
}

#[test]
fn other_formats_hold_the_same() {
    let reports = check("broken-toolkits");
    let pretty = |value| format!("{value:#}\n");
    golden("all.json", &pretty(json(&reports)));
    golden("all.sarif", &pretty(sarif(&reports, "toolkits")));
    golden("all.junit.xml", &junit(&reports));
}

#[test]
fn a_promoted_command_verifies() {
    for lang in ["c", "js", "ts"] {
        let promoted = promote(Promotion {
            name: "slug",
            lang,
            file: "slug",
            source: Some("text".into()),
            tagline: None,
            root: "toolkits",
        })
        .unwrap();
        let around = Surroundings {
            table: &CommandTable::default(),
            artifacts: &MemoryStore::default(),
            profiles: &Profiles::built_in(),
            facilities: &FourLanes,
        };
        let report = verify("slug", &promoted.tree, &around);
        assert!(report.passed(), "{report}");
        golden(&format!("promoted-{lang}.txt"), &report.to_string());
    }
}

#[test]
fn an_artifact_of_other_sources_is_told() {
    let promoted = promote(Promotion {
        name: "slug",
        lang: "js",
        file: "slug",
        source: Some("text".into()),
        tagline: None,
        root: "toolkits",
    })
    .unwrap();
    let store = MemoryStore::default();
    let wasm = wat::parse_str("(module (func (export \"_start\")))").unwrap();
    let sources = promoted.tree.under(&"src".parse().unwrap()).digest();
    let told = |source: Digest| {
        let record = format!("{{\"source\":\"{source}\"}}");
        let mut table = CommandTable::default();
        let binding = Binding {
            provenance: Some(store.put(record.as_bytes()).unwrap()),
            ..Binding::command("slug".parse().unwrap(), store.put(&wasm).unwrap())
        };
        table.bind(binding, &store).unwrap();
        let around = Surroundings {
            table: &table,
            artifacts: &store,
            profiles: &Profiles::built_in(),
            facilities: &FourLanes,
        };
        verify("slug", &promoted.tree, &around).to_string()
    };
    assert!(!told(sources).contains("! "));
    let stale = told(Digest::of(b"others"));
    assert!(
        stale.contains("! build: `slug` is registered as built from other sources (manifest.org:10:14)\n    help: run `wbx toolkit build slug`"),
        "{stale}"
    );
}

#[test]
fn the_prebuilt_fixture_names_its_artifact() {
    let wat = fs::read_to_string(fixtures("artifacts").join("gain.wat")).unwrap();
    let digest = Digest::of(&wat::parse_str(wat).unwrap());
    let manifest = fs::read(fixtures("toolkits").join("gain/manifest.org")).unwrap();
    let stated = read(&manifest).manifest().sha256;
    assert_eq!(stated.map(|s| s.value), Some(digest));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_have_a_report(
        manifest: Vec<u8>,
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "#+EXEC: command", "#+EXEC: kernel", "#+EXEC: posix", "#+CAPS: vfs frames net",
                "#+CLI_BIN: gain", "#+CLI_BIN: ../..", "#+BUILD_SRC: path:..", "#+BUILD_SRC: path:src",
                "#+BUILD_LANG: c", "#+TRUST: third-party", "* x :toolkit:", ":PROPERTIES:", ":ID: x",
                ":END:", "| Skill | Use when |", "| a | b |", "[[file:../../..]]", "[[file:~/x]]",
                "#+begin_src sh :role pre", "#+end_src", "#+SHA256: zz", "#+TOOLKIT: x",
            ]),
            0..24,
        ),
        skill: Vec<u8>,
    ) {
        let (table, store) = registry();
        let around = Surroundings {
            table: &table,
            artifacts: &store,
            profiles: &Profiles::built_in(),
            facilities: &FourLanes,
        };
        for manifest in [manifest, lines.join("\n").into_bytes()] {
            let mut tree = Tree::new();
            tree.insert("manifest.org".parse().unwrap(), manifest);
            tree.insert("skills/overview.org".parse().unwrap(), skill.clone());
            tree.insert("runtimes/a.org".parse().unwrap(), lines.join("\n"));
            let report = verify("x", &tree, &around);
            prop_assert!(!report.findings.is_empty());
            let reports = [report];
            prop_assert!(!junit(&reports).contains('\0'));
            prop_assert_eq!(json(&reports)["passed"].as_bool(), Some(reports[0].passed()));
        }
    }
}
