//! A comparison for a terminal.

use std::collections::BTreeSet;

use interop_evidence::{PeerRecord, Verdict};

use super::{CellChange, CellSide, ChangeKind, Comparison, PeerChange, RunSide};
use crate::groups::without_numbers;
use crate::look::{Tone, symbol, tone};
use crate::text::{measurement, one_line, peer_label, plural, scenario_label};
use crate::{Pair, Style};

/// Changes of one kind that are shown; JSON has all of them.
const SHOWN: usize = 200;
const TEXT: usize = 400;

/// Makes the report for a terminal. Lines are not broken: what is long is a path, a command, or what a check says.
pub fn comparison_text(comparison: &Comparison, style: Style) -> String {
    let page = Page { style, comparison };
    let mut lines = page.head();
    for kind in ChangeKind::ALL {
        lines.extend(page.section(kind));
    }
    lines.push(String::new());
    let end = if comparison.is_worse() { "worse" } else { "no worse" };
    lines.push(page.bold(&format!("{}: {end}", comparison.summary())));
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

struct Page<'a> {
    style: Style,
    comparison: &'a Comparison,
}

impl Page<'_> {
    fn head(&self) -> Vec<String> {
        let Comparison { old, new, matched, same, .. } = self.comparison;
        let run = |side: &RunSide| {
            format!("run {} (seed {}, {})", one_line(&side.id, 60), side.seed, plural(side.cells, "cell"))
        };
        let counts = format!("{} in both, {same} of them the same", plural(*matched, "cell"));
        let mut lines = vec![format!("{} {} {}", run(old), self.arrow(), run(new)), counts];
        lines.extend(self.comparison.notes.iter().map(|note| format!("note: {note}")));
        if !self.comparison.peers.is_empty() {
            lines.extend([String::new(), self.bold(&format!("peers ({})", self.comparison.peers.len()))]);
            lines.extend(self.comparison.peers.iter().map(|change| format!("  {}", peer_change(change, self.arrow()))));
        }
        lines
    }

    fn section(&self, kind: ChangeKind) -> Vec<String> {
        let changes: Vec<&CellChange> = self.comparison.of_kind(kind).collect();
        if changes.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![String::new(), self.bold(&format!("{} ({})", kind.heading(), changes.len()))];
        let mut told = BTreeSet::new();
        for change in changes.iter().take(SHOWN) {
            let is_news = told.insert(story(change));
            lines.extend(self.entry(change, is_news));
        }
        if changes.len() > SHOWN {
            lines.push(format!("  {} more; --json has all of them", changes.len() - SHOWN));
        }
        lines
    }

    /// A change; `is_news` unless the one above, or one before it, tells the same story.
    fn entry(&self, change: &CellChange, is_news: bool) -> Vec<String> {
        let Some(side) = change.side() else { return Vec::new() };
        let mark = self.paint(tone(side.verdict), symbol(side.verdict, self.style.unicode));
        let pair = Pair { client: &side.client, server: &side.server };
        let verdicts = change.verdicts(self.arrow());
        let label = scenario_label(&change.scenario, &change.params);
        let mut lines = vec![self.plain(&format!("  {mark} {label}  {pair}: {verdicts}"))];
        // Of a cell that is gone, or holds, the line above says everything.
        if matches!(change.kind, ChangeKind::Gone) || (change.old.is_none() && side.verdict == Verdict::Pass) {
            return lines;
        }
        if !is_news {
            let [_, (_, run, cell)] = self.sides(change);
            let evidence = cell.as_ref().and_then(|cell| run.evidence(cell)).unwrap_or_default();
            lines.push(format!("      the same as above; {}", one_line(&evidence, 4 * TEXT)));
            return lines;
        }
        let mut item = |name: &str, text: &str| lines.push(self.plain(&format!("      {name:<8} {text}")));
        if side.verdict != Verdict::Pass {
            item("reason", &one_line(&side.reason, TEXT));
        }
        for check in &change.checks {
            let word = |verdict: Option<Verdict>| verdict.map_or("not reached", Verdict::as_str);
            let verdicts = format!("{} {} {}", word(check.old), self.arrow(), word(check.new));
            item("check", &format!("{}: {verdicts}: {}", one_line(&check.id, 120), one_line(&check.message, TEXT)));
        }
        for measured in &change.measurements {
            item("measured", &measured_words(measured, self.arrow()));
        }
        for trace in &change.traces {
            let mut message = trace.message.lines();
            let first = message.next().unwrap_or_default();
            item("trace", &format!("{}: {}", trace.view, one_line(first, TEXT)));
            for line in message.take(12) {
                item("", &crate::text::printable(line));
            }
        }
        for (name, run, cell) in self.sides(change) {
            if let Some(path) = cell.as_ref().and_then(|cell| run.evidence(cell)) {
                item(name, &one_line(&path, 4 * TEXT));
            }
        }
        if !side.reproduce.is_empty() {
            item("again", &one_line(&side.reproduce, 4 * TEXT));
        }
        lines
    }

    fn sides<'c>(&'c self, change: &'c CellChange) -> [(&'static str, &'c RunSide, &'c Option<CellSide>); 2] {
        [("earlier", &self.comparison.old, &change.old), ("later", &self.comparison.new, &change.new)]
    }

    fn arrow(&self) -> &'static str {
        if self.style.unicode { "→" } else { "->" }
    }

    fn bold(&self, text: &str) -> String {
        self.sgr("1", text)
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        self.sgr(tone.sgr(), text)
    }

    fn sgr(&self, parameters: &str, text: &str) -> String {
        if self.style.color { format!("\x1b[{parameters}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Replaces what this crate itself writes beyond ASCII.
    fn plain(&self, text: &str) -> String {
        if self.style.unicode {
            text.to_owned()
        } else {
            text.replace('×', "x").replace('µ', "u").replace('…', "...")
        }
    }
}

/// What is told of a change beside its cell; two with the same story differ in numbers only.
pub(super) fn story(change: &CellChange) -> String {
    let reason = change.new.as_ref().map(|side| side.reason.as_str()).unwrap_or_default();
    let checks =
        change.checks.iter().map(|check| format!("{} {:?} {:?} {}", check.id, check.old, check.new, check.message));
    // The first line has the number of a frame, and how many more differ.
    let pictures = change.traces.iter().map(|trace| {
        let lines: Vec<&str> = trace.message.lines().skip(1).collect();
        format!("{} {}", trace.view, if lines.is_empty() { trace.message.clone() } else { lines.join("\n") })
    });
    let numbers = change.measurements.iter().map(|measured| format!("{} {}", measured.name, measured.is_worse));
    let all: Vec<String> = [reason.to_owned()].into_iter().chain(checks).chain(pictures).chain(numbers).collect();
    format!("{} {}", change.verdicts(">"), without_numbers(&all.join("\n")))
}

/// `outage 6.7 s → 21 s, 3.2 times`.
pub(super) fn measured_words(change: &super::MeasuredChange, arrow: &str) -> String {
    let (name, before) = measurement(&change.name, change.old);
    let (_, after) = measurement(&change.name, change.new);
    let times = if change.old > 0.0 { format!(", {:.1} times", change.new / change.old) } else { String::new() };
    format!("{name} {before} {arrow} {after}{times}")
}

/// `server ocserv@bookworm 1.1.6-3 → ocserv@trixie 1.3.0-2 (library GnuTLS 3.7.9 → GnuTLS 3.8.9)`.
pub(super) fn peer_change(change: &PeerChange, arrow: &str) -> String {
    let role = match change.role {
        interop_evidence::PeerRole::Client => "client",
        interop_evidence::PeerRole::Server => "server",
    };
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => {
            format!("{role} {} {arrow} {}{}", peer_label(old), peer_label(new), library(old, new, arrow))
        }
        (Some(old), None) => format!("{role} {} is gone", peer_label(old)),
        (None, Some(new)) => format!("{role} {} appeared", peer_label(new)),
        (None, None) => role.to_owned(),
    }
}

/// The TLS library, where it is another one: the label has the version.
fn library(old: &PeerRecord, new: &PeerRecord, arrow: &str) -> String {
    let word =
        |peer: &PeerRecord| peer.library.as_ref().map_or_else(|| "unknown".to_owned(), |text| one_line(text, 60));
    if old.library == new.library { String::new() } else { format!(" (library {} {arrow} {})", word(old), word(new)) }
}
