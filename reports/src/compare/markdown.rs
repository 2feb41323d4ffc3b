//! A comparison in Markdown, for a job summary or a comment.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use interop_evidence::Verdict;

use super::text::{measured_words, peer_change, story};
use super::{CellChange, ChangeKind, Comparison};
use crate::Pair;
use crate::look::symbol;
use crate::markdown::escape::{code, fence, inline};
use crate::text::{one_line, plural, scenario_label};

/// Changes of one kind that are shown; a job summary of more than 1 MiB is refused by GitHub.
const SHOWN: usize = 100;
const TEXT: usize = 600;
const ARROW: &str = "→";

/// Makes the Markdown report.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let Comparison { old, new, matched, same, .. } = comparison;
    let end = if comparison.is_worse() { "worse" } else { "no worse" };
    let mut out = format!("## VPN interoperability compared: {end}\n\n{}.\n\n", comparison.summary());
    let run = |side: &super::RunSide| format!("{} ({})", inline(&one_line(&side.id, 60)), plural(side.cells, "cell"));
    let _ = writeln!(
        out,
        "Run {} {ARROW} {}: {} in both, {same} of them the same.",
        run(old),
        run(new),
        plural(*matched, "cell")
    );
    for note in &comparison.notes {
        let _ = writeln!(out, "\nNote: {}.", inline(note));
    }
    if !comparison.peers.is_empty() {
        out.push_str("\n### Peers\n\n");
        for change in &comparison.peers {
            let _ = writeln!(out, "- {}", inline(&peer_change(change, ARROW)));
        }
    }
    for kind in ChangeKind::ALL {
        section(&mut out, comparison, kind);
    }
    out
}

fn section(out: &mut String, comparison: &Comparison, kind: ChangeKind) {
    let changes: Vec<&CellChange> = comparison.of_kind(kind).collect();
    if changes.is_empty() {
        return;
    }
    let heading = kind.heading();
    let (first, rest) = heading.split_at(1);
    let _ = writeln!(out, "\n### {}{rest} ({})\n", first.to_uppercase(), changes.len());
    let mut told = BTreeSet::new();
    for change in changes.iter().take(SHOWN) {
        let is_news = told.insert(story(change));
        entry(out, comparison, change, is_news);
    }
    if changes.len() > SHOWN {
        let _ = writeln!(out, "\nCut: {SHOWN} of {} are shown.", changes.len());
    }
}

/// A change; `is_news` unless one before it tells the same story.
fn entry(out: &mut String, comparison: &Comparison, change: &CellChange, is_news: bool) {
    let Some(side) = change.side() else { return };
    let pair = Pair { client: &side.client, server: &side.server };
    let label = scenario_label(&change.scenario, &change.params);
    let _ = writeln!(
        out,
        "- {} **{}** {}: {}",
        inline(symbol(side.verdict, true)),
        inline(&label),
        inline(&pair.to_string()),
        change.verdicts(ARROW)
    );
    if matches!(change.kind, ChangeKind::Gone) || (change.old.is_none() && side.verdict == Verdict::Pass) {
        return;
    }
    if !is_news {
        out.push_str("  - the same as above\n");
        return;
    }
    let mut item = |name: &str, text: String| {
        let _ = writeln!(out, "  - {name}: {text}");
    };
    if side.verdict != Verdict::Pass {
        item("reason", inline(&one_line(&side.reason, TEXT)));
    }
    for check in &change.checks {
        let word = |verdict: Option<Verdict>| verdict.map_or("not reached", Verdict::as_str);
        let verdicts = format!("{} {ARROW} {}", word(check.old), word(check.new));
        let message = inline(&one_line(&check.message, TEXT));
        item("check", format!("{}: {verdicts}: {message}", code(&one_line(&check.id, 200))));
    }
    for measured in &change.measurements {
        item("measured", inline(&measured_words(measured, ARROW)));
    }
    for trace in &change.traces {
        let first = trace.message.lines().next().unwrap_or_default();
        item("trace", format!("{}: {}", trace.view, inline(&one_line(first, TEXT))));
    }
    let sides = [("earlier", &comparison.old, &change.old), ("later", &comparison.new, &change.new)];
    for (name, run, cell) in sides {
        if let Some(path) = cell.as_ref().and_then(|cell| run.evidence(cell)) {
            item(name, code(&one_line(&path, TEXT)));
        }
    }
    if change.is_worse && !side.reproduce.is_empty() {
        out.push('\n');
        for line in fence(&one_line(&side.reproduce, 4 * TEXT)).lines() {
            let _ = writeln!(out, "  {line}");
        }
    }
}
