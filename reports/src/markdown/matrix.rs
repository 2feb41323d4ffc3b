//! The matrix as tables: one of everything while it is small, one a family while that is, and beyond that numbers, and the rows in
//! which something is to be seen.

use std::fmt::Write as _;

use interop_evidence::CellRecord;

use super::escape::inline;
use crate::family::{Family, counts};
use crate::look::symbol;
use crate::order::by_version;
use crate::text::{exact_version, measurements, one_line, peer_marks, version_tag};
use crate::{Counts, Matrix, Row};

/// Up to this many pairs each cell has room for words.
const PAIRS: usize = 6;
/// A family of at most this many cells is shown as a whole.
const CELLS: usize = 600;
const ROWS: usize = 400;
const COLUMNS: usize = 40;
/// Families of a run that are shown.
const FAMILIES: usize = 20;
/// Bytes of all tables.
const BYTES: usize = 400_000;

pub(super) fn tables(matrix: &Matrix<'_>) -> String {
    if matrix.pairs.is_empty() {
        return String::new();
    }
    let mut out = String::from("### Matrix\n\n");
    if matrix.pairs.len() <= PAIRS {
        let heading: Vec<_> = matrix.pairs.iter().map(|pair| inline(&pair.to_string())).collect();
        let columns: Vec<_> = (0..matrix.pairs.len()).collect();
        table(&mut out, matrix, &columns, &heading, |_| true, words);
        return out;
    }
    let families = Family::all(matrix);
    for family in families.iter().take(FAMILIES) {
        let _ = writeln!(out, "#### {}\n", inline(&family.label()));
        if family.columns.len() > 1 {
            grid(&mut out, matrix, family);
        }
        let rows = matrix.areas.iter().flat_map(|area| &area.rows);
        let cells: usize =
            rows.map(|row| family.columns.iter().filter(|column| row.slots[**column].is_some()).count()).sum();
        let whole = cells <= CELLS;
        // One version on a side is in the heading already.
        let heading: Vec<_> = family.columns.iter().map(|column| short(matrix, family, *column)).collect();
        let shown = |row: &Row<'_>| whole || !is_quiet(row, &family.columns);
        table(&mut out, matrix, &family.columns, &heading, shown, sign);
        out.push('\n');
    }
    if families.len() > FAMILIES {
        let _ = writeln!(out, "Cut: {FAMILIES} of {} families are shown.", families.len());
    }
    out
}

/// How many of each verdict, clients down and servers across.
fn grid(out: &mut String, matrix: &Matrix<'_>, family: &Family<'_>) {
    out.push_str("| |");
    for server in family.servers.iter().take(COLUMNS) {
        let _ = write!(out, " × {} |", inline(&version(server)));
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(family.servers.len().min(COLUMNS)));
    out.push('\n');
    for client in family.clients.iter().take(ROWS) {
        let _ = write!(out, "| {} |", inline(&version(client)));
        for server in family.servers.iter().take(COLUMNS) {
            let counts = family.column(matrix, client, server).map(|column| counts(matrix, column));
            let _ = write!(out, " {} |", counts.map(|counts| signs(&counts)).unwrap_or_default());
        }
        out.push('\n');
    }
    out.push('\n');
}

fn version(peer: &interop_evidence::PeerRecord) -> String {
    match peer.release {
        Some(_) => format!("{} {}", version_tag(peer), one_line(exact_version(peer), 60)),
        None => version_tag(peer),
    }
}

/// `58 ✓ 2 ≈`
fn signs(counts: &Counts) -> String {
    let signs = counts.iter().map(|(verdict, count)| format!("{count} {}", inline(symbol(verdict, true))));
    signs.collect::<Vec<_>>().join(" ")
}

/// The heading of a column below that of its family.
fn short(matrix: &Matrix<'_>, family: &Family<'_>, column: usize) -> String {
    let pair = matrix.pairs[column];
    match (family.clients.len(), family.servers.len()) {
        (1, _) => format!("× {}", inline(&version_tag(pair.server))),
        (_, 1) => inline(&version_tag(pair.client)),
        _ => format!("{}<br>× {}", inline(&version_tag(pair.client)), inline(&version_tag(pair.server))),
    }
}

