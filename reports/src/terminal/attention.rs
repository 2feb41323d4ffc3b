//! The cells that a person should look at, with what is needed to do so.

use interop_evidence::{CellRecord, RunResults};

use super::Style;
use super::wrap::{hanging, words};
use crate::look::tone;
use crate::text::{measurements, one_line, scenario_label, suspicion};
use crate::{Options, Pair, attention, decisive_check};

/// A terminal is read from its end; what is more than this is found in the files.
const SHOWN: usize = 25;
const TEXT: usize = 400;

/// The list, preceded by an empty line; nothing if all is well.
pub(super) fn lines(results: &RunResults, options: Options, style: Style) -> Vec<String> {
    let cells = attention(results, options.fail_on_degraded);
    if cells.is_empty() {
        return Vec::new();
    }
    let mut out = vec![String::new(), style.bold(&format!("needs attention ({})", cells.len()))];
    for cell in cells.iter().take(SHOWN) {
        out.extend(entry(cell, style));
    }
    if cells.len() > SHOWN {
        let more = format!("{} more are in the report", cells.len() - SHOWN);
        out.extend([String::new(), more]);
    }
    out
}

fn entry(cell: &CellRecord, style: Style) -> Vec<String> {
    let width = style.columns();
    let verdict = style.verdict(cell.verdict);
    let title = format!("{verdict}  {}", style.plain(&scenario_label(&cell.scenario, &cell.params)));
    let mut out = vec![String::new()];
    for (index, line) in hanging(&title, width, 4).iter().enumerate() {
        out.push(match line.strip_prefix(&verdict) {
            Some(rest) if index == 0 => format!("{}{rest}", style.paint(tone(cell.verdict), &verdict)),
            _ => line.clone(),
        });
    }
    let mut item = |name: &str, text: &str| {
        let text = style.plain(text);
        for (index, line) in words(&text, width - 12).iter().enumerate() {
            out.push(format!("  {:<9} {line}", if index == 0 { name } else { "" }));
        }
    };
    item("pair", &Pair::of(cell).to_string());
    item("reason", &one_line(&cell.reason, TEXT));
    if let Some(check) = decisive_check(cell) {
        item("check", &format!("{}: {}", one_line(&check.id, 120), one_line(&check.message, TEXT)));
    }
    if let Some(suspect) = &cell.suspect {
        item("suspect", &suspicion(suspect, TEXT));
    }
    if !cell.measurements.is_empty() {
        item("measured", &one_line(&measurements(&cell.measurements).join(", "), TEXT));
    }
    for (name, text) in [("evidence", cell.bundle.as_deref()), ("again", Some(cell.reproduce.as_str()))] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            out.push(format!("  {name:<9} {}", one_line(text, 4 * TEXT)));
        }
    }
    out
}
