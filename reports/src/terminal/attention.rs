//! The cells that a person should look at, with what is needed to do so; what has the same reason is said once.

use interop_evidence::{CellRecord, RunResults};

use super::Style;
use super::wrap::{hanging, words};
use crate::groups::{Group, groups, pairs_of};
use crate::look::tone;
use crate::text::{measurements, one_line, plural};
use crate::{Options, Pair, attention, decisive_check};

/// A terminal is read from its end; what is more than this is found in the files.
const SHOWN: usize = 25;
/// Scenarios of one entry.
const SCENARIOS: usize = 8;
const TEXT: usize = 400;

/// The list, preceded by an empty line; nothing if all is well. `together`: cells with the same reason are one entry.
pub(super) fn lines(results: &RunResults, options: Options<'_>, style: Style, together: bool) -> Vec<String> {
    let cells = attention(results, options.fail_on_degraded);
    if cells.is_empty() {
        return Vec::new();
    }
    let count = cells.len();
    let groups = if together {
        groups(results, options)
    } else {
        cells.into_iter().map(|cell| Group { first: cell, cells: vec![cell] }).collect()
    };
    let mut out = vec![String::new(), style.bold(&format!("needs attention ({count})"))];
    for group in groups.iter().take(SHOWN) {
        out.extend(entry(group, style));
    }
    if groups.len() > SHOWN {
        let left: usize = groups[SHOWN..].iter().map(|group| group.cells.len()).sum();
        out.extend([String::new(), format!("{left} more are in the report")]);
    }
    out
}

fn entry(group: &Group<'_>, style: Style) -> Vec<String> {
    let width = style.columns();
    let cell = group.first;
    let verdict = style.verdict(cell.verdict);
    let scenarios = group.scenarios();
    let title = match scenarios.as_slice() {
        [(scenario, _)] => scenario.clone(),
        _ => format!("in {} of {}", plural(group.cells.len(), "cell"), plural(scenarios.len(), "scenario")),
    };
    let title = format!("{verdict}  {}", style.plain(&title));
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
    match scenarios.as_slice() {
        [(_, cells)] => item(if cells.len() == 1 { "pair" } else { "pairs" }, &pairs(cells)),
        several => {
            for (scenario, cells) in several.iter().take(SCENARIOS) {
                item("in", &format!("{scenario}: {}", pairs(cells)));
            }
            if several.len() > SCENARIOS {
                item("", &format!("and {}", plural(several.len() - SCENARIOS, "other scenario")));
            }
        }
    }
    item("reason", &one_line(&cell.reason, TEXT));
    if let Some(check) = decisive_check(cell) {
        item("check", &format!("{}: {}", one_line(&check.id, 120), one_line(&check.message, TEXT)));
    }
    if let Some(suspect) = group.suspicion(TEXT) {
        item("suspect", &suspect);
    }
    if !cell.measurements.is_empty() && group.cells.len() == 1 {
        item("measured", &one_line(&measurements(&cell.measurements).join(", "), TEXT));
    }
    for (name, text) in [("evidence", cell.bundle.as_deref()), ("again", Some(cell.reproduce.as_str()))] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            out.push(format!("  {name:<9} {}", one_line(text, 4 * TEXT)));
        }
    }
    out
}

/// A single pair with its exact versions, several in few words.
fn pairs(cells: &[&CellRecord]) -> String {
    match cells {
        [cell] => Pair::of(cell).to_string(),
        cells => format!("{} ({})", pairs_of(cells), cells.len()),
    }
}
