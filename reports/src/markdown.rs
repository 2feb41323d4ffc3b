//! Markdown for the summary page of a CI job: short, and readable as plain text too.

mod escape;

use std::fmt::Write as _;

use interop_evidence::{CellRecord, RunResults};

use self::escape::{code, fence, inline};
use crate::look::symbol;
use crate::summary::state;
use crate::text::{duration, measurements, one_line, plural, scenario_label, suspicion};
use crate::{Counts, Matrix, Options, Pair, attention, decisive_check};

/// A job summary of more than 1 MiB is refused by GitHub; these bounds keep clear of it.
const ROWS: usize = 400;
const COLUMNS: usize = 20;
const ATTENTION: usize = 50;
const TEXT: usize = 600;

/// Makes the Markdown report.
pub fn markdown(results: &RunResults, options: Options) -> String {
    let mut out = String::new();
    let parts = [headline(results, options), needs(results, options), table(results), legend(results), facts(results)];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        out.push_str(part);
        out.push('\n');
    }
    out
}

fn headline(results: &RunResults, options: Options) -> String {
    format!("## VPN interoperability: {}\n\n{}\n", state(results, options), Counts::of(&results.cells))
}

fn table(results: &RunResults) -> String {
    let matrix = Matrix::of(results);
    if matrix.pairs.is_empty() {
        return String::new();
    }
    let shown = matrix.pairs.len().min(COLUMNS);
    let mut out = String::from("### Matrix\n\n| scenario |");
    for pair in &matrix.pairs[..shown] {
        let _ = write!(out, " {} |", inline(&pair.to_string()));
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(shown));
    out.push('\n');
    let rows = matrix.areas.iter().flat_map(|area| area.rows.iter().map(move |row| (area.name, row)));
    let mut area_before = None;
    for (area, row) in rows.take(ROWS) {
        if area_before.replace(area) != Some(area) {
            let _ = writeln!(out, "| **{}** |{}", inline(&one_line(area, 120)), " |".repeat(shown));
        }
        let _ = write!(out, "| {} |", inline(&row.to_string()));
        for slot in &row.slots[..shown] {
            let _ = write!(out, " {} |", slot.map(|slot| cell_text(slot.cell)).unwrap_or_default());
        }
        out.push('\n');
    }
    if matrix.rows() > ROWS {
        let _ = writeln!(out, "\nCut: {} of {} rows are shown.", ROWS, matrix.rows());
    }
    if matrix.pairs.len() > shown {
        let _ = writeln!(out, "\nCut: {shown} of {} pairs are shown.", matrix.pairs.len());
    }
    out
}

fn cell_text(cell: &CellRecord) -> String {
    let measured: Vec<_> = measurements(&cell.measurements).into_iter().take(3).collect();
    let verdict = format!("{} {}", symbol(cell.verdict, true), cell.verdict);
    if measured.is_empty() {
        inline(&verdict)
    } else {
        format!("{}<br>{}", inline(&verdict), inline(&measured.join(", ")))
    }
}

fn legend(results: &RunResults) -> String {
    let mut out = String::from("<details><summary>Legend</summary>\n\n");
    for (verdict, _) in Counts::of(&results.cells).iter() {
        let _ = writeln!(out, "- {} **{verdict}**: {}", inline(symbol(verdict, true)), verdict.meaning());
    }
    out.push_str("\n</details>\n");
    if results.cells.is_empty() { String::new() } else { out }
}

fn needs(results: &RunResults, options: Options) -> String {
    let cells = attention(results, options.fail_on_degraded);
    if cells.is_empty() {
        return String::new();
    }
    let mut out = format!("### What needs attention ({})\n", cells.len());
    for cell in cells.iter().take(ATTENTION) {
        out.push_str(&need(cell));
    }
    if cells.len() > ATTENTION {
        let _ = writeln!(out, "\nCut: {ATTENTION} of {} are shown.", cells.len());
    }
    out
}

fn need(cell: &CellRecord) -> String {
    let label = scenario_label(&cell.scenario, &cell.params);
    let mut out = format!("\n#### {} {}: {}\n\n", inline(symbol(cell.verdict, true)), cell.verdict, inline(&label));
    let mut item = |name: &str, text: String| {
        let _ = writeln!(out, "- {name}: {text}");
    };
    item("pair", inline(&Pair::of(cell).to_string()));
    item("reason", inline(&one_line(&cell.reason, TEXT)));
    if let Some(check) = decisive_check(cell) {
        item("check", format!("{}: {}", code(&one_line(&check.id, 200)), inline(&one_line(&check.message, TEXT))));
    }
    if let Some(suspect) = &cell.suspect {
        item("suspect", inline(&suspicion(suspect, TEXT)));
    }
    if !cell.measurements.is_empty() {
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
