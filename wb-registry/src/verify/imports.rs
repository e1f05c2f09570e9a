//! Whether the artifact imports only what the manifest declares, and exports
//! what its shape is entered by.

use wb_policy::{Cap, Requirement, Shape};

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::{Subject, Unit};
use crate::ProgramShape;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for unit in subject.units() {
        let Some((shape, name)) = unit.manifest.shape().zip(unit.manifest.command()) else {
            continue;
        };
        let Some(binding) = subject.around.table.get(name.as_str()) else {
            continue;
        };
        let wasm = match subject.around.artifacts.get(&binding.digest) {
            Ok(wasm) => wasm,
            Err(error) => {
                findings.add(fault(error.code()).message(error.to_string()));
                continue;
            }
        };
        match ProgramShape::read(&wasm) {
            Err(error) => findings.add(
                fault("verify/bad-artifact")
                    .message(format!("the artifact of `{name}` is {error}")),
            ),
            Ok(program) => {
                let found = undeclared(&unit, &program);
                let exports = missing_exports(&unit, shape, &program);
                if found.is_empty() && exports.is_none() {
                    findings.add(Finding::pass(Check::Imports, within(&program)));
                }
                found
                    .into_iter()
                    .chain(exports)
                    .for_each(|f| findings.add(f));
            }
        }
    }
}

fn fault(code: &'static str) -> Finding {
    Finding::new(Check::Imports, Outcome::Fail, code)
}

fn within(program: &ProgramShape<'_>) -> String {
    match program.imports.len() {
        0 => "none".to_owned(),
        1 => "1, within CAPS".to_owned(),
        n => format!("{n}, all within CAPS"),
    }
}

fn undeclared(unit: &Unit<'_>, program: &ProgramShape<'_>) -> Vec<Finding> {
    let declared = unit.manifest.cap_set();
    program
        .imports
        .iter()
        .filter_map(|import| {
            let requirement = import.requirement();
            if requirement.is_met_by(declared) {
                return None;
            }
            if requirement == Requirement::Unknown {
                let finding = fault("verify/unknown-import");
                let message = format!("`{import}` is not known: no capability would bind it");
                return Some(finding.message(message));
            }
            let caps: Vec<_> = requirement.caps().iter().copied().map(Cap::name).collect();
            let message = format!(
                "`{import}` needs `{}`, which `#+CAPS` does not declare",
                caps.join("` or `")
            );
            let hint = format!("add `{}` to `#+CAPS`", caps[0]);
            Some(
                fault("verify/undeclared-import")
                    .message(message)
                    .hint(hint),
            )
        })
        .collect()
}

fn missing_exports(unit: &Unit<'_>, shape: Shape, program: &ProgramShape<'_>) -> Option<Finding> {
    let entry = unit.manifest.entry();
    let wanted: &[&str] = match shape {
        Shape::Command => &["_start"],
        Shape::Component => &[entry],
        Shape::Kernel => &["memory", "in_ptr", "out_ptr", entry],
        Shape::Task | Shape::Federation | Shape::Posix => &[],
    };
    let finding = fault("verify/missing-export");
    if program.is_component != (shape == Shape::Component) {
        let kind = if program.is_component {
            "a component"
        } else {
            "a core module"
        };
        return Some(finding.message(format!("the artifact is {kind}, which a {shape} is not")));
    }
    let missing: Vec<_> = wanted
        .iter()
        .filter(|name| !program.has_export(name))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let names: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
    Some(finding.message(format!("a {shape} must export {}", names.join(", "))))
}
