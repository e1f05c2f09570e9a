use wb_dock::cap::FailureKind;
use wb_dock::{Grant, Session};
use wb_policy::{Allow, Budget, CapSet, Profile, Scopes, Trust};

use super::*;

fn ada() -> Owner {
    Owner::Tenant("ada".into())
}

fn session(tenant: &str) -> Session {
    Session {
        id: "s".into(),
        tenant: tenant.into(),
    }
}

fn grant() -> Grant {
    let caps = CapSet::of(Cap::Secrets);
    Grant::decide(caps, Trust::FirstParty, &Profile::minimal(), None).unwrap()
}

fn who<'a>(session: &'a Session, grant: &'a Grant) -> Principal<'a> {
    Principal::new(session, "test", grant, Budget::new("test", grant.limits()))
}

fn origin() -> Origin {
    "https://api.example.org/v1".parse().unwrap()
}

fn token(value: &str) -> Secret {
    Secret::token(value).only_to("api.example.org".parse().unwrap())
}

/// What becomes of `text` for a guest of `tenant` with `grant`.
fn fill(vault: &Vault, tenant: &str, grant: &Grant, text: &str) -> Result<String, FailureKind> {
    let session = session(tenant);
    let filled = vault.fill(&who(&session, grant), &origin(), text.as_bytes());
    filled
        .map(|filled| String::from_utf8(filled.text.to_vec()).unwrap())
        .map_err(|failure| failure.kind)
}

#[test]
fn signs_as_rfc_8032_says() {
    // Section 7.1, test 2.
    let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let vault = Vault::in_memory();
    let key = Secret::signing_key(seed.try_into().unwrap());
    vault.set(ada(), "KEY", key).unwrap();
    let (session, grant) = (session("ada"), grant());
    let signature = vault.sign(&who(&session, &grant), "KEY", &[0x72]).unwrap();
    assert_eq!(
        signature,
        hex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
    );
    assert_eq!(
        vault.public_key(&ada(), "KEY").unwrap().unwrap(),
        *hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    );
}

#[test]
fn authenticates_as_rfc_4231_says() {
    // Test case 2.
    let vault = Vault::in_memory();
    vault.set(ada(), "KEY", Secret::token("Jefe")).unwrap();
    let (session, grant) = (session("ada"), grant());
    let code = vault.hmac(
        &who(&session, &grant),
        "KEY",
        b"what do ya want for nothing?",
    );
    assert_eq!(
        code.unwrap(),
        hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    );
}

#[test]
fn each_secret_serves_its_purpose_and_its_tenant_only() {
    let vault = Vault::in_memory();
    vault.set(ada(), "TOKEN", token("t")).unwrap();
    vault
        .set(ada(), "KEY", Secret::signing_key([7; 32]))
        .unwrap();
    let (ada, eve, grant) = (session("ada"), session("eve"), grant());
    let (ada, eve) = (who(&ada, &grant), who(&eve, &grant));
    assert!(vault.present(&ada, "TOKEN").unwrap());
    assert!(!vault.present(&ada, "token").unwrap());
    assert!(!vault.present(&eve, "TOKEN").unwrap());
    let kind = |result: Result<Bytes, Failure>| result.unwrap_err().kind;
    assert_eq!(kind(vault.sign(&eve, "KEY", b"")), FailureKind::NotFound);
    assert_eq!(kind(vault.hmac(&eve, "TOKEN", b"")), FailureKind::NotFound);
    assert_eq!(
        kind(vault.sign(&ada, "TOKEN", b"")),
        FailureKind::BadRequest
    );
    assert_eq!(kind(vault.hmac(&ada, "KEY", b"")), FailureKind::BadRequest);
}

#[test]
fn fills_where_grant_scope_host_and_kind_allow_it() {
    let vault = Vault::in_memory();
    vault.set(ada(), "A", token("{{secret:B}}")).unwrap();
    vault.set(ada(), "B", token("b")).unwrap();
    vault
        .set(ada(), "UNBOUND", Secret::token("unbound"))
        .unwrap();
    let elsewhere = Secret::token("x").only_to("other.example.org".parse().unwrap());
    vault.set(ada(), "ELSEWHERE", elsewhere).unwrap();
    let key = Secret::signing_key([1; 32]).only_to("api.example.org".parse().unwrap());
    vault.set(ada(), "KEY", key).unwrap();
    vault.set(Owner::Host, "LLM", token("host")).unwrap();

    let all = grant();
    let filled = |text: &str| fill(&vault, "ada", &all, text);
    assert_eq!(filled("no secret").as_deref(), Ok("no secret"));
    assert_eq!(filled("{{secret:B}}, {{secret:B}}").as_deref(), Ok("b, b"));
    // A value is not looked at again.
    assert_eq!(filled("<{{secret:A}}>").as_deref(), Ok("<{{secret:B}}>"));
    assert_eq!(filled("{{secret:NONE}}"), Err(FailureKind::NotFound));
    assert_eq!(filled("{{secret:LLM}}"), Err(FailureKind::NotFound));
    for refused in ["UNBOUND", "ELSEWHERE", "KEY"] {
        let text = format!("{{{{secret:{refused}}}}}");
        assert_eq!(filled(&text), Err(FailureKind::Refused), "{refused}");
    }
    let eves = fill(&vault, "eve", &all, "{{secret:B}}");
    assert_eq!(eves, Err(FailureKind::NotFound));
    let none = Grant::none();
    let ungranted = fill(&vault, "ada", &none, "{{secret:B}}");
    assert_eq!(ungranted, Err(FailureKind::Refused));
    let scoped = all.clone().narrow_scopes(&Scopes {
        secrets: Allow::Only(vec!["B*".parse().unwrap()]),
        ..Scopes::default()
    });
    assert!(fill(&vault, "ada", &scoped, "{{secret:B}}").is_ok());
    let outside = fill(&vault, "ada", &scoped, "{{secret:A}}");
    assert_eq!(outside, Err(FailureKind::Refused));
}

