//! Compiled components on disk. That a component is not compiled shows by the limits for
//! compiling, which no longer hold.

use std::fs;
use std::path::{Path, PathBuf};

use wb_dock::{CompileLimits, Engine, Error, Grant, Services};

use crate::support::wasm;

fn engine(root: &Path, limits: CompileLimits) -> Engine {
    let builder = Engine::builder().code_cache(root).compile_limits(limits);
    builder.build().unwrap()
}

/// Loads and calls `echo` on an engine that compiles nothing.
fn from_cache(root: &Path) -> Result<(), Error> {
    let mut limits = CompileLimits::untrusted();
    limits.module_bytes = 0;
    let program = engine(root, limits).load_component(&wasm("echo"))?;
    let echo = program.admit(&Grant::none(), &Services::default())?;
    assert_eq!(echo.call_wave("run", "\"hi\"")?.value, "\"hi\"");
    Ok(())
}

fn compile(root: &Path) {
    let engine = engine(root, CompileLimits::untrusted());
    engine.load_component(&wasm("echo")).unwrap();
}

fn code_file(root: &Path) -> PathBuf {
    let dir = fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|found| found == "cwasm"))
        .unwrap()
}

#[test]
fn the_second_load_finds_the_code() {
    let root = tempfile::tempdir().unwrap();
    let error = from_cache(root.path()).unwrap_err();
    assert_eq!(error.code(), "dock/too-large");
    compile(root.path());
    from_cache(root.path()).unwrap();
}

#[test]
fn damaged_code_is_compiled_anew() {
    let root = tempfile::tempdir().unwrap();
    compile(root.path());
    let path = code_file(root.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = from_cache(root.path()).unwrap_err();
    assert_eq!(error.code(), "dock/too-large");
    compile(root.path());
    from_cache(root.path()).unwrap();
}

#[test]
fn the_code_of_a_component_is_no_module() {
    let root = tempfile::tempdir().unwrap();
    compile(root.path());
    let engine = engine(root.path(), CompileLimits::untrusted());
    let error = engine.load(&wasm("echo")).unwrap_err();
    assert_eq!(error.code(), "dock/malformed");
    compile(root.path());
    from_cache(root.path()).unwrap();
}
