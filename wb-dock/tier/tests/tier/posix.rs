//! Native binaries run with three yeses, confined, and no others.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use wb_dock::fs::{Image, Mount};
use wb_dock::{Event, Grant, Invocation, Job, Outcome, Output, Recorder, Services};
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
        Err(error) => skipped("container", &error.to_string()),
    }
    cages
}

/// Says that a tier is not tested, which is a failure where `WB_TEST_TIERS` names it.
fn skipped(tier: &str, why: &str) {
    let wanted = std::env::var("WB_TEST_TIERS").unwrap_or_default();
    assert!(
        !wanted.split(',').any(|wanted| wanted == tier),
        "{tier}: {why}"
    );
    println!("not tested, {tier}: {why}");
}

#[test]
fn what_its_host_had_in_memory_is_not_its_own() {
    let _others = others();
    let mut limits: Limits = grant().limits();
    limits.memory = 64 << 20;
    let grant = grant().narrow_limits(limits);
    // A process carries the peak of the one that started it.
    drop(std::hint::black_box(vec![1_u8; 300 << 20]));
    for cage in cages() {
        let invocation = Invocation::new("sh").args(["-c", "echo done"]);
        let ran = cage.run(&grant, &Services::default(), invocation);
        assert_eq!(ran.unwrap().stdout, "done\n", "{}", cage.tier());
    }
}

/// Takes nothing until its sender is gone.
struct Blocked(Receiver<()>);

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a process has `word` among its arguments.
fn runs(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let mut words = lines.flat_map(|line| {
        let words = line.split(|byte| *byte == 0).map(<[u8]>::to_vec);
        words.collect::<Vec<_>>()
    });
    words.any(|found| found == word.as_bytes())
}

#[test]
fn its_time_is_over_though_nobody_reads_what_it_writes() {
    let _others = others();
    let mut limits: Limits = grant().limits();
    limits.wall = Duration::from_secs(1);
    let grant = grant().narrow_limits(limits);
    for (number, cage) in cages().into_iter().enumerate() {
        let marker = format!("wb-blocked-{}-{number}", std::process::id());
        let (reads, blocked) = channel::<()>();
        let invocation = Invocation::new("sh")
            .args(["-c", "while :; do echo more; done", &marker])
            .stdout(Output::stream(Blocked(blocked)));
        std::thread::scope(|scope| {
            let run = scope.spawn(|| cage.run(&grant, &Services::default(), invocation));
            let started = Instant::now();
            let wait_for = |wanted: bool| {
                while runs(&marker) != wanted && started.elapsed() < Duration::from_secs(20) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                runs(&marker) == wanted
            };
            let (has_started, has_ended) = (wait_for(true), wait_for(false));
            drop(reads);
            assert!(has_started && has_ended, "{}", cage.tier());
            let error = run.join().unwrap().unwrap_err();
            assert_eq!(error.code(), "policy/time-limit", "{}", cage.tier());
        });
    }
}

/// Counts runs that have ended.
#[derive(Default)]
struct Ends(AtomicUsize);

