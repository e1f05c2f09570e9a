//! A user's machine: a nexus, the compilers, and a directory to work in.
//!
//! The toolchains come from `WB_TEST_HOME`, else from a folder of the target
//! directory, and are installed there by the first test that needs them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A nexus of its own, with the compilers of the shared one, and a directory to work in.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

/// Where the compilers are.
pub(crate) fn shared() -> &'static Path {
    static SHARED: OnceLock<PathBuf> = OnceLock::new();
    SHARED.get_or_init(|| {
        let given = std::env::var_os("WB_TEST_HOME").map(PathBuf::from);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let home = given.unwrap_or_else(|| target.with_file_name("wb-test-home"));
        let installed = Command::new(env!("CARGO_BIN_EXE_wbx"))
            .args(["toolchain", "install"])
            .env("WB_HOME", &home)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(installed.success());
        home
    })
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir_all(&home).unwrap();
        for part in ["toolchains", "code"] {
            let _ = fs::create_dir(shared().join(part));
            std::os::unix::fs::symlink(shared().join(part), home.join(part)).unwrap();
        }
        fs::create_dir(dir.path().join("work")).unwrap();
        Self { dir }
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wbx"));
        command
            .args(args)
            .current_dir(self.work())
            .env("WB_HOME", self.dir.path().join("home"))
            .env_remove("WB_TOOLKITS_ROOT")
            .env("WB_OFFLINE", "1")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn wbx(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn with_input(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // A guest may end before it has read everything.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// What a verb that succeeds says.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        let output = self.wbx(args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// The exit code and the complaint of a verb that fails.
    pub(crate) fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.wbx(args);
        (output.status.code().unwrap(), text(&output.stderr))
    }

    pub(crate) fn digest(&self, name: &str) -> String {
        let versions = self.says(&["--json", "versions", name]);
        let json: serde_json::Value = serde_json::from_str(&versions).unwrap();
        let live = json["data"]["live"].as_u64().unwrap() as usize;
        let digest = &json["data"]["versions"][live]["digest"];
        digest.as_str().unwrap().to_owned()
    }
}

/// What a program wrote.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
