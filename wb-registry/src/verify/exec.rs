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
            Some(shape) => Some(built(subject, &unit, shape)),
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
fn built(subject: &Subject<'_>, unit: &Unit<'_>, shape: Shape) -> Finding {
    let fault = |code| Finding::new(Check::Exec, Outcome::Fail, code);
    let Some(name) = unit.manifest.command() else {
        return fault("verify/no-command")
            .message(format!("a {shape} without `#+CLI_BIN` cannot be called"));
    };
    if subject.around.table.get(name.as_str()).is_some() {
        return Finding::pass(Check::Exec, format!("{shape} `{name}` is registered"));
    }
    let can_build = unit.manifest.build_src.as_ref().is_some_and(|source| {
        let lang = unit.manifest.lang();
        let facilities = subject.around.facilities;
        facilities.can_build(&source.value, lang).is_ok()
    });
    if can_build {
        Finding::pass(Check::Exec, format!("{shape} `{name}` is not built yet"))
            .hint(format!("run `wbx toolkit build {}`", subject.dir))
    } else {
        fault("verify/not-buildable").message(format!(
            "{shape} `{name}` is not registered, and nothing here can build it"
        ))
    }
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
