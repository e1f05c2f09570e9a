//! Modules that are made to keep a compiler busy, or to break it: each is refused or
//! compiled in bounded time, and the host goes on.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentSectionId, ConstExpr, DataSection, EntityType,
    ExportKind, ExportSection, Function, FunctionSection, ImportSection, Instruction,
    MemorySection, MemoryType, Module, RawSection, TypeSection, ValType,
};
use wb_dock::{Grant, Invocation, Services};

use super::{assemble, still_works};
use crate::case::{Case, Finding, Verdict, holds, in_words, refused};
use crate::host::Host;

/// The longest that a module may keep the host busy before anything of it runs.
const MOST: Duration = Duration::from_secs(30);

const REFUSED: &[&str] = &["dock/too-large", "dock/malformed"];

#[expect(clippy::too_many_lines, reason = "a list of cases")]
pub(crate) fn cases() -> Vec<Case> {
    let refused_case = |name: &str, about: &str, wasm: fn() -> Vec<u8>| {
        Case::new("compile", name, about, move |host| refuses(host, &wasm()))
    };
    vec![
        refused_case(
            "a-million-functions",
            "a module of a million functions is refused before it is compiled",
            || functions(1_000_000, 1, &[Instruction::End]),
        ),
        refused_case(
            "a-huge-function",
            "a function of two mebibytes is refused before it is compiled",
            || {
                let mut code = vec![Instruction::Nop; 2 << 20];
                code.push(Instruction::End);
                functions(1, 1, &code)
            },
        ),
        refused_case(
            "many-locals",
            "a function of a million locals is refused before it is compiled",
            || functions(1, 1_000_000, &[Instruction::End]),
        ),
        refused_case(
            "too-many-imports",
            "a module of 200,000 imports is refused",
            || names(200_000, 0),
        ),
        refused_case(
            "too-many-exports",
            "a module of 200,000 exports is refused",
            || names(0, 200_000),
        ),
        refused_case(
            "too-many-types",
            "a module of two million types is refused",
            || {
                let mut types = TypeSection::new();
                for _ in 0..2_000_000 {
                    types.ty().function([], []);
                }
                let mut module = Module::new();
                module.section(&types);
                module.finish()
            },
        ),
        refused_case(
            "oversized",
            "a module of 65 MiB is refused, whatever is in it",
            oversized,
        ),
        Case::new(
            "compile",
            "deep-nesting",
            "a function of 20,000 nested blocks is refused or compiled, and breaks nothing",
            |host| {
                let depth = 20_000;
                let mut code = vec![Instruction::Block(BlockType::Empty); depth];
                code.extend(vec![Instruction::End; depth + 1]);
                survives(host, &functions(1, 1, &code))
            },
        ),
        Case::new(
            "compile",
            "truncated",
            "a module that is cut off anywhere is refused as malformed",
            |host| {
                let whole = functions(3, 1, &[Instruction::Nop, Instruction::End]);
                for end in 0..whole.len() {
                    // A cut between sections leaves a module, but no command.
                    let codes = ["dock/malformed", "dock/not-a-command"];
                    let run = host.run(
                        &whole[..end],
                        &Grant::none(),
                        &Services::default(),
                        Invocation::new("guest"),
                    );
                    refused(run, &codes)?;
                }
                still_works(host)
            },
        ),
        Case::new(
            "compile",
            "no-wasm",
            "bytes that are no module are refused as malformed",
            |host| {
                let cases: [&[u8]; 4] = [b"", b"\0asm", b"\x7fELF\x02\x01\x01\0", b"#!/bin/sh\n"];
                for bytes in cases {
                    refuses(host, bytes)?;
                }
                Ok(())
            },
        ),
        Case::new(
            "compile",
            "component-nesting",
            "a component of a thousand components inside each other is refused",
            |host| {
                let mut wasm = Component::new().finish();
                for _ in 0..1000 {
                    let mut outer = Component::new();
                    outer.section(&RawSection {
                        id: ComponentSectionId::Component as u8,
                        data: &wasm,
                    });
                    wasm = outer.finish();
                }
                component(host, &wasm)
            },
        ),
        Case::new(
            "compile",
            "component-type-explosion",
            "types that double a hundred times are refused in bounded time",
            |host| {
                let mut text = "(component (type $t0 (tuple u8 u8))".to_owned();
                for level in 1..100 {
                    let inner = level - 1;
                    let _ = write!(text, "(type $t{level} (tuple $t{inner} $t{inner}))");
                }
                component(host, &assemble(&(text + ")")))
            },
        ),
        Case::new(
            "compile",
            "component-instances",
            "a component of a thousand instances is refused",
            |host| {
                let text = "(component (core module $m)".to_owned()
                    + &"(core instance (instantiate $m))".repeat(1000)
                    + ")";
                component(host, &assemble(&text))
            },
        ),
    ]
}

