//! The guests of this crate, built by its own lanes, against the cases of
//! `guest/tests`; their form is described in `guest/README.md`.

#![expect(clippy::disallowed_methods, reason = "the test reads its fixtures")]

use std::fs;
use std::path::{Path, PathBuf};

use wb_build::toolchain::Lock;
use wb_build::{
    ARTIFACT, Content, Dialect, Input, Mounted, Naming, NoCache, Plan, Product, Run, Sandbox as _,
    Source, SourceTree, Step, Tools as _, Work,
};
use wb_dock::fs::{Image, Mount};
use wb_dock::{Grant, Invocation, Program, Services};
use wb_manifest::{Digest, Tree};
use wb_policy::{CapSet, Limits, Profiles, Trust};

use crate::home::{engine, run, sandbox, tree_of};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/tests")
}

/// One case: a folder.
struct Case {
    dir: PathBuf,
    name: String,
}

impl Case {
    fn all(tool: &str) -> Vec<Self> {
        let mut cases: Vec<_> = fs::read_dir(root().join(tool))
            .expect("every tool has cases")
            .map(|entry| entry.expect("an entry").path())
            .map(|dir| Self {
                name: format!("{tool}/{}", dir.file_name().unwrap_or_default().display()),
                dir,
            })
            .collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(!cases.is_empty(), "{tool} has no cases");
        cases
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.dir.join(name)).ok()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.file(name).unwrap_or_default()).expect("cases are text")
    }

    /// The sources of a case that is a program.
    fn sources(&self) -> Tree {
        let expected = ["args", "stdin", "stdout", "stderr", "exit", "argv0"];
        tree_of(&self.dir)
            .into_iter()
            .filter(|(path, _)| !expected.contains(&path.as_str()))
            .collect()
    }

    /// Runs a program as the case says, and says how it differs from it.
    fn check(&self, tool: &str, program: &Program, mounts: Vec<Mount>) -> Option<String> {
        // No capability, and room for the cases that use much on purpose.
        let roomy = "[profiles.roomy]\nmemory = \"1 GiB\"\ntime = \"60s\"";
        let roomy = Profiles::from_toml(roomy).expect("a profile");
        let (roomy, _) = roomy.resolve("roomy");
        let grant = Grant::decide(CapSet::EMPTY, Trust::FirstParty, roomy, None);
        let command = program
            .admit(&grant.expect("nothing is asked for"), &Services::default())
            .expect("the guest needs no capability");
        let argv0 = self.text("argv0");
        let name = if argv0.is_empty() { tool } else { argv0.trim() };
        let args = self.text("args");
        let mut invocation = Invocation::new(name)
            .args(args.lines())
            .stdin(self.file("stdin").unwrap_or_default());
        for mount in mounts {
            invocation = invocation.mount(mount);
        }
        let outcome = match command.run(invocation) {
            Ok(outcome) => outcome,
            Err(error) => return Some(format!("{}: {error}", self.name)),
        };
        let wanted: i32 = self.text("exit").trim().parse().expect("an exit code");
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        if outcome.exit_code != wanted {
            let code = outcome.exit_code;
            return Some(format!(
                "{}: exit {code}, expected {wanted}: {stderr}",
                self.name
            ));
        }
        let stdout = String::from_utf8_lossy(&outcome.stdout);
        let expected = self.file("stdout").unwrap_or_default();
        if outcome.stdout != expected {
            let expected = String::from_utf8_lossy(&expected);
            return Some(format!(
                "{}: printed\n{stdout}expected\n{expected}",
                self.name
            ));
        }
        if let Some(expected) = self.file("stderr")
            && outcome.stderr != expected
        {
            return Some(format!("{}: complained\n{stderr}", self.name));
        }
        None
    }
}

