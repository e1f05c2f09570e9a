//! Components from C, JavaScript and TypeScript, built, admitted and called.

use serde_json::{Value, json};
use wb_build::lane::{self, Component, Contract, Options};
use wb_build::toolchain::Lock;
use wb_build::{Built, Error, MemoryCache, NoCache, compose};
use wb_dock::{Grant, Services};
use wb_manifest::{Lang, Tree};
use wb_policy::{Cap, CapSet};

use crate::home::{engine, run, tree, tree_of};

fn contract(world: &str, entry: &str, wit: &[(&str, &str)]) -> Component {
    Component {
        world: world.to_owned(),
        entry: entry.to_owned(),
        wit: tree(wit),
        caps: CapSet::EMPTY,
    }
}

fn build(lang: Lang, sources: Tree, contract: Component) -> Result<Built, Error> {
    let options = Options {
        contract: Contract::Component(contract),
        ..Options::default()
    };
    run(
        &lane::plan(lang, sources, &options, &Lock::pinned())?,
        &NoCache,
        2,
    )
}

fn component(lang: Lang, sources: &[(&str, &str)], contract: Component) -> Vec<u8> {
    match build(lang, tree(sources), contract) {
        Ok(built) => built.artifact().expect("an artifact").wasm.to_vec(),
        Err(error) => panic!("{error}\n{:#?}", error.diagnostics()),
    }
}

fn findings(lang: Lang, sources: &[(&str, &str)], contract: Component) -> Vec<String> {
    let error = build(lang, tree(sources), contract).expect_err("the build fails");
    error
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn admitted(wasm: &[u8]) -> wb_dock::Component {
    let program = engine().load_component(wasm).expect("it loads");
    let admitted = program.admit(&Grant::none(), &Services::default());
    admitted.expect("it is admitted")
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "arguments are written where they are passed"
)]
fn call(wasm: &[u8], function: &str, args: Value) -> Value {
    let called = admitted(wasm).call_json(function, &args);
    called.unwrap_or_else(|error| panic!("{error}")).value
}

const SHOUT_C: &str = r"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <engine.h>

void exports_engine_run(engine_string_t *input, engine_string_t *ret) {
    ret->len = input->len;
    ret->ptr = malloc(input->len);
    for (size_t i = 0; i < input->len; i++)
        ret->ptr[i] = (uint8_t)toupper(input->ptr[i]);
    engine_string_free(input);
}
";

#[test]
fn c_for_the_engine_world() {
    let wasm = component(
        Lang::C,
        &[("shout.c", SHOUT_C)],
        contract("engine", "run", &[]),
    );
    assert_eq!(call(&wasm, "run", json!(["hello"])), json!("HELLO"));
    let names: Vec<String> = {
        let program = engine().load_component(&wasm).unwrap();
        program
            .imports()
            .filter(|name| !name.starts_with("wasi:"))
            .map(str::to_owned)
            .collect()
    };
    assert!(names.is_empty(), "only what is used is imported: {names:?}");
}

#[test]
fn an_export_that_is_missing_in_c_is_a_link_error() {
    let found = findings(
        Lang::C,
        &[("x.c", "int x;")],
        contract("engine", "run", &[]),
    );
    assert!(found[0].contains("exports_engine_run"), "{found:#?}");
}

const GREET_JS: &str = r#"
import { sessionInfo } from "session-info";
let calls = 0;
export function run(input) {
  calls += 1;
  const { profile } = JSON.parse(sessionInfo());
  return `${input.toUpperCase()} ${calls} ${typeof profile} ünï 😀`;
}
"#;

#[test]
fn javascript_for_the_engine_world() {
    let wasm = component(
        Lang::Js,
        &[("index.js", GREET_JS)],
        contract("engine", "run", &[]),
    );
    let admitted = admitted(&wasm);
    let mut instance = admitted.start(wb_dock::Invocation::new("greet")).unwrap();
    for n in 1..=3 {
        let value = instance.call_json("run", &json!(["grüß"])).unwrap();
        assert_eq!(value, json!(format!("GRÜSS {n} string ünï 😀")));
    }
    assert!(wasm.len() < 1_100_000, "{} bytes", wasm.len());
}

