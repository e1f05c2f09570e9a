//! What a manifest says when nothing, or little, is wrong with it.

use wb_manifest::{ArgMode, BuildSrc, Lang, Severity, Status, read, read_palette_entry};
use wb_policy::{Shape, Trust};

const PROMOTED: &str = "\
#+TITLE: slug
#+TOOLKIT: slug
#+VERSION: 0.1.0
#+STATUS: experimental
#+TAGLINE: Promoted session command.
#+EXEC: command
#+TRUST: first-party
#+CLI_BIN: slug
#+BUILD_LANG: rust
#+BUILD_SRC: path:.
#+ARG_MODE: argv

* slug :toolkit:
  :PROPERTIES:
  :ID:      slug
  :CLI_BIN: slug
  :END:
  Promoted from a session command. Source-owned + rebuildable.
";

fn codes(text: &str) -> Vec<&'static str> {
    read(text.as_bytes())
        .diagnostics()
        .iter()
        .map(|found| found.code)
        .collect()
}

#[test]
fn a_promoted_manifest_is_read_whole() {
    let reading = read(PROMOTED.as_bytes());
    let manifest = reading.manifest();
    assert!(!reading.has_errors());
    assert_eq!(codes(PROMOTED), ["manifest/no-skill-index"]);
    assert_eq!(manifest.toolkit.as_ref().unwrap().as_str(), "slug");
    assert_eq!(manifest.version.as_ref().unwrap().to_string(), "0.1.0");
    assert_eq!(manifest.status.unwrap().value, Status::Experimental);
    assert_eq!(manifest.shape(), Some(Shape::Command));
    assert_eq!(manifest.trust(), Trust::FirstParty);
    assert_eq!(manifest.lang(), Some(Lang::Rust));
    assert_eq!(
        manifest.build_src.as_ref().unwrap().value,
        "path:.".parse::<BuildSrc>().unwrap()
    );
    assert_eq!(manifest.arg_mode(), ArgMode::Argv);
    let caps = manifest.cap_set();
    assert!(caps.is_empty());
    let tagline = manifest.tagline.as_ref().unwrap();
    assert_eq!(&PROMOTED[tagline.span.range()], "Promoted session command.");
}

#[test]
fn keys_are_read_in_any_case_and_indented() {
    let text = PROMOTED
        .replace("#+TITLE", "  #+title")
        .replace("#+EXEC", "#+Exec");
    assert_eq!(codes(&text), ["manifest/no-skill-index"]);
}

#[test]
fn keywords_inside_of_blocks_do_not_count() {
    let block = "#+begin_example\n#+EXEC: kernel\n#+end_example\n";
    let reading = read(format!("{block}{PROMOTED}").as_bytes())
        .manifest()
        .shape();
    assert_eq!(reading, Some(Shape::Command));
    let quote = "#+begin_quote\n#+EXEC: kernel\n#+END_QUOTE\n";
    let reading = read(format!("{quote}{PROMOTED}").as_bytes())
        .manifest()
        .shape();
    assert_eq!(reading, Some(Shape::Command));
}

#[test]
fn an_empty_value_is_absent_and_takes_nothing_from_the_next_line() {
    let reading = read(b"#+CAPS:\n#+EXEC:\n#+CLI_BIN: rev\n* rev :toolkit:\n");
    assert!(reading.manifest().caps.is_empty());
    assert_eq!(reading.manifest().shape(), None);
    let twice = "#+CLI_BIN:\n#+CLI_BIN: rev\n* rev :toolkit:\n";
    let reading = read(twice.as_bytes());
    assert_eq!(reading.manifest().cli_bin.as_ref().unwrap().as_str(), "rev");
    assert!(!codes(twice).contains(&"manifest/repeated-keyword"));
}

#[test]
fn the_command_name_may_stand_in_the_drawer() {
    let text = PROMOTED.replace("#+CLI_BIN: slug\n", "");
    assert_eq!(
        read(text.as_bytes())
            .manifest()
            .cli_bin
            .as_ref()
            .unwrap()
            .as_str(),
        "slug"
    );
    assert_eq!(codes(&text), ["manifest/no-skill-index"]);
}

#[test]
fn a_discovery_only_toolkit_is_warned_and_not_refused() {
    let reading = read(b"#+TITLE: Git\n#+STATUS: exp\n#+CAPS:\n* Git :toolkit:\n");
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics());
    let word = reading
        .diagnostics()
        .iter()
        .find(|found| found.code == "manifest/unknown-word");
    assert_eq!(word.unwrap().severity, Severity::Warning);
    assert_eq!(word.unwrap().hints, ["did you mean `experimental`?"]);
}

