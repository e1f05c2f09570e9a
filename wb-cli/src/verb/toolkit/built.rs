//! What the two builds have in common: options, words, findings.

use serde_json::{Value, json};
use wb_build::{Diagnostic, Naming, Plan};
use wb_host::{ErrorKind, Made, ManifestFault};
use wb_manifest::Tree;

use crate::args;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::render::{self, Finding, Place, Severity};
use crate::text::size;
use crate::ui::Ui;

pub(crate) fn options(options: args::BuildOptions, env: &Env) -> wb_host::BuildOptions {
    wb_host::BuildOptions {
        check_types: options.check,
        jobs: options.jobs,
        offline: env.offline,
        allow_unsigned: false,
        replace: false,
    }
}

/// The line that says what was built.
pub(crate) fn line(made: &Made) -> String {
    let lang = made.lang.map_or("prebuilt", |lang| lang.name());
    format!(
        "built + registered {} `{}` ({lang}) → build/commands/{}.wasm",
        made.binding.shape, made.binding.name, made.binding.digest
    )
}

pub(crate) fn json(made: &Made) -> Value {
    let steps: Vec<_> = made
        .steps
        .iter()
        .map(|step| json!({ "label": step.label, "cached": step.cached, "memory": step.memory }))
        .collect();
    json!({
        "name": made.binding.name,
        "lang": made.lang,
        "sha256": made.binding.digest,
        "path": format!("build/commands/{}.wasm", made.binding.digest),
        "unchanged": made.is_unchanged(),
        "binding": made.binding,
        "steps": steps,
        "diagnostics": made.diagnostics,
    })
}

/// The steps of a plan, not run.
pub(crate) fn plan(plan: &Plan) -> Done {
    let text = plan.render();
    let text = text.trim_end();
    Done::new(text, json!({ "plan": text }))
}

/// The steps of several plans, not run.
pub(crate) fn plans(plans: &[Plan]) -> Done {
    let texts: Vec<_> = plans.iter().map(Plan::render).collect();
    let texts: Vec<_> = texts.iter().map(|text| text.trim_end()).collect();
    Done::new(texts.join("\n\n"), json!({ "plans": texts }))
}

/// Shows what the compilers said about a build that succeeded; with `WB_LOG=info`
/// also what became of each step.
pub(crate) fn warn(made: &Made, dir: Option<&str>, env: &Env, ui: Ui) {
    for step in made.steps.iter().filter(|_| env.verbose) {
        let how = match (step.cached, step.memory) {
            (true, _) => "from the cache".to_owned(),
            (false, 0) => "done".to_owned(),
            (false, memory) => format!("done in {} of memory", size(memory)),
        };
        ui.note(&format!("{}: {how}", step.label));
    }
    if !made.diagnostics.is_empty() {
        let drawn = draw(&made.diagnostics, &made.sources, &made.naming, dir);
        ui.note(&drawn);
    }
}

/// A failed build, with the findings drawn where their sources are; those of a
/// toolkit lie below `dir`.
pub(crate) fn failure(error: wb_host::Error, dir: Option<&str>) -> Failure {
    let (details, data) = match error.kind() {
        ErrorKind::Manifest { faults, .. } => {
            let found: Vec<_> = faults
                .iter()
                .map(|fault| {
                    let found = &fault.diagnostic;
                    json!({
                        "code": found.code,
                        "message": found.message,
                        "path": fault.path.as_str(),
                        "start": found.span.start,
                        "end": found.span.end,
                    })
                })
                .collect();
            let drawn = draw_faults(faults, dir);
            (drawn, Some(json!({ "diagnostics": found })))
        }
        ErrorKind::Build(failure) => {
            let found = failure.error.diagnostics();
            let drawn = draw(found, &failure.sources, &failure.naming, dir);
            let data = (!found.is_empty()).then(|| json!({ "diagnostics": found }));
            (drawn, data)
        }
        ErrorKind::Task {
            fault: Some(fault), ..
        } => {
            let data = json!({
                "path": fault.path.as_str(),
                "start": fault.diagnostic.span.start,
                "end": fault.diagnostic.span.end,
                "message": fault.diagnostic.message,
            });
            let drawn = draw_faults(std::slice::from_ref(&**fault), dir);
            (drawn, Some(json!({ "diagnostics": [data] })))
        }
        _ => (String::new(), None),
    };
    // The message of a layout error is its first finding, which is drawn already.
    let told = matches!(error.kind(), ErrorKind::Build(failure)
        if matches!(failure.error.kind(), wb_build::ErrorKind::Layout { .. }));
    Failure {
        told: told && !details.is_empty(),
        details,
        data,
        ..error.into()
    }
}

fn below(dir: Option<&str>, file: &str) -> String {
    dir.map_or_else(|| file.to_owned(), |dir| format!("{dir}/{file}"))
}

/// The errors of a manifest, with the lines they are about.
pub(crate) fn draw_faults(faults: &[ManifestFault], dir: Option<&str>) -> String {
    let files: Vec<_> = faults
        .iter()
        .map(|fault| below(dir, fault.path.as_str()))
        .collect();
    let findings: Vec<_> = faults
        .iter()
        .zip(&files)
        .map(
            |(
                ManifestFault {
                    text, diagnostic, ..
                },
                file,
            )| Finding {
                severity: Severity::Error,
                code: Some(diagnostic.code),
                message: &diagnostic.message,
                place: Some(Place {
                    file,
                    source: std::str::from_utf8(text).ok(),
                    span: diagnostic.span.start as usize..diagnostic.span.end as usize,
                    line: 0,
                    label: None,
                }),
                hints: diagnostic.hints.iter().map(String::as_str).collect(),
            },
        )
        .collect();
    render::draw(&findings, Ui::colours())
}

fn draw(found: &[Diagnostic], sources: &Tree, naming: &Naming, dir: Option<&str>) -> String {
    let files: Vec<_> = found
        .iter()
        .map(|diagnostic| {
            let place = diagnostic.place.as_ref()?;
            let bytes = sources.get(naming.in_tree(&place.file));
            let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
            // Headers of the toolchain lie below no directory of the user's.
            let file = below(dir.filter(|_| bytes.is_some()), &place.file);
            Some((file, text, place))
        })
        .collect();
    let findings: Vec<_> = found
        .iter()
        .zip(&files)
        .map(|(diagnostic, file)| Finding {
            severity: match diagnostic.severity {
                wb_build::Severity::Error => Severity::Error,
                wb_build::Severity::Warning => Severity::Warning,
                wb_build::Severity::Note => Severity::Note,
            },
            code: diagnostic.code.as_deref(),
            message: &diagnostic.message,
            place: file.as_ref().map(|(name, text, place)| {
                let span = text.and_then(|t| render::span_at(t, place.line, place.column));
                Place {
                    file: name,
                    source: text.filter(|_| span.is_some()),
                    span: span.unwrap_or(0..0),
                    line: place.line as usize,
                    label: None,
                }
            }),
            hints: Vec::new(),
        })
        .collect();
    render::draw(&findings, Ui::colours())
}
