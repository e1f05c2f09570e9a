//! The same cases in every tier that the machine has. Which it has not is printed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wb_dock::fs::{Image, Mount};
use wb_dock::{Engine, Grant, Invocation, Services};
use wb_policy::{Limits, Tier};
use wb_tier::{Attempt, Container, Instance, Process, Runner, Vm, VmParts};

use crate::guests::{COMMANDS, ECHO, GROWS, NOTHING, SPINS, TRAPS, module, spinning};
use crate::shapes;

const WORKER: &str = env!("CARGO_BIN_EXE_wb-worker");

/// A kernel for the machines may be named where it is not installed: a directory
/// with `boot` and `lib/modules` in it.
fn vm_parts() -> Result<VmParts, wb_tier::Error> {
    let Some(root) = std::env::var_os("WB_TEST_KERNEL").map(PathBuf::from) else {
        return Vm::parts(Path::new(WORKER));
    };
    let boot = std::fs::read_dir(root.join("boot")).expect("the kernel was named");
    let version = boot
        .flatten()
        .find_map(|entry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_prefix("vmlinuz-")?
                    .to_owned(),
            )
        })
        .expect("the kernel was named");
    Ok(VmParts {
        qemu: "qemu-system-x86_64".into(),
        kernel: root.join("boot").join(format!("vmlinuz-{version}")),
        modules: Some(root.join("lib/modules").join(version)),
        worker: WORKER.into(),
    })
}

fn available<R: Runner + 'static>(
    tier: Tier,
    found: Result<R, wb_tier::Error>,
) -> Option<Box<dyn Runner>> {
    match found {
        Ok(runner) => Some(Box::new(runner)),
        Err(error) => {
            assert!(matches!(error, wb_tier::Error::Unavailable(_)), "{error}");
            println!("not tested, {tier}: {error}");
            None
        }
    }
}

/// What each run gives, in words that must be the same everywhere.
fn observe(runner: &dyn Runner) -> Vec<String> {
    let mut limits: Limits = Grant::none().limits();
    // Software emulation is slow, and the limit is about the guest.
    limits.wall = Duration::from_secs(2);
    let grant = Grant::none().narrow_limits(limits);
    let run = |guest: &str, invocation: Invocation| {
        let run = runner.run(&module(guest), &grant, &Services::default(), invocation);
        match run {
            Ok(outcome) => format!("{} {:?}", outcome.exit_code, outcome.stdout),
            Err(error) => format!("{}: {error}", error.code()),
        }
    };
    let image = Image::from_files([("a.txt", "text")]).unwrap();
    vec![
        run(NOTHING, Invocation::new("nothing")),
        run(ECHO, Invocation::new("echo").stdin("over the wire")),
        run(ECHO, Invocation::new("echo").stdin(vec![b'x'; 300_000])),
        run(
            NOTHING,
            Invocation::new("files").mount(Mount::writable("/", image)),
        ),
        run(NOTHING, Invocation::new("bad").arg("a\0b")),
        run(TRAPS, Invocation::new("traps")),
        run(GROWS, Invocation::new("grows")),
        run(SPINS, Invocation::new("spins")),
        run(COMMANDS, Invocation::new("commands")),
        run("(module)", Invocation::new("empty")),
        run(ECHO, Invocation::new("echo").stdin("still here")),
    ]
}

#[test]
fn every_tier_gives_the_same_results() {
    let _alone = spinning();
    let engine = Engine::builder().pooling(4).build().unwrap();
    let here = Instance::new(engine.clone());
    let expected = (observe(&here), shapes::observe(&here));
    let tiers = [
        available(Tier::Process, Ok(Process::with_worker(WORKER))),
        available(Tier::Container, Container::new(Path::new(WORKER))),
        available(Tier::Vm, vm_parts().and_then(|parts| Vm::new(&parts))),
    ];
    for runner in tiers.into_iter().flatten() {
        let tier = runner.tier();
        println!("tested: {tier}");
        let observed = (observe(&*runner), shapes::observe(&*runner));
        assert_eq!(observed, expected, "{tier}");
    }
}

#[test]
fn a_container_holds_even_a_worker_that_was_taken_over() {
    for runtime in ["runc", "crun", "podman", "docker"] {
        let tried = Container::with_runtime(runtime, Path::new(WORKER))
            .and_then(|container| Ok((container.attempt(&Attempt::ALL)?, container)));
        let ((confinement, results), container) = match tried {
            Ok(tried) => tried,
            Err(error) => {
                println!("not tested, {runtime}: {error}");
                continue;
            }
        };
        println!("tested: {runtime}");
        assert!(confinement.seccomp, "{runtime}: {confinement:?}");
        for (attempt, result) in Attempt::ALL.iter().zip(results) {
            assert!(result.is_some(), "{runtime}: {attempt:?} worked");
        }
        let ran = container.run(
            &module(ECHO),
            &Grant::none(),
            &Services::default(),
            Invocation::new("echo").stdin("through"),
        );
        assert_eq!(ran.unwrap().stdout, "through", "{runtime}");
    }
}
