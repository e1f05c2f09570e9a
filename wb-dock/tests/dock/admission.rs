//! What is let in, and what is said about what is not.

use wb_dock::{Engine, ErrorKind, Grant, Services};
use wb_policy::{Cap, CapSet, Requirement, core_imports};

use crate::services::everything;
use crate::support::{granting, program, wasm};

fn refusal(name: &str, grant: &Grant) -> (&'static str, String) {
    let program = program(&Engine::new().unwrap(), name);
    let error = program.admit(grant, &Services::default()).unwrap_err();
    (error.code(), error.to_string())
}

#[test]
fn an_ungranted_import_is_named_with_cap_and_profile() {
    let (code, message) = refusal("calls-commands", &Grant::none());
    assert_eq!(code, "dock/not-granted");
    assert_eq!(
        message,
        "import `wb:commands.run` needs `commands`, which the manifest does not declare and \
         profile `compute` does not grant; the smallest profile that grants it is `minimal`"
    );
}

#[test]
fn unknown_imports_are_all_named() {
    let (code, message) = refusal("unknown-import", &granting(&Cap::ALL));
    assert_eq!(code, "dock/unknown-import");
    assert_eq!(
        message,
        "import `env.system` is not known: no capability would bind it\n\
         import `wasi_snapshot_preview1.path_exec` is not known: no capability would bind it"
    );
}

#[test]
fn a_granted_import_without_a_service_is_not_provided() {
    for (guest, import, cap) in [
        ("needs-kv", "wb:kv.get", Cap::Kv),
        ("calls-commands", "wb:commands.run", Cap::Commands),
    ] {
        let (code, message) = refusal(guest, &granting(&[cap]));
        assert_eq!(code, "dock/not-provided");
        assert_eq!(
            message,
            format!(
                "import `{import}` is granted and needs `{cap}`, which this host does not provide"
            )
        );
    }
}

#[test]
fn a_known_name_under_another_type_is_refused() {
    let (code, message) = refusal("wrong-type", &Grant::none());
    assert_eq!(code, "dock/import-type");
    assert!(message.contains("fd_write"), "{message}");
}

#[test]
fn a_library_is_no_command() {
    assert_eq!(
        refusal("no-start", &Grant::none()),
        (
            "dock/not-a-command",
            "not a command: it exports no function `_start`".to_owned()
        )
    );
    assert_eq!(refusal("no-memory", &Grant::none()).0, "dock/not-a-command");
}

/// The linker holds what the table of `wb-policy` lists, and nothing else: each
/// name is linked if its capabilities are granted, and missing if they are not.
#[test]
fn linker_and_table_agree() {
    let engine = Engine::new().unwrap();
    let services = everything();
    let mut seen = 0;
    for (module, name, requirement) in core_imports() {
        // Under a type that nothing has: refused by the engine if the name is linked.
        let text = format!(
            r#"(module (import "{module}" "{name}" (func (param f64 f64)))
                 (memory (export "memory") 1) (func (export "_start")))"#
        );
        let program = engine.load(&wat::parse_str(text).unwrap()).unwrap();
        if requirement != Requirement::Ambient {
            // All the others do not help.
            let others = CapSet::from_iter(Cap::ALL).difference(caps(requirement));
            let others: Vec<Cap> = others.iter().collect();
            let error = program.admit(&granting(&others), &services).unwrap_err();
            assert_eq!(error.code(), "dock/not-granted", "{module}.{name}");
        }
        let with = granting(requirement.caps());
        let error = program.admit(&with, &services).unwrap_err();
        if requirement == Requirement::Needs(Cap::Frames) {
            // Frames are for kernels: a command finds nothing behind them.
            assert_eq!(
                error.code(),
                "dock/not-provided",
                "{module}.{name}: {error}"
            );
        } else {
            assert_eq!(error.code(), "dock/import-type", "{module}.{name}: {error}");
            assert!(
                error.to_string().contains("incompatible import type"),
                "{error}"
            );
        }
        seen += 1;
    }
    assert!(seen >= 46 + 40, "{seen}");
}

fn caps(requirement: Requirement) -> CapSet {
    requirement.caps().iter().copied().collect()
}

#[test]
fn bytes_that_are_no_module_are_malformed() {
    let engine = Engine::new().unwrap();
    let whole = wasm("cat");
    let mut component = wat::parse_str("(component)").unwrap();
    for (bytes, case) in [
        (&b""[..], "empty"),
        (b"\0asm", "magic only"),
        (b"#!/bin/sh\n", "a script"),
        (&whole[..whole.len() - 3], "truncated"),
        (&whole[..20], "cut in a section"),
        (&component[..], "a component"),
    ] {
        let error = engine.load(bytes).unwrap_err();
        assert_eq!(error.code(), "dock/malformed", "{case}: {error}");
    }
    component.clear();
    // Whole, but not valid: the body leaves nothing for the result.
    let invalid = wat::parse_str("(module (func (result i32)))").unwrap();
    assert_eq!(engine.load(&invalid).unwrap_err().code(), "dock/malformed");
}

#[test]
fn flipped_bits_never_panic() {
    let engine = Engine::new().unwrap();
    let whole = wasm("calls-commands");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        if let Ok(program) = engine.load(&bytes) {
            let _ = program.admit(&Grant::none(), &Services::default());
        }
    }
}

fn too_large(bytes: &[u8]) -> String {
    let error = Engine::new().unwrap().load(bytes).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::TooLarge { .. }),
        "{error}"
    );
    error.to_string()
}

#[test]
fn a_module_has_one_memory() {
    for text in [
        "(module (memory 1) (memory 1))",
        r#"(module (import "a" "b" (memory 1)) (memory 1))"#,
    ] {
        let told = too_large(&wat::parse_str(text).unwrap());
        assert_eq!(told, "module too large: 2 memories, at most 1 allowed");
    }
}

#[test]
fn a_module_that_asks_for_4_gib_is_refused() {
    assert_eq!(
        too_large(&wasm("asks-4-gib")),
        "module too large: 4294967296 bytes of initial memory, at most 1073741824 allowed"
    );
}

#[test]
fn a_million_functions_are_refused_before_any_is_compiled() {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection};
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    let mut body = Function::new([]);
    body.instructions().end();
    for _ in 0..1_000_000 {
        functions.function(0);
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    assert_eq!(
        too_large(&module.finish()),
        "module too large: 1000000 functions, at most 100000 allowed"
    );
}

#[test]
fn many_locals_and_a_long_body_are_refused() {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection, ValType};
    let module = |body: &Function| {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut code = CodeSection::new();
        code.function(body);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        module.finish()
    };
    let mut locals = Function::new([(4_000_000_000, ValType::I32)]);
    locals.instructions().end();
    assert_eq!(
        too_large(&module(&locals)),
        "module too large: 4000000000 locals in one function, at most 20000 allowed"
    );
    let mut long = Function::new([]);
    for _ in 0..(1 << 20) {
        long.instructions().nop();
    }
    long.instructions().end();
    let message = too_large(&module(&long));
    assert!(message.contains("bytes in one function"), "{message}");
}
