//! Native programs, seen from the command line: their locks, their cages, and that
//! they do not get out of these.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot start has failed")]
#![expect(clippy::print_stdout, reason = "it says what the machine has not")]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

/// Held by the test that starts as many processes as it can: they count against those
/// of the same user in other tests.
static BOMB: RwLock<()> = RwLock::new(());

/// A test that failed does not make the others fail.
fn others() -> RwLockReadGuard<'static, ()> {
    BOMB.read().unwrap_or_else(PoisonError::into_inner)
}

/// A nexus, toolkits, and a toolkit for each native program that the tests run.
struct Place {
    dir: tempfile::TempDir,
}

/// Where native programs run, as `config.toml` says it.
const PROCESS: &str = "[isolation]\nposix = \"process\"\n";

impl Place {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        fs::create_dir(place.dir.path().join("home")).unwrap();
        fs::write(place.dir.path().join("home/config.toml"), config).unwrap();
        let short =
            "[profiles.short]\nextends = \"posix\"\ntime = \"700ms\"\noutput = \"64 KiB\"\n";
        fs::write(place.dir.path().join("home/profiles.toml"), short).unwrap();
        for program in ["sh", "sort", "yes", "perl"] {
            let toolkit = place.dir.path().join(format!("toolkits/of-{program}"));
            fs::create_dir_all(&toolkit).unwrap();
            let manifest = format!(
                "#+TITLE: {program}\n#+TOOLKIT: of-{program}\n#+EXEC: posix\n#+CLI_BIN: {program}\n\
                 #+CAPS: posix\n\n* {program} :toolkit:\n"
            );
            fs::write(toolkit.join("manifest.org"), manifest).unwrap();
        }
        place
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wbx"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env("WB_HOME", self.dir.path().join("home"))
            .env("WB_TOOLKITS_ROOT", self.dir.path().join("toolkits"))
            .env("NO_COLOR", "1")
            .env("WB_TEST_SECRET", "of the caller")
            .env("HTTPS_PROXY", "http://me:password@proxy.test")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn wbx(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = self.command(args).spawn().unwrap();
        // A run that is refused does not read it.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What a script of `sh` does.
    fn sh(&self, profile: &str, script: &str) -> Output {
        self.wbx(&["run", "--profile", profile, "sh", "-c", script], "")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The places to run in that this machine has.
fn cages() -> Vec<Place> {
    let programs = "[posix]\nprograms = [\"sh\", \"sort\", \"yes\", \"perl\"]\n";
    let container = Place::new(programs);
    let mut cages = vec![Place::new(&format!("{PROCESS}{programs}"))];
    let tried = container.wbx(&["run", "--profile", "posix", "sort"], "");
    match tried.status.code() {
        // Policy refuses nothing here: what the tier lacks is its own code.
        Some(126) => skipped("container", &text(&tried.stderr)),
        _ => cages.push(container),
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
    assert!(why.contains("tier/"), "{why}");
    println!("not tested, {tier}: {why}");
}

/// A place whose `PATH` leads to one runtime alone, for each that is installed; the
/// process among them has none.
fn runtimes() -> Vec<(&'static str, Place, PathBuf)> {
    let path = std::env::var_os("PATH").unwrap();
    let found = |name: &str| {
        let mut files = std::env::split_paths(&path).map(|directory| directory.join(name));
        files.find(|file| file.is_file())
    };
    let programs = "[posix]\nprograms = [\"/bin/sh\"]\n";
    let mut runtimes = Vec::new();
    for name in ["process", "runc", "crun", "podman", "docker"] {
        let is_process = name == "process";
        let place = Place::new(&format!(
            "{}{programs}",
            if is_process { PROCESS } else { "" }
        ));
        let path = place.dir.path().join("bin");
        fs::create_dir(&path).unwrap();
        match found(name) {
            Some(file) => std::os::unix::fs::symlink(file, path.join(name)).unwrap(),
            None if is_process => {}
            None => {
                println!("not tested, {name}: it is not installed");
                continue;
            }
        }
        runtimes.push((name, place, path));
    }
    runtimes
}

#[test]
fn a_signal_ends_it_with_everything_and_nothing_stays() {
    let _others = others();
    for (name, place, path) in runtimes() {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let temporary = place.dir.path().join(format!("tmp-{signal}"));
            fs::create_dir(&temporary).unwrap();
            let marker = format!("wb-{name}-{signal}-{}", std::process::id());
            let script = "echo begun; while :; do :; done";
            let run = ["run", "--profile", "posix", "sh", "-c", script, &marker];
            let mut command = place.command(&run);
            let mut child = command
                .env("PATH", &path)
                .env("TMPDIR", &temporary)
                .spawn()
                .unwrap();
            let mut begun = [0; 6];
            let mut out = child.stdout.take().unwrap();
            if std::io::Read::read_exact(&mut out, &mut begun).is_err() {
                let ended = child.wait_with_output().unwrap();
                println!("not tested, {name}: {}", text(&ended.stderr));
                assert_eq!(ended.status.code(), Some(126), "{name}");
                break;
            }
            let kill = format!("kill -{signal} {}", child.id());
            let killed = Command::new("sh").args(["-c", &kill]).status().unwrap();
            assert!(killed.success());
            let ended = child.wait_with_output().unwrap();
            assert_eq!(
                ended.status.code(),
                Some(code),
                "{name}: {}",
                text(&ended.stderr)
            );
            let start = Instant::now();
            // What dies with its parent does so a moment later.
            while runs(&marker) && start.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(!runs(&marker), "{name}");
            let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().collect();
            assert!(left.is_empty(), "{name}: {left:?}");
            println!("tested: {name}, {signal}");
        }
    }
}

/// Whether a process has `word` among its arguments.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| {
        line.split(|byte| *byte == 0)
            .any(|found| found == word.as_bytes())
    })
}

