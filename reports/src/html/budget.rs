//! The page has a bounded size; cells that need attention get more of it.

use std::path::Path;

use interop_evidence::{CellRecord, RunResults, Verdict};

use super::detail::Detail;
use super::embed;
use super::evidence::Limits;
use super::ladder::{ARROWS, Ladder, Source};
use crate::{Options, ReportError, needs_attention};

/// Bytes of JSON for all details, and of all diagrams. With matrix, script and style the page stays below 5 MB for some
/// hundred cells.
const BUDGET: usize = 4_550_000;
/// What the excerpts leave to diagrams, if there are many.
const DIAGRAMS: usize = 1_500_000;
/// What they leave to the diagram of one cell, if there are few; a typical one fits.
const DIAGRAM: usize = 30_000;
/// A diagram of this size shows a handshake and a fault.
const USEFUL: usize = 14_000;
/// What diagrams may use in any case: excerpts have a least size, however many there are.
const LEAST: usize = 300_000;
/// Where cells that pass stand in the queue for diagrams.
const PASSES: usize = 3;
/// A cell that needs attention may use as much as this many others.
const SHARE: usize = 8;

/// The details of every cell, in the order of the run.
pub(super) fn details(results: &RunResults, folder: &Path, options: Options) -> Result<Vec<Detail>, ReportError> {
    let traces: Vec<_> = results.cells.iter().map(|cell| Source::of(cell, folder)).collect();
    let wanting: Vec<_> = results.cells.iter().map(|cell| needs_attention(cell, options.fail_on_degraded)).collect();
    let kept = DIAGRAMS.min(DIAGRAM * traces.iter().flatten().count());
    let (mut details, used) = excerpts(results, folder, &wanting, BUDGET - kept)?;
    let left = BUDGET.saturating_sub(used).max(LEAST);
    diagrams(&results.cells, &traces, &wanting, left, &mut details)?;
    Ok(details)
}

/// Excerpts of the evidence, as generous as `left` allows, and their size.
fn excerpts(
    results: &RunResults,
    folder: &Path,
    wanting: &[bool],
    mut left: usize,
) -> Result<(Vec<Detail>, usize), ReportError> {
    let mut used = 0;
    let mut shares: usize = wanting.iter().map(|wanting| if *wanting { SHARE } else { 1 }).sum();
    let mut details: Vec<Option<Detail>> = results.cells.iter().map(|_| None).collect();
    // Those that need attention come first: what they do not use is left for the others.
    for pass in [true, false] {
        for (index, cell) in results.cells.iter().enumerate().filter(|(index, _)| wanting[*index] == pass) {
            let share = if pass { SHARE } else { 1 };
            let allowance = left / shares.max(1) * share;
            let mut made = None;
            for limits in Limits::ALL {
                let detail = Detail::of(cell, folder, limits);
                let size = embed::json(&detail)?.len();
                made = Some((detail, size));
                if size <= allowance {
                    break;
                }
            }
            if let Some((detail, size)) = made {
                left = left.saturating_sub(size);
                used += size;
                details[index] = Some(detail);
            }
            shares -= share;
        }
    }
    Ok((details.into_iter().flatten().collect(), used))
}

/// Diagrams while there is room: of the cells that fail, of the others that need attention, of those that do not pass, and
/// of the rest.
fn diagrams(
    cells: &[CellRecord],
    traces: &[Option<Source>],
    wanting: &[bool],
    mut left: usize,
    details: &mut [Detail],
) -> Result<(), ReportError> {
    let rank = |index: usize| match (wanting[index], cells[index].verdict) {
        (true, Verdict::Fail) => 0,
        (true, _) => 1,
        (false, Verdict::Pass) => PASSES,
        (false, _) => 2,
    };
    let mut queue: Vec<_> =
        traces.iter().enumerate().filter_map(|(index, source)| Some((rank(index), index, source.as_ref()?))).collect();
    queue.sort_by_key(|(rank, index, _)| (*rank, *index));
    let wrong = queue.iter().filter(|(rank, ..)| *rank < PASSES).count();
    let all = queue.len();
    for (at, (rank, index, source)) in queue.into_iter().enumerate() {
        // Some in a useful size are better than all in a useless one.
        let (others, least) = if rank < PASSES { (wrong - at, USEFUL) } else { (all - at, DIAGRAM) };
        let allowance = (left / others).max(least).min(left);
        let ladder = match diagram(&cells[index], source, allowance) {
            Ok(ladder) => ladder,
            Err(note) => {
                details[index].note(note);
                continue;
            }
        };
        left = left.saturating_sub(ladder.svg.as_ref().map_or(0, String::len) + embed::json(&ladder)?.len());
        details[index].with_trace(&cells[index], ladder);
    }
    Ok(())
}

/// The largest diagram that fits.
fn diagram(cell: &CellRecord, source: &Source, allowance: usize) -> Result<Ladder, String> {
    // The least diagram there is has about this size.
    if allowance < 2_000 {
        return Ok(Ladder::left_out(source.text));
    }
    let trace = source.read()?;
    let fits = |arrows| {
        let ladder = Ladder::of(&trace, cell, source.text, arrows);
        ladder.svg.as_ref().is_some_and(|svg| svg.len() <= allowance).then_some(ladder)
    };
    Ok(ARROWS.into_iter().find_map(fits).unwrap_or_else(|| Ladder::left_out(source.text)))
}
