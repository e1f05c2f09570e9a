//! What is not built says so, and fails.

#[test]
fn it_does_not_pretend_to_serve() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_wb-http"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error[http/not-built]: "), "{said}");
    assert!(output.stdout.is_empty());
}
