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
            Some(Shape::Federation) => federation(&unit),
            Some(shape) => built(subject, &unit, shape),
        };
        line.into_iter().for_each(|line| findings.add(line));
    }
}

fn no_shape(subject: &Subject<'_>, unit: &Unit<'_>) -> Option<Finding> {
    if unit.is_palette {
        return None;
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
/// will.
fn built(subject: &Subject<'_>, unit: &Unit<'_>, shape: Shape) -> Option<Finding> {
    let Some(name) = unit.manifest.command() else {
        let finding = Finding::new(Check::Exec, Outcome::Fail, "verify/no-command");
        return Some(finding.message(format!("a {shape} without `#+CLI_BIN` cannot be called")));
    };
    if subject.around.table.get(name.as_str()).is_some() {
        return Some(Finding::pass(
            Check::Exec,
            format!("{shape} `{name}` is registered"),
        ));
    }
    let lang = unit.manifest.lang();
    match &unit.manifest.build_src {
        Some(source) if (subject.around.buildable)(&source.value, lang).is_ok() => {
            let line = format!("{shape} `{name}` is not built yet");
            let id = subject.dir;
            Some(Finding::pass(Check::Exec, line).hint(format!("run `wbx toolkit build {id}`")))
        }
        _ => {
            let finding = Finding::new(Check::Exec, Outcome::Fail, "verify/not-buildable");
            let message = format!("{shape} `{name}` is not registered, and nothing can build it");
            Some(finding.message(message))
        }
    }
}

fn posix(subject: &Subject<'_>, unit: &Unit<'_>) -> Option<Finding> {
    // That the keyword is missing was told when the manifest was read.
    let name = unit.manifest.cli_bin.as_ref()?;
    let found = (subject.around.on_path)(name.as_str());
    Some(if found {
        Finding::pass(
            Check::Exec,
            format!("posix `{}` is on the PATH", name.value),
        )
    } else {
        Finding::new(Check::Exec, Outcome::Fail, "verify/not-on-path")
            .message(format!("posix `{}` is not on the PATH", name.value))
            .place(unit.place(name.span))
    })
}

fn federation(unit: &Unit<'_>) -> Option<Finding> {
    let entities: Vec<_> = unit
        .manifest
        .federation
        .entities
        .iter()
        .map(|e| &*e.value)
        .collect();
    Some(Finding::pass(
        Check::Exec,
        if entities.is_empty() {
            "federation: a source without `#+ENTITIES`".to_owned()
        } else {
            format!("federation: {}", entities.join(", "))
        },
    ))
}
