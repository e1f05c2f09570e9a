#![expect(clippy::disallowed_methods, reason = "sources in two places on disk")]

use std::time::Duration;

use wb_build::lane::{Contract, Options};
use wb_build::toolchain::Lock;
use wb_build::{MemoryCache, Naming, NoCache, Work, lane};
use wb_dock::{Grant, Services};
use wb_manifest::Lang;
use wb_policy::Limits;

use crate::home::{artifact, build, engine, execute, findings, output, plan, run, tree, tree_of};

const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

#[test]
fn hello() {
    assert_eq!(output(Lang::C, &[("main.c", HELLO)], &[], ""), "hello\n");
}

#[test]
fn arguments_input_and_exit_code_reach_the_program() {
    let source = r#"
        #include <stdio.h>
        #include <string.h>
        int main(int argc, char **argv) {
            char line[64];
            while (fgets(line, sizeof line, stdin)) printf("%s:%s", argv[1], line);
            return argc;
        }
    "#;
    let outcome = execute(
        &artifact(Lang::C, &[("main.c", source)]),
        &["x", "y"],
        "a\nb\n",
    );
    assert_eq!(outcome.stdout, "x:a\nx:b\n");
    assert_eq!(outcome.exit_code, 3);
}

const SEVERAL: &[(&str, &str)] = &[
    (
        "main.c",
        "#include <stdio.h>\n#include <string.h>\n#include \"shape/area.h\"\n#include \"names.h\"\n\
         #include \"string.h\"\n\
         int main(void) { printf(\"%s %d %zu %d\\n\", NAME, area(3, 4), strlen(\"abc\"), OURS); }\n",
    ),
    ("include/names.h", "#define NAME \"box\"\n"),
    // Named as a header of the library: seen by \"…\" and not by <…>.
    ("compat/string.h", "#define OURS 7\n"),
    ("shape/area.h", "int area(int a, int b);\n"),
    (
        "shape/area.c",
        "#include \"area.h\"\n#include \"inner.c\"\nint area(int a, int b) { return times(a, b); }\n",
    ),
    (
        "shape/inner.c",
        "static int times(int a, int b) { return a * b; }\n",
    ),
];

#[test]
fn several_files_in_several_folders() {
    assert_eq!(output(Lang::C, SEVERAL, &[], ""), "box 12 3 7\n");
}

#[test]
fn any_number_of_jobs_gives_the_same_bytes() {
    let plan = plan(Lang::C, tree(SEVERAL)).unwrap();
    let digest = |jobs| {
        run(&plan, &NoCache, jobs)
            .unwrap()
            .artifact()
            .unwrap()
            .digest
    };
    assert_eq!(digest(1), digest(4));
}

#[test]
fn paths_and_dates_do_not_show() {
    let source = "#include <stdio.h>\nint main(void) { puts(__FILE__ \" \" __DATE__); }\n";
    assert_eq!(
        output(Lang::C, &[("src/a.c", source)], &[], ""),
        "src/a.c Jan  1 1970\n"
    );
}

#[test]
fn setjmp_and_signals_work() {
    let source = r#"
        #include <setjmp.h>
        #include <signal.h>
        #include <stdio.h>
        #include <time.h>
        static jmp_buf back;
        static void deep(int n) { if (n == 0) longjmp(back, 7); deep(n - 1); }
        static void caught(int s) { printf("signal %d\n", s == SIGTERM); }
        int main(void) {
            int r = setjmp(back);
            if (r == 0) deep(5);
            printf("jumped %d\n", r);
            signal(SIGTERM, caught);
            raise(SIGTERM);
            return clock() == (clock_t)-1;
        }
    "#;
    assert_eq!(
        output(Lang::C, &[("main.c", source)], &[], ""),
        "jumped 7\nsignal 1\n"
    );
}

