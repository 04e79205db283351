//! Progress of work that takes more than a second: a bar on a terminal, plain lines otherwise.

use std::{
    io::{IsTerminal as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How long work may take before it shows.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Progress of one piece of work.
pub(crate) struct Progress {
    what: String,
    total: u64,
    started: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Work of `total` steps; 0 when nobody knows.
    pub(crate) fn new(what: impl Into<String>, total: u64) -> Self {
        let now = Instant::now();
        Self {
            what: what.into(),
            total,
            started: now,
            last_line: now,
            bar: None,
        }
    }

    /// So much is done, and this is what goes on.
    pub(crate) fn at(&mut self, done: u64, detail: &str) {
        if self.started.elapsed() < PATIENCE {
            return;
        }
        if stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let (bar, form) = if self.total > 0 {
                    (
                        ProgressBar::new(self.total),
                        "{msg} [{bar:32}] {pos}/{len} {elapsed}",
                    )
                } else {
                    (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}")
                };
                bar.with_style(
                    ProgressStyle::with_template(form)
                        .unwrap_or_else(|_| ProgressStyle::default_bar()),
                )
            });
            bar.set_message(format!("{}: {detail}", self.what));
            bar.set_position(done);
            bar.tick();
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let of = if self.total > 0 {
                format!(" {done}/{}", self.total)
            } else {
                String::new()
            };
            eprintln!("{}:{of} {detail}", self.what);
        }
    }

    /// It is done.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
