//! Native binaries run with three yeses, confined, and no others.

use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use wb_dock::fs::{Image, Mount};
use wb_dock::{Grant, Invocation, Job, Outcome, Services};
use wb_policy::{Cap, CapSet, Limits, Profile, Trust};
use wb_tier::{DeployerOptIn, Error, Posix};

const WORKER: &str = env!("CARGO_BIN_EXE_wb-worker");

/// Held by the test that starts as many processes as it can: they count against those
/// of the same user in other tests.
static BOMB: RwLock<()> = RwLock::new(());

/// A test that failed does not make the others fail.
fn others() -> RwLockReadGuard<'static, ()> {
    BOMB.read().unwrap_or_else(PoisonError::into_inner)
}

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
    let _others = others();
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
    let _others = others();
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
    let _others = others();
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
    let _others = others();
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

/// The cages that this machine has for `/bin/sh`.
fn cages() -> Vec<Posix> {
    let opt_in = || DeployerOptIn::default().binary("/bin/sh");
    let mut cages = vec![shell()];
    match Posix::new(opt_in()) {
        Ok(container) => cages.push(container),
        Err(error) => println!("not tested: {error}"),
    }
    cages
}

#[test]
fn its_time_and_its_output_are_limited_with_all_it_started() {
    let _others = others();
    let mut limits: Limits = grant().limits();
    limits.wall = Duration::from_millis(700);
    limits.output = 1 << 16;
    let grant = grant().narrow_limits(limits);
    for cage in cages() {
        let run = |script: &str| {
            let invocation = Invocation::new("sh").args(["-c", script]);
            let ran = cage.run(&grant, &Services::default(), invocation);
            (ran.unwrap_err(), cage.tier())
        };
        let started = Instant::now();
        for (script, code) in [
            ("echo begun; while :; do :; done", "policy/time-limit"),
            ("(while :; do :; done) & wait", "policy/time-limit"),
            ("trap '' TERM; while :; do :; done", "policy/time-limit"),
            ("while :; do echo flood; done", "policy/output-limit"),
        ] {
            let (error, tier) = run(script);
            assert_eq!(error.code(), code, "{tier}: {script}: {error}");
        }
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_fork_bomb_is_let_off_within_its_cage() {
    let _alone = BOMB.write().unwrap_or_else(PoisonError::into_inner);
    let mut limits: Limits = grant().limits();
    limits.wall = Duration::from_millis(700);
    let grant = grant().narrow_limits(limits);
    for cage in cages() {
        let started = Instant::now();
        // Each starts two more, for as long as it is let.
        let script = "f() { f & f & wait; }; f; while :; do :; done";
        let invocation = Invocation::new("sh").args(["-c", script]);
        // A shell that cannot start another one may give up before its time is over.
        let ended = cage.run(&grant, &Services::default(), invocation);
        let code = ended.map_or(1, |outcome| outcome.exit_code);
        assert_ne!(code, 0, "{}", cage.tier());
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    // Nothing of it is left: as many processes can be started as before.
    let others = sh("for i in 1 2 3 4 5 6 7 8; do (echo $i) & done; wait").unwrap();
    assert_eq!(others.stdout.len(), 16, "{:?}", others.stderr);
}

#[test]
fn it_cannot_use_more_memory_than_it_may() {
    let _others = others();
    let mut limits: Limits = grant().limits();
    limits.memory = 32 << 20;
    let grant = grant().narrow_limits(limits);
    for cage in cages() {
        // Doubles a variable until something gives.
        let script = "x=0123456789abcdef; while :; do x=$x$x; done";
        let invocation = Invocation::new("sh").args(["-c", script]);
        let ran = cage.run(&grant, &Services::default(), invocation);
        let code = ran.map_or(1, |outcome| outcome.exit_code);
        assert_ne!(code, 0, "{}", cage.tier());
    }
}

#[test]
fn it_cannot_fill_the_disk() {
    let _others = others();
    let mut limits: Limits = grant().limits();
    limits.memory = 32 << 20;
    let grant = grant().narrow_limits(limits);
    for cage in cages() {
        // Many files, each of which is smaller than one may be.
        let script = "x=0123456789abcdef; i=0; \
            while [ $i -lt 16 ]; do x=$x$x; i=$((i+1)); [ ${#x} -gt 999999 ] && break; done; \
            i=0; while :; do echo $x > f$i; i=$((i+1)); done";
        let invocation = Invocation::new("sh").args(["-c", script]);
        let error = cage.run(&grant, &Services::default(), invocation);
        let (error, tier) = (error.unwrap_err(), cage.tier());
        assert_eq!(error.code(), "policy/memory-limit", "{tier}: {error}");
    }
}

#[test]
fn runs_of_a_job_spend_its_budget() {
    let _others = others();
    let invocation = |script| Invocation::new("sh").args(["-c", script]);
    let services = Services::default();
    let mut limits = grant().limits();
    limits.output = 10;
    let job = Job::start("job", limits);
    let run = |script| shell().run_in(&job, &grant(), &services, invocation(script));
    assert_eq!(run("echo 1234").unwrap().stdout, "1234\n");
    assert_eq!(run("echo 1234").unwrap().stdout, "1234\n");
    let error = run("echo 1234").unwrap_err();
    assert_eq!(error.code(), "policy/output-limit");
    assert_eq!(job.usage().children, 3);
}

#[test]
fn a_container_runs_it_too() {
    let _others = others();
    let opt_in = DeployerOptIn::default()
        .binary("/bin/echo")
        .binary("/bin/cat")
        .binary("/bin/sh")
        .binary("/usr/bin/env");
    let posix = match Posix::new(opt_in) {
        Ok(posix) => posix,
        Err(error) => return println!("not tested: {error}"),
    };
    let run = |name: &str, args: &[&str]| {
        let invocation = Invocation::new(name).args(args.iter().copied());
        let ran = posix.run(&grant(), &Services::default(), invocation);
        ran.unwrap()
    };
    let outcome = run("echo", &["from", "inside"]);
    assert_eq!(outcome.stdout, "from inside\n", "{:?}", outcome.stderr);
    let outcome = run("cat", &["/etc/passwd"]);
    assert_eq!(outcome.exit_code, 1, "{:?}", outcome.stdout);
    let variables = run("env", &[]).stdout;
    for variable in String::from_utf8_lossy(&variables).lines() {
        let (name, _) = variable.split_once('=').unwrap();
        let known = ["HOME", "PATH", "HOSTNAME", "TERM", "container"];
        assert!(known.contains(&name), "{variable}");
    }
    // It knows itself by its own name.
    let script = "echo $0; echo kept > here; echo x > /tmp/y";
    let outcome = run("sh", &["-c", script]);
    assert_eq!(outcome.stdout, "/bin/sh\n");
    assert_eq!(outcome.stderr, "");
    let changed = outcome.files.changed();
    assert_eq!(changed, [("/here".to_owned(), "kept\n".into())]);
}

#[test]
fn every_runtime_runs_it() {
    let _others = others();
    for runtime in ["runc", "crun", "podman", "docker"] {
        let opt_in = DeployerOptIn::default().binary("/bin/sh");
        let posix = Posix::in_container(opt_in, runtime);
        let run = |script: &str, limits: Limits| {
            let grant = grant().narrow_limits(limits);
            let invocation = Invocation::new("sh").args(["-c", script]).stdin("in");
            posix.run(&grant, &Services::default(), invocation)
        };
        let script = "read line; echo $line; echo x > /new || echo kept > here; exit 7";
        let outcome = match run(script, grant().limits()) {
            // As engines that could not start one end, and shells that find nothing.
            Ok(outcome) if outcome.exit_code == 126 => {
                println!("not tested, {runtime}: {:?}", outcome.stderr);
                continue;
            }
            Err(Error::Start { message, .. }) => {
                println!("not tested, {runtime}: {message}");
                continue;
            }
            ran => ran.unwrap(),
        };
        println!("tested: {runtime}");
        assert_eq!(outcome.exit_code, 7, "{runtime}: {:?}", outcome.stderr);
        assert_eq!(outcome.stdout, "in\n", "{runtime}");
        let changed = outcome.files.changed();
        assert_eq!(changed, [("/here".to_owned(), "kept\n".into())]);
        let mut limits = grant().limits();
        limits.wall = Duration::from_secs(3);
        let error = run("while :; do :; done", limits).unwrap_err();
        assert_eq!(error.code(), "policy/time-limit", "{runtime}");
    }
}

#[test]
fn what_is_no_program_does_not_start() {
    let _others = others();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("tool");
    std::fs::write(&file, "no program").unwrap();
    let opt_in = DeployerOptIn::default().binary(&file);
    let posix = Posix::in_container(opt_in, "no-such-runtime");
    let ran = posix.run(&grant(), &Services::default(), Invocation::new("tool"));
    assert_eq!(ran.unwrap_err().code(), "tier/start");
}
