//! What the two builds have in common: options, words, findings.

use serde_json::{Value, json};
use wb_build::{Diagnostic, Plan};
use wb_host::{ErrorKind, Made, ManifestFault};
use wb_manifest::Tree;

use crate::args;
use crate::done::Done;
use crate::env::Env;
use crate::failure::Failure;
use crate::render::{self, Finding, Place, Severity};
use crate::text::size;
use crate::ui::Ui;

/// What the user calls the files that a compiler names.
pub(crate) enum Names<'a> {
    /// There is one file, and this is its name.
    One(&'a str),
    /// They lie below this directory.
    Below(String),
}

impl Names<'_> {
    fn shown(&self, tree: &Tree, file: &str) -> String {
        match self {
            // Headers of the toolchain keep their own names.
            _ if !tree.contains(file) => file.to_owned(),
            Self::One(name) => (*name).to_owned(),
            Self::Below(dir) => format!("{dir}/{file}"),
        }
    }
}

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
        "built + registered command `{}` ({lang}) → build/commands/{}.wasm",
        made.binding.name, made.binding.digest
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
pub(crate) fn warn(made: &Made, names: &Names<'_>, env: &Env, ui: Ui) {
    for step in made.steps.iter().filter(|_| env.verbose) {
        let how = match (step.cached, step.memory) {
            (true, _) => "from the cache".to_owned(),
            (false, 0) => "done".to_owned(),
            (false, memory) => format!("done in {} of memory", size(memory)),
        };
        ui.note(&format!("{}: {how}", step.label));
    }
    if !made.diagnostics.is_empty() {
        ui.note(&draw(&made.diagnostics, &made.sources, names));
    }
}

/// A failed build, with the findings drawn where their sources are.
pub(crate) fn failure(error: wb_host::Error, names: &Names<'_>) -> Failure {
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
            (
                draw_faults(faults, names),
                Some(json!({ "diagnostics": found })),
            )
        }
        ErrorKind::Build(failure) => {
            let found = failure.error.diagnostics();
            let drawn = draw(found, &failure.sources, names);
            (
                drawn,
                (!found.is_empty()).then(|| json!({ "diagnostics": found })),
            )
        }
        _ => (String::new(), None),
    };
    let sources = match error.kind() {
        ErrorKind::Build(failure) => failure.sources.clone(),
        _ => Tree::new(),
    };
    let mut failure: Failure = error.into();
    if let Names::One(name) = names {
        // Steps are called after the file's name in the lane.
        for (path, _) in &sources {
            failure.message = failure.message.replace(path.as_str(), name);
        }
    }
    Failure {
        details,
        data,
        ..failure
    }
}

/// The errors of a manifest, with the lines they are about.
fn draw_faults(faults: &[ManifestFault], names: &Names<'_>) -> String {
    let below = |path: &str| match names {
        Names::Below(dir) => format!("{dir}/{path}"),
        Names::One(_) => path.to_owned(),
    };
    let files: Vec<_> = faults
        .iter()
        .map(|fault| below(fault.path.as_str()))
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

fn draw(found: &[Diagnostic], sources: &Tree, names: &Names<'_>) -> String {
    let files: Vec<_> = found
        .iter()
        .map(|diagnostic| {
            let place = diagnostic.place.as_ref()?;
            let text = sources.get(&place.file);
            let text = text.and_then(|bytes| std::str::from_utf8(bytes).ok());
            Some((names.shown(sources, &place.file), text, place))
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
