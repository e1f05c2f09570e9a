//! From a core module to a component: encoded, and held to its world and caps.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wb_policy::{Cap, CapSet, Requirement};
use wb_registry::ProgramShape;
use wit_component::{ComponentEncoder, StringEncoding};

use super::World;
use crate::diagnose::{Diagnostic, Severity};

/// A module that is no component of its world, or needs more than its toolkit declares.
#[derive(Debug)]
pub(crate) struct Refused(pub Vec<Diagnostic>);

pub(super) fn encode(
    world: &World,
    core: &[u8],
    caps: CapSet,
) -> Result<(Vec<u8>, Vec<Diagnostic>), Refused> {
    let component = encoded(world, core).map_err(|message| {
        let message = format!("world `{}`: {message}", world.name());
        Refused(vec![Diagnostic::error(message)])
    })?;
    let findings = ungranted(&component, caps);
    if findings.iter().any(|f| f.severity == Severity::Error) {
        return Err(Refused(findings));
    }
    Ok((component, findings))
}

fn encoded(world: &World, core: &[u8]) -> Result<Vec<u8>, String> {
    // The chain of causes in one line, as the encoder gives it.
    let text = |error| format!("{error:#}").replace('\n', "; ");
    let mut module = core.to_vec();
    let encoding = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &world.resolve, world.id, encoding)
        .map_err(text)?;
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(text)
}

/// What a component imports beyond `caps`: an error for each import that a capability
/// would bind, a warning for each that only another component can.
fn ungranted(component: &[u8], caps: CapSet) -> Vec<Diagnostic> {
    let program = match ProgramShape::read(component) {
        Ok(program) => program,
        Err(error) => return vec![Diagnostic::error(error.to_string())],
    };
    let mut findings = Vec::new();
    for import in program.imports {
        let requirement = import.requirement();
        if requirement.is_met_by(caps) {
            continue;
        }
        findings.push(if requirement == Requirement::Unknown {
            Diagnostic {
                severity: Severity::Warning,
                ..Diagnostic::error(format!(
                    "`{import}` is bound by no capability: another component has to export it"
                ))
            }
        } else {
            let caps: Vec<_> = requirement.caps().iter().copied().map(Cap::name).collect();
            Diagnostic::error(format!(
                "`{import}` needs `{}`, which `#+CAPS` does not declare",
                caps.join("` or `")
            ))
        });
    }
    findings
}
