//! Installations with a client of our own, so that everything can go wrong on
//! purpose: the script stands where npm would be.

#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use sha2::Digest as _;
use wb_build::toolchain::Lock;
use wb_manifest::Digest;

use super::{Phase, Progress, Quiet, Toolchains};
use crate::Home;

/// `(module (func (export "_start")))` in binary.
const PROGRAM: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0a\x01\x06_start\0\0\x0a\x04\x01\x02\0\x0b";

/// A nexus, a client that serves one package, and the lock that pins it.
struct Bench {
    dir: PathBuf,
    archive: Vec<u8>,
    _guard: Option<tempfile::TempDir>,
}

impl Bench {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let bench = Self::at(guard.path().to_owned());
        Self {
            _guard: Some(guard),
            ..bench
        }
    }

    fn at(dir: PathBuf) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, bytes) in [
            ("package/tool.wasm", PROGRAM),
            ("package/notes.txt", b"notes"),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, bytes).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        let bench = Self {
            dir,
            archive: gz.finish().unwrap(),
            _guard: None,
        };
        if bench.path("client").exists() {
            return bench;
        }
        fs::write(bench.path("served.tgz"), &bench.archive).unwrap();
        // npm pack … --pack-destination DIR …
        bench.client(
            "echo called >> calls\nwhile [ \"$1\" != --pack-destination ]; do shift; done\ncp served.tgz \"$2\"/p.tgz\n",
        );
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn client(&self, script: &str) {
        let path = self.path("client");
        let dir = self.dir.display();
        // Written aside: a script that runs may not be written to.
        let aside = self.path("client.new");
        fs::write(&aside, format!("#!/bin/sh\ncd {dir}\n{script}")).unwrap();
        fs::set_permissions(&aside, fs::Permissions::from_mode(0o700)).unwrap();
        fs::rename(aside, path).unwrap();
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).map_or(0, |text| text.lines().count())
    }

    fn toolchains_in(&self, home: &str) -> Toolchains {
        let sha512 =
            base64::engine::general_purpose::STANDARD.encode(sha2::Sha512::digest(&self.archive));
        let lock = format!(
            "format = 1\n[[pack]]\nname = \"p\"\nabout = \"for tests\"\nclient = \"npm\"\npackage = \"p\"\n\
             version = \"1.0.0\"\nlicence = \"MIT\"\n[pack.archive]\nintegrity = \"sha512-{sha512}\"\n\
             sha256 = \"{}\"\nsize = {}\n{}{}",
            Digest::of(&self.archive),
            self.archive.len(),
            member("tool.wasm", "program", PROGRAM),
            member("notes.txt", "file", b"notes"),
        );
        let home = Home::at(self.path(home));
        let engine = wb_dock::Engine::builder()
            .code_cache(home.code())
            .build()
            .unwrap();
        let mut toolchains = Toolchains::new(&home, &engine);
        toolchains.lock = Lock::parse(&lock).unwrap();
        toolchains.clients.npm = self.path("client");
        toolchains
    }

    fn toolchains(&self) -> Toolchains {
        self.toolchains_in("home")
    }
}

fn member(name: &str, kind: &str, bytes: &[u8]) -> String {
    format!(
        "[[pack.member]]\nname = \"{name}\"\nkind = \"{kind}\"\nfrom = \"package/{name}\"\n\
         sha256 = \"{}\"\nsize = {}\n",
        Digest::of(bytes),
        bytes.len()
    )
}

fn installed(toolchains: &Toolchains) -> PathBuf {
    let entry = toolchains.lock.find("p").unwrap();
    toolchains.store.dir(entry)
}

/// Writes down the phases.
#[derive(Default)]
struct Phases(Mutex<Vec<Phase>>);

impl Progress for Phases {
    fn start(&self, _: &str, phase: Phase, _: Option<u64>) {
        self.0.lock().unwrap().push(phase);
    }
    fn advance(&self, _: &str, _: Phase, _: u64) {}
    fn finish(&self, _: &str, _: Phase) {}
}

#[test]
fn a_pack_is_fetched_verified_and_compiled_once() {
    let bench = Bench::new();
    let toolchains = bench.toolchains();
    assert!(!toolchains.list()[0].installed);

    let phases = Phases::default();
    toolchains.install(&["p"], &phases).unwrap();
    assert_eq!(
        phases.0.into_inner().unwrap(),
        [Phase::Download, Phase::Unpack, Phase::Compile]
    );
    assert!(toolchains.list()[0].installed);
    assert_eq!(toolchains.verify(&[]).unwrap(), ["p"]);

    let again = Phases::default();
    bench.toolchains().install(&[], &again).unwrap();
    assert_eq!(again.0.into_inner().unwrap(), []);
    assert_eq!(bench.calls(), 1);
}

#[test]
fn what_is_installed_is_private_to_the_user() {
    let bench = Bench::new();
    let toolchains = bench.toolchains();
    toolchains.install(&["p"], &Quiet).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = installed(&toolchains);
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(dir.parent().unwrap()), 0o700);
    for file in fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[test]
fn bytes_that_are_not_the_pinned_ones_are_not_installed() {
    let bench = Bench::new();
    let mut other = bench.archive.clone();
    *other.last_mut().unwrap() ^= 1;
    fs::write(bench.path("served.tgz"), other).unwrap();
    let toolchains = bench.toolchains();
    let error = toolchains.install(&["p"], &Quiet).unwrap_err();
    assert_eq!(error.code(), "build/corrupt");
    assert!(
        error.to_string().starts_with("p@1.0.0 has sha512-"),
        "{error}"
    );
    assert!(!installed(&toolchains).exists());
}

