use wb_build::lane::{self, Options};
use wb_build::toolchain::Lock;
use wb_build::{Built, Error, NoCache};
use wb_manifest::Lang;

use crate::home::{output, run, tree};

#[test]
fn enums_namespaces_and_parameter_properties() {
    let files = [
        (
            "index.ts",
            "import { Color, area } from './shapes';\n\
             class Box { constructor(private w: number, readonly h: number) {} size(): number { return area(this.w, this.h); } }\n\
             namespace Names { export const of = (c: Color): string => Color[c]; }\n\
             const box: Box = new Box(3, 4);\n\
             console.log(box.size(), Names.of(Color.Green));\n",
        ),
        (
            "shapes.ts",
            "export enum Color { Red, Green }\nexport function area(w: number, h: number): number { return w * h; }\n",
        ),
    ];
    assert_eq!(output(Lang::Ts, &files, &[], ""), "12 Green\n");
}

fn checked(files: &[(&str, &str)]) -> Result<Built, Error> {
    let options = Options {
        check_types: true,
        ..Options::default()
    };
    let plan = lane::plan(Lang::Ts, tree(files), &options, &Lock::pinned())?;
    run(&plan, &NoCache, 2)
}

#[test]
fn a_strict_check_finds_what_bundling_lets_pass() {
    let files = [
        (
            "index.ts",
            "import { half } from './half';\nimport { readFileSync } from 'node:fs';\nimport { run } from 'wb';\n\
             const é: number = half('2');\nfunction f(x) { return x; }\n\
             console.log(é, f(1), readFileSync(0, 'utf8'), run('x'));\n",
        ),
        (
            "half.ts",
            "export const half = (n: number): string => n / 2;\n",
        ),
    ];
    assert_eq!(
        output(
            Lang::Ts,
            &[("index.ts", "const n: number = 'x';console.log(n)")],
            &[],
            ""
        ),
        "x\n"
    );
    let error = checked(&files).unwrap_err();
    let found: Vec<_> = error
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "half.ts:1:44: error[TS2322]: Type 'number' is not assignable to type 'string'.",
            "index.ts:4:7: error[TS2322]: Type 'string' is not assignable to type 'number'.",
            "index.ts:4:25: error[TS2345]: Argument of type 'string' is not assignable to parameter of type 'number'.",
            "index.ts:5:12: error[TS7006]: Parameter 'x' implicitly has an 'any' type.",
        ]
    );
}

#[test]
fn a_program_without_faults_passes_and_its_tsconfig_is_honoured() {
    let source = "function f(x) { return x; }\nexport const n: number = f(1);\n";
    assert!(checked(&[("index.ts", source)]).is_err());
    let config = r#"{ "compilerOptions": { "noImplicitAny": false } }"#;
    let built = checked(&[("index.ts", source), ("tsconfig.json", config)]).unwrap();
    assert!(built.diagnostics.is_empty());
    assert!(
        built
            .steps
            .iter()
            .any(|s| s.label == "check types of index.ts")
    );
}

#[test]
fn declarations_of_worlds_are_typescript() {
    // As sources, because a declaration file that is wrong is passed over.
    let source = "/// <reference path=\"./kinds.ts\" />\n/// <reference path=\"./engine.ts\" />\n\
        import type { Item, Marks } from 'example:kinds/types';\n\
        import type { Cursor } from 'example:kinds/store@0.1.0';\n\
        const marks: Marks = { writeBack: true };\n\
        export const next = (cursor: Cursor): Item | undefined => cursor.next();\n\
        console.log(marks);\n";
    let built = checked(&[
        ("index.ts", source),
        ("kinds.ts", include_str!("../types/kinds.d.ts")),
        ("engine.ts", include_str!("../types/engine.d.ts")),
    ]);
    let built = built.unwrap_or_else(|error| panic!("{:#?}", error.diagnostics()));
    assert!(built.diagnostics.is_empty());
}

#[test]
fn nesting_too_deep_to_check_is_said_without_a_trace() {
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let error = checked(&[("index.ts", &deep)]).unwrap_err();
    let found: Vec<_> = error
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "error: the compiler failed: RangeError: Maximum call stack size exceeded",
            "note: the source may be nested too deeply",
        ]
    );
}
