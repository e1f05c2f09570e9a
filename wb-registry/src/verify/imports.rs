//! Whether the artifact imports only what the manifest declares.

use wb_policy::{Cap, Requirement};

use super::exports;
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
                let exports = exports::faults(subject, &unit, shape, &program, &wasm);
                if found.is_empty() && exports.is_empty() {
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

pub(super) fn fault(code: &'static str) -> Finding {
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
