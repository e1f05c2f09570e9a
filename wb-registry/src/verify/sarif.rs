use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Outcome, Report};

/// Reports as a SARIF 2.1.0 log (OASIS, 27 March 2020), for code hosts that
/// show findings beside the lines.
///
/// `root` is where the toolkits lie, as seen from the repository's root.
pub fn sarif(reports: &[Report], root: &str) -> Value {
    let mut rules = BTreeMap::new();
    let mut results = Vec::new();
    for report in reports {
        for finding in &report.findings {
            let level = match finding.outcome {
                Outcome::Pass => continue,
                Outcome::Note => "note",
                Outcome::Warning => "warning",
                Outcome::Fail => "error",
            };
            rules.insert(finding.code, finding.check.name());
            let mut message = format!("{}: {}", finding.check.name(), finding.message);
            for hint in &finding.hints {
                message.push_str("\nhelp: ");
                message.push_str(hint);
            }
            let place = finding.place.as_ref();
            let path = place.map_or("manifest.org", |place| &place.path);
            let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
            results.push(json!({
                "ruleId": finding.code,
                "level": level,
                "message": { "text": message },
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": { "uri": uri(root, &report.toolkit, path) },
                        "region": { "startLine": line, "startColumn": column },
                    },
                }],
            }));
        }
    }
    let rules: Vec<_> = rules
        .into_iter()
        .map(|(id, check)| json!({ "id": id, "properties": { "check": check } }))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "wbx toolkit verify",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A relative reference (RFC 3986): what is not plain is percent-encoded.
fn uri(root: &str, toolkit: &str, path: &str) -> String {
    let whole = format!("{root}/{toolkit}/{path}");
    let mut uri = String::with_capacity(whole.len());
    for byte in whole.trim_start_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => write!(uri, "%{byte:02X}").expect("a string takes all"),
        }
    }
    uri
}
