//! What a run took, for `--report` and the envelope.

use std::fmt::Write as _;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};
use wb_dock::Outcome;
use wb_host::Processed;
use wb_policy::Usage;

use crate::text::{seconds, size};

/// The report for programs.
pub(crate) fn data(outcome: &Outcome) -> Value {
    let caps = outcome.caps.iter().map(|(cap, through)| {
        let through = json!({
            "calls": through.calls,
            "bytes_sent": through.sent,
            "bytes_received": through.received,
        });
        (cap.name().to_owned(), through)
    });
    let caps: Map<String, Value> = caps.collect();
    of(outcome.elapsed, outcome.cpu, &outcome.usage, &caps)
}

/// The same of a kernel, whose capabilities are not counted one by one.
pub(crate) fn kernel_data(processed: &Processed) -> Value {
    of(processed.elapsed, None, &processed.usage, &Map::new())
}

fn of(wall: Duration, cpu: Option<Duration>, used: &Usage, caps: &Map<String, Value>) -> Value {
    json!({
        "wall_us": wall.as_micros() as u64,
        "cpu_us": cpu.map(|cpu| cpu.as_micros() as u64),
        "memory_peak": used.memory_peak,
        "fuel": used.fuel,
        "output": used.output,
        "host_calls": used.host_calls,
        "egress": used.egress,
        "children": used.children,
        "caps": caps,
    })
}

/// Adds standard output: as text, and in base64 where it is none.
pub(crate) fn output(data: &mut Value, bytes: &[u8]) {
    data["stdout"] = String::from_utf8_lossy(bytes).into();
    if std::str::from_utf8(bytes).is_err() {
        data["stdout_base64"] = BASE64_STANDARD.encode(bytes).into();
    }
}

/// The report for people; of a run in another process, the processor time is not known.
pub(crate) fn text(name: &str, outcome: &Outcome) -> String {
    let used = &outcome.usage;
    let cpu = outcome.cpu.map_or_else(|| "-".to_owned(), seconds);
    let mut text = format!(
        "{name}: exit {}, {} wall, {cpu} cpu, {} memory, {} out, {} egress, {} host calls, {} children",
        outcome.exit_code,
        seconds(outcome.elapsed),
        size(used.memory_peak),
        size(used.output),
        size(used.egress),
        used.host_calls,
        used.children,
    );
    for (cap, through) in &outcome.caps {
        let (sent, received) = (size(through.sent), size(through.received));
        let (cap, calls) = (cap.name(), through.calls);
        let _ = write!(
            text,
            "\n  {cap:<10} {calls:>6} calls, {sent} in, {received} back"
        );
    }
    text
}

/// The report on a kernel, which has no streams.
pub(crate) fn of_kernel(name: &str, processed: &Processed) -> String {
    let (wall, memory) = (processed.elapsed, processed.usage.memory_peak);
    let (wall, memory) = (seconds(wall), size(memory));
    format!(
        "{name}: {wall} wall, {memory} memory, {} host calls",
        processed.usage.host_calls
    )
}
