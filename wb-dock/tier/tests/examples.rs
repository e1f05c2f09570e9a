//! The example of a native binary runs to its end and says what it promises.

use std::process::Command;

#[test]
fn posix() {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    let program = built.join("examples/posix");
    if !program.exists() {
        println!("skipped: the example `posix` is not built, `cargo build --examples` does it");
        return;
    }
    let output = Command::new(program).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with("tier/not-allowed: "), "{said}");
    if said.contains("tier/unavailable") {
        println!("{said}");
        return;
    }
    for line in [
        "read: a line\nvariables: 0\nfiles: note.txt\nno files of the machine\nexit 3, ",
        "note.txt: kept\n",
    ] {
        assert!(said.contains(line), "no {line:?} in\n{said}");
    }
}
