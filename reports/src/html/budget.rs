//! The page has a bounded size; cells that need attention get more of it.

use std::path::Path;

use interop_evidence::RunResults;

use super::detail::Detail;
use super::embed;
use super::evidence::Limits;
use crate::{Options, ReportError, needs_attention};

/// Bytes of JSON for all details. With matrix, script and style the page stays below 5 MB for some hundred cells.
const BUDGET: usize = 3_800_000;
/// A cell that needs attention may use as much as this many others.
const SHARE: usize = 8;

/// The details of every cell, in the order of the run.
pub(super) fn details(results: &RunResults, folder: &Path, options: Options) -> Result<Vec<Detail>, ReportError> {
    let wanting: Vec<_> = results.cells.iter().map(|cell| needs_attention(cell, options.fail_on_degraded)).collect();
    let mut shares: usize = wanting.iter().map(|wanting| if *wanting { SHARE } else { 1 }).sum();
    let mut left = BUDGET;
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
                details[index] = Some(detail);
            }
            shares -= share;
        }
    }
    Ok(details.into_iter().flatten().collect())
}
