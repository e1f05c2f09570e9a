use std::fmt::Write as _;

use serde_json::{Value, json};
use wb_host::{Catalog, Toolkits};
use wb_manifest::ToolkitId;
use wb_registry::{Outcome, Report, json as report_json, junit, sarif};

use crate::args::{Format, Verify};
use crate::done::Done;
use crate::env::Env;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::count;
use crate::ui::Ui;

/// `wbx toolkit verify ID… | --all`
pub(crate) fn run(args: &Verify, env: &Env, ui: Ui) -> Result<Done, Failure> {
    let catalog = env.catalog();
    if ui.json() && args.format != Format::Text {
        let message = "`--json` and `--format` both say how to print the report";
        return Err(Failure::usage(message).hint("`--format json` is the report alone"));
    }
    let named: Vec<_> = args
        .ids
        .iter()
        .map(|word| named(word, env, &catalog))
        .collect::<Result<_, _>>()?;
    let toolkits = if args.all {
        let own = catalog.own()?;
        // A check of nothing must not look like a check that passed.
        if let Some(root) = env.misnamed_root() {
            let message = format!("`WB_TOOLKITS_ROOT` is `{root}`, which is no directory");
            return Err(Failure::new(Exit::NotFound, "cli/no-toolkits", message));
        }
        if own.is_empty() {
            let message = format!("no toolkits under {}", env.shown_toolkits());
            return Err(Failure::new(Exit::NotFound, "cli/no-toolkits", message)
                .hint("name their directory with `WB_TOOLKITS_ROOT`"));
        }
        own
    } else {
        let named = named.iter();
        named.map(|(id, place)| (id.clone(), place)).collect()
    };
    let reports = env.nexus().verify(&toolkits)?;
    let passed = reports.iter().all(Report::passed);
    let root = env.shown_toolkits();
    let text = match args.format {
        Format::Text if args.all => all(&reports, &root),
        Format::Text if reports.len() == 1 => reports[0].to_string(),
        Format::Text => reports.iter().map(headed).collect(),
        Format::Json => pretty(&report_json(&reports)),
        Format::Sarif => pretty(&sarif(&reports, &root)),
        Format::Junit => junit(&reports),
    };
    let data = report_json(&reports);
    if !passed && ui.json() {
        let failed = reports.iter().filter(|report| !report.passed()).count();
        let message = format!("{} failed verification", count(failed, "toolkit"));
        let mut failure = Failure::new(Exit::Unverified, "verify/failed", message);
        failure.data = Some(data);
        return Err(failure);
    }
    let mut done = Done::new(text.trim_end(), json!(data));
    done.exit = if passed { Exit::Done } else { Exit::Unverified };
    Ok(done)
}

/// The toolkit that `word` is the name of, or the path to its directory.
fn named(word: &str, env: &Env, catalog: &Catalog) -> Result<(ToolkitId, Toolkits), Failure> {
    if word.starts_with('.') || word.contains(['/', std::path::MAIN_SEPARATOR]) {
        return Ok(Catalog::at(&env.cwd.join(word), word)?);
    }
    let (id, place) = catalog.find(word)?;
    Ok((id, place.clone()))
}

/// Of a repository: what is wrong, toolkit by toolkit, and the sum.
fn all(reports: &[Report], root: &str) -> String {
    let mut text = String::new();
    for report in reports {
        let told = report
            .findings
            .iter()
            .filter(|finding| finding.outcome >= Outcome::Warning);
        let told: Vec<_> = told.map(|finding| format!("  {finding}\n")).collect();
        if !told.is_empty() {
            let mark = if report.passed() { '!' } else { '✗' };
            let _ = writeln!(text, "{mark} {root}/{}", report.toolkit);
            text.extend(told);
        }
    }
    let failed = reports.iter().filter(|report| !report.passed()).count();
    let mark = if failed == 0 { '✓' } else { '✗' };
    let passed = reports.len() - failed;
    let all = count(reports.len(), "toolkit");
    let _ = write!(text, "{mark} {all}: {passed} passed, {failed} failed");
    text
}

/// A report among several: below the toolkit's name.
fn headed(report: &Report) -> String {
    format!("{}\n{report}\n", report.toolkit)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