#[test]
fn cpp_with_the_standard_library_and_c_beside_it() {
    let files = [
        (
            "main.cpp",
            "#include <iostream>\n#include <map>\n#include <string>\n#include <vector>\n\
             extern \"C\" int twice(int);\n\
             int main() { std::map<std::string, std::vector<int>> m; m[\"a\"] = {1, 2, 3};\n\
             for (auto& [k, v] : m) std::cout << k << ' ' << v.size() << ' ' << twice(21) << std::endl; }\n",
        ),
        ("twice.c", "int twice(int n) { return 2 * n; }\n"),
    ];
    assert_eq!(output(Lang::Cpp, &files, &[], ""), "a 3 42\n");
    assert!(build(Lang::Cpp, &files).unwrap().diagnostics.is_empty());
}

#[test]
fn exceptions_are_refused_where_they_stand() {
    let found = findings(Lang::Cpp, &[("main.cpp", "int main() {\n  throw 1;\n}\n")]);
    assert_eq!(
        found[0],
        "main.cpp:2:3: error: cannot use 'throw' with exceptions disabled"
    );
    assert!(found[1].starts_with("note: C++ is compiled with -fno-exceptions"));
}

#[test]
fn every_unit_reports_its_errors_and_warnings() {
    let found = findings(
        Lang::C,
        &[
            ("a.c", "int main(void) {\n  return missing;\n}\n"),
            ("lib/b.c", "#include \"b.h\"\n"),
            ("lib/b.h", "int f(void) { int x = \"text\"; }\nint broken\n"),
        ],
    );
    assert_eq!(
        found[0],
        "a.c:2:10: error: use of undeclared identifier 'missing'"
    );
    assert!(
        found
            .iter()
            .any(|f| f.starts_with("lib/b.h:1:") && f.contains("error")),
        "{found:#?}"
    );
}

#[test]
fn the_linker_names_the_source() {
    let found = findings(
        Lang::C,
        &[(
            "main.c",
            "int gone(void);\nint main(void) { return gone(); }\n",
        )],
    );
    assert_eq!(found, ["error: main.c: undefined symbol: gone"]);
}

#[test]
fn nothing_outside_of_the_tree_can_be_included() {
    for path in [
        "/etc/passwd",
        "../../etc/passwd",
        "/proc/self/environ",
        "../x.h",
    ] {
        let source = format!("#include \"{path}\"\nint main(void) {{ return 0; }}\n");
        let found = findings(Lang::C, &[("main.c", &source)]);
        assert_eq!(found.len(), 1, "{found:#?}");
        let refused = found[0].contains("file not found") || found[0].contains("cannot open file");
        assert!(
            found[0].starts_with("main.c:1:10: error: ") && refused,
            "{found:#?}"
        );
    }
}

#[test]
fn hostile_nesting_is_a_crash_that_names_its_step() {
    let nested = |n: usize| {
        let (open, close) = ("(".repeat(n), ")".repeat(n));
        format!("int main(void) {{ return {open}0{close}; }}\n")
    };
    assert_eq!(output(Lang::C, &[("main.c", &nested(200))], &[], ""), "");
    let error = build(Lang::C, &[("main.c", &nested(20_000))]).unwrap_err();
    assert_eq!(error.code(), "build/compiler-crashed", "{error}");
    assert!(
        error
            .to_string()
            .starts_with("compile main.c: the compiler crashed")
    );
    assert_eq!(
        error.diagnostics()[0].to_string(),
        "note: the source may be nested too deeply"
    );
}

#[test]
fn bytes_that_are_not_text_are_a_finding() {
    let found = findings(Lang::C, &[("main.c", "\u{0}\u{1}\u{2} int main")]);
    assert!(
        found.iter().any(|f| f.starts_with("main.c:1:")),
        "{found:#?}"
    );
}

