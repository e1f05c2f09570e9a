use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Finding, Outcome, Report};

/// Reports as `JUnit` XML, as CI services read it: a suite for each toolkit, a
/// case for each line.
///
/// There is no time and no host in it, so the same toolkits give the same bytes.
pub fn junit(reports: &[Report]) -> String {
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory cannot fail.
    let written = write(&mut out, reports);
    debug_assert!(written.is_ok());
    let mut text = String::from_utf8_lossy(&out.into_inner()).into_owned();
    text.push('\n');
    text
}

fn write(out: &mut Writer<Vec<u8>>, reports: &[Report]) -> std::io::Result<()> {
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let tests: usize = reports.iter().map(|report| report.findings.len()).sum();
    let failures: usize = reports
        .iter()
        .map(|report| report.count(Outcome::Fail))
        .sum();
    out.create_element("testsuites")
        .with_attribute(("name", "wbx toolkit verify"))
        .with_attribute(("tests", tests.to_string().as_str()))
        .with_attribute(("failures", failures.to_string().as_str()))
        .write_inner_content(|out| reports.iter().try_for_each(|report| suite(out, report)))?;
    Ok(())
}

fn suite(out: &mut Writer<Vec<u8>>, report: &Report) -> std::io::Result<()> {
    out.create_element("testsuite")
        .with_attribute(("name", xml(&report.toolkit).as_str()))
        .with_attribute(("tests", report.findings.len().to_string().as_str()))
        .with_attribute(("failures", report.count(Outcome::Fail).to_string().as_str()))
        .write_inner_content(|out| {
            report
                .findings
                .iter()
                .try_for_each(|finding| case(out, &report.toolkit, finding))
        })?;
    Ok(())
}

fn case(out: &mut Writer<Vec<u8>>, toolkit: &str, finding: &Finding) -> std::io::Result<()> {
    let name = format!("{}: {}", finding.check.name(), finding.message);
    let case = out
        .create_element("testcase")
        .with_attribute(("classname", xml(toolkit).as_str()))
        .with_attribute(("name", xml(&name).as_str()));
    let text = xml(&finding.to_string());
    match finding.outcome {
        Outcome::Pass => case.write_empty()?,
        Outcome::Fail => case.write_inner_content(|out| {
            out.create_element("failure")
                .with_attribute(("type", finding.code))
                .with_attribute(("message", xml(&finding.message).as_str()))
                .write_text_content(BytesText::new(&text))?;
            Ok(())
        })?,
        Outcome::Note | Outcome::Warning => case.write_inner_content(|out| {
            out.create_element("system-out")
                .write_text_content(BytesText::new(&text))?;
            Ok(())
        })?,
    };
    Ok(())
}

/// The text without the characters that XML 1.0 cannot hold, section 2.2.
fn xml(text: &str) -> String {
    let held = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars()
        .map(|c| {
            if held(c) && !matches!(c, '\u{fffe}' | '\u{ffff}') {
                c
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}
