//! Whether the capabilities can be granted, and by which profiles.

use wb_policy::CapSet;

use super::report::{Check, Finding, Findings, Outcome};
use super::subject::Subject;

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let profiles = subject.around.profiles;
    for unit in subject.units() {
        let declared = unit.manifest.cap_set();
        if declared.is_empty() {
            continue;
        }
        let mut grantable = true;
        for cap in &unit.manifest.caps {
            if profiles.smallest_granting(CapSet::of(cap.value)).is_none() {
                grantable = false;
                findings.add(
                    // A deployment's to mend, not the toolkit's.
                    Finding::new(Check::Caps, Outcome::Warning, "verify/no-profile")
                        .message(format!("no profile here grants `{}`", cap.value))
                        .place(subject.place(unit.path, cap.span))
                        .hint(format!(
                            "where it is to run, `profiles.toml` needs one with `add-caps = [\"{}\"]`",
                            cap.value
                        )),
                );
            }
        }
        let granting: Vec<_> = profiles
            .granting(declared)
            .iter()
            .map(|p| p.name())
            .collect();
        if !granting.is_empty() {
            let names = granting.join(", ");
            findings.pass(Check::Caps, format!("{declared} — granted by {names}"));
        } else if grantable {
            findings.add(
                Finding::new(Check::Caps, Outcome::Warning, "verify/no-profile")
                    .message(format!("no profile here grants all of `{declared}`"))
                    .place(subject.place(unit.path, unit.manifest.caps[0].span)),
            );
        }
    }
}