#[test]
fn the_dock_is_there_for_c_and_only_what_is_called_is_imported() {
    let source = r#"
        #include <stdio.h>
        #include <wb.h>
        int main(void) {
            wb_output out;
            int code = wb_run("upper", 0, "x", 1, &out);
            printf("%d\n", code);
        }
    "#;
    let program = engine()
        .load(&artifact(Lang::C, &[("main.c", source)]).wasm)
        .unwrap();
    let imports: Vec<_> = program
        .imports()
        .filter(|(m, _)| m.starts_with("wb:"))
        .collect();
    assert!(imports.contains(&("wb:commands", "run")), "{imports:?}");
    assert!(
        imports.iter().all(|(m, _)| *m != "wb:parallel"),
        "{imports:?}"
    );
    let refused = program
        .admit(&Grant::none(), &Services::default())
        .unwrap_err();
    assert_eq!(refused.code(), "dock/not-granted");
}

#[test]
fn a_compiler_that_needs_too_much_is_stopped_and_says_which_limit() {
    let stopped = |narrow: fn(&mut Limits)| {
        let source = "char all[200000000] = {1};\nint main(int n, char **v) { return all[n]; }\n";
        let mut plan = plan(Lang::C, tree(&[("main.c", source)])).unwrap();
        let Work::Run(compile) = &mut plan.steps[0].work else {
            panic!("the first step compiles")
        };
        narrow(&mut compile.limits);
        let error = run(&plan, &NoCache, 1).unwrap_err();
        assert_eq!(error.code(), "build/limit");
        error.to_string()
    };
    let memory = stopped(|limits| limits.memory = 64 << 20);
    assert!(
        memory.starts_with("compile main.c: memory limit of 64 MiB reached"),
        "{memory}"
    );
    let time = stopped(|limits| limits.wall = Duration::from_millis(20));
    assert!(
        time.starts_with("compile main.c: wall-time limit of 20 ms reached"),
        "{time}"
    );
}

