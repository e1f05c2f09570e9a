use proptest::prelude::*;

use super::*;

/// A runtime in miniature: a slot at 1024, two kinds of Dock imports around
/// one that stays, and an exported caller for each import.
const RUNTIME: &str = r#"
    (module
      (type $call (func (param i32) (result i32)))
      (import "wb:commands" "run" (func $run (type $call)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "wb:session" "info" (func $info (result i32)))
      (import "wb:reply" "len" (func $len (type $call)))
      (memory (export "memory") 2 10)
      (table (export "table") 4 funcref)
      (global $unrelated i32 (i32.const 7))
      (global (export "wb_pack_slot") i32 (i32.const 1024))
      (elem (i32.const 0) $run $exit $info $own)
      (data (i32.const 1024) "\00\00\00\00\00\00\00\00")
      (func (export "run") (result i32) (call $run (i32.const 1)))
      (func (export "exit") (call $exit (i32.const 0)))
      (func (export "info") (result i32) (call $info))
      (func (export "len") (result i32) (call $len (i32.const 1)))
      (func $own (export "own"))
      (func (export "calls_own") (call $own)))
"#;

fn runtime() -> Vec<u8> {
    wat::parse_str(RUNTIME).expect("the text above is valid")
}

fn pack(imports: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = PACK_MAGIC.to_vec();
    bytes.extend(PACK_VERSION.to_le_bytes());
    bytes.extend((imports.len() as u32).to_le_bytes());
    for name in imports {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes.extend(body);
    bytes
}

fn wanted(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

fn assert_valid(wasm: &[u8]) {
    wasmparser::Validator::new()
        .validate_all(wasm)
        .expect("the result is a valid module");
}

/// What a module is, as far as these tests look.
#[derive(Default)]
struct Seen {
    imports: Vec<String>,
    exports: Vec<(String, u32)>,
    /// The first call of each function that the module defines, or `None` when
    /// it begins with a trap.
    calls: Vec<Option<u32>>,
    memory: Option<(u64, Option<u64>)>,
    /// Address and bytes of each data segment.
    data: Vec<(i32, Vec<u8>)>,
    elements: Vec<u32>,
}

fn see(wasm: &[u8]) -> Seen {
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ImportSection(s) => seen.imports.extend(s.into_imports().map(|i| {
                let i = i.unwrap();
                format!("{}.{}", i.module, i.name)
            })),
            Payload::ExportSection(s) => seen.exports.extend(s.into_iter().map(|e| {
                let e = e.unwrap();
                (e.name.to_owned(), e.index)
            })),
            Payload::MemorySection(s) => {
                let m = s.into_iter().next().unwrap().unwrap();
                seen.memory = Some((m.initial, m.maximum));
            }
            Payload::CodeSectionEntry(body) => {
                let mut call = None;
                for op in body.get_operators_reader().unwrap() {
                    if let Operator::Call { function_index } = op.unwrap() {
                        call = Some(function_index);
                    }
                }
                seen.calls.push(call);
            }
            Payload::ElementSection(s) => {
                for element in s {
                    let wasmparser::ElementItems::Functions(items) = element.unwrap().items else {
                        panic!("the test module lists functions")
                    };
                    seen.elements.extend(items.into_iter().map(Result::unwrap));
                }
            }
            Payload::DataSection(s) => {
                for segment in s {
                    let segment = segment.unwrap();
                    let wasmparser::DataKind::Active { offset_expr, .. } = segment.kind else {
                        panic!("all segments are active")
                    };
                    let Operator::I32Const { value } =
                        offset_expr.get_operators_reader().read().unwrap()
                    else {
                        panic!("all addresses are constant")
                    };
                    seen.data.push((value, segment.data.to_vec()));
                }
            }
            _ => {}
        }
    }
    seen
}

impl Seen {
    /// What the exported function `name` calls: an import, or `trap`.
    fn callee(&self, name: &str) -> String {
        let (_, index) = self.exports.iter().find(|(n, _)| n == name).unwrap();
        let defined = *index as usize - self.imports.len();
        let called = self.calls[defined].unwrap() as usize;
        match self.imports.get(called) {
            Some(import) => import.clone(),
            None if self.calls[called - self.imports.len()].is_none() => "trap".to_owned(),
            None => "function".to_owned(),
        }
    }
}

#[test]
fn header_names_the_wanted_imports() {
    let pack = pack(&["wb:commands", "wb:reply"], b"modules");
    assert_eq!(
        wanted_imports(&pack).unwrap(),
        wanted(&["wb:commands", "wb:reply"])
    );
}

#[test]
fn damaged_headers_are_no_packs() {
    let whole = pack(&["wb:commands"], b"");
    for len in 0..whole.len() {
        assert!(matches!(
            wanted_imports(&whole[..len]),
            Err(SpliceError::NotAPack)
        ));
    }
    let mut newer = whole.clone();
    newer[8] = 2;
    assert!(matches!(wanted_imports(&newer), Err(SpliceError::NotAPack)));
}

#[test]
fn unwanted_imports_become_traps() {
    let wasm = without_imports(&runtime(), &wanted(&[])).unwrap();
    assert_valid(&wasm);
    let seen = see(&wasm);
    assert_eq!(seen.imports, ["wasi_snapshot_preview1.proc_exit"]);
    assert_eq!(seen.callee("exit"), "wasi_snapshot_preview1.proc_exit");
    assert_eq!(seen.callee("run"), "trap");
    assert_eq!(seen.callee("info"), "trap");
    assert_eq!(seen.callee("len"), "trap");
}

#[test]
fn wanted_imports_stay_and_calls_follow_them() {
    let wasm = without_imports(&runtime(), &wanted(&["wb:session", "wb:reply"])).unwrap();
    assert_valid(&wasm);
    let seen = see(&wasm);
    assert_eq!(
        seen.imports,
        [
            "wasi_snapshot_preview1.proc_exit",
            "wb:session.info",
            "wb:reply.len"
        ]
    );
    assert_eq!(seen.callee("exit"), "wasi_snapshot_preview1.proc_exit");
    assert_eq!(seen.callee("info"), "wb:session.info");
    assert_eq!(seen.callee("len"), "wb:reply.len");
    assert_eq!(seen.callee("run"), "trap");
    // Tables follow too: run is the stub, and `own` never moved.
    let own = seen.exports.iter().find(|(n, _)| n == "own").unwrap().1;
    assert_eq!(seen.elements, [3, 0, 1, own]);
}

#[test]
fn a_runtime_with_all_imports_wanted_is_untouched() {
    let all = wanted(&["wb:commands", "wb:session", "wb:reply"]);
    assert_eq!(without_imports(&runtime(), &all).unwrap(), runtime());
}

#[test]
fn the_pack_lies_above_the_initial_memory() {
    let pack = pack(&[], &vec![0xAB; 70_000]);
    let wasm = splice(&runtime(), &pack).unwrap();
    assert_valid(&wasm);
    let seen = see(&wasm);
    // Two pages of the runtime, and two for the pack; the room to grow stays.
    assert_eq!(seen.memory, Some((4, Some(12))));
    let mut slot = (2 * 65_536_u32).to_le_bytes().to_vec();
    slot.extend((pack.len() as u32).to_le_bytes());
    assert_eq!(seen.data[1], (1024, slot));
    assert_eq!(seen.data[2], (2 * 65_536, pack));
    assert_eq!(seen.data.len(), 3);
}

#[test]
fn the_slot_is_no_longer_exported() {
    let wasm = splice(&runtime(), &pack(&[], b"")).unwrap();
    let seen = see(&wasm);
    assert!(seen.exports.iter().all(|(name, _)| name != SLOT));
    assert!(seen.exports.iter().any(|(name, _)| name == "memory"));
}

#[test]
fn splicing_is_deterministic() {
    let pack = pack(&["wb:reply"], b"code");
    assert_eq!(
        splice(&runtime(), &pack).unwrap(),
        splice(&runtime(), &pack).unwrap()
    );
}

fn refusal(wat: &str) -> SpliceError {
    splice(&wat::parse_str(wat).unwrap(), &pack(&[], b"")).unwrap_err()
}

#[test]
fn modules_that_are_no_runtime_are_refused() {
    let cases = [
        (
            "(module (memory 1) (data (i32.const 0) \"a\"))",
            "it exports no slot",
        ),
        (
            r#"(module (global (export "wb_pack_slot") i32 (i32.const 8)) (memory 1))"#,
            "it has no data",
        ),
        (
            r#"(module (import "a" "g" (global i32)) (memory 1) (data (i32.const 0) "a")
                 (global (export "wb_pack_slot") i32 (global.get 0)))"#,
            "its slot is not a constant address",
        ),
        (
            r#"(module (import "a" "m" (memory 1)) (data (i32.const 0) "a")
                 (global (export "wb_pack_slot") i32 (i32.const 8)))"#,
            "it defines no memory",
        ),
        (
            r#"(module (memory i64 1) (data (i64.const 0) "a")
                 (global (export "wb_pack_slot") i32 (i32.const 8)))"#,
            "it needs one plain 32-bit memory",
        ),
    ];
    for (wat, why) in cases {
        let error = refusal(wat);
        assert_eq!(error.code(), "splice/not-a-runtime");
        assert!(error.to_string().ends_with(why), "{error}");
    }
}

#[test]
fn a_pack_that_does_not_fit_is_refused() {
    let error = refusal(
        r#"(module (memory 65536) (data (i32.const 0) "a")
             (global (export "wb_pack_slot") i32 (i32.const 8)))"#,
    );
    assert_eq!(error.code(), "splice/too-large");
}

#[test]
fn truncated_runtimes_are_errors() {
    let whole = runtime();
    let data_end = Parser::new(0)
        .parse_all(&whole)
        .find_map(|payload| match payload.unwrap() {
            Payload::DataSection(section) => Some(section.range().end),
            _ => None,
        })
        .unwrap();
    for len in 0..data_end {
        assert!(splice(&whole[..len], &pack(&[], b"")).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>) {
        let _ = wanted_imports(&bytes);
        let _ = splice(&bytes, &pack(&[], b""));
        let _ = without_imports(&bytes, &BTreeSet::new());
    }

    #[test]
    fn flipped_bytes_never_panic(at in 0..300_usize, to: u8) {
        let mut bytes = runtime();
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = splice(&bytes, &pack(&[], b"x"));
        let _ = without_imports(&bytes, &BTreeSet::new());
    }
}
