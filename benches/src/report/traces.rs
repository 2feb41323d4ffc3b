//! What it takes to read a capture.

use std::path::Path;

use super::{Options, settle, table};
use crate::traces::{self, Reading};
use crate::{Result, Summary, run};

/// Bytes of the file on which both programs are measured, and of the one for memory.
const SMALL: u64 = 100_000_000;
const LARGE: u64 = 1_000_000_000;
/// Aims: times faster than `tshark`, and MB for the large file.
const AIM_TIMES: f64 = 50.0;
const AIM_MEMORY: f64 = 200.0;

pub(super) fn report(options: &Options) -> Result<String> {
    let program = options
        .program
        .clone()
        .or_else(run::program)
        .ok_or("`target/release/vpn-interop` is not built (`make build`)")?;
    let folder = tempfile::tempdir().map_err(|error| format!("failed to make a folder: {error}"))?;
    let path = |name: &str| folder.path().join(name);
    let text = |path: &Path| path.display().to_string();
    let (source, small, large) = (path("cell.pcapng"), path("small.pcapng"), path("large.pcapng"));
    traces::record(&program, &source)?;
    let frames = traces::repeat(&source, &small, SMALL)?;
    let megabytes = std::fs::metadata(&small).map_err(|error| error.to_string())?.len() as f64 / 1e6;
    let tshark = Path::new("tshark");
    let file = text(&small);
    let fields = [
        "-n",
        "-r",
        &file,
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "ip.src",
        "-e",
        "ip.dst",
        "-e",
        "_ws.col.Protocol",
        "-e",
        "_ws.col.Info",
    ];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut missing = None;
    for _ in 0..options.times(5) {
        settle();
        ours.push(traces::read(&program, &["trace", "--all-wires", &file])?);
        settle();
        match traces::read(tshark, &fields) {
            Ok(reading) => theirs.push(reading),
            Err(error) => missing = Some(error),
        }
    }
    let mut rows = vec![row("vpn-interop trace", &ours, frames, megabytes)];
    let mut verdict = match missing {
        Some(error) => format!("`tshark` was not measured: {error}."),
        None => {
            rows.push(row("tshark -T fields", &theirs, frames, megabytes));
            let median = |all: &[Reading]| Summary::of(all.iter().map(|it| it.wall)).map_or(f64::NAN, |it| it.median);
            let times = median(&theirs) / median(&ours);
            let met = if times >= AIM_TIMES { "met" } else { "missed" };
            format!("tshark : vpn-interop, medians of wall time: **{times:.1}**. Aim of {AIM_TIMES:.0}: {met}.")
        }
    };
    if !options.quick {
        std::fs::remove_file(&small).map_err(|error| error.to_string())?;
        let frames = traces::repeat(&source, &large, LARGE)?;
        let megabytes = std::fs::metadata(&large).map_err(|error| error.to_string())?.len() as f64 / 1e6;
        let reading = traces::read(&program, &["trace", "--all-wires", &text(&large)])?;
        let met = if reading.peak < AIM_MEMORY { "met" } else { "missed" };
        verdict.push_str(&format!(
            "\n\nA file of {megabytes:.0} MB, {frames} frames: {:.1} s, {:.1} MB resident at most. Aim below {AIM_MEMORY:.0} MB: \
             {met}.",
            reading.wall, reading.peak,
        ));
    }
    Ok(format!(
        "### From a capture to its trace\n\nThe capture of a baseline cell, reference x reference, its frames repeated: {frames} \
         frames, {megabytes:.0} MB, with keys. Whole commands in turns, output thrown away: `vpn-interop trace` opens every record \
         of every wire, `tshark` prints five fields of each frame. Min / median / max.\n\n{}\n{verdict}\n",
        table(&["", "n", "s", "thousand frames/s (median)", "MB/s (median)", "MB resident"], &rows)
    ))
}

fn row(name: &str, readings: &[Reading], frames: u64, megabytes: f64) -> Vec<String> {
    let wall = Summary::of(readings.iter().map(|it| it.wall));
    let peak = Summary::of(readings.iter().map(|it| it.peak));
    let per = |amount: f64| wall.map_or_else(String::new, |it| format!("{:.1}", amount / it.median));
    vec![
        format!("`{name}`"),
        readings.len().to_string(),
        wall.map_or_else(String::new, |it| it.cells(2)),
        per(frames as f64 / 1e3),
        per(megabytes),
        peak.map_or_else(String::new, |it| format!("{:.0}", it.max)),
    ]
}
