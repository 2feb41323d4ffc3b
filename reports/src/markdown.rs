//! Markdown for the summary page of a CI job: short, and readable as plain text too.

pub(crate) mod escape;
mod matrix;
mod since;

use std::fmt::Write as _;

use interop_evidence::{CellRecord, RunResults};

use self::escape::{code, fence, inline};
use crate::groups::{Group, groups, pairs_of};
use crate::look::symbol;
use crate::summary::state;
use crate::text::{duration, measurements, one_line, plural};
use crate::{Counts, Matrix, Options, Pair, decisive_check};

/// A job summary of more than 1 MiB is refused by GitHub; these bounds keep clear of it.
const ATTENTION: usize = 50;
/// Scenarios of one entry.
const SCENARIOS: usize = 12;
const TEXT: usize = 600;

/// Makes the Markdown report.
pub fn markdown(results: &RunResults, options: Options<'_>) -> String {
    let matrix = Matrix::of(results);
    let parts = [
        headline(results, options),
        needs(results, options),
        crate::stale::markdown(results),
        options.since.map(since::section).unwrap_or_default(),
        matrix::tables(&matrix),
        legend(results),
        matrix::peers(&matrix),
        facts(results),
    ];
    let mut out = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        out.push_str(part);
        out.push('\n');
    }
    out
}

fn headline(results: &RunResults, options: Options<'_>) -> String {
    format!("## VPN interoperability: {}\n\n{}\n", state(results, options), Counts::of(&results.cells))
}

fn legend(results: &RunResults) -> String {
    let mut out = String::from("<details><summary>Legend</summary>\n\n");
    for (verdict, _) in Counts::of(&results.cells).iter() {
        let _ = writeln!(out, "- {} **{verdict}**: {}", inline(symbol(verdict, true)), verdict.meaning());
    }
    out.push_str("\n</details>\n");
    if results.cells.is_empty() { String::new() } else { out }
}

fn needs(results: &RunResults, options: Options<'_>) -> String {
    let groups = groups(results, options);
    if groups.is_empty() {
        return String::new();
    }
    let cells = |groups: &[Group<'_>]| -> usize { groups.iter().map(|group| group.cells.len()).sum() };
    let all = cells(&groups);
    let mut out = format!("### What needs attention ({all})\n");
    for group in groups.iter().take(ATTENTION) {
        out.push_str(&need(group));
    }
    if groups.len() > ATTENTION {
        let shown = cells(&groups[..ATTENTION]);
        let _ = writeln!(out, "\nCut: {shown} of {all} are shown.");
    }
    out
}

fn need(group: &Group<'_>) -> String {
    let cell = group.first;
    let scenarios = group.scenarios();
    let label = match scenarios.as_slice() {
        [(scenario, _)] => scenario.clone(),
        several => format!("{} of {}", plural(group.cells.len(), "cell"), plural(several.len(), "scenario")),
    };
    let mut out = format!("\n#### {} {}: {}\n\n", inline(symbol(cell.verdict, true)), cell.verdict, inline(&label));
    let mut item = |name: &str, text: String| {
        let _ = writeln!(out, "- {name}: {text}");
    };
    match scenarios.as_slice() {
        [(_, cells)] => item(if cells.len() == 1 { "pair" } else { "pairs" }, inline(&pairs(cells))),
        several => {
            for (scenario, cells) in several.iter().take(SCENARIOS) {
                item("in", format!("{}: {}", inline(scenario), inline(&pairs(cells))));
            }
            if several.len() > SCENARIOS {
                item("in", plural(several.len() - SCENARIOS, "other scenario"));
            }
        }
    }
    item("reason", inline(&one_line(&cell.reason, TEXT)));
    if let Some(check) = decisive_check(cell) {
        item("check", format!("{}: {}", code(&one_line(&check.id, 200)), inline(&one_line(&check.message, TEXT))));
    }
    if let Some(suspect) = group.suspicion(TEXT) {
        item("suspect", inline(&suspect));
    }
    if !cell.measurements.is_empty() && group.cells.len() == 1 {
        item("measured", inline(&one_line(&measurements(&cell.measurements).join(", "), TEXT)));
    }
    if let Some(bundle) = &cell.bundle {
        item("evidence", code(&one_line(bundle, TEXT)));
    }
    if !cell.reproduce.is_empty() {
        out.push('\n');
        out.push_str(&fence(&one_line(&cell.reproduce, 4 * TEXT)));
    }
    out
}

/// A single pair with its exact versions, several in few words.
fn pairs(cells: &[&CellRecord]) -> String {
    match cells {
        [cell] => Pair::of(cell).to_string(),
        cells => one_line(&format!("{} ({})", pairs_of(cells), cells.len()), 4 * TEXT),
    }
}

fn facts(results: &RunResults) -> String {
    let run = &results.run;
    let host = &run.host;
    let place = format!("{}, kernel {}, {}", host.system, host.kernel, plural(host.cpus, "processor"));
    format!(
        "Run {}, seed {}, {}, {}{}, harness {}.\n",
        inline(&one_line(&run.id, 120)),
        run.seed,
        duration(run.duration_ms),
        inline(&one_line(&place, 200)),
        if host.rootless { ", rootless" } else { "" },
        inline(&one_line(&host.harness, 60)),
    )
}