#[test]
fn each_toolkit_headline_is_a_toolkit() {
    let text = format!(
        "{PROMOTED}* Other tools :toolkit:\n:PROPERTIES:\n:ID: other\n:END:\n\
         #+EXEC: task\n#+NAME: all\n#+begin_src bash :role task\nslug -- a\n#+end_src\n"
    );
    let reading = read(text.as_bytes());
    let [slug, other] = reading.toolkits() else {
        panic!("expected two toolkits")
    };
    assert_eq!(slug.shape(), Some(Shape::Command));
    assert_eq!(slug.recipes.len(), 0);
    assert_eq!(other.toolkit.as_ref().unwrap().as_str(), "other");
    assert_eq!(other.title.as_ref().unwrap().value, "Other tools");
    assert_eq!(other.shape(), Some(Shape::Task));
    assert_eq!(other.version.as_ref().unwrap().to_string(), "0.1.0");
    assert_eq!(other.recipe("all").unwrap().script.value, "slug -- a\n");
    assert!(other.build_src.is_none());
}

#[test]
fn the_keywords_describe_the_toolkit_whose_id_they_name() {
    let text = "#+TOOLKIT: b\n#+CLI_BIN: bin\n* A :toolkit:\n:PROPERTIES:\n:ID: a\n:END:\n\
                * B :toolkit:\n:PROPERTIES:\n:ID: b\n:END:\n";
    let reading = read(text.as_bytes());
    assert_eq!(reading.manifest().cli_bin.as_ref().unwrap().as_str(), "bin");
    assert_eq!(reading.manifest().toolkit.as_ref().unwrap().as_str(), "b");
    assert!(reading.toolkits()[1].cli_bin.is_none());
}

#[test]
fn roles_are_read_without_a_language_and_behind_switches() {
    let text = format!(
        "{PROMOTED}#+CAPTION: Is it there?\n#+begin_src :role pre\nslug --version\n#+end_src\n\
         #+begin_src bash -n :role post :path out.txt\ncat out.txt\n#+end_src\n\
         ** publish\n#+BEGIN_SRC bash :role task\nslug a | upper\n#+end_src\n"
    );
    let reading = read(text.as_bytes());
    let manifest = reading.manifest();
    assert_eq!(manifest.checks.len(), 2);
    assert_eq!(manifest.checks[0].language, None);
    assert_eq!(
        manifest.checks[0].caption.as_ref().unwrap().value,
        "Is it there?"
    );
    assert_eq!(manifest.checks[1].path.as_ref().unwrap().value, "out.txt");
    assert_eq!(
        manifest.recipe("publish").unwrap().script.value,
        "slug a | upper\n"
    );
}

#[test]
fn defaults_follow_the_shape() {
    let shaped = |shape: &str| read(format!("#+EXEC: {shape}\n* x :toolkit:\n").as_bytes());
    assert_eq!(shaped("kernel").manifest().entry(), "process");
    assert_eq!(shaped("component").manifest().entry(), "run");
    assert_eq!(shaped("component").manifest().world(), "engine");
    assert_eq!(
        shaped("command").manifest().skill_dir().to_string(),
        "skills"
    );
}

#[test]
fn an_unknown_trust_is_not_trusted() {
    let reading = read(PROMOTED.replace("first-party", "my-party").as_bytes());
    assert_eq!(reading.manifest().trust(), Trust::ThirdParty);
}

#[test]
fn a_palette_entry_needs_no_headline() {
    let text = b"#+RUNTIME: lua\n#+EXEC: command\n#+CLI_BIN: lua\n#+BUILD_SRC: crate:lua\n";
    let reading = read_palette_entry(text);
    assert_eq!(reading.diagnostics(), []);
    assert_eq!(reading.manifest().lang(), Some(Lang::Rust));
    assert_eq!(reading.manifest().runtime.as_ref().unwrap().value, "lua");
}

#[test]
fn findings_come_in_document_order() {
    let reading = read(b"#+CAPS: x y z\n#+EXEC: a\n#+CAPS: q\n#+ZZZZZZ: 1\n* x\n");
    let spans: Vec<_> = reading
        .diagnostics()
        .iter()
        .map(|found| found.span)
        .collect();
    assert!(spans.is_sorted());
}