#[test]
fn a_small_text_cannot_grow_without_limit() {
    let vault = Vault::in_memory();
    vault.set(ada(), "A", token(&"x".repeat(64 << 10))).unwrap();
    let text = "{{secret:A}}".repeat(257);
    let filled = fill(&vault, "ada", &grant(), &text);
    assert_eq!(filled, Err(FailureKind::Limit));
}

#[test]
fn keys_of_the_host_go_to_their_host() {
    let vault = Vault::in_memory();
    vault.set(Owner::Host, "LLM", token("sk-1")).unwrap();
    assert_eq!(**vault.key("LLM", &origin()).unwrap(), *b"sk-1");
    let elsewhere = vault.key("LLM", &"https://example.net".parse().unwrap());
    assert_eq!(elsewhere.unwrap_err().kind, FailureKind::Refused);
    let none = vault.key("NONE", &origin()).unwrap_err();
    assert_eq!(none.kind, FailureKind::Unavailable);
}

#[test]
fn names_and_values_are_checked() {
    let vault = Vault::in_memory();
    for name in ["", "a b", "ä", "a}}", &"a".repeat(129)] {
        let error = vault.set(ada(), name, token("x")).unwrap_err();
        assert!(matches!(error, VaultError::BadName(_)), "{name}");
    }
    for value in [String::new(), "x".repeat((64 << 10) + 1)] {
        let error = vault.set(ada(), "A", token(&value)).unwrap_err();
        assert!(matches!(error, VaultError::BadValue(n) if n == value.len()));
    }
    for n in 0..MAX_SECRETS {
        vault.set(ada(), &format!("A{n}"), token("x")).unwrap();
    }
    vault.set(ada(), "A0", token("y")).unwrap();
    let full = vault.set(ada(), "B", token("x")).unwrap_err();
    assert!(matches!(full, VaultError::Full));
}

#[test]
fn nothing_printed_holds_a_value() {
    let vault = Vault::in_memory();
    vault.set(ada(), "A", token("hunter2")).unwrap();
    let listed = vault.list(&ada()).unwrap();
    assert_eq!(listed[0].hosts, ["https://api.example.org"]);
    let printed = format!("{vault:?} {listed:?} {:?}", token("hunter2"));
    assert!(!printed.contains("hunter2"));
}

#[test]
fn a_file_is_private_shared_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("private/vault.json");
    let first = Vault::open(&path).unwrap();
    let second = Vault::open(&path).unwrap();
    first.set(ada(), "A", token("a")).unwrap();
    second
        .set(ada(), "KEY", Secret::signing_key([9; 32]))
        .unwrap();
    first.set(Owner::Host, "LLM", token("k")).unwrap();

    // Each sees what the other wrote, and a third what both did.
    for vault in [&first, &second, &Vault::open(&path).unwrap()] {
        let names: Vec<_> = vault.list(&ada()).unwrap();
        let names: Vec<_> = names.iter().map(|listed| &*listed.name).collect();
        assert_eq!(names, ["A", "KEY"]);
        assert_eq!(fill(vault, "ada", &grant(), "{{secret:A}}").unwrap(), "a");
        assert_eq!(**vault.key("LLM", &origin()).unwrap(), *b"k");
    }
    assert!(second.remove(&ada(), "A").unwrap());
    assert!(!first.remove(&ada(), "A").unwrap());

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(
            Vault::open(&path),
            Err(VaultError::Exposed(0o644))
        ));
    }
}

#[test]
fn a_damaged_file_is_named_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault.json");
    for (text, wanted) in [
        ("hunter2", "no vault at line 1, column 1"),
        (r#"{"version": 2}"#, "version 2, wanted 1"),
        (
            r#"{"version": 1, "host": {"A": {"kind": "token", "value": "hunter2!"}}}"#,
            "the value of `A` is none",
        ),
        (
            r#"{"version": 1, "host": {"A": {"kind": "signing-key", "value": "aHVudGVyMg=="}}}"#,
            "the value of `A` is none",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let error = Vault::open(&path).unwrap_err().to_string();
        assert_eq!(error, format!("the vault cannot be understood: {wanted}"));
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
