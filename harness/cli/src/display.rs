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

/// How the terminal wants to be written to.
pub(crate) fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let width = if terminal { usize::from(console::Term::stdout().size().1) } else { 120 };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let unicode = !terminal || locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    Style { color: terminal && !plain, width, unicode }
}

/// Shows a run on standard error.
#[derive(Debug)]
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    running: BTreeMap<String, Instant>,
    done: usize,
    total: usize,
    ran: usize,
    to_run: usize,
}

impl Display {
    pub(crate) fn new() -> Self {
        let live = std::io::stderr().is_terminal();
        let bar = live.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        Self { bar, running: BTreeMap::new(), done: 0, total: 0, ran: 0, to_run: 0 }
    }

    pub(crate) fn show(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { cells, to_run, jobs, seed } => {
                self.total = *cells;
                self.to_run = *to_run;
                self.say(&format!("{cells} cells, {to_run} to run, {jobs} at a time, seed {seed}"));
                if let Some(bar) = &self.bar {
                    bar.set_length(*to_run as u64);
                    bar.enable_steady_tick(Duration::from_millis(250));
                    let template = "{bar:24} {pos}/{len} done, about {eta} left  {wide_msg}";
                    // The template is a constant of ours; a mistake in it would show in the first test.
                    if let Ok(style) = ProgressStyle::with_template(template) {
                        bar.set_style(style.progress_chars("=> "));
                    }
                }
            }
            RunEvent::CellStarted { key, repeat } => {
                let key = if *repeat > 1 { format!("{key}.{repeat}") } else { key.clone() };
                self.running.insert(key, Instant::now());
                self.refresh();
            }
            RunEvent::CellFinished { record, ran } => self.finished(record, *ran),
            RunEvent::Interrupted => self.say("interrupted: ending what runs, keeping what is finished"),
        }
    }

    fn finished(&mut self, record: &CellRecord, ran: bool) {
        self.done += 1;
        self.running.retain(|key, _| key != &record.key && !key.starts_with(&format!("{}.", record.key)));
        if ran {
            let repeats = record.repeats.len().max(1);
            self.ran += repeats;
            if let Some(bar) = &self.bar {
                bar.inc(repeats as u64);
            }
            let seconds = Duration::from_millis(record.duration_ms).as_secs_f64();
            let line = format!("{:14} {:6.1} s  {}", record.verdict.as_str(), seconds, record.key);
            match record.verdict {
                Verdict::Pass => self.say(&line),
                _ => self.say(&format!("{line}\n{:25}{}", "", one_line(&record.reason))),
            }
        }
        self.refresh();
    }

    fn refresh(&self) {
        let Some(bar) = &self.bar else { return };
        let mut oldest: Vec<(&String, &Instant)> = self.running.iter().collect();
        oldest.sort_by_key(|(_, since)| **since);
        let names: Vec<&str> = oldest.iter().take(SHOWN).map(|(key, _)| key.as_str()).collect();
        let more = oldest.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        bar.set_message(format!("running {}{more}", names.join(", ")));
    }

    /// One line, above the live part if there is one.
    #[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
