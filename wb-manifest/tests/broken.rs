//! One folder in `fixtures/broken` for each code: the smallest toolkit with
//! that fault, and what is said about it. `BLESS=1` rewrites what is said.

#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use wb_manifest::{Diagnostic, LineIndex, read, read_skill};
use wb_oql::{Document, guard};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/broken")
}

fn codes() -> Vec<&'static str> {
    wb_manifest::CODES
        .iter()
        .chain(&wb_oql::CODES)
        .copied()
        .collect()
}

/// One line a finding, readable without colour, with the text it points at.
fn shown(text: &str, diagnostics: &[Diagnostic]) -> String {
    let lines = LineIndex::new(text);
    let mut shown = String::new();
    for found in diagnostics {
        let place = lines.position(found.span.start);
        writeln!(
            shown,
            "{place} {}[{}]: {}",
            found.severity, found.code, found.message
        )
        .unwrap();
        let line = text[found.span.range()].lines().next().unwrap_or_default();
        if !line.is_empty() {
            let line: String = line.chars().take(60).collect();
            writeln!(shown, "  at   {line}").unwrap();
        }
        for label in &found.labels {
            let place = lines.position(label.span.start);
            writeln!(shown, "  see  {place} {}", label.text).unwrap();
        }
        for hint in &found.hints {
            writeln!(shown, "  help {hint}").unwrap();
        }
    }
    shown
}

#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
fn check(code: &str) -> Result<(), String> {
    let folder = fixtures().join(code);
    let manifest = folder.join("manifest.org");
    let skill = folder.join("skill.org");
    let (bytes, diagnostics) = if let Ok(bytes) = std::fs::read(&manifest) {
        let mut diagnostics = read(&bytes).diagnostics().to_vec();
        if code.starts_with("org/") {
            let doc = Document::parse(&bytes);
            diagnostics.extend(guard::tame(&doc).diagnostics);
        }
        (bytes, diagnostics)
    } else if let Ok(bytes) = std::fs::read(&skill) {
        let diagnostics = read_skill(&"skill".parse().unwrap(), &bytes).diagnostics;
        (bytes, diagnostics)
    } else {
        return Err(format!("{code}: no manifest.org and no skill.org"));
    };
    if !diagnostics.iter().any(|found| found.code == code) {
        return Err(format!("{code}: not among the findings {diagnostics:#?}"));
    }
    let text = String::from_utf8_lossy(&bytes);
    // Offsets only agree when no byte was replaced by a longer character.
    let text = if text.len() == bytes.len() {
        text.into_owned()
    } else {
        Document::parse(&bytes).text().to_owned()
    };
    let actual = shown(&text, &diagnostics);
    let golden = folder.join("diagnostics.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &actual).map_err(|fault| fault.to_string())?;
        return Ok(());
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{code}: expected\n{expected}\nfound\n{actual}"))
    }
}

#[test]
fn every_code_has_a_folder_and_says_what_it_should() {
    let faults: Vec<_> = codes()
        .into_iter()
        // 16 MiB of text is no fixture; a test of wb-oql makes it.
        .filter(|&code| code != "org/too-large")
        .filter_map(|code| check(code).err())
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
fn every_folder_has_a_code() {
    let codes: BTreeSet<_> = codes().into_iter().map(str::to_owned).collect();
    for group in ["manifest", "org", "skill"] {
        for folder in std::fs::read_dir(fixtures().join(group)).unwrap() {
            let code = format!("{group}/{}", folder.unwrap().file_name().to_string_lossy());
            assert!(codes.contains(&code), "{code} is made by no function");
        }
    }
}

#[test]
fn codes_are_unique() {
    let all = codes();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}
