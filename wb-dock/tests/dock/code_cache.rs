//! Compiled code on disk: used when it is in order, compiled anew when it is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wb_dock::{Engine, Grant, Invocation, Services};

use crate::support::wasm;

fn engine(root: &Path) -> Engine {
    Engine::builder().code_cache(root).build().unwrap()
}

/// The directory of one engine configuration.
fn code_dir(root: &Path) -> PathBuf {
    let mut entries = fs::read_dir(root).unwrap();
    let dir = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    dir
}

fn file(root: &Path, extension: &str) -> PathBuf {
    fs::read_dir(code_dir(root))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .unwrap()
}

fn digest() -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(wasm("cat")).into()
}

/// Loads and runs `cat`; tells whether its code was there already.
fn run(root: &Path) -> bool {
    let engine = engine(root);
    let cached = engine.load_cached(digest());
    let hit = cached.is_some();
    let program = cached.unwrap_or_else(|| engine.load(&wasm("cat")).unwrap());
    let command = program.admit(&Grant::none(), &Services::default()).unwrap();
    let outcome = command.run(Invocation::new("cat").stdin("text")).unwrap();
    assert_eq!(outcome.stdout, "text");
    hit
}

#[test]
fn the_second_load_finds_the_code() {
    let root = tempfile::tempdir().unwrap();
    assert!(!run(root.path()));
    assert!(run(root.path()));
    assert!(run(root.path()));
}

#[test]
fn files_are_private_and_nothing_else_is_left() {
    let root = tempfile::tempdir().unwrap();
    run(root.path());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&code_dir(root.path())), 0o700);
    assert_eq!(mode(&file(root.path(), "cwasm")), 0o600);
    assert_eq!(mode(&file(root.path(), "stamp")), 0o600);
    // Code, its stamp, and the directory of functions.
    assert_eq!(fs::read_dir(code_dir(root.path())).unwrap().count(), 3);
}

#[test]
fn damaged_code_is_compiled_anew() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("one byte changed", |root| {
            let path = file(root, "cwasm");
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.len() / 2;
            bytes[at] ^= 0xff;
            fs::write(path, bytes).unwrap();
        }),
        ("cut short", |root| {
            let path = file(root, "cwasm");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("empty", |root| fs::write(file(root, "cwasm"), b"").unwrap()),
        ("no stamp", |root| {
            fs::remove_file(file(root, "stamp")).unwrap();
        }),
        ("a bad stamp", |root| {
            fs::write(file(root, "stamp"), b"wb-code-1 00 0\n").unwrap();
        }),
        ("open to others", |root| {
            let open = fs::Permissions::from_mode(0o644);
            fs::set_permissions(file(root, "cwasm"), open).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let root = tempfile::tempdir().unwrap();
        run(root.path());
        damage(root.path());
        assert!(!run(root.path()), "{name}: used");
        assert!(run(root.path()), "{name}: not mended");
    }
}

#[test]
fn a_touched_file_is_hashed_again_and_kept() {
    let root = tempfile::tempdir().unwrap();
    run(root.path());
    let path = file(root.path(), "cwasm");
    let before = fs::read_to_string(file(root.path(), "stamp")).unwrap();
    // The same bytes in another file, as after a restore from a backup.
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(run(root.path()));
    let after = fs::read_to_string(file(root.path(), "stamp")).unwrap();
    assert_ne!(before, after);
    assert!(run(root.path()));
    assert_eq!(
        after,
        fs::read_to_string(file(root.path(), "stamp")).unwrap()
    );
}

#[test]
fn a_directory_open_to_others_is_refused() {
    let root = tempfile::tempdir().unwrap();
    run(root.path());
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(code_dir(root.path()), open).unwrap();
    let error = Engine::builder()
        .code_cache(root.path())
        .build()
        .unwrap_err();
    assert_eq!(error.code(), "dock/engine");
    assert!(!error.to_string().contains('/'), "{error}");
}

#[test]
fn a_disk_that_takes_nothing_only_costs_time() {
    // A file where the directory should be: no cache can be made there.
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, b"").unwrap();
    assert!(!run(&path));
    assert!(!run(&path));
    // A directory that is gone after the engine was made takes no file.
    let root = tempfile::tempdir().unwrap();
    let full = engine(root.path());
    fs::remove_dir_all(code_dir(root.path())).unwrap();
    let program = full.load(&wasm("cat")).unwrap();
    let command = program.admit(&Grant::none(), &Services::default()).unwrap();
    command.run(Invocation::new("cat")).unwrap();
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let engine = engine(root.path());
    // No process has the largest number there can be.
    let left = code_dir(root.path()).join(".4294967295-0.new");
    // Nor does this process count this far in the names of its own files.
    let alive = code_dir(root.path()).join(format!(".{}-{}.new", std::process::id(), u64::MAX));
    fs::write(&left, b"half").unwrap();
    fs::write(&alive, b"half").unwrap();
    engine.load(&wasm("cat")).unwrap();
    assert!(!left.exists());
    assert!(alive.exists());
}

#[test]
fn engines_of_different_settings_keep_apart() {
    let root = tempfile::tempdir().unwrap();
    engine(root.path()).load(&wasm("cat")).unwrap();
    let fuel = Engine::builder()
        .fuel(true)
        .code_cache(root.path())
        .build()
        .unwrap();
    assert!(fuel.load_cached(digest()).is_none());
    fuel.load(&wasm("cat")).unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    // How memory is handed out is no matter of the code.
    let pooling = Engine::builder()
        .pooling(2)
        .code_cache(root.path())
        .build()
        .unwrap();
    assert!(pooling.load_cached(digest()).is_some());
}

#[test]
fn many_at_once_agree() {
    let root = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| run(root.path()));
        }
    });
    assert!(run(root.path()));
    // Code, its stamp, and the directory of functions.
    assert_eq!(fs::read_dir(code_dir(root.path())).unwrap().count(), 3);
}

/// Sixty functions, the same for all `data`.
fn program_with(data: &str) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    for n in 0..60 {
        writeln!(
            text,
            "(func (param i32) (result i32) local.get 0 i32.const {n} i32.mul)"
        )
        .unwrap();
    }
    writeln!(
        text,
        "(func (export \"_start\")) (data (i32.const 60000) {data:?}))"
    )
    .unwrap();
    wat::parse_str(text).unwrap()
}

fn packs(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(code_dir(root).join("functions")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == "pack"))
        .collect()
}

fn runs(engine: &Engine, wasm: &[u8]) {
    let program = engine.load(wasm).unwrap();
    let command = program.admit(&Grant::none(), &Services::default());
    command.unwrap().run(Invocation::new("it")).unwrap();
}

#[test]
fn programs_of_the_same_functions_share_their_code() {
    let root = tempfile::tempdir().unwrap();
    runs(&engine(root.path()), &program_with("one"));
    let first = packs(root.path());
    assert_eq!(first.len(), 1);
    runs(&engine(root.path()), &program_with("two"));
    assert_eq!(packs(root.path()), first, "nothing was left to compile");
}

#[test]
fn functions_that_somebody_changed_are_compiled_again() {
    let root = tempfile::tempdir().unwrap();
    runs(&engine(root.path()), &program_with("one"));
    let pack = packs(root.path()).remove(0);
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();
    runs(&engine(root.path()), &program_with("two"));
    fs::write(&pack, "short").unwrap();
    runs(&engine(root.path()), &program_with("three"));
}
