//! What a run took, for `--report` and the envelope.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use wb_dock::Outcome;
use wb_host::Processed;

use crate::text::{seconds, size};

/// The report for programs.
pub(crate) fn data(outcome: &Outcome) -> Value {
    let used = &outcome.usage;
    let caps = outcome.caps.iter().map(|(cap, through)| {
        let through = json!({
            "calls": through.calls,
            "bytes_sent": through.sent,
            "bytes_received": through.received,
        });
        (cap.name().to_owned(), through)
    });
    let caps: Map<String, Value> = caps.collect();
    json!({
        "wall_us": outcome.elapsed.as_micros() as u64,
        "cpu_us": outcome.cpu.map(|cpu| cpu.as_micros() as u64),
        "memory_peak": used.memory_peak,
        "fuel": used.fuel,
        "output": used.output,
        "host_calls": used.host_calls,
        "egress": used.egress,
        "children": used.children,
        "caps": caps,
    })
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
