//! Whether real wires do what their profile says.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Options, settle, table};
use crate::cell::{Job, measure};
use crate::traffic::{Delay, Loss, Traffic};
use crate::{Result, Summary, machine};

/// Frames for each figure of loss; at least as many for a quick look.
const FRAMES: u64 = 40_000;

pub(super) fn report(options: &Options) -> Result<String> {
    // The choice of what is lost depends on the seed and on nothing else: another one each time.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let mut rows = Vec::new();
    for loss in [0.01, 0.05] {
        settle();
        let (it, _): (Loss, f64) = measure(&Job::Traffic(Traffic::Loss { loss, frames: FRAMES, seed }))?;
        let expected = it.offered as f64 * loss;
        let sigma = (expected * (1.0 - loss)).sqrt();
        let off = (it.lost as f64 - expected) / sigma;
        rows.push(vec![
            format!("loss of {} %", loss * 100.0),
            it.offered.to_string(),
            format!("{expected:.0} ± {:.0} (3 σ)", 3.0 * sigma),
            format!("{} ({off:+.1} σ)", it.lost),
            it.received.to_string(),
            verdict(off.abs() <= 3.0 && it.received + it.lost == it.offered),
        ]);
    }
    let loss = table(&["", "frames", "expected lost", "lost", "arrived", ""], &rows);
    let mut rows = Vec::new();
    let sleeper = machine::lateness().ok_or("a sleeper was not measured")?;
    let figures = |it: &Summary| [it.min, it.median, it.p99, it.max].map(|value| format!("{value:+.3}"));
    for delay in [10, 100] {
        settle();
        let frames = if options.quick { 100 } else { 1000 };
        let (it, _): (Delay, f64) = measure(&Job::Traffic(Traffic::Delay { delay, frames }))?;
        let share = it.within as f64 / it.error.n as f64;
        let mut row = vec![format!("delay of {delay} ms"), it.error.n.to_string()];
        row.extend(figures(&it.error));
        row.extend([it.early.to_string(), format!("{:.1} %", share * 100.0)]);
        row.push(verdict(it.early == 0 && it.error.median <= 1.0 && it.error.p99 <= 1.0 + sleeper.p99));
        rows.push(row);
    }
    let mut row = vec!["(a thread that only sleeps)".to_owned(), sleeper.n.to_string()];
    row.extend(figures(&sleeper));
    row.resize(9, String::new());
    rows.push(row);
    let heading = ["ms beyond it", "frames", "min", "median", "p99", "max", "early", "within 1 ms", ""];
    let delay = table(&heading, &rows);
    Ok(format!(
        "### The link model on real wires\n\nOne TAP wire, UDP of 1400 bytes, seed {seed}. Loss holds if it lies within three \
         standard deviations and every other frame arrives; delay, if no frame is early, the median is \
         within a millisecond, and the 99th percentile within a millisecond of what a thread suffers that only sleeps.\n\n{loss}\n{delay}"
    ))
}

fn verdict(holds: bool) -> String {
    if holds { "holds" } else { "**does not hold**" }.to_owned()
}