fn assert_none(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_built_in_commands_answer_as_their_cases_say() {
    let sandbox = sandbox(&["builtins"]);
    let files = Image::from_files(tree_of(&root().join("files"))).expect("the files mount");
    let mut wrong = Vec::new();
    for tool in ["grep", "wbox", "jq"] {
        let member = Lock::pinned()
            .member("builtins", &format!("{tool}.wasm"))
            .expect("it is locked");
        let program = sandbox.tools().program(&member).expect("it is installed");
        for case in Case::all(tool) {
            let mount = Mount::read_only("/", files.clone());
            wrong.extend(case.check(tool, &program, vec![mount]));
        }
    }
    assert_none(&wrong);
}

#[test]
fn upper_knows_unicode() {
    let member = Lock::pinned()
        .member("upper", "upper.wasm")
        .expect("it is locked");
    let program = sandbox(&["upper"])
        .tools()
        .program(&member)
        .expect("it is installed");
    let command = program
        .admit(&Grant::none(), &Services::default())
        .expect("it needs nothing");
    let outcome = command
        .run(Invocation::new("upper").stdin("straße, ñandú\n".as_bytes().to_vec()))
        .expect("it runs");
    assert_eq!(outcome.stdout, "STRASSE, ÑANDÚ\n");
}

fn jsc(argv: &[&str]) -> Run {
    Run {
        tool: Lock::pinned()
            .member("jsc", "jsc.wasm")
            .expect("it is locked"),
        argv: argv.iter().map(ToString::to_string).collect(),
        env: Vec::new(),
        limits: Limits {
            memory: 1 << 30,
            output: 1 << 20,
            ..Grant::none().limits()
        },
        dialect: Dialect::Jsc,
    }
}

#[test]
fn the_javascript_runtime_answers_as_its_cases_say() {
    sandbox(&["jsrt"]);
    let mut wrong = Vec::new();
    for case in Case::all("jsrt") {
        let program = match run(&javascript(case.sources()), &NoCache, 1) {
            Ok(built) => engine().load(&built.products[ARTIFACT]).expect("a module"),
            Err(error) => {
                wrong.push(format!("{}: {error}: {:?}", case.name, error.diagnostics()));
                continue;
            }
        };
        let files = Image::from_files(case.sources()).expect("the files mount");
        wrong.extend(case.check("prog", &program, vec![Mount::read_only("/", files)]));
    }
    assert_none(&wrong);
}

/// `main.js` through the compiler and into the runtime, without the bundler.
fn javascript(source: Tree) -> Plan {
    let lock = Lock::pinned();
    let from_step = |step| Source::Step {
        step,
        output: "/o/main.pack".to_owned(),
    };
    let mut plan = Plan {
        lane: "test/1".to_owned(),
        lang: None,
        source: Digest::of(b""),
        steps: Vec::new(),
        products: Vec::new(),
        notes: Vec::new(),
        naming: Naming::default(),
    };
    let pack = plan.push(Step {
        label: "compile".to_owned(),
        file: None,
        work: Work::Run(Box::new(jsc(&[
            "jsc",
            "--root",
            "/w",
            "-o",
            "/o/main.pack",
            "main.js",
        ]))),
        inputs: vec![Input::new("/w", Source::Tree(SourceTree::new(source)))],
        outputs: vec!["/o/main.pack".to_owned()],
    });
    let runtime = lock.member("jsrt", "jsrt.wasm").expect("it is locked");
    let step = plan.push(Step {
        label: "join".to_owned(),
        file: None,
        work: Work::Splice,
        inputs: vec![
            Input::new("/i/jsrt.wasm", Source::Pack(runtime)),
            Input::new("/i/main.pack", from_step(pack)),
        ],
        outputs: vec!["/o/main.wasm".to_owned()],
    });
    plan.products.push(Product {
        name: ARTIFACT.to_owned(),
        step,
        output: "/o/main.wasm".to_owned(),
    });
    plan
}

#[test]
fn the_javascript_compiler_refuses_with_the_words_of_its_cases() {
    let sandbox = sandbox(&["jsc"]);
    let mut wrong = Vec::new();
    for case in Case::all("jsc") {
        let files = Mounted {
            at: "/w".to_owned(),
            content: Content::Tree(case.sources().into()),
        };
        let run = jsc(&["jsc", "--root", "/w", "-o", "/o/main.pack", "main.js"]);
        let ran = sandbox
            .run(&run, &[files], &["/o/main.pack".to_owned()])
            .expect("the compiler runs to its end");
        let expected = case.text("stderr");
        let said = String::from_utf8_lossy(&ran.stderr);
        if ran.exit_code != 1 || said != expected {
            let code = ran.exit_code;
            wrong.push(format!(
                "{}: exit {code}\n{said}expected\n{expected}",
                case.name
            ));
        }
    }
    assert_none(&wrong);
}