#[test]
fn what_javascript_imports_is_held_to_the_caps() {
    let source = "import runCommand from 'run-command';\n\
                  export const run = (input) => runCommand('sort', input, []);\n";
    let found = findings(
        Lang::Js,
        &[("index.js", source)],
        contract("engine", "run", &[]),
    );
    assert_eq!(
        found,
        ["error: `run-command` needs `commands`, which `#+CAPS` does not declare"]
    );
}

#[test]
fn a_program_without_the_export_is_told_so() {
    let sources = [("index.js", "export const walk = () => 'x';\n")];
    let found = findings(Lang::Js, &sources, contract("engine", "run", &[]));
    assert_eq!(
        found[0],
        "index.js:1:1: error: no export `run`, which the world of the component has"
    );
}

#[test]
fn an_error_that_nobody_catches_ends_the_call_and_is_printed() {
    let sources = [(
        "index.js",
        "export function run() {\n  throw new Error('boom');\n}\n",
    )];
    let wasm = component(Lang::Js, &sources, contract("engine", "run", &[]));
    let error = admitted(&wasm).call_json("run", &json!(["x"])).unwrap_err();
    assert_eq!(error.code(), "dock/trap", "{error}");
}

const KINDS_WIT: &str = r"
package example:kinds@0.1.0;

interface types {
    flags marks { read, write-back, run }
    enum color { red, dark-green }
    variant shape { circle(f64), box(tuple<u32, u32>), nothing }
    record item {
        item-name: string,
        count: u8,
        big: s64,
        price: f32,
        letter: char,
        tags: list<string>,
        bytes: list<u8>,
        numbers: list<s16>,
        maybe: option<u32>,
        deep: option<option<string>>,
        marks: marks,
        color: color,
        shapes: list<shape>,
        outcome: result<u32, string>,
    }
}

world kinds {
    use types.{item, shape, color};
    export echo: func(item: item) -> item;
    export many: func(a: u8, b: s8, c: u16, d: s16, e: u32, f: s32, g: u64, h: s64, i: f32, j: f64, k: bool, l: char, m: string, n: shape, o: option<f64>) -> string;
    export half: func(n: u32) -> result<u32, string>;
    export pick: func(c: color, s: shape) -> shape;
    export later: func(ms: u32) -> string;
    export nothing: func();
    export area: interface {
        use types.{shape};
        of-shape: func(s: shape) -> f64;
    }
}
";

const KINDS_TS: &str = r"
type Shape = { tag: 'circle'; val: number } | { tag: 'box'; val: [number, number] } | { tag: 'nothing' };
export function echo(item: object): object { return item; }
export function many(...args: unknown[]): string {
  return args.map((x) => (typeof x === 'object' ? JSON.stringify(x) : String(x))).join(' ');
}
export function half(n: number): number {
  if (n === 7) throw { payload: 'seven' };
  if (n % 2) throw new Error(`${n} is odd`);
  return n / 2;
}
export const pick = (c: string, s: Shape): Shape => (c === 'dark-green' ? s : { tag: 'nothing' });
export async function later(ms: number): Promise<string> {
  await new Promise((done) => setTimeout(done, ms));
  return 'late';
}
export function nothing(): void {}
export const area = {
  ofShape(s: Shape): number {
    return s.tag === 'circle' ? 3 * s.val * s.val : s.tag === 'box' ? s.val[0] * s.val[1] : 0;
  },
};
";

