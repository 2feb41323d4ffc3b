//! Rows and columns that fit: measurements beside the verdict if there is room, below it if not, and the pairs in
//! several bands if they do not fit side by side.

use unicode_width::UnicodeWidthStr as _;

use interop_evidence::CellRecord;

use super::Style;
use super::wrap::{hanging, pad, words};
use crate::look::{Tone, tone};
use crate::text::{measurements, one_line, peer_label};
use crate::{Matrix, Pair, Row};

const GAP: usize = 2;
const INDENT: usize = 2;
/// A stacked column is not made wider than this for its heading's sake.
const HEADING: usize = 24;
/// Measurements of one cell that are shown.
const MEASURED: usize = 3;

/// The matrix, each band preceded by an empty line.
pub(super) fn lines(matrix: &Matrix<'_>, style: Style) -> Vec<String> {
    let label = label_width(matrix, style);
    let room = style.columns() - label;
    let beside = widths(matrix, style, true);
    if total(&beside) <= room {
        return band(matrix, style, label, &beside, 0, true);
    }
    let stacked: Vec<_> = widths(matrix, style, false).into_iter().map(|width| width.min(room - GAP)).collect();
    let mut out = Vec::new();
    let mut first = 0;
    while first < stacked.len() {
        let mut last = first + 1;
        while last < stacked.len() && total(&stacked[first..=last]) <= room {
            last += 1;
        }
        out.extend(band(matrix, style, label, &stacked[first..last], first, false));
        first = last;
    }
    out
}

fn total(widths: &[usize]) -> usize {
    widths.iter().map(|width| width + GAP).sum()
}

fn label_width(matrix: &Matrix<'_>, style: Style) -> usize {
    let rows = matrix.areas.iter().flat_map(|area| &area.rows);
    let widest = rows.map(|row| INDENT + style.plain(&row.to_string()).width()).max().unwrap_or_default();
    widest.min(style.columns() * 2 / 5)
}

fn widths(matrix: &Matrix<'_>, style: Style, beside: bool) -> Vec<usize> {
    let rows = || matrix.areas.iter().flat_map(|area| &area.rows);
    let cell_width = |cell: &CellRecord| {
        cell_lines(cell, style, beside).iter().map(|line| line.iter().map(|(text, _)| text.width()).sum()).max()
    };
    matrix
        .pairs
        .iter()
        .enumerate()
        .map(|(column, pair)| {
            let heading = heading(pair, style, HEADING).iter().map(|line| line.width()).max();
            let cells = rows().filter_map(|row| cell_width(row.slots[column]?.cell)).max();
            heading.max(cells).unwrap_or_default()
        })
        .collect()
}

/// Client and server in two lines, or more if they are long.
fn heading(pair: &Pair<'_>, style: Style, width: usize) -> Vec<String> {
    let mut lines = hanging(&style.plain(&peer_label(pair.client)), width, 2);
    lines.extend(hanging(&style.plain(&format!("{} {}", style.times(), peer_label(pair.server))), width, 2));
    lines
}

/// The lines of a cell, each in pieces with a tone.
fn cell_lines(cell: &CellRecord, style: Style, beside: bool) -> Vec<Vec<(String, Option<Tone>)>> {
    let verdict = (style.verdict(cell.verdict), Some(tone(cell.verdict)));
    let measured: Vec<_> =
        measurements(&cell.measurements).iter().take(MEASURED).map(|text| style.plain(text)).collect();
    if measured.is_empty() {
        vec![vec![verdict]]
    } else if beside {
        vec![vec![verdict, (format!("  {}", measured.join(", ")), None)]]
    } else {
        let below = measured.into_iter().map(|text| vec![(format!("  {text}"), None)]);
        std::iter::once(vec![verdict]).chain(below).collect()
    }
}

/// Some columns, beginning with the one at `first`, with all rows that have a cell in them.
fn band(matrix: &Matrix<'_>, style: Style, label: usize, widths: &[usize], first: usize, beside: bool) -> Vec<String> {
    let pairs = &matrix.pairs[first..first + widths.len()];
    let mut out = vec![String::new()];
    if widths.len() < matrix.pairs.len() {
        let (from, to) = (first + 1, first + widths.len());
        let range = if from == to { format!("pair {from}") } else { format!("pairs {from} to {to}") };
        out.push(format!("{range} of {}", matrix.pairs.len()));
    }
    let headings: Vec<_> = pairs.iter().zip(widths).map(|(pair, width)| heading(pair, style, *width)).collect();
    for line in 0..headings.iter().map(Vec::len).max().unwrap_or_default() {
        let mut text = " ".repeat(label);
        for (heading, width) in headings.iter().zip(widths) {
            text.push_str(&" ".repeat(GAP));
            text.push_str(&style.bold(&pad(heading.get(line).map_or("", String::as_str), *width)));
        }
        out.push(text);
    }
    for area in &matrix.areas {
        let rows = area.rows.iter().filter(|row| row.slots[first..first + widths.len()].iter().any(Option::is_some));
        let rows: Vec<_> = rows.flat_map(|row| row_lines(row, style, label, widths, first, beside)).collect();
        if !rows.is_empty() {
            out.extend(words(&one_line(area.name, 120), style.columns()).iter().map(|line| style.bold(line)));
            out.extend(rows);
        }
    }
    out
}

fn row_lines(row: &Row<'_>, style: Style, label: usize, widths: &[usize], first: usize, beside: bool) -> Vec<String> {
    let labels = hanging(&style.plain(&row.to_string()), label - INDENT, 2);
    let cells: Vec<_> = row.slots[first..first + widths.len()]
        .iter()
        .map(|slot| slot.map(|slot| cell_lines(slot.cell, style, beside)).unwrap_or_default())
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default().max(labels.len());
    (0..height)
        .map(|line| {
            let name = labels.get(line).map_or("", String::as_str);
            let mut text = format!("{}{}", " ".repeat(INDENT), pad(name, label - INDENT));
            for (cell, width) in cells.iter().zip(widths) {
                text.push_str(&" ".repeat(GAP));
                let mut used = 0;
                for (piece, tone) in cell.get(line).map(Vec::as_slice).unwrap_or_default() {
                    used += piece.width();
                    text.push_str(&tone.map_or_else(|| piece.clone(), |tone| style.paint(tone, piece)));
                }
                text.push_str(&" ".repeat(width.saturating_sub(used)));
            }
            text
        })
        .collect()
}
