//! The contract of `#+EXEC`.

use wb_policy::Shape;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::{Subject, Unit};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for unit in subject.units() {
        // A word that is no shape was told when the manifest was read.
        let line = match unit.manifest.shape() {
            None if findings.has_problem(Check::Exec) => continue,
            None => no_shape(subject, &unit),
            Some(Shape::Posix) => posix(subject, &unit),
            Some(Shape::Task) => Some(Finding::pass(Check::Exec, "task: recipes, no artifact")),
            Some(Shape::Federation) => Some(federation(&unit)),
            Some(shape) => built(subject, findings, &unit, shape),
        };
        if let Some(line) = line {
            findings.add(line);
        }
    }
}

fn no_shape(subject: &Subject<'_>, unit: &Unit<'_>) -> Option<Finding> {
    if unit.is_palette() {
        return None;
    }
    let manifest = unit.manifest;
    if let (Some(source), true) = (&manifest.build_src, manifest.cli_bin.is_some()) {
        return Some(
            Finding::new(Check::Exec, Outcome::Warning, "verify/no-exec")
                .message("a source and a command, and no `#+EXEC`: nothing will be built")
                .place(subject.place(unit.path, source.span))
                .hint("add `#+EXEC: command`, or take `#+BUILD_SRC` out"),
        );
    }
    let entries: Vec<_> = subject.palette.iter().map(|e| e.name.to_string()).collect();
    Some(Finding::pass(
        Check::Exec,
        if entries.is_empty() {
            "none declared (discovery-only toolkit)".to_owned()
        } else {
            format!("palette of {}", entries.join(", "))
        },
    ))
}

/// A registered artifact keeps the contract, and a source that can be built
/// will. What is wrong with the source is a line of its own.
fn built(
    subject: &Subject<'_>,
    findings: &Findings,
    unit: &Unit<'_>,
    shape: Shape,
) -> Option<Finding> {
    let fault = |code| Finding::new(Check::Exec, Outcome::Fail, code);
    let Some(name) = unit.manifest.command() else {
        let message = format!("a {shape} without a name cannot be called");
        return Some(fault("verify/no-command").message(message));
    };
    if subject.around.table.get(name.as_str()).is_some() {
        let line = format!("{shape} `{name}` is registered");
        return Some(Finding::pass(Check::Exec, line));
    }
    if findings.has_problem(Check::Build) {
        return None;
    }
    Some(if unit.manifest.build_src.is_some() {
        Finding::pass(Check::Exec, format!("{shape} `{name}` is not built yet"))
            .hint(format!("run `wbx toolkit build {}`", subject.dir))
    } else {
        fault("verify/nothing-to-call").message(format!(
            "{shape} `{name}` is not registered, and there is no source to build it from"
        ))
    })
}

fn posix(subject: &Subject<'_>, unit: &Unit<'_>) -> Option<Finding> {
    // That the keyword is missing was told when the manifest was read.
    let name = unit.manifest.cli_bin.as_ref()?;
    let found = subject.around.facilities.has_native(name.as_str());
    Some(if found {
        Finding::pass(
            Check::Exec,
            format!("posix `{}` is on the PATH", name.value),
        )
    } else {
        Finding::new(Check::Exec, Outcome::Fail, "verify/not-on-path")
            .message(format!("posix `{}` is not on the PATH", name.value))
            .place(subject.place(unit.path, name.span))
    })
}

fn federation(unit: &Unit<'_>) -> Finding {
    let entities = &unit.manifest.federation.entities;
    let names: Vec<_> = entities.iter().map(|entity| entity.as_str()).collect();
    let line = match names.as_slice() {
        [] => "federation: a source without `#+ENTITIES`".to_owned(),
        names => format!("federation: {}", names.join(", ")),
    };
    Finding::pass(Check::Exec, line)
}