#[test]
fn every_kind_of_value_goes_in_and_out() {
    let contract = contract("kinds", "echo", &[("kinds.wit", KINDS_WIT)]);
    let wasm = component(Lang::Ts, &[("index.ts", KINDS_TS)], contract);
    let program = admitted(&wasm);
    let wave = r#"{item-name: "näil", count: 200, big: -9007199254740993, price: 1.5, letter: '😀', tags: ["a", ""], bytes: [1, 2, 255], numbers: [-1, 300], maybe: some(7), deep: some(none), marks: {read, run}, color: dark-green, shapes: [circle(2.5), box((3, 4)), nothing], outcome: err("no")}"#;
    assert_eq!(program.call_wave("echo", wave).unwrap().value, wave);
    let many = r#"255, -128, 65535, -32768, 4294967295, -2147483648, 18446744073709551615, -9223372036854775808, 0.5, -0.25, true, 'x', "s", circle(1.5), some(2.5)"#;
    assert_eq!(
        program.call_wave("many", many).unwrap().value,
        "\"255 -128 65535 -32768 4294967295 -2147483648 18446744073709551615 \
         -9223372036854775808 0.5 -0.25 true x s {\\\"tag\\\":\\\"circle\\\",\\\"val\\\":1.5} 2.5\""
    );
    for (args, wanted) in [
        ("8", "ok(4)"),
        ("3", "err(\"3 is odd\")"),
        ("7", "err(\"seven\")"),
    ] {
        assert_eq!(program.call_wave("half", args).unwrap().value, wanted);
    }
    assert_eq!(
        program
            .call_wave("pick", "dark-green, box((1, 2))")
            .unwrap()
            .value,
        "box((1, 2))"
    );
    assert_eq!(
        program.call_wave("pick", "red, box((1, 2))").unwrap().value,
        "nothing"
    );
    assert_eq!(program.call_wave("later", "1").unwrap().value, "\"late\"");
    assert_eq!(program.call_wave("nothing", "").unwrap().value, "");
    assert_eq!(
        program
            .call_wave("area#of-shape", "box((3, 4))")
            .unwrap()
            .value,
        "12"
    );
}