#[test]
fn a_client_that_fails_or_is_missing_is_quoted() {
    let bench = Bench::new();
    bench.client("echo 'npm error code E404' >&2\nexit 1\n");
    let toolchains = bench.toolchains();
    let error = toolchains.install(&["p"], &Quiet).unwrap_err();
    assert_eq!(error.to_string(), "package `p@1.0.0`: npm says: code E404");
    fs::remove_file(bench.path("client")).unwrap();
    let error = toolchains.install(&["p"], &Quiet).unwrap_err();
    assert_eq!(
        error.to_string(),
        "package `p@1.0.0`: `npm` is not installed, expected it on the PATH"
    );
}

#[test]
fn an_interrupted_installation_goes_on_without_fetching_again() {
    let bench = Bench::new();
    let toolchains = bench.toolchains();
    // As if it had stopped between download and unpacking.
    toolchains
        .store
        .keep_fetched(Digest::of(&bench.archive), &bench.archive);
    bench.client("exit 1\n");
    toolchains.install(&["p"], &Quiet).unwrap();
    assert!(toolchains.list()[0].installed);
    let left = fs::read_dir(bench.path("home/toolchains")).unwrap();
    assert!(
        left.flatten()
            .all(|e| e.path().extension() != Some("tgz".as_ref()))
    );
}

#[test]
fn a_pack_with_a_part_missing_counts_as_absent_and_is_made_whole() {
    let bench = Bench::new();
    let toolchains = bench.toolchains();
    toolchains.install(&["p"], &Quiet).unwrap();
    fs::remove_file(installed(&toolchains).join("notes.txt")).unwrap();
    assert!(!toolchains.list()[0].installed);
    toolchains.install(&["p"], &Quiet).unwrap();
    assert_eq!(toolchains.verify(&["p"]).unwrap(), ["p"]);
}

#[test]
fn verify_names_the_member_that_rotted() {
    let bench = Bench::new();
    let toolchains = bench.toolchains();
    toolchains.install(&["p"], &Quiet).unwrap();
    fs::write(installed(&toolchains).join("notes.txt"), b"nutes").unwrap();
    let error = toolchains.verify(&[]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`notes.txt` of pack `p` has sha256"),
        "{error}"
    );
}

#[test]
fn an_export_installs_on_a_machine_without_a_client() {
    let bench = Bench::new();
    let toolchains = bench.toolchains();
    toolchains.install(&["p"], &Quiet).unwrap();
    let mut file = Vec::new();
    assert_eq!(toolchains.export(&[], &mut file).unwrap(), ["p"]);

    bench.client("exit 1\n");
    let other = bench.toolchains_in("other");
    assert_eq!(other.import(&mut &file[..], &Quiet).unwrap(), ["p"]);
    assert!(other.list()[0].installed);
    assert!(other.import(&mut &file[..], &Quiet).unwrap().is_empty());

    let at = file.windows(5).position(|w| w == b"notes").unwrap();
    for (name, damage) in [
        ("cut", file[..at].to_vec()),
        ("changed", {
            let mut changed = file.clone();
            let content = changed.windows(6).rposition(|w| w == b"notes\0").unwrap();
            changed[content] = b'N';
            changed
        }),
    ] {
        let fresh = bench.toolchains_in(name);
        let error = fresh.import(&mut &damage[..], &Quiet).unwrap_err();
        assert!(
            matches!(error.code(), "build/archive" | "build/corrupt"),
            "{name}: {error}"
        );
        assert!(!fresh.list()[0].installed, "{name}");
    }
}

#[test]
fn two_that_install_at_once_fetch_once() {
    let bench = Bench::new();
    bench.client(
        "echo called >> calls\nsleep 0.3\nwhile [ \"$1\" != --pack-destination ]; do shift; done\ncp served.tgz \"$2\"/p.tgz\n",
    );
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| bench.toolchains().install(&["p"], &Quiet).unwrap());
        }
    });
    assert_eq!(bench.calls(), 1);
}

#[test]
fn removing_takes_every_version() {
    let bench = Bench::new();
    let toolchains = bench.toolchains();
    toolchains.install(&["p"], &Quiet).unwrap();
    assert_eq!(toolchains.remove(&["p"]).unwrap(), ["p"]);
    assert!(toolchains.remove(&[]).unwrap().is_empty());
    assert_eq!(toolchains.list()[0].size, 0);
    assert_eq!(
        toolchains.remove(&["q"]).unwrap_err().code(),
        "build/unknown-pack"
    );
}

/// Set in the process that is to be killed: the directory of its bench.
const VICTIM: &str = "WB_TEST_KILLED_INSTALLER";

#[test]
fn kill_at_any_moment_leaves_nothing_half_used() {
    if let Some(dir) = std::env::var_os(VICTIM) {
        let _ = Bench::at(dir.into()).toolchains().install(&["p"], &Quiet);
        return;
    }
    let bench = Bench::new();
    // Half an archive first, then the whole: the client too can be interrupted.
    bench.client(
        "while [ \"$1\" != --pack-destination ]; do shift; done\nhead -c 100 served.tgz > \"$2\"/p.tgz\n\
         sleep 0.02\ncp served.tgz \"$2\"/p.tgz\n",
    );
    for delay in [0, 5, 10, 15, 20, 25, 30, 40, 60, 90, 130] {
        let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "toolchain::tests::kill_at_any_moment_leaves_nothing_half_used",
            ])
            .env(VICTIM, &bench.dir)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let toolchains = bench.toolchains();
        if toolchains.list()[0].installed {
            assert_eq!(toolchains.verify(&[]).unwrap(), ["p"], "after {delay} ms");
            toolchains.remove(&[]).unwrap();
        }
    }
    let toolchains = bench.toolchains();
    toolchains.install(&["p"], &Quiet).unwrap();
    assert_eq!(toolchains.verify(&["p"]).unwrap(), ["p"]);
}
