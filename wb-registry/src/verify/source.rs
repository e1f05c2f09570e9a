//! Whether what `#+BUILD_SRC` names is there and can be built.

use wb_manifest::{BuildSrc, Lang};

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::{Subject, Unit};

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for unit in subject.units() {
        let Some(source) = &unit.manifest.build_src else {
            continue;
        };
        let lang = unit.manifest.lang();
        let fault = |outcome, code| {
            Finding::new(Check::Build, outcome, code).place(subject.place(unit.path, source.span))
        };
        if let BuildSrc::Path(_) = source.value
            && let Some(missing) = missing_source(subject, &unit, lang)
        {
            findings.add(fault(unit.rigor(), "verify/no-source").message(missing));
            continue;
        }
        if findings.has_problem(Check::Build) {
            continue;
        }
        match subject.around.facilities.can_build(&source.value, lang) {
            Ok(()) => {
                let lang = lang.map_or("prebuilt", Lang::name);
                findings.add(Finding::pass(
                    Check::Build,
                    format!("{lang} from {}", source.value),
                ));
            }
            Err(why) => {
                let registered = unit
                    .manifest
                    .command()
                    .is_some_and(|name| subject.around.table.get(name.as_str()).is_some());
                let outcome = if registered {
                    Outcome::Warning
                } else {
                    unit.rigor()
                };
                findings.add(fault(outcome, "verify/no-lane").message(why));
            }
        }
    }
}

fn missing_source(subject: &Subject<'_>, unit: &Unit<'_>, lang: Option<Lang>) -> Option<String> {
    let BuildSrc::Path(dir) = &unit.manifest.build_src.as_ref()?.value else {
        return None;
    };
    let extensions: &[&str] = match lang? {
        Lang::C => &["c"],
        Lang::Cpp => &["cpp", "cc", "cxx", "c++"],
        Lang::Js => &["js", "mjs", "cjs"],
        Lang::Ts => &["ts", "mts", "tsx"],
        Lang::Svelte => &["svelte"],
        Lang::Go => &["go"],
        Lang::Zig => &["zig"],
        Lang::Rust => &["rs"],
    };
    let mut files = subject
        .tree
        .iter()
        .filter(|(path, _)| path.is_below(dir))
        .peekable();
    if files.peek().is_none() {
        return Some(format!("`{dir}` is not there or holds no file"));
    }
    let has_source = files.any(|(path, _)| {
        path.extension()
            .is_some_and(|extension| extensions.contains(&extension))
    });
    let wanted = extensions.join("`, `.");
    (!has_source).then(|| format!("`{dir}` holds no `.{wanted}` file"))
}