#[test]
fn no_runtime_gives_it_variables_of_the_host() {
    let _others = others();
    for (name, place, path) in runtimes() {
        let run = ["run", "--profile", "posix", "sh", "-c", "set; echo end"];
        let ran = place.command(&run).env("PATH", path).output().unwrap();
        let said = text(&ran.stdout);
        if !said.ends_with("end\n") {
            println!("not tested, {name}: {}", text(&ran.stderr));
            assert_eq!(ran.status.code(), Some(126), "{name}");
            continue;
        }
        assert!(
            !said.contains("password") && !said.contains("caller"),
            "{name}: {said}"
        );
        println!("tested: {name}");
    }
}

#[test]
fn it_runs_with_two_words_and_not_with_one() {
    let _others = others();
    let run = ["run", "--profile", "posix", "sort", "--", "-r"];
    let closed = Place::new(PROCESS);
    let refused = closed.wbx(&run, "");
    assert_eq!(refused.status.code(), Some(126));
    let said = text(&refused.stderr);
    assert!(said.contains("has not opted in to it"), "{said}");
    assert!(said.contains(r#"`programs = ["sort"]`"#), "{said}");
    for cage in cages() {
        let refused = cage.wbx(&["run", "sort"], "");
        assert_eq!(refused.status.code(), Some(126));
        assert!(text(&refused.stderr).contains("--profile posix"));
        let ran = cage.wbx(&run, "a\nc\nb\n");
        assert_eq!(text(&ran.stdout), "c\nb\na\n", "{}", text(&ran.stderr));
        let failed = cage.wbx(&["run", "--profile", "posix", "sort", "--nonsense"], "");
        assert_eq!(failed.status.code(), Some(2), "{}", text(&failed.stderr));
        let told = cage.wbx(&["--json", "run", "--profile", "posix", "sort"], "b\na\n");
        let envelope: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(envelope["data"]["stdout"], "a\nb\n", "{envelope}");
        let report = &envelope["data"]["report"];
        assert_eq!(report["output"], 4, "{envelope}");
        assert!(report["cpu_us"].as_u64() > Some(0), "{envelope}");
        let told = cage.wbx(&["run", "--profile", "posix", "--report", "sort"], "");
        assert!(text(&told.stderr).contains("sort: exit 0"));
    }
    assert_eq!(closed.wbx(&["run", "nosuch"], "").status.code(), Some(127));
}

#[test]
fn it_finds_no_variables_or_files_of_the_host() {
    let _others = others();
    for cage in cages() {
        let secret = cage.dir.path().join("secret");
        fs::write(&secret, "of the host").unwrap();
        let escape = cage.dir.path().join("escape");
        // Only what the shell has built in, which is all that a container holds.
        let script = format!(
            "set; read line < {secret} && echo READ $line; echo x > {escape} && echo WROTE; \
             read line < /etc/passwd && echo READ $line; echo kept > here; read line < here; \
             echo own: $line; echo > /proc/sysrq-trigger && echo TRIGGERED; kill -9 1 2>/dev/null; echo end",
            secret = secret.display(),
            escape = escape.display(),
        );
        let ran = cage.sh("posix", &script);
        let (said, complaint) = (text(&ran.stdout), text(&ran.stderr));
        assert!(
            said.contains("own: kept") && said.ends_with("end\n"),
            "{said}{complaint}"
        );
        for leak in [
            "of the caller",
            "password",
            "WB_HOME",
            "READ",
            "WROTE",
            "TRIGGERED",
        ] {
            assert!(!said.contains(leak), "{leak}: {said}");
        }
        assert!(!escape.exists());
    }
}

#[test]
fn it_reaches_no_network() {
    let _others = others();
    if !Path::new("/usr/bin/perl").exists() {
        return println!("not tested: there is no perl to connect with");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // AF_INET and SOCK_STREAM of Linux; 127.0.0.1 as a number.
    let script = format!(
        "socket(my $s, 2, 1, 0) or print(\"no socket\"), exit; \
         connect($s, pack(\"S n N x8\", 2, {port}, 2130706433)) or print(\"no way\"), exit; \
         print \"connected\""
    );
    for cage in cages() {
        let run = ["run", "--profile", "posix", "perl", "-e", &script];
        let ran = cage.wbx(&run, "");
        let said = text(&ran.stdout);
        assert!(said.starts_with("no "), "{said} {}", text(&ran.stderr));
    }
}

#[test]
fn it_ends_at_its_limits_with_everything_it_started() {
    let _others = others();
    for cage in cages() {
        let start = Instant::now();
        let spins = cage.sh("short", "while :; do :; done");
        assert_eq!(spins.status.code(), Some(124), "{}", text(&spins.stderr));
        let flood = cage.wbx(&["run", "--profile", "short", "yes"], "");
        assert!(
            text(&flood.stderr).contains("output"),
            "{}",
            text(&flood.stderr)
        );
        assert!(flood.stdout.len() <= 128 << 10, "{}", flood.stdout.len());
        let waits = cage.command(&["run", "--profile", "short", "sort"]).spawn();
        let mut waits = waits.unwrap();
        // Its input stays open and says nothing.
        let stdin = waits.stdin.take();
        assert_eq!(waits.wait().unwrap().code(), Some(124));
        drop(stdin);
        assert!(start.elapsed() < Duration::from_mins(1));
    }
}

#[test]
fn a_fork_bomb_is_let_off_within_its_cage() {
    let _alone = BOMB.write().unwrap_or_else(PoisonError::into_inner);
    for cage in cages() {
        // Each starts two more, for as long as it is let.
        let bomb = cage.sh("short", "f() { f & f & while :; do :; done; }; f");
        assert!(!bomb.status.success(), "{}", text(&bomb.stdout));
    }
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let _others = others();
    for cage in cages() {
        let mut child = cage
            .command(&["run", "--profile", "posix", "yes"])
            .spawn()
            .unwrap();
        let mut first = [0; 2];
        let mut out = child.stdout.take().unwrap();
        std::io::Read::read_exact(&mut out, &mut first).unwrap();
        drop(out);
        let start = Instant::now();
        assert!(!child.wait().unwrap().success());
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