fn is_quiet(row: &Row<'_>, columns: &[usize]) -> bool {
    let one = Row { slots: columns.iter().map(|column| row.slots[*column]).collect(), ..row.clone() };
    one.is_quiet()
}

/// Rows that have a cell in these columns.
fn table(
    out: &mut String,
    matrix: &Matrix<'_>,
    columns: &[usize],
    heading: &[String],
    shown: impl Fn(&Row<'_>) -> bool,
    text: fn(&CellRecord) -> String,
) {
    let width = columns.len().min(COLUMNS);
    let begin = out.len();
    let mut head = String::from("| scenario |");
    heading.iter().take(width).for_each(|text| head.push_str(&format!(" {text} |")));
    let _ = write!(head, "\n|---|{}\n", "---|".repeat(width));
    out.push_str(&head);
    let has_cell = |row: &Row<'_>| columns.iter().any(|column| row.slots[*column].is_some());
    let rows = || matrix.areas.iter().flat_map(|area| area.rows.iter().map(move |row| (area.name, row)));
    let all = rows().filter(|(_, row)| has_cell(row)).count();
    let wanted = rows().filter(|(_, row)| has_cell(row) && shown(row));
    let (mut area_before, mut written, mut left) = (None, 0, 0);
    for (area, row) in wanted {
        if written == ROWS || out.len() > BYTES {
            left += 1;
            continue;
        }
        if area_before.replace(area) != Some(area) {
            let _ = writeln!(out, "| **{}** |{}", inline(&one_line(area, 120)), " |".repeat(width));
        }
        let _ = write!(out, "| {} |", inline(&row.to_string()));
        for column in &columns[..width] {
            let _ = write!(out, " {} |", row.slots[*column].map(|slot| text(slot.cell)).unwrap_or_default());
        }
        out.push('\n');
        written += 1;
    }
    if written == 0 {
        out.truncate(begin);
    }
    let quiet = all - written - left;
    if quiet > 0 {
        let _ = writeln!(out, "\n{quiet} of {all} rows are left out: every cell passes, or is unsupported.");
    }
    if left > 0 {
        let _ = writeln!(out, "\nCut: {written} of {} rows are shown.", written + left);
    }
    if columns.len() > width {
        let _ = writeln!(out, "\nCut: {width} of {} pairs are shown.", columns.len());
    }
}

/// A cell with room.
fn words(cell: &CellRecord) -> String {
    let measured: Vec<_> = measurements(&cell.measurements).into_iter().take(3).collect();
    let verdict = format!("{} {}", symbol(cell.verdict, true), cell.verdict);
    if measured.is_empty() {
        inline(&verdict)
    } else {
        format!("{}<br>{}", inline(&verdict), inline(&measured.join(", ")))
    }
}

/// A cell without.
fn sign(cell: &CellRecord) -> String {
    inline(symbol(cell.verdict, true))
}

/// The peers and what exactly they are.
pub(super) fn peers(matrix: &Matrix<'_>) -> String {
    let mut peers: Vec<_> = matrix.pairs.iter().flat_map(|pair| [pair.client, pair.server]).collect();
    peers.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| by_version(a, b)));
    peers.dedup();
    // What the machine has is in the headings already.
    if peers.iter().all(|peer| peer.release.is_none() && peer.package.is_none() && peer.library.is_none()) {
        return String::new();
    }
    let mut out = String::from(
        "<details><summary>Peers</summary>\n\n| peer | version | package | TLS library |\n|---|---|---|---|\n",
    );
    for peer in peers.into_iter().take(ROWS) {
        let cell = |text: Option<&str>| inline(&one_line(text.unwrap_or_default(), 120));
        let name = inline(&format!("{}{}", one_line(&peer.name(), 80), peer_marks(peer)));
        let (version, package, library) =
            (cell(Some(&peer.version)), cell(peer.package.as_deref()), cell(peer.library.as_deref()));
        let _ = writeln!(out, "| {name} | {version} | {package} | {library} |");
    }
    out.push_str("\n</details>\n");
    out
}
