//! What `wbx` prints for what it is given, case by case in `tests/cmd`.
//!
//! `TRYCMD=overwrite cargo test -p wb-cli --test cli` rewrites the cases. None
//! of them needs a compiler or a network: what the system does is tested where
//! it is done, here only that each verb is wired to it.

#[test]
fn cases() {
    let home = tempfile::tempdir().unwrap();
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        .env("WB_HOME", home.path().join("nexus").to_str().unwrap())
        .env("WB_TOOLKITS_ROOT", "")
        .env("WB_OFFLINE", "1")
        .env("USER", "ada")
        .env("COLUMNS", "100")
        .run();
}
