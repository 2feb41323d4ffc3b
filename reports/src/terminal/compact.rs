//! Many pairs: one sign a cell, numbers for the columns, and only the rows in which something is to be seen.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use super::Style;
use super::wrap::{hanging, pad, words};
use crate::family::braces;
use crate::look::{symbol, tone};
use crate::order::by_version;
use crate::text::{exact_version, one_line, peer_label, plural};
use crate::{Counts, Matrix, Row};

/// More pairs than this are shown here.
pub(super) const PAIRS: usize = 6;
const INDENT: usize = 2;
/// Between the label of a row and its first cell.
const GAP: usize = 2;
/// A label is not cut below this.
const LABEL: usize = 24;

/// The matrix with its legends, preceded by an empty line. `full`: rows in which all is well, too.
pub(super) fn lines(matrix: &Matrix<'_>, counts: &Counts, style: Style, full: bool) -> Vec<String> {
    let mut out = legend(matrix, style);
    let shown = |row: &&Row<'_>| full || !row.is_quiet();
    let rows = || matrix.areas.iter().flat_map(|area| area.rows.iter().filter(shown));
    let (all, left) = (matrix.rows(), rows().count());
    if left == 0 {
        out.extend([String::new()]);
        out.extend(words(&format!("{}: in every pair passed, or unsupported", plural(all, "row")), style.columns()));
        return out;
    }
    let widest = rows().map(|row| INDENT + style.plain(&row.to_string()).width()).max().unwrap_or_default();
    let needed: usize = (0..matrix.pairs.len()).map(|column| step(matrix, column, column == 0)).sum();
    let room = style.columns().saturating_sub(GAP);
    let label = widest.min(room.saturating_sub(needed).max(LABEL).min(room / 2));
    for columns in bands(matrix, room - label) {
        out.push(String::new());
        out.extend(heading(matrix, &columns, label, style));
        for area in &matrix.areas {
            let rows: Vec<_> = area.rows.iter().filter(shown).collect();
            if !rows.is_empty() {
                out.extend(words(&one_line(area.name, 120), style.columns()).iter().map(|line| style.bold(line)));
            }
            out.extend(rows.iter().flat_map(|row| self::row(matrix, row, &columns, label, style)));
        }
    }
    out.push(String::new());
    let signs: Vec<_> = counts.iter().map(|(verdict, _)| style.verdict(verdict).replace(' ', "\u{a0}")).collect();
    out.extend(words(&signs.join("  "), style.columns()));
    if left < all {
        let text = format!("{left} of {all} rows; in the others every pair passes, or is unsupported");
        out.extend(words(&text, style.columns()));
    }
    out
}

/// Which numbers are which pairs: a line for each client and the servers beside each other.
fn legend(matrix: &Matrix<'_>, style: Style) -> Vec<String> {
    let mut out = vec![String::new(), style.bold("pairs")];
    let mut first = 0;
    while first < matrix.pairs.len() {
        let same = |column: &usize| {
            let (a, b) = (matrix.pairs[first], matrix.pairs[*column]);
            a.client == b.client && a.server.id == b.server.id
        };
        let next = (first..matrix.pairs.len()).find(|column| !same(column)).unwrap_or(matrix.pairs.len());
        let servers: Vec<_> = matrix.pairs[first..next].iter().map(|pair| pair.server).collect();
        let numbers = if next - first == 1 { format!("{next}") } else { format!("{}-{next}", first + 1) };
        let pairs = format!("{} {} {}", peer_label(matrix.pairs[first].client), style.times(), braces(&servers));
        out.extend(entry(&numbers, &style.plain(&pairs), style));
        first = next;
    }
    // The versions of servers stand there once only.
    let mut servers: Vec<_> = matrix.pairs.iter().map(|pair| pair.server).collect();
    servers.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| by_version(a, b)));
    servers.dedup();
    let versions = servers.iter().filter(|server| server.release.is_some());
    let versions: Vec<_> = versions
        .map(|server| format!("{}\u{a0}{}", one_line(&server.name(), 80), one_line(exact_version(server), 40)))
        .collect();
    if !versions.is_empty() {
        out.extend(entry("", &style.plain(&versions.join(", ")), style));
    }
    out
}

fn entry(numbers: &str, text: &str, style: Style) -> Vec<String> {
    let lines = words(text, style.columns() - 10);
    let first = |at: usize| if at == 0 { numbers } else { "" };
    lines.iter().enumerate().map(|(at, line)| format!("{:>7}  {line}", first(at))).collect()
}

/// Width of a column; clients stand apart.
fn step(matrix: &Matrix<'_>, column: usize, first: bool) -> usize {
    let apart = !first && matrix.pairs[column].client != matrix.pairs[column - 1].client;
    1 + usize::from(apart)
}

/// Columns that stand side by side.
fn bands(matrix: &Matrix<'_>, room: usize) -> Vec<Range<usize>> {
    let mut bands: Vec<Range<usize>> = Vec::new();
    let mut used = 0;
    for column in 0..matrix.pairs.len() {
        match bands.last_mut() {
            Some(band) if used + step(matrix, column, false) <= room => {
                band.end = column + 1;
                used += step(matrix, column, false);
            }
            _ => {
                bands.push(column..column + 1);
                used = 1;
            }
        }
    }
    bands
}

/// The numbers of the columns, read from above.
fn heading(matrix: &Matrix<'_>, columns: &Range<usize>, label: usize, style: Style) -> Vec<String> {
    let digits = columns.end.to_string().len();
    let line = |place: usize| {
        let mut text = pad("", label + GAP);
        for column in columns.clone() {
            let number = format!("{:>digits$}", column + 1);
            let digit = number.get(place..=place).unwrap_or(" ");
            text.push_str(&" ".repeat(step(matrix, column, column == columns.start) - 1));
            text.push_str(digit);
        }
        style.bold(&text)
    };
    (0..digits).map(line).collect()
}

fn row(matrix: &Matrix<'_>, row: &Row<'_>, columns: &Range<usize>, label: usize, style: Style) -> Vec<String> {
    let labels = hanging(&style.plain(&row.to_string()), label.saturating_sub(INDENT), 2);
    let cells: String = columns
        .clone()
        .map(|column| {
            let apart = " ".repeat(step(matrix, column, column == columns.start) - 1);
            let sign = row.slots[column].map_or_else(
                || " ".to_owned(),
                |slot| style.paint(tone(slot.cell.verdict), symbol(slot.cell.verdict, style.unicode)),
            );
            format!("{apart}{sign}")
        })
        .collect();
    let text = |(at, name): (usize, &String)| {
        let name = format!("{}{}", " ".repeat(INDENT), pad(name, label.saturating_sub(INDENT)));
        // The cells stand beside the last line, where the eye ends.
        if at + 1 == labels.len() { format!("{name}{}{cells}", " ".repeat(GAP)) } else { name }
    };
    labels.iter().enumerate().map(text).collect()
}
