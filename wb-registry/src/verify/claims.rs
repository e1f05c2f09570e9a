//! Commands that several toolkits want to be.

use std::collections::BTreeMap;

use wb_manifest::CommandName;

use super::report::{Check, Finding, Outcome, Place, Report};
use super::subject::Subject;

/// A command that a toolkit declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The name.
    pub name: CommandName,
    /// Whether an artifact of the toolkit is to be registered under it; a
    /// native program may well have several toolkits.
    pub built: bool,
    /// Where it is declared, if it is not the toolkit's own name.
    pub place: Option<Place>,
}

/// The commands of a toolkit.
pub(super) fn of(subject: &Subject<'_>) -> Vec<Claim> {
    let claims = subject.units().filter_map(|unit| {
        let built = unit
            .manifest
            .shape()
            .is_some_and(wb_policy::Shape::is_built);
        let declared = unit.manifest.cli_bin.as_ref();
        let name = match declared {
            Some(name) => name.value.clone(),
            None if built => unit.manifest.command()?,
            None => return None,
        };
        let place = declared.map(|name| subject.place(unit.path, name.span));
        Some(Claim { name, built, place })
    });
    claims.collect()
}

/// Adds to each report the commands that another toolkit of `reports` declares too.
///
/// Two artifacts cannot have one name; two toolkits about one native program
/// are only worth a warning.
pub fn cross_check(reports: &mut [Report]) {
    let mut claims: BTreeMap<CommandName, Vec<(String, bool)>> = BTreeMap::new();
    for report in &*reports {
        for claim in &report.claims {
            let of_name = claims.entry(claim.name.clone()).or_default();
            of_name.push((report.toolkit.clone(), claim.built));
        }
    }
    for report in reports {
        let mut found = Vec::new();
        for claim in &report.claims {
            let others = claims[&claim.name].iter();
            let others: Vec<_> = others.filter(|(id, _)| *id != report.toolkit).collect();
            if others.is_empty() {
                continue;
            }
            let clash = claim.built && others.iter().any(|(_, built)| *built);
            let outcome = if clash {
                Outcome::Fail
            } else {
                Outcome::Warning
            };
            let ids: Vec<_> = others.iter().map(|(id, _)| format!("`{id}`")).collect();
            let ids = ids.join(", ");
            let message = format!("the command `{}` is declared by {ids} too", claim.name);
            let finding = Finding::new(Check::Name, outcome, "verify/claimed-command");
            found.push(Finding {
                place: claim.place.clone(),
                ..finding.message(message)
            });
        }
        report.add(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(toolkit: &str, name: &str, built: bool) -> Report {
        let claim = Claim {
            name: name.parse().unwrap(),
            built,
            place: None,
        };
        Report {
            toolkit: toolkit.to_owned(),
            findings: vec![Finding::pass(Check::Name, toolkit.to_owned())],
            claims: vec![claim],
        }
    }

    #[test]
    fn two_artifacts_cannot_have_one_name() {
        let mut reports = [
            report("a", "slug", true),
            report("b", "slug", true),
            report("c", "other", true),
            report("d", "git", false),
            report("e", "git", true),
        ];
        cross_check(&mut reports);
        assert_eq!(
            reports.each_ref().map(ToString::to_string),
            [
                "✗ name: the command `slug` is declared by `b` too\n",
                "✗ name: the command `slug` is declared by `a` too\n",
                "✓ name: c\n",
                "! name: the command `git` is declared by `e` too\n",
                "! name: the command `git` is declared by `d` too\n",
            ]
        );
    }
}
