use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use bytes::Bytes;
use wb_manifest::{Digest, Tree};

use super::*;
use crate::naming::Naming;
use crate::plan::Product;
use crate::step::{Dialect, SourceTree};

/// A tool that joins its input files, or does as its first argument says.
#[derive(Default)]
struct Joiner {
    ran: Mutex<Vec<String>>,
}

impl Sandbox for Joiner {
    fn run(&self, run: &Run, files: &[Mounted], outputs: &[String]) -> Result<Ran, Error> {
        self.ran.lock().unwrap().push(run.argv[0].clone());
        let mut joined = Vec::new();
        for file in files {
            match &file.content {
                Content::File(bytes) => joined.extend_from_slice(bytes),
                Content::Tree(tree) => tree.iter().for_each(|(_, b)| joined.extend_from_slice(b)),
                Content::Pack(_) => {}
            }
        }
        let stderr = match run.argv.get(1).map(String::as_str) {
            Some("fail") => format!("/w/{}:1:2: error: no\n", run.argv[0]),
            Some("warn") => "/w/a:3:4: warning: hm\n".to_owned(),
            Some("trap") => {
                return Err(ErrorKind::Crashed {
                    step: String::new(),
                    reason: "unreachable".to_owned(),
                    diagnostics: Vec::new(),
                }
                .into());
            }
            _ => String::new(),
        };
        let silent = run.argv.get(1).is_some_and(|a| a == "silent");
        Ok(Ran {
            exit_code: i32::from(stderr.contains("error")),
            stderr: stderr.into(),
            outputs: outputs
                .iter()
                .filter(|_| !silent)
                .map(|o| (o.clone(), Bytes::from(joined.clone())))
                .collect(),
            ..Ran::default()
        })
    }

    fn file(&self, file: &ToolRef) -> Result<Bytes, Error> {
        Err(ErrorKind::Missing {
            pack: file.pack.clone(),
        }
        .into())
    }
}

fn step(name: &str, how: &str, inputs: Vec<Input>) -> Step {
    Step {
        label: format!("run {name}"),
        file: None,
        work: Work::Run(Box::new(Run {
            tool: ToolRef {
                pack: "p".to_owned(),
                member: "t".to_owned(),
                digest: Digest::of(b"t"),
            },
            argv: vec![name.to_owned(), how.to_owned()],
            env: Vec::new(),
            limits: crate::lane::limits::COMPILE,
            dialect: Dialect::Clang,
        })),
        inputs,
        outputs: vec!["/o/x".to_owned()],
    }
}

fn source(text: &'static str) -> Input {
    let tree: Tree = [("f".parse().unwrap(), text.into())].into_iter().collect();
    Input::new("/w", Source::Tree(SourceTree::new(tree)))
}

fn from(step: usize) -> Input {
    Input::new(
        format!("/i/{step}"),
        Source::Step {
            step,
            output: "/o/x".to_owned(),
        },
    )
}

/// Two units and a link of both.
fn two_units(a: &'static str, how_a: &str, b: &'static str, how_b: &str) -> Plan {
    let mut plan = Plan {
        lane: "test/1".to_owned(),
        lang: None,
        source: Digest::of(b""),
        steps: Vec::new(),
        products: Vec::new(),
        notes: Vec::new(),
        naming: Naming::default(),
    };
    plan.push(step("a", how_a, vec![source(a)]));
    plan.push(step("b", how_b, vec![source(b)]));
    let link = plan.push(step("ld", "", vec![from(0), from(1)]));
    plan.products.push(Product {
        name: ARTIFACT.to_owned(),
        step: link,
        output: "/o/x".to_owned(),
    });
    plan
}

fn run(plan: &Plan, cache: &dyn StepCache, jobs: usize) -> (Result<Built, Error>, Vec<String>) {
    let joiner = Joiner::default();
    let built = Builder::new(&joiner, cache)
        .jobs(NonZeroUsize::new(jobs).unwrap())
        .run(plan);
    let mut ran = joiner.ran.into_inner().unwrap();
    ran.sort();
    (built, ran)
}

