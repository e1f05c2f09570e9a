//! Modules that are made to keep a compiler busy, or to break it: each is refused or
//! compiled in bounded time, and the host goes on.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use wasm_encoder::{
    BlockType, Component, ComponentSectionId, Instruction, Module, RawSection, TypeSection,
};
use wb_dock::{Grant, Invocation, Services};

use super::{assemble, still_works};
use crate::case::{Case, Finding, Verdict, ended, holds, in_words, refused};
use crate::host::Host;
use modules::{WIDE_TYPE, body, functions, handler, names, nested, oversized, wide, wide_types};

mod modules;

/// The longest that a module may keep the host busy before anything of it runs.
const MOST: Duration = Duration::from_secs(30);

/// What reading a module may take: some milliseconds a mebibyte, where nothing else runs.
const AT_ONCE: Duration = Duration::from_millis(500);

const REFUSED: &[&str] = &["dock/too-large", "dock/malformed"];

#[expect(clippy::too_many_lines, reason = "a list of cases")]
pub(crate) fn cases() -> Vec<Case> {
    use Instruction::{
        Block, BrIf, BrTable, Call, CallIndirect, Drop, End, I32Add, I32Const, I32Mul, LocalGet,
        LocalTee, Loop, Nop,
    };
    let at_once = |name: &str, about: &str, wasm: fn() -> Vec<u8>| {
        Case::new("compile", name, about, move |host| {
            refuses_at_once(host, &wasm())
        })
    };
    let refused_case = |name: &str, about: &str, wasm: fn() -> Vec<u8>| {
        Case::new("compile", name, about, move |host| refuses(host, &wasm()))
    };
    vec![
        refused_case(
            "a-million-functions",
            "a module of a million functions is refused before it is compiled",
            || functions(1_000_000, 1, &[End]),
        ),
        refused_case(
            "a-huge-function",
            "a function of two mebibytes is refused before it is compiled",
            || {
                let mut code = vec![Nop; 2 << 20];
                code.push(End);
                functions(1, 1, &code)
            },
        ),
        refused_case(
            "many-locals",
            "a function of a million locals is refused before it is compiled",
            || functions(1, 1_000_000, &[End]),
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
        at_once(
            "deep-nesting",
            "a function of 100,000 nested blocks is refused before it is compiled",
            || nested(&[Block(BlockType::Empty)], 100_000, &[], 1),
        ),
        at_once(
            "deep-loops",
            "a function of 5,000 nested loops is refused before it is compiled",
            || nested(&[Loop(BlockType::Empty)], 5_000, &[LocalGet(0), BrIf(0)], 1),
        ),
        at_once(
            "many-loops",
            "a function of 100,000 loops is refused before it is compiled",
            || {
                let each = [Loop(BlockType::Empty), LocalGet(0), BrIf(0), End];
                body(&[], &each, 100_000, &[])
            },
        ),
        at_once(
            "many-indirect-calls",
            "a function of 100,000 indirect calls is refused before it is compiled",
            || {
                let call = CallIndirect {
                    type_index: 0,
                    table_index: 0,
                };
                body(&[], &[LocalGet(0), call], 100_000, &[])
            },
        ),
        at_once(
            "many-locals-in-loops",
            "20,000 locals that live through 10,000 loops are refused",
            || {
                let each = [Loop(BlockType::Empty), LocalGet(0), BrIf(0), End];
                let code: Vec<_> = std::iter::repeat_n(each, 10_000)
                    .flatten()
                    .chain([End])
                    .collect();
                functions(1, 20_000, &code)
            },
        ),
        at_once(
            "locals-of-many-functions",
            "100,000 functions of 20,000 locals each are refused, though they do nothing",
            || functions(100_000, 20_000, &[End]),
        ),
        at_once(
            "wide-calls",
            "50,000 calls that pass a thousand values there and back are refused",
            || body(&wide(&I32Const(1)), &[Call(1)], 50_000, &wide(&Drop)),
        ),
        at_once(
            "wide-blocks",
            "50,000 blocks that pass a thousand values on are refused",
            || {
                let block = Block(BlockType::FunctionType(WIDE_TYPE));
                body(&wide(&I32Const(1)), &[block, End], 50_000, &wide(&Drop))
            },
        ),
        at_once(
            "wide-loops",
            "500 loops of a thousand parameters each are refused",
            || {
                let each = [
                    Loop(BlockType::FunctionType(WIDE_TYPE)),
                    LocalGet(0),
                    BrIf(0),
                    End,
                ];
                body(&wide(&I32Const(1)), &each, 500, &wide(&Drop))
            },
        ),
        at_once(
            "nested-handlers",
            "calls with thousands of handlers around them are refused",
            || nested(&handler(), 4_000, &[Call(0)], 2),
        ),
        at_once(
            "wide-types",
            "30,000 types of two thousand values each are refused",
            || wide_types(30_000),
        ),
        Case::new(
            "compile",
            "large-branch-table",
            "a branch of a million targets is refused or compiled, in bounded time",
            |host| {
                let table = BrTable(vec![0; 1_000_000].into(), 0);
                let code = [Block(BlockType::Empty), LocalGet(0), table, End];
                survives(host, &body(&[], &code, 1, &[]))
            },
        ),
        Case::new(
            "compile",
            "live-values",
            "a hundred thousand values that live at the same time are compiled in bounded time",
            |host| {
                let values = [LocalGet(0), I32Const(3), I32Mul, LocalTee(0)];
                let values: Vec<_> = std::iter::repeat_n(values, 100_000).flatten().collect();
                survives(host, &body(&values, &[I32Add], 99_999, &[Drop]))
            },
        ),
        Case::new(
            "compile",
            "ordinary-nesting",
            "a function of 2,000 nested blocks, as a large `switch` makes, is compiled",
            |host| {
                let open = [Block(BlockType::Empty), LocalGet(0), BrIf(0)];
                let mut code: Vec<_> = std::iter::repeat_n(open, 2_000).flatten().collect();
                code.extend(std::iter::repeat_n(End, 2_001));
                let guest = Invocation::new("guest");
                let wasm = functions(1, 1, &code);
                let run = host.run(&wasm, &Grant::none(), &Services::default(), guest);
                ended(run).map(drop)
            },
        ),
        Case::new(
            "compile",
            "truncated",
            "a module that is cut off anywhere is refused as malformed",
            |host| {
                let whole = functions(3, 1, &[Nop, End]);
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

/// Refused in the time that it takes to read the module, and to get to a host that does.
fn refuses_at_once(host: &dyn Host, wasm: &[u8]) -> Verdict {
    let most = AT_ONCE + super::limits::overhead(host)? + host.slack();
    let started = Instant::now();
    let guest = Invocation::new("guest");
    let run = host.run(wasm, &Grant::none(), &Services::default(), guest);
    let took = started.elapsed();
    refused(run, &["dock/too-large"])?;
    holds(
        took <= most,
        &format!("a refusal within {most:?}"),
        format!("{took:?}"),
    )?;
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