impl Recorder for Ends {
    fn record(&self, event: &Event<'_>) {
        if matches!(event, Event::Finished(_)) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
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
        let run = |script: &str| {
            let invocation = Invocation::new("sh").args(["-c", script]);
            cage.run(&grant, &Services::default(), invocation)
        };
        let double = |times: u32| {
            run(&format!(
                "x=0123456789abcdef; i=0; while [ $i -lt {times} ]; do x=$x$x; i=$((i+1)); done"
            ))
        };
        let tier = cage.tier();
        assert_eq!(double(16).unwrap().exit_code, 0, "{tier}: a megabyte");
        // A gigabyte: what ends it is the limit, and neither time nor a bad start.
        match double(26) {
            Ok(outcome) => {
                let said = String::from_utf8_lossy(&outcome.stderr).to_lowercase();
                // By SIGKILL or, where a stack cannot grow, SIGSEGV.
                let is_killed = [137, 139].contains(&outcome.exit_code);
                let complains = outcome.exit_code != 0 && said.contains("memory");
                assert!(is_killed || complains, "{tier}: {outcome:?}");
            }
            Err(error) => assert_eq!(error.code(), "dock/trap", "{tier}: {error}"),
        }
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
#[cfg(target_arch = "x86_64")]
fn it_makes_no_namespace_and_no_call_by_another_number() {
    let _others = others();
    let perl = Path::new("/usr/bin/perl");
    if !perl.exists() {
        return println!("not tested: there is no perl to make system calls with");
    }
    // `clone` with each flag of a namespace and SIGCHLD, `clone3`, `unshare`, `fsopen`,
    // `pidfd_getfd`, and `socket` by its number in the x32 ABI (`unistd_64.h`).
    let script = "for my $f (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, \
                  0x40000000) { my $p = syscall(56, $f | 17, 0, 0, 0, 0); exit if $p == 0; \
                  print $p < 0 ? $! + 0 : 'made', ' ' } \
                  for my $c ([435, 0, 0], [272, 0x10000000], [430, 0, 0], [438, 0, 0, 0], @X32) \
                  { my ($n, @a) = @$c; print syscall($n, @a) < 0 ? $! + 0 : 'made', ' ' }";
    let wanted = "1 1 1 1 1 1 1 38 1 1 1 ";
    let run = |cage: &Posix, x32: &str| {
        let script = script.replace("@X32", x32);
        let invocation = Invocation::new("perl").args(["-e", &script]);
        cage.run(&grant(), &Services::default(), invocation)
    };
    let opt_in = || DeployerOptIn::default().binary(perl);
    let process = Posix::in_process(opt_in().process_will_do(), WORKER).unwrap();
    let outcome = run(&process, "[0x40000029, 2, 1, 0]").unwrap();
    assert_eq!(outcome.stdout, format!("{wanted}1 "), "{outcome:?}");
    for runtime in ["runc", "crun"] {
        // In a container a call of x32 ends the program.
        match run(&Posix::in_container(opt_in(), runtime), "") {
            Ok(outcome) => assert_eq!(outcome.stdout, wanted, "{runtime}: {outcome:?}"),
            Err(error) => println!("not tested, {runtime}: {error}"),
        }
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
        Err(error) => return skipped("container", &error.to_string()),
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
    let mut tested = 0;
    for runtime in ["runc", "crun", "podman", "docker"] {
        let opt_in = DeployerOptIn::default().binary("/bin/sh");
        let ends = Arc::new(Ends::default());
        let services = Services::default().recorder(Arc::clone(&ends) as Arc<_>);
        let posix = Posix::in_container(opt_in, runtime);
        let run = |script: &str, limits: Limits| {
            let grant = grant().narrow_limits(limits);
            let invocation = Invocation::new("sh").args(["-c", script]).stdin("in");
            posix.run(&grant, &services, invocation)
        };
        // As an engine ends that could not start one.
        let script = "read line; echo $line; echo x > /new || echo kept > here; \
                      [ `ulimit -f` != unlimited ] && [ `ulimit -t` != unlimited ] && exit 125";
        let ran = run(script, grant().limits());
        assert_eq!(ends.0.load(Ordering::Relaxed), 1, "{runtime}");
        let outcome = match ran {
            // As engines end that made a container and could not start it.
            Ok(outcome) if outcome.exit_code == 126 => {
                println!("not tested, {runtime}: {:?}", outcome.stderr);
                continue;
            }
            Err(Error::Start { message, .. }) => {
                println!("not tested, {runtime}: {message}");
                continue;
            }
            Err(Error::Unavailable(missing)) => {
                println!("not tested, {runtime}: {missing}");
                continue;
            }
            ran => ran.unwrap(),
        };
        println!("tested: {runtime}");
        tested += 1;
        assert_eq!(outcome.exit_code, 125, "{runtime}: {:?}", outcome.stderr);
        assert_eq!(outcome.stdout, "in\n", "{runtime}");
        let changed = outcome.files.changed();
        assert_eq!(changed, [("/here".to_owned(), "kept\n".into())]);
        let mut limits = grant().limits();
        limits.wall = Duration::from_secs(3);
        let error = run("while :; do :; done", limits).unwrap_err();
        assert_eq!(error.code(), "policy/time-limit", "{runtime}");
    }
    if tested == 0 {
        skipped("container", "no runtime has run anything");
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