#[test]
fn the_same_source_in_two_places_gives_the_same_bytes() {
    let build_in = |dir: &std::path::Path, jobs| {
        for (path, text) in SEVERAL {
            let path = dir.join("src").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let plan = plan(Lang::C, tree_of(&dir.join("src"))).unwrap();
        run(&plan, &NoCache, jobs).unwrap().artifact().unwrap()
    };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let deep = two.path().join("quite/another/place");
    let (one, two) = (build_in(one.path(), 1), build_in(&deep, 3));
    assert_eq!(one.digest, two.digest);
    assert_eq!(one.provenance, two.provenance);
}

#[test]
fn findings_and_captions_call_files_as_the_user_does() {
    let files = [
        (
            "main.c",
            "int gone(void);\nint main(void) { return gone(); }\n",
        ),
        ("lib/api.c", "int f(void) {}\n"),
    ];
    let below = || Naming::below(&"src".parse().unwrap());
    let cache = MemoryCache::default();
    for naming in [below(), Naming::default(), below()] {
        let plan = plan(Lang::C, tree(&files)).unwrap().named(naming.clone());
        let error = run(&plan, &cache, 1).unwrap_err();
        let found: Vec<_> = error
            .diagnostics()
            .iter()
            .map(ToString::to_string)
            .collect();
        let prefix = if naming == Naming::default() {
            ""
        } else {
            "src/"
        };
        assert!(
            found[0].starts_with(&format!("{prefix}lib/api.c:1:14: warning")),
            "{found:#?}"
        );
        assert_eq!(
            found[1],
            format!("error: {prefix}main.c: undefined symbol: gone")
        );
    }
    let plan = plan(
        Lang::C,
        tree(&[("main.c", "int main(void) { return x; }\n")]),
    )
    .unwrap();
    let plan = plan.named(Naming::file("main.c", "/tmp/bad.c"));
    let error = run(&plan, &NoCache, 1).unwrap_err();
    assert_eq!(error.to_string(), "compile /tmp/bad.c: 1 error");
    assert!(
        error.diagnostics()[0]
            .to_string()
            .starts_with("/tmp/bad.c:1:25: error: ")
    );
    let empty = lane::inline_tree(Lang::C, "").unwrap_err();
    let empty = empty.named(&Naming::file("main.c", "bad.c"));
    assert_eq!(empty.to_string(), "bad.c:1:1: error: the source is empty");
}

#[test]
fn sources_without_main_are_refused_by_the_linker() {
    for (lang, file, text) in [
        (Lang::C, "api.c", "int helper(void) { return 1; }\n"),
        (
            Lang::Cpp,
            "api.cpp",
            "namespace a { int main() { return 1; } }\n",
        ),
    ] {
        let error = build(lang, &[(file, text)]).unwrap_err();
        assert_eq!(error.to_string(), "link: 1 error");
        assert_eq!(
            error.diagnostics()[0].to_string(),
            "error: no `main` function in the sources"
        );
    }
    for text in [
        "int main() { return 0; }",
        "int main(int n, char **v) { return n - 1; }",
    ] {
        for (lang, file) in [(Lang::C, "a.c"), (Lang::Cpp, "a.cpp")] {
            assert_eq!(output(lang, &[(file, text)], &[], ""), "");
        }
    }
}

#[test]
fn headers_are_found_by_their_path_from_the_root() {
    let files = [
        (
            "main.c",
            "#include \"include/api.h\"\nint main(void) { return api() - 7; }\n",
        ),
        ("include/api.h", "int api(void);\n"),
        (
            "lib/api.c",
            "#include \"include/api.h\"\n#include <sys/types.h>\nint api(void) { return (off_t)7; }\n",
        ),
        ("sys/types.h", "#error not the system's\n"),
    ];
    assert_eq!(output(Lang::C, &files[..3], &[], ""), "");
    assert_eq!(output(Lang::C, &files, &[], ""), "");
}

#[test]
fn notes_in_headers_of_the_library_call_them_as_they_are_included() {
    let source = "#include <stdio.h>\nint main(void) { return puts(); }\n";
    let found = findings(Lang::C, &[("main.c", source)]);
    assert!(
        found.iter().any(|f| f.starts_with("<stdio.h>:")),
        "{found:#?}"
    );
}

/// What a kernel exports, and imports.
const KERNEL: &str = r"
    static unsigned char in[64], out[64];
    void *in_ptr(void) { return in; }
    void *out_ptr(void) { return out; }
    unsigned in_cap(void) { return sizeof in; }
    int process(int len) {
        for (int i = 0; i < len; i++) out[i] = in[i] ^ 0x20;
        return len;
    }
";

fn kernel(source: &str, entry: &str) -> Result<wb_build::Artifact, wb_build::Error> {
    let tree = tree(&[("main.c", source)]);
    let options = Options {
        contract: Contract::Kernel {
            entry: entry.to_owned(),
        },
        ..Options::default()
    };
    let plan = lane::plan(Lang::C, tree, &options, &Lock::pinned())?;
    Ok(run(&plan, &NoCache, 2)?
        .artifact()
        .expect("the plan makes an artifact"))
}

#[test]
fn a_kernel_exports_its_functions_and_nothing_of_libc() {
    let artifact = kernel(KERNEL, "process").unwrap();
    let mut exports = Vec::new();
    let mut imports = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&artifact.wasm) {
        match payload.unwrap() {
            wasmparser::Payload::ExportSection(section) => {
                exports.extend(
                    section
                        .into_iter()
                        .map(|export| export.unwrap().name.to_owned()),
                );
            }
            wasmparser::Payload::ImportSection(section) => imports += section.count(),
            _ => {}
        }
    }
    exports.sort();
    assert_eq!(
        exports,
        [
            "_initialize",
            "in_cap",
            "in_ptr",
            "memory",
            "out_ptr",
            "process"
        ]
    );
    assert_eq!(imports, 0);
}

#[test]
fn a_kernel_without_its_entry_is_a_link_error_that_names_it() {
    let error = kernel(KERNEL, "blur").unwrap_err();
    let found = error.diagnostics()[0].to_string();
    assert!(found.contains("blur"), "{found}");
}
