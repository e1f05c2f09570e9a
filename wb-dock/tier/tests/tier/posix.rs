//! Native binaries run with three yeses, confined, and no others.

use std::path::Path;
use std::time::{Duration, Instant};

use wb_dock::fs::{Image, Mount};
use wb_dock::{Grant, Invocation, Outcome, Services};
use wb_policy::{Cap, CapSet, Limits, Profile, Trust};
use wb_tier::{Container, DeployerOptIn, Error, Posix};

const WORKER: &str = env!("CARGO_BIN_EXE_wb-worker");

fn grant() -> Grant {
    let declared = CapSet::of(Cap::Posix);
    Grant::decide(declared, Trust::FirstParty, &Profile::posix(), None).unwrap()
}

fn shell() -> Posix {
    let opt_in = DeployerOptIn::default().binary("/bin/sh").process_will_do();
    Posix::in_process(opt_in, WORKER).unwrap()
}

fn sh(script: &str) -> Result<Outcome, Error> {
    let invocation = Invocation::new("sh").args(["-c", script]);
    shell().run(&grant(), &Services::default(), invocation)
}

#[test]
fn without_the_capability_or_the_deployer_nothing_runs() {
    let run = |grant, name: &str| {
        let refused = shell().run(&grant, &Services::default(), Invocation::new(name));
        refused.unwrap_err().to_string()
    };
    assert_eq!(
        run(Grant::none(), "sh"),
        "`sh` must not run natively: the grant does not hold `posix`"
    );
    assert_eq!(
        run(grant(), "ls"),
        "`ls` must not run natively: the deployer has not opted in to it"
    );
    let only_container = Posix::in_process(DeployerOptIn::default(), WORKER);
    assert_eq!(only_container.unwrap_err().code(), "tier/unavailable");
}

#[test]
fn it_has_streams_an_exit_code_and_no_environment() {
    let outcome =
        sh("cat; echo oops >&2; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=; exit 7")
            .unwrap();
    assert_eq!(outcome.exit_code, 7);
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr, "oops\n");
    let invocation = Invocation::new("sh").args(["-c", "cat"]).stdin("in");
    let outcome = shell()
        .run(&grant(), &Services::default(), invocation)
        .unwrap();
    assert_eq!(outcome.stdout, "in");
}

#[test]
fn it_sees_no_files_but_programs_and_its_own() {
    let outcome = sh(
        "cat /etc/passwd || echo refused; echo x > /tmp/wb-escape || echo refused; \
                      echo kept > here; cat here",
    )
    .unwrap();
    assert_eq!(
        outcome.stdout, "refused\nrefused\nkept\n",
        "{:?}",
        outcome.stderr
    );
    assert!(!Path::new("/tmp/wb-escape").exists());
    assert_eq!(
        outcome.files.changed(),
        [("/here".to_owned(), "kept\n".into())]
    );
}

#[test]
fn mounts_go_in_and_changes_come_out() {
    let image = Image::from_files([("a", "1"), ("b/c", "2")]).unwrap();
    let invocation = Invocation::new("sh")
        .args(["-c", "cat a b/c; echo 3 > a"])
        .mount(Mount::writable("/", image));
    let outcome = shell()
        .run(&grant(), &Services::default(), invocation)
        .unwrap();
    assert_eq!(outcome.stdout, "12");
    assert_eq!(outcome.files.changed(), [("/a".to_owned(), "3\n".into())]);
    assert_eq!(outcome.files.all().len(), 2);
}

#[test]
fn its_time_and_its_output_are_limited_with_all_it_started() {
    let mut limits: Limits = grant().limits();
    limits.wall = Duration::from_millis(500);
    limits.output = 1 << 16;
    let grant = grant().narrow_limits(limits);
    let run = |script: &str| {
        let invocation = Invocation::new("sh").args(["-c", script]);
        shell()
            .run(&grant, &Services::default(), invocation)
            .unwrap_err()
    };
    let started = Instant::now();
    assert_eq!(
        run("echo begun; sleep 60 & sleep 60").code(),
        "policy/time-limit"
    );
    assert_eq!(
        run("(trap '' TERM; sleep 60) & wait").code(),
        "policy/time-limit"
    );
    assert_eq!(
        run("while :; do echo flood; done").code(),
        "policy/output-limit"
    );
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_container_runs_it_too() {
    let container = match Container::new(Path::new(WORKER)) {
        Ok(container) => container,
        Err(error) => return println!("not tested: {error}"),
    };
    let opt_in = DeployerOptIn::default()
        .binary("/bin/echo")
        .binary("/bin/cat");
    let posix = Posix::in_container(opt_in, container.runtime());
    let invocation = Invocation::new("echo").args(["from", "inside"]);
    let outcome = posix
        .run(&grant(), &Services::default(), invocation)
        .unwrap();
    assert_eq!(outcome.stdout, "from inside\n", "{:?}", outcome.stderr);
    let invocation = Invocation::new("cat").arg("/etc/passwd");
    let outcome = posix
        .run(&grant(), &Services::default(), invocation)
        .unwrap();
    assert_eq!(outcome.exit_code, 1, "{:?}", outcome.stdout);
}
