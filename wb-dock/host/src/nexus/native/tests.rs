use std::fs;

use wb_dock::{Invocation, Outcome, Output};
use wb_policy::Posture;

use super::*;
use crate::atomic::Mode;
use crate::{Home, TaskStreams, Toolkits, consent};

const MANIFEST: &str = "#+TITLE: Sort\n#+TOOLKIT: line-sort\n#+EXEC: posix\n#+CLI_BIN: sort\n\
    #+CAPS: commands\n\n* Sort :toolkit:\n\n#+NAME: unique\n#+begin_src sh :role task\n\
    sort -u | sort -r\n#+end_src\n";

struct Place {
    _dir: tempfile::TempDir,
    nexus: Nexus,
    catalog: Catalog,
    toolkits: Toolkits,
}

/// A nexus whose deployer says `config`, and a toolkit around `sort`.
fn place(config: &str) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path().join("nexus"));
    fs::create_dir_all(home.root()).unwrap();
    fs::write(home.config(), config).unwrap();
    let toolkits = Toolkits::at(dir.path().join("toolkits"));
    let mut tree = wb_manifest::Tree::new();
    tree.insert("manifest.org".parse().unwrap(), MANIFEST);
    let id = "line-sort".parse().unwrap();
    toolkits.write(&id, &tree, Mode::Shared).unwrap();
    Place {
        catalog: Catalog::new(Some(toolkits.clone()), &home),
        nexus: Nexus::open(home),
        toolkits,
        _dir: dir,
    }
}

impl Place {
    fn run(&self, profile: &Profile) -> Result<Outcome, Error> {
        let native = self.nexus.native(&self.catalog, "sort")?;
        let invocation = Invocation::new("sort").arg("-r").stdin("a\nc\nb\n");
        self.nexus.run_native(&native, invocation, profile)
    }
}

const SORT: &str = "[posix]\nprograms = [\"sort\"]\n";

#[test]
fn a_refusal_names_every_closed_lock_and_its_key() {
    let closed = place("");
    let error = closed.run(&Profile::minimal()).unwrap_err();
    assert_eq!(error.code(), "host/native-refused");
    assert_eq!(
        error.to_string(),
        "the native program `sort` must not run: profile `minimal` does not grant `posix`, \
         and the deployer has not opted in to it"
    );
    assert_eq!(
        error.hint().unwrap(),
        "run it with `--profile posix`; write `[posix]` with `programs = [\"sort\"]` into \
         `config.toml`"
    );
    let error = closed.run(&Profile::posix()).unwrap_err();
    assert!(error.to_string().ends_with("opted in to it"), "{error}");
    let error = place(SORT).run(&Profile::network()).unwrap_err();
    assert!(error.to_string().ends_with("grant `posix`"), "{error}");
    let other = closed.nexus.native(&closed.catalog, "ls").unwrap_err();
    assert_eq!(other.code(), "registry/no-such-command");
}

#[test]
fn a_program_that_is_not_there_is_not_started() {
    let place = place("[posix]\nprograms = [\"/nowhere/sort\"]\n");
    let error = place.run(&Profile::posix()).unwrap_err();
    assert_eq!(error.code(), "host/no-such-program", "{error}");
}

#[test]
fn somebody_elses_toolkit_needs_consent_as_well() {
    let place = place(SORT);
    let manifest = MANIFEST.replace("#+CAPS", "#+TRUST: third-party\n#+CAPS");
    let mut tree = wb_manifest::Tree::new();
    tree.insert("manifest.org".parse().unwrap(), manifest);
    let id: ToolkitId = "line-sort".parse().unwrap();
    place.toolkits.replace(&id, &tree, Mode::Shared).unwrap();
    let error = place.run(&Profile::posix()).unwrap_err();
    assert_eq!(error.code(), "policy/no-consent");
    let consented = |caps| {
        let now = crate::rfc3339(crate::unix_time());
        let consent = wb_policy::Consent::new("line-sort", caps, "ada", now);
        consent::save(place.nexus.home(), &consent).unwrap();
        place.run(&Profile::posix())
    };
    let error = consented(CapSet::of(Cap::Commands)).unwrap_err();
    assert_eq!(
        error.hint().unwrap(),
        "run `wbx toolkit grant line-sort posix`"
    );
    match consented(CapSet::of(Cap::Posix)) {
        Ok(outcome) => assert_eq!(outcome.stdout, "c\nb\na\n"),
        Err(error) => skipped(&error),
    }
}

/// Says that containers are not tested, which is a failure where `WB_TEST_TIERS` names
/// them or something else is wrong than that there are none.
fn skipped(error: &Error) {
    assert_eq!(error.code(), "tier/unavailable", "{error}");
    let wanted = std::env::var("WB_TEST_TIERS").unwrap_or_default();
    assert!(
        !wanted.split(',').any(|wanted| wanted == "container"),
        "{error}"
    );
    println!("not tested: {error}");
}

#[test]
fn a_tier_that_is_not_there_is_no_reason_for_a_weaker_one() {
    // This test is no worker, so a process is not to be had.
    let process = place(&format!("[isolation]\nposix = \"process\"\n{SORT}"));
    let error = process.run(&Profile::posix()).unwrap_err();
    assert_eq!(error.code(), "tier/unavailable");
    let machine = process.nexus.clone().with_posture(Posture {
        posix: Tier::Vm,
        ..Posture::default()
    });
    let native = machine.native(&process.catalog, "sort").unwrap();
    let invocation = Invocation::new("sort");
    let error = machine.run_native(&native, invocation, &Profile::posix());
    assert_eq!(error.unwrap_err().code(), "tier/unavailable");
}

#[test]
fn in_a_container_it_runs_alone_and_in_a_recipe() {
    let place = place(SORT);
    let outcome = match place.run(&Profile::posix()) {
        Ok(outcome) => outcome,
        Err(error) => return skipped(&error),
    };
    assert_eq!(&outcome.stdout[..], b"c\nb\na\n", "{:?}", outcome.stderr);
    let log = fs::read_to_string(place.nexus.home().steps()).unwrap();
    assert!(
        log.contains(r#""tool":"command:sort","exit_code":0"#),
        "{log}"
    );

    let id = "line-sort".parse().unwrap();
    let task = place.nexus.task((&place.toolkits, &id), "unique", &[]);
    let task = task.unwrap();
    let run = |profile: &Profile| {
        let mut said = Vec::new();
        let streams = TaskStreams {
            stdin: "b\na\nb\n".into(),
            stdout: &Output::capture,
            stderr: &Output::capture,
        };
        let mut each = |_: &_, ends: Option<&[Outcome]>| {
            said.extend(ends.into_iter().flatten().map(|end| end.stdout.clone()));
        };
        let ended = place.nexus.run_task(&task, profile, streams, &mut each);
        (ended.map(|ended| ended.exit_code), said)
    };
    let (code, said) = run(&Profile::posix());
    assert_eq!((code.unwrap(), &said[1][..]), (0, &b"b\na\n"[..]));
    let (refused, _) = run(&Profile::minimal());
    assert_eq!(refused.unwrap_err().code(), "host/native-refused");
}
