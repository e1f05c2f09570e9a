use wb_dock::{Engine, ErrorKind, Grant, Services};
use wb_policy::{Cap, component_imports};

use crate::support::{component_of, granting};

/// A guest whose world has `imports`, none of which it calls.
fn importing(imports: &str) -> Vec<u8> {
    let wit = format!("package test:guest;\nworld guest {{ {imports} }}\n");
    component_of(&wit, "(module)")
}

fn admitted(wasm: &[u8], grant: &Grant) -> Result<(), wb_dock::Error> {
    let program = Engine::new().unwrap().load_component(wasm).unwrap();
    program.admit(grant, &Services::default()).map(drop)
}

#[test]
fn what_is_not_granted_is_refused_by_name() {
    // In WAT, as tools leave out what a module does not call.
    let wasm = wat::parse_str(
        r#"(component
            (import "run-command"
                (func (param "command" string) (param "input" string) (result string)))
            (import "workbooks:dock/kv@1.0.0" (instance))
            (import "wasi:http/outgoing-handler@0.2.3" (instance))
            (import "evil:host/escape@1.0.0" (instance (export "run" (func))))
            (import "wasi:random/random@0.2.0" (instance
                (export "get-random-u64" (func (result u64))))))"#,
    )
    .unwrap();
    let error = admitted(&wasm, &Grant::none()).unwrap_err();
    assert_eq!(error.code(), "dock/not-granted");
    assert_eq!(
        error.to_string(),
        "import `run-command` needs `commands`, which the manifest does not declare and profile \
         `compute` does not grant; the smallest profile that grants it is `minimal`\n\
         import `workbooks:dock/kv@1.0.0` needs `kv`, which the manifest does not declare and \
         profile `compute` does not grant; the smallest profile that grants it is `minimal`\n\
         import `wasi:http/outgoing-handler@0.2.3` needs `net` or `browse`, which the manifest \
         does not declare and profile `compute` does not grant; the smallest profile that grants \
         it is `network`\n\
         import `evil:host/escape@1.0.0` is not known: no capability would bind it"
    );
}

#[test]
fn types_alone_need_nothing() {
    let wasm = wat::parse_str(
        r#"(component (import "my:own/types@1.0.0" (instance
            (type $t (record (field "x" u32))) (export "point" (type (eq $t))))))"#,
    )
    .unwrap();
    admitted(&wasm, &Grant::none()).unwrap();
}

#[test]
fn a_resource_of_somebody_else_is_no_type_alone() {
    let wasm = wat::parse_str(
        r#"(component (import "my:own/types@1.0.0" (instance
            (export "handle" (type (sub resource))))))"#,
    )
    .unwrap();
    let error = admitted(&wasm, &Grant::none()).unwrap_err();
    assert_eq!(error.code(), "dock/unknown-import");
}

#[test]
fn a_granted_capability_needs_something_behind_it() {
    for (name, requirement) in component_imports() {
        let Some(cap) = requirement.caps().first() else {
            continue;
        };
        let wat = if name.contains('/') {
            format!("(component (import \"{name}\" (instance)))")
        } else {
            format!("(component (import \"{name}\" (func)))")
        };
        let error = admitted(&wat::parse_str(wat).unwrap(), &granting(&[*cap])).unwrap_err();
        match error.kind() {
            ErrorKind::NotProvided {
                cap: missing,
                import,
            } => {
                assert_eq!((missing, import), (cap, &name));
            }
            kind => panic!("{name}: {kind:?}"),
        }
    }
}

#[test]
fn a_function_of_another_type_is_refused() {
    for import in [
        r#"(import "session-info" (func (param "x" u32) (result string)))"#,
        r#"(import "wasi:random/random@0.2.0" (instance
            (export "get-random-u64" (func (result string)))))"#,
    ] {
        let wasm = wat::parse_str(format!("(component {import})")).unwrap();
        let error = admitted(&wasm, &Grant::none()).unwrap_err();
        assert_eq!(error.code(), "dock/import-type", "{import}");
    }
}

#[test]
fn wasi_is_there_in_every_compatible_version() {
    for version in ["0.2.0", "0.2.3", "0.2.12", "0.2.99"] {
        let wasm = wat::parse_str(format!(
            r#"(component (import "wasi:random/random@{version}" (instance
                (export "get-random-u64" (func (result u64))))))"#
        ))
        .unwrap();
        admitted(&wasm, &Grant::none()).unwrap();
    }
    for version in ["0.3.0", "1.0.0"] {
        let wasm = wat::parse_str(format!(
            r#"(component (import "wasi:random/random@{version}" (instance
                (export "get-random-u64" (func (result u64))))))"#
        ))
        .unwrap();
        let error = admitted(&wasm, &Grant::none()).unwrap_err();
        assert_eq!(error.code(), "dock/import-type", "{version}");
    }
}

#[test]
fn what_a_guest_does_not_call_it_does_not_import() {
    let wasm = importing("import session-info: func() -> string;");
    let program = Engine::new().unwrap().load_component(&wasm).unwrap();
    assert_eq!(program.imports().count(), 0);
    assert!(granting(&[Cap::Kv]).caps().contains(Cap::Kv));
}
