//! The progress of long work: a bar on a terminal, nothing in a pipe, lines where a program asked for them. Owns how it is told;
//! measures nothing.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Time between two lines.
const LINE_EVERY: Duration = Duration::from_millis(200);

/// A counter of packets (or flows) that tells itself at most ten times a second.
pub enum Progress {
    /// For people.
    Bar(ProgressBar),
    /// For programs; when the last line was written.
    Lines(Cell<Instant>),
}

impl Progress {
    /// A bar that counts `unit`; hidden unless standard error is a terminal, or when `quiet`.
    pub fn new(unit: &'static str, quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = format!("{{spinner}} {{human_pos}} {unit}  {{per_sec}}  {{elapsed}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self::Bar(bar)
    }

    /// Lines on standard error: `progress total N` now, when it is known, then `progress read N`.
    pub fn lines(total: Option<u64>) -> Self {
        if let Some(total) = total {
            eprintln!("progress total {total}");
        }
        Self::Lines(Cell::new(Instant::now()))
    }

    /// So many so far.
    pub fn set(&self, done: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(done),
            Self::Lines(last) if last.get().elapsed() >= LINE_EVERY => {
                eprintln!("progress read {done}");
                last.set(Instant::now());
            }
            Self::Lines(_) => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
