use std::time::Duration;

use wb_policy::{Cap, CapUse, Resource, Usage};

/// Is told what happens in runs, as it happens.
///
/// Called on the thread of the run, between guest code: a slow recorder makes
/// slow runs. It cannot change what happens.
pub trait Recorder: Send + Sync {
    /// Takes note of `event`.
    fn record(&self, event: &Event<'_>);
}

/// Something that happened in a run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A command is about to start.
    Started {
        /// Its name.
        command: &'a str,
        /// How many runs enclose this one.
        depth: usize,
    },
    /// A command has ended, one way or another.
    Finished(Step<'a>),
}

/// One command, from start to end.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Step<'a> {
    /// Its name.
    pub command: &'a str,
    /// How many runs enclose this one.
    pub depth: usize,
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub elapsed: Duration,
    /// What it and everything it started used.
    pub usage: Usage,
    /// What went through each capability that was called.
    pub caps: &'a [(Cap, CapUse)],
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The guest exited with this code.
    Exit(i32),
    /// The guest was stopped at a limit.
    Limit(Resource),
    /// The guest crashed.
    Trap,
}

impl Ended {
    /// The exit code a shell would show: the guest's own, 124 out of time, 1 else.
    pub const fn exit_code(self) -> i32 {
        match self {
            Self::Exit(code) => code,
            Self::Limit(Resource::Wall) => 124,
            Self::Limit(_) | Self::Trap => 1,
        }
    }
}

impl Step<'_> {
    /// The step as one line of `_steps.jsonl`, without the line feed.
    ///
    /// `timestamp` is when the step ended, as the host writes times; the dock has
    /// no calendar. The line is a JSON object: `tool`, `exit_code`, `error` (the limit, or
    /// `trap`) where there is one, `dur_ms` (rounded), `ts`, `depth`, `used` (bytes and
    /// counts), and `calls` by capability where there were some.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::{Arc, Mutex};
    /// use wb_dock::{Event, Recorder};
    ///
    /// /// Keeps the lines of every finished step.
    /// struct Lines(Mutex<Vec<String>>);
    ///
    /// impl Recorder for Lines {
    ///     fn record(&self, event: &Event<'_>) {
    ///         if let Event::Finished(step) = event {
    ///             self.0.lock().unwrap().push(step.to_json_line("2026-01-02T03:04:05Z"));
    ///         }
    ///     }
    /// }
    /// ```
    pub fn to_json_line(&self, timestamp: &str) -> String {
        let line = Line {
            tool: ToolName(self.command),
            exit_code: self.ended.exit_code(),
            error: self.error(),
            dur_ms: (self.elapsed + Duration::from_micros(500)).as_millis() as u64,
            ts: timestamp,
            depth: self.depth,
            used: Used {
                memory: self.usage.memory_peak,
                fuel: self.usage.fuel,
                output: self.usage.output,
                host_calls: self.usage.host_calls,
                egress: self.usage.egress,
                children: self.usage.children,
            },
            calls: Calls(self.caps),
        };
        // Numbers and strings always have a JSON form, so this is never empty.
        serde_json::to_string(&line).unwrap_or_default()
    }

    fn error(&self) -> Option<String> {
        match self.ended {
            Ended::Exit(_) => None,
            Ended::Limit(resource) => Some(format!("{resource} limit")),
            Ended::Trap => Some("trap".to_owned()),
        }
    }
}

/// The order of the fields is that of the file.
#[derive(serde::Serialize)]
struct Line<'a> {
    tool: ToolName<'a>,
    exit_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    dur_ms: u64,
    ts: &'a str,
    depth: usize,
    used: Used,
    #[serde(skip_serializing_if = "Calls::is_empty")]
    calls: Calls<'a>,
}

/// `{"kv":3}`: how often each capability was called.
struct Calls<'a>(&'a [(Cap, CapUse)]);

impl Calls<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl serde::Serialize for Calls<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(cap, used)| (cap, used.calls)))
    }
}

#[derive(serde::Serialize)]
struct Used {
    memory: u64,
    fuel: u64,
    output: u64,
    host_calls: u64,
    egress: u64,
    children: u64,
}

/// `command:NAME`, as readers of the file know it.
struct ToolName<'a>(&'a str);

impl serde::Serialize for ToolName<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("command:{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_known_fields_in_order() {
        let step = Step {
            command: "a\"b",
            depth: 1,
            ended: Ended::Limit(Resource::Wall),
            elapsed: Duration::from_micros(1_501),
            usage: Usage {
                output: 7,
                ..Usage::default()
            },
            caps: &[],
        };
        assert_eq!(
            step.to_json_line("2026-01-02T03:04:05Z"),
            r#"{"tool":"command:a\"b","exit_code":124,"error":"wall-time limit","dur_ms":2,"ts":"2026-01-02T03:04:05Z","depth":1,"used":{"memory":0,"fuel":0,"output":7,"host_calls":0,"egress":0,"children":0}}"#
        );
        let called = CapUse {
            calls: 3,
            ..CapUse::default()
        };
        let caps = [(Cap::Vfs, CapUse { calls: 1, ..called }), (Cap::Kv, called)];
        let line = Step {
            caps: &caps,
            ..step
        }
        .to_json_line("");
        assert!(
            line.ends_with(r#""children":0},"calls":{"vfs":1,"kv":3}}"#),
            "{line}"
        );
    }
}
