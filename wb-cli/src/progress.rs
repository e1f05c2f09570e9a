//! Long work on standard error: bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use wb_host::toolchain::{Phase, Progress, Quiet};

use crate::text::{seconds, size};
use crate::ui::Ui;

/// The progress to show: none with `--json`, bars on a terminal, lines elsewhere.
pub(crate) fn follow(ui: Ui) -> Box<dyn Progress> {
    if ui.json() {
        Box::new(Quiet)
    } else if io::stderr().is_terminal() {
        Box::new(Bars::new())
    } else {
        Box::<Lines>::default()
    }
}

/// How much of a phase there is, in its own unit.
fn amount(phase: Phase, n: u64) -> String {
    match phase {
        Phase::Build => format!("{n} steps"),
        _ => size(n),
    }
}

/// One line when a phase ends, and one when it begins if that may take long.
#[derive(Default)]
struct Lines {
    phases: Mutex<BTreeMap<(String, Phase), (Instant, u64)>>,
}

impl Lines {
    fn phases(&self) -> MutexGuard<'_, BTreeMap<(String, Phase), (Instant, u64)>> {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Lines {
    fn start(&self, pack: &str, phase: Phase, total: Option<u64>) {
        let key = (pack.to_owned(), phase);
        self.phases()
            .insert(key, (Instant::now(), total.unwrap_or(0)));
        let of = total.map_or_else(String::new, |n| format!(" {}", amount(phase, n)));
        let _ = writeln!(io::stderr(), "{pack}: {}{of} …", phase.name());
    }

    fn advance(&self, pack: &str, phase: Phase, done: u64) {
        if let Some((_, most)) = self.phases().get_mut(&(pack.to_owned(), phase)) {
            *most = done.max(*most);
        }
    }

    fn finish(&self, pack: &str, phase: Phase) {
        let Some((start, n)) = self.phases().remove(&(pack.to_owned(), phase)) else {
            return;
        };
        let took = seconds(start.elapsed());
        let of = if n > 0 {
            format!("{}, ", amount(phase, n))
        } else {
            String::new()
        };
        let _ = writeln!(io::stderr(), "{pack}: {} done ({of}{took})", phase.name());
    }
}

/// A bar for each phase in progress; what is done stays as a line above.
struct Bars {
    all: MultiProgress,
    bars: Mutex<BTreeMap<(String, Phase), ProgressBar>>,
}

impl Bars {
    fn new() -> Self {
        Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8)),
            bars: Mutex::default(),
        }
    }

    fn bars(&self) -> MutexGuard<'_, BTreeMap<(String, Phase), ProgressBar>> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn style(phase: Phase, known: bool) -> ProgressStyle {
    let template = match (phase, known) {
        (Phase::Build, true) => "{spinner} {prefix:<12} {msg:<9} {bar:24} {pos}/{len}",
        (_, true) => "{spinner} {prefix:<12} {msg:<9} {bar:24} {binary_bytes}/{binary_total_bytes}",
        (_, false) => "{spinner} {prefix:<12} {msg:<9} {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Bars {
    fn start(&self, pack: &str, phase: Phase, total: Option<u64>) {
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = self.all.add(bar);
        bar.set_style(style(phase, total.is_some()));
        bar.set_prefix(pack.to_owned());
        bar.set_message(phase.name());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.bars().insert((pack.to_owned(), phase), bar);
    }

    fn advance(&self, pack: &str, phase: Phase, done: u64) {
        if let Some(bar) = self.bars().get(&(pack.to_owned(), phase)) {
            bar.set_position(done);
        }
    }

    fn finish(&self, pack: &str, phase: Phase) {
        if let Some(bar) = self.bars().remove(&(pack.to_owned(), phase)) {
            let took = seconds(bar.elapsed());
            bar.finish_and_clear();
            let _ = self
                .all
                .println(format!("✓ {pack}: {} ({took})", phase.name()));
        }
    }
}
