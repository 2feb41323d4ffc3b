//! Rows and columns that fit: measurements beside the verdict if there is room, below it if not, and the pairs in
//! several bands if they do not fit side by side.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use interop_evidence::CellRecord;

use super::Style;
use super::wrap::{hanging, pad, words};
use crate::look::{Tone, tone};
use crate::text::{measurements, one_line, peer_label};
use crate::{Matrix, Pair, Row};

const GAP: usize = 2;
const INDENT: usize = 2;
/// A column is not made wider than this for its heading's sake.
const WIDE_HEADING: usize = 24;
/// The same, where room is short.
const NARROW_HEADING: usize = 17;
/// Measurements of one cell that are shown.
const MEASURED: usize = 3;

/// The matrix, each band preceded by an empty line.
pub(super) fn lines(matrix: &Matrix<'_>, style: Style) -> Vec<String> {
    let layouts = [
        Layout::of(matrix, style, 2, WIDE_HEADING, true),
        Layout::of(matrix, style, 2, WIDE_HEADING, false),
        Layout::of(matrix, style, 3, NARROW_HEADING, false),
    ];
    // The roomier one of those with the fewest bands.
    let best = layouts.into_iter().flatten().min_by_key(|layout| layout.bands.len());
    best.into_iter().flat_map(|layout| layout.lines(matrix, style)).collect()
}

/// How wide everything is, and which columns stand side by side.
struct Layout {
    /// Width of the first column.
    label: usize,
    /// Widths of the others.
    widths: Vec<usize>,
    bands: Vec<Range<usize>>,
    /// Whether measurements stand beside the verdict.
    beside: bool,
}

impl Layout {
    /// The label may take a little less than one part in `share` of the width. None if something must stay in one piece
    /// that does not fit.
    fn of(matrix: &Matrix<'_>, style: Style, share: usize, heading: usize, beside: bool) -> Option<Self> {
        let rows = matrix.areas.iter().flat_map(|area| &area.rows);
        let widest = rows.map(|row| INDENT + style.plain(&row.to_string()).width()).max().unwrap_or_default();
        let label = widest.min(style.columns() * 9 / 10 / share);
        let room = style.columns() - label;
        let widths = widths(matrix, style, heading, beside);
        if beside && widths.iter().any(|width| *width > room - GAP) {
            return None;
        }
        let widths: Vec<_> = widths.into_iter().map(|width| width.min(room - GAP)).collect();
        let mut bands = Vec::new();
        let mut first = 0;
        while first < widths.len() {
            let mut last = first + 1;
            while last < widths.len() && total(&widths[first..=last]) <= room {
                last += 1;
            }
            bands.push(first..last);
            first = last;
        }
        Some(Self { label, widths, bands, beside })
    }

    fn lines(&self, matrix: &Matrix<'_>, style: Style) -> Vec<String> {
        self.bands.iter().flat_map(|columns| self.band(matrix, style, columns)).collect()
    }

    /// Some columns, with all rows that have a cell in them.
    fn band(&self, matrix: &Matrix<'_>, style: Style, columns: &Range<usize>) -> Vec<String> {
        let mut out = vec![String::new()];
        if self.bands.len() > 1 {
            let (from, to) = (columns.start + 1, columns.end);
            let range = if from == to { format!("pair {from}") } else { format!("pairs {from} to {to}") };
            out.push(format!("{range} of {}", matrix.pairs.len()));
        }
        let widths = &self.widths[columns.clone()];
        let pairs = matrix.pairs[columns.clone()].iter();
        let headings: Vec<_> = pairs.zip(widths).map(|(pair, width)| heading(pair, style, *width)).collect();
        for line in 0..headings.iter().map(Vec::len).max().unwrap_or_default() {
            let mut text = " ".repeat(self.label);
            for (heading, width) in headings.iter().zip(widths) {
                let name = heading.get(line).map_or("", String::as_str);
                text.push_str(&" ".repeat(GAP));
                text.push_str(&style.bold(name));
                text.push_str(&pad("", width.saturating_sub(name.width())));
            }
            out.push(text);
        }
        for area in &matrix.areas {
            let rows = area.rows.iter().filter(|row| row.slots[columns.clone()].iter().any(Option::is_some));
            let rows: Vec<_> = rows.flat_map(|row| self.row(row, style, columns)).collect();
            if !rows.is_empty() {
                out.extend(words(&one_line(area.name, 120), style.columns()).iter().map(|line| style.bold(line)));
                out.extend(rows);
            }
        }
        out
    }

    fn row(&self, row: &Row<'_>, style: Style, columns: &Range<usize>) -> Vec<String> {
        let widths = &self.widths[columns.clone()];
        let labels = hanging(&style.plain(&row.to_string()), self.label - INDENT, 2);
        let cells: Vec<_> = row.slots[columns.clone()]
            .iter()
            .zip(widths)
            .map(|(slot, width)| slot.map(|slot| cell_lines(slot.cell, style, *width, self.beside)).unwrap_or_default())
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or_default().max(labels.len());
        (0..height)
            .map(|line| {
                let name = labels.get(line).map_or("", String::as_str);
                let mut text = format!("{}{}", " ".repeat(INDENT), pad(name, self.label - INDENT));
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
}

fn total(widths: &[usize]) -> usize {
    widths.iter().map(|width| width + GAP).sum()
}

fn widths(matrix: &Matrix<'_>, style: Style, cap: usize, beside: bool) -> Vec<usize> {
    let rows = || matrix.areas.iter().flat_map(|area| &area.rows);
    let cell_width = |cell: &CellRecord| {
        cell_lines(cell, style, cap, beside).iter().map(|line| line.iter().map(|(text, _)| text.width()).sum()).max()
    };
    matrix
        .pairs
        .iter()
        .enumerate()
        .map(|(column, pair)| {
            let heading = heading(pair, style, cap).iter().map(|line| line.width()).max();
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

/// The lines of a cell, each in pieces with a tone. Beside the verdict nothing is broken; below it, what is wider than
/// `width` is.
fn cell_lines(cell: &CellRecord, style: Style, width: usize, beside: bool) -> Vec<Vec<(String, Option<Tone>)>> {
    let verdict = style.verdict(cell.verdict);
    let verdict_tone = Some(tone(cell.verdict));
    let measured: Vec<_> =
        measurements(&cell.measurements).iter().take(MEASURED).map(|text| style.plain(text)).collect();
    if beside {
        let mut line = vec![(verdict, verdict_tone)];
        if !measured.is_empty() {
            line.push((format!("  {}", measured.join(", ")), None));
        }
        return vec![line];
    }
    let verdict = hanging(&verdict, width, 2).into_iter().map(|text| vec![(text, verdict_tone)]);
    let below = measured.iter().flat_map(|text| words(text, width.saturating_sub(2)));
    verdict.chain(below.map(|text| vec![(format!("  {text}"), None)])).collect()
}
