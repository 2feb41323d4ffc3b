//! What a run shows while it runs: a live display on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use interop_engine::RunEvent;
use interop_evidence::{CellRecord, Verdict};
use interop_reports::Style;

/// Keys of running cells that fit into the display.
const SHOWN: usize = 3;
/// Where there is no live display, how long nothing may be said of what is left.
const SILENCE: Duration = Duration::from_secs(60);

/// How the terminal wants to be written to.
pub(crate) fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let width = if terminal { usize::from(console::Term::stdout().size().1) } else { 120 };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let unicode = !terminal || locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    Style { color: terminal && !plain, width, unicode }
}

/// Says something to the person who waits, where no report is disturbed by it.
#[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Shows a run on standard error.
#[derive(Debug)]
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    /// By key and repeat.
    running: BTreeMap<(String, u32), Instant>,
    finished: usize,
    cells: usize,
    left: Option<Duration>,
    told: Instant,
}

impl Display {
    pub(crate) fn new() -> Self {
        let live = std::io::stderr().is_terminal();
        let bar = live.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        Self { bar, running: BTreeMap::new(), finished: 0, cells: 0, left: None, told: Instant::now() }
    }

    pub(crate) fn show(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { cells, to_run, finished_before, jobs, jobs_fixed, seed } => {
                self.cells = *cells;
                let at_most = if *jobs_fixed { "" } else { "up to " };
                let before = match finished_before {
                    0 => String::new(),
                    before => format!(" ({before} of them finished before)"),
                };
                self.say(&format!("{cells} cells, {to_run} to run{before}, {at_most}{jobs} at a time, seed {seed}"));
                self.begin(*to_run);
            }
            RunEvent::CellStarted { key, repeat } => {
                self.running.insert((key.clone(), *repeat), Instant::now());
                self.refresh();
            }
            RunEvent::CellEnded { key, repeat } => {
                self.running.remove(&(key.clone(), *repeat));
                self.refresh();
            }
            RunEvent::CellFinished { record, ran } => self.finished(record, *ran),
            RunEvent::Progress { done, to_run, running, left } => {
                self.left = Some(*left);
                if let Some(bar) = &self.bar {
                    bar.set_position(*done as u64);
                    self.refresh();
                } else if self.told.elapsed() >= SILENCE {
                    self.say(&format!("{done}/{to_run} done, {running} running, about {} left", span(*left)));
                }
            }
            RunEvent::Interrupted => self.say("interrupted: ending what runs, keeping what is finished"),
            RunEvent::NoSpace { message } => self.say(&format!("{message}: nothing more is started")),
        }
    }

    fn begin(&self, to_run: usize) {
        let Some(bar) = &self.bar else { return };
        bar.set_length(to_run as u64);
        bar.enable_steady_tick(Duration::from_millis(500));
        // The template is a constant of ours; a mistake in it would show in the first test.
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} done{wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
    }

    fn finished(&mut self, record: &CellRecord, ran: bool) {
        self.finished += 1;
        if ran {
            let seconds = Duration::from_millis(record.duration_ms).as_secs_f64();
            let width = self.cells.to_string().len();
            let count = format!("[{:width$}/{}]", self.finished, self.cells);
            let line = format!("{count} {:14} {seconds:6.1} s  {}", record.verdict.as_str(), record.key);
            match record.verdict {
                Verdict::Pass => self.say(&line),
                _ => {
                    let indent = count.len() + 26;
                    self.say(&format!("{line}\n{:indent$}{}", "", one_line(&record.reason)));
                }
            }
        }
        self.refresh();
    }

    fn refresh(&self) {
        let Some(bar) = &self.bar else { return };
        let mut oldest: Vec<(&(String, u32), &Instant)> = self.running.iter().collect();
        oldest.sort_by_key(|(_, since)| **since);
        let name = |((key, repeat), since): &(&(String, u32), &Instant)| {
            let key = if *repeat > 1 { format!("{key}.{repeat}") } else { key.clone() };
            format!("{key} ({} s)", since.elapsed().as_secs())
        };
        let names: Vec<String> = oldest.iter().take(SHOWN).map(name).collect();
        let more = oldest.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let left = self.left.map(|left| format!(", about {} left", span(left))).unwrap_or_default();
        bar.set_message(format!("{left}, running {}{more}", names.join(", ")));
    }

    /// One line, above the live part if there is one.
    fn say(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => {
                // Lines of finished cells say nothing of what is left.
                if !line.starts_with('[') {
                    self.told = Instant::now();
                }
                say(line);
            }
        }
    }

    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `40 s`, `12 min`, `2 h 5 min`
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) if minutes < 5 => format!("{minutes} min {} s", seconds % 60),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_estimates() {
        let text = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(text(59), "59 s");
        assert_eq!(text(125), "2 min 5 s");
        assert_eq!(text(754), "12 min");
        assert_eq!(text(7500), "2 h 5 min");
    }
}
