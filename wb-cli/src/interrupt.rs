//! Ends what runs when somebody ends this program: a container would go on without
//! anybody to enforce its limits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static CAME: AtomicBool = AtomicBool::new(false);

/// Ends everything on an interrupt, a hangup or a request to terminate, and then this
/// program, with the exit code that a shell gives to that signal.
pub(crate) fn watch() {
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter();
    let wanted = wanted.filter(|signal| ignored & (1 << (signal - 1)) == 0);
    // Without it a signal ends this program as it does any other.
    let Ok(mut signals) = Signals::new(wanted) else {
        return;
    };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            CAME.store(true, Ordering::Relaxed);
            #[cfg(target_os = "linux")]
            wb_tier::end_all();
            std::process::exit(128 + signal);
        }
    });
}

/// Says nothing more once a signal has come: what it ended has not failed.
pub(crate) fn settle() {
    while CAME.load(Ordering::Relaxed) {
        thread::park();
    }
}

/// The signals that whoever started this program wants ignored, as `nohup` does: a bit
/// for each, from the lowest on (`proc(5)`, `SigIgn`). None where nothing says so.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