#[test]
fn the_result_is_the_same_for_any_number_of_jobs() {
    let plan = two_units("one ", "", "two", "");
    for jobs in [1, 2, 8] {
        let (built, ran) = run(&plan, &NoCache, jobs);
        assert_eq!(built.unwrap().products[ARTIFACT], "one two");
        assert_eq!(ran, ["a", "b", "ld"]);
    }
}

#[test]
fn unchanged_steps_come_from_the_cache_with_their_warnings() {
    let cache = MemoryCache::new();
    let first = run(&two_units("one ", "warn", "two", ""), &cache, 2);
    let (again, ran) = run(&two_units("one ", "warn", "two", ""), &cache, 2);
    assert!(ran.is_empty(), "{ran:?}");
    let (first, again) = (first.0.unwrap(), again.unwrap());
    assert_eq!(again.products, first.products);
    assert_eq!(again.diagnostics, first.diagnostics);
    assert_eq!(again.diagnostics[0].to_string(), "a:3:4: warning: hm");
    assert!(again.steps.iter().all(|s| s.cached));

    let (edited, ran) = run(&two_units("one ", "warn", "zwei", ""), &cache, 2);
    assert_eq!(edited.unwrap().products[ARTIFACT], "one zwei");
    assert_eq!(ran, ["b", "ld"]);
}

#[test]
fn a_step_whose_inputs_come_out_the_same_does_not_run_again() {
    let cache = MemoryCache::new();
    run(&two_units("same", "", "x", ""), &cache, 1).0.unwrap();
    // Other arguments, same bytes: the link is not repeated.
    let (_, ran) = run(&two_units("same", "differently", "x", ""), &cache, 1);
    assert_eq!(ran, ["a"]);
}

#[test]
fn all_units_report_and_the_link_does_not_run() {
    let (built, ran) = run(&two_units("", "fail", "", "fail"), &NoCache, 1);
    assert_eq!(ran, ["a", "b"]);
    let error = built.unwrap_err();
    assert_eq!(error.to_string(), "run a: 2 errors");
    let said: Vec<_> = error
        .diagnostics()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(said, ["a:1:2: error: no", "b:1:2: error: no"]);
}

#[test]
fn a_crash_names_its_step() {
    let (built, _) = run(&two_units("", "", "", "trap"), &NoCache, 2);
    let error = built.unwrap_err();
    assert_eq!(error.code(), "build/compiler-crashed");
    assert_eq!(
        error.to_string(),
        "run b: the compiler crashed (unreachable)"
    );
}

#[test]
fn success_without_an_output_is_an_error() {
    let (built, _) = run(&two_units("", "silent", "", ""), &NoCache, 2);
    assert_eq!(built.unwrap_err().to_string(), "run a: no output `/o/x`");
}

/// A cache whose contents are gone, or are not what they are called.
struct Rotten(MemoryCache, Option<&'static str>);

impl StepCache for Rotten {
    fn lookup(&self, key: &Digest) -> Option<StepRecord> {
        self.0.lookup(key)
    }
    fn read(&self, _: &Digest) -> Option<Bytes> {
        self.1.map(Bytes::from)
    }
    fn store(&self, key: &Digest, record: &StepRecord, outputs: &BTreeMap<String, Bytes>) {
        self.0.store(key, record, outputs);
    }
}

#[test]
fn what_the_cache_lost_or_spoiled_is_made_again() {
    for rot in [None, Some("rotten")] {
        let cache = Rotten(MemoryCache::new(), rot);
        let plan = two_units("one ", "", "two", "");
        run(&plan, &cache, 2).0.unwrap();
        let (built, ran) = run(&plan, &cache, 2);
        assert_eq!(built.unwrap().products[ARTIFACT], "one two");
        assert_eq!(ran, ["a", "b", "ld"]);
    }
}

#[test]
fn every_step_is_counted_as_it_ends() {
    let seen = Mutex::new(Vec::new());
    let joiner = Joiner::default();
    Builder::new(&joiner, &NoCache)
        .watch(&|done| seen.lock().unwrap().push(done))
        .run(&two_units("", "", "", ""))
        .unwrap();
    assert_eq!(seen.into_inner().unwrap(), [1, 2, 3]);
}