/// What a strict check says of a program in TypeScript.
fn checked(source: &str, contract: Component) -> Vec<String> {
    let options = Options {
        contract: Contract::Component(contract),
        check_types: true,
    };
    let sources = tree(&[("index.ts", source)]);
    let plan = lane::plan(Lang::Ts, sources, &options, &Lock::pinned()).expect("a plan");
    let diagnostics = match run(&plan, &NoCache, 2) {
        Ok(built) => built.diagnostics,
        Err(error) => error.diagnostics().to_vec(),
    };
    diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn a_strict_check_holds_a_program_to_the_types_of_its_world() {
    let wit = "package example:notes;\n\
        interface types { record note { title: string, lines: list<string>, stars: option<u8> } }\n\
        world notes {\n use types.{note};\n import workbooks:dock/kv@1.0.0;\n \
        import session-info: func() -> string;\n \
        export best: func(notes: list<note>, least: u64) -> result<note, string>;\n}\n";
    let contract = || Component {
        caps: CapSet::of(Cap::Kv),
        ..contract("notes", "best", &[("notes.wit", wit)])
    };
    let right = "import { sessionInfo } from 'session-info';\n\
        import { get } from 'workbooks:dock/kv';\n\
        import type { Note } from 'example:notes/types';\n\
        export async function best(notes: Note[], least: bigint): Promise<Note> {\n\
          const mine: string | undefined = get(sessionInfo()) && 'mine';\n\
          const found = notes.find((note) => BigInt(note.stars ?? 0) >= least);\n\
          if (found === undefined) throw 'none';\n\
          return { ...found, title: mine ?? found.title };\n}\n";
    assert_eq!(checked(right, contract()), [""; 0]);
    let wrong = right
        .replace("get(sessionInfo())", "get(7)")
        .replace("note.stars ?? 0", "note.starts");
    let found = checked(&wrong, contract());
    assert!(
        found[0].starts_with("index.ts:5:38: error[TS2345]: ")
            && found[1].starts_with("index.ts:6:48: error[TS2551]: "),
        "{found:#?}"
    );
    let unlike = "export const best = (notes: string[]): string => notes.join();\n";
    let found = checked(unlike, contract());
    assert!(
        found[0].starts_with(
            "index.ts:1:1: error[TS1360]: the program does not fit the world `example:notes/notes`"
        ),
        "{found:#?}"
    );
}

const PIPE_WIT: &str = "package example:pipe;\n\
    interface stage { apply: func(words: list<string>) -> result<string, string>; }\n\
    world producer { export stage; }\n\
    world consumer { import stage; export run: func(input: string) -> string; }\n";

#[test]
fn two_components_over_a_typed_edge() {
    let wit = [("pipe.wit", PIPE_WIT)];
    let producer = component(
        Lang::Js,
        &[(
            "index.js",
            "export const stage = { apply(words) {\n\
             if (words.length === 0) throw 'no words';\n\
             return words.reverse().join('-'); } };\n",
        )],
        contract("producer", "example:pipe/stage#apply", &wit),
    );
    let consumer = component(
        Lang::Js,
        &[(
            "index.js",
            "import { apply } from 'example:pipe/stage';\n\
             export function run(input) {\n\
             try { return apply(input.split(' ').filter(Boolean)); }\n\
             catch (error) { return `caught ${error.payload}`; } }\n",
        )],
        contract("consumer", "run", &wit),
    );
    let whole = compose(&consumer, &[&producer]).unwrap();
    assert_eq!(whole, compose(&consumer, &[&producer]).unwrap());
    assert_eq!(call(&whole, "run", json!(["a b c"])), json!("c-b-a"));
    assert_eq!(call(&whole, "run", json!([""])), json!("caught no words"));
}

#[test]
fn the_same_source_gives_the_same_component_and_comes_from_the_cache() {
    let options = Options {
        contract: Contract::Component(contract("engine", "run", &[])),
        ..Options::default()
    };
    let cache = MemoryCache::default();
    for (lang, file, text) in [
        (Lang::Js, "index.js", GREET_JS),
        (Lang::C, "shout.c", SHOUT_C),
    ] {
        let plan = lane::plan(lang, tree(&[(file, text)]), &options, &Lock::pinned()).unwrap();
        let first = run(&plan, &cache, 2).unwrap();
        let second = run(&plan, &cache, 1).unwrap();
        assert!(
            second.steps.iter().all(|step| step.cached),
            "{:#?}",
            second.steps
        );
        assert_eq!(first.products, second.products);
        assert_eq!(first.products, run(&plan, &NoCache, 1).unwrap().products);
    }
}

/// Builds a toolkit of the repository as its manifest says.
fn toolkit(id: &str) -> Built {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/toolkits");
    let tree = tree_of(&dir.join(id));
    let reading = wb_manifest::read(tree.get("manifest.org").expect("a manifest"));
    let manifest = reading.manifest();
    let options = Options {
        contract: Contract::declared(manifest, &tree),
        ..Options::default()
    };
    let source = tree.under(&"src".parse().expect("a folder"));
    let lang = manifest.lang().expect("a language");
    let plan = lane::plan(lang, source, &options, &Lock::pinned()).expect("a plan");
    let built = run(&plan, &NoCache, 2);
    built.unwrap_or_else(|error| panic!("{id}: {error}\n{:#?}", error.diagnostics()))
}

#[test]
fn the_toolkits_of_the_repository() {
    let wasm = |id: &str| toolkit(id).artifact().expect("an artifact").wasm;
    let luhn = wasm("luhn");
    assert_eq!(
        call(&luhn, "run", json!(["4539 1488 0343 6467"])),
        json!("valid")
    );
    assert_eq!(
        call(&luhn, "run", json!(["4539 1488 0343 6468"])),
        json!("invalid")
    );
    let acronym = wasm("acronym");
    assert_eq!(
        call(&acronym, "run", json!(["lord of the rings"])),
        json!("LR")
    );
    let invoice = admitted(&wasm("invoice"));
    let lines = r#"[{name: "pen", quantity: 3, price: 120, tax: standard}, {name: "book", quantity: 1, price: 999, tax: reduced}]"#;
    assert_eq!(
        invoice.call_wave("total", lines).unwrap().value,
        "ok({net: 1359, taxes: [(standard, 68), (reduced, 70)], gross: 1497})"
    );
    let none = r#"[{name: "pen", quantity: 0, price: 120, tax: %none}]"#;
    assert_eq!(
        invoice.call_wave("total", none).unwrap().value,
        "err(no-quantity((1, \"pen\")))"
    );
    let consumer = toolkit("pipe-consumer");
    assert_eq!(
        consumer.diagnostics[0].to_string(),
        "warning: `example:pipe/stage` is bound by no capability: another component has to export it"
    );
    let consumer = consumer.artifact().expect("an artifact").wasm;
    let whole = compose(&consumer, &[&wasm("pipe-producer")]).unwrap();
    assert_eq!(call(&whole, "run", json!(["a b c"])), json!("c-b-a"));
    assert_eq!(call(&whole, "run", json!([""])), json!("error: no words"));
}