fn refuses(host: &dyn Host, wasm: &[u8]) -> Verdict {
    let started = Instant::now();
    let guest = Invocation::new("guest");
    let run = host.run(wasm, &Grant::none(), &Services::default(), guest);
    refused(run, REFUSED)?;
    in_bounds(started.elapsed())?;
    still_works(host)
}

/// Refused with whatever code, or run.
fn survives(host: &dyn Host, wasm: &[u8]) -> Verdict {
    let started = Instant::now();
    let guest = Invocation::new("guest");
    let run = host.run(wasm, &Grant::none(), &Services::default(), guest);
    if let Err(refusal) = &run
        && !REFUSED.contains(&&*refusal.code)
    {
        return Err(Finding::failed("a module, or a refusal", in_words(&run)));
    }
    in_bounds(started.elapsed())?;
    still_works(host)
}

fn component(host: &dyn Host, wasm: &[u8]) -> Verdict {
    let started = Instant::now();
    match host.admit_component(wasm, &Grant::none(), &Services::default()) {
        None => return Err(Finding::skipped("this host takes no components")),
        Some(Err(refusal)) if REFUSED.contains(&&*refusal.code) => {}
        Some(Err(refusal)) => {
            return Err(Finding::failed(REFUSED.join(" or "), refusal.to_string()));
        }
        Some(Ok(())) => return Err(Finding::failed(REFUSED.join(" or "), "it was let in")),
    }
    in_bounds(started.elapsed())?;
    still_works(host)
}

fn in_bounds(took: Duration) -> Verdict {
    holds(took <= MOST, "an answer within 30 s", format!("{took:?}"))
}

/// A command of `count` functions, each with `locals` locals and `code`.
fn functions(count: u32, locals: u32, code: &[Instruction<'_>]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut functions, mut bodies) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..count {
        functions.function(0);
        let mut body = Function::new([(locals, ValType::I32)]);
        for instruction in code {
            body.instruction(instruction);
        }
        bodies.function(&body);
    }
    let mut exports = ExportSection::new();
    exports.export("_start", ExportKind::Func, 0);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&exports)
        .section(&bodies);
    module.finish()
}

/// A command with so many imports and exports.
fn names(imports: u32, exports: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imported = ImportSection::new();
    for number in 0..imports {
        imported.import("env", &number.to_string(), EntityType::Function(0));
    }
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exported = ExportSection::new();
    exported.export("_start", ExportKind::Func, imports);
    for number in 0..exports {
        exported.export(&number.to_string(), ExportKind::Func, imports);
    }
    let mut bodies = CodeSection::new();
    let mut body = Function::new([]);
    body.instruction(&Instruction::End);
    bodies.function(&body);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imported)
        .section(&functions)
        .section(&exported)
        .section(&bodies);
    module.finish()
}

fn oversized() -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1100,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), vec![b'x'; 65 << 20]);
    let mut module = Module::new();
    module.section(&memories).section(&data);
    module.finish()
}
