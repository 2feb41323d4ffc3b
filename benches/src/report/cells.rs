//! What a cell costs beside its peers.

use super::{Options, settle, table};
use crate::cell::{Job, measure};
use crate::run::{self, Memory, Run};
use crate::{Result, Summary};

/// MB: aim of the design.
const AIM: f64 = 64.0;

pub(super) fn report(options: &Options) -> Result<String> {
    let mut memories = Vec::new();
    for _ in 0..options.times(10) {
        settle();
        memories.push(measure::<Memory>(&Job::Memory { frames: 5000 })?.0);
    }
    let cells =
        |of: fn(&Memory) -> f64| Summary::of(memories.iter().map(of)).map_or_else(String::new, |it| it.cells(1));
    let met = if memories.iter().all(|it| it.peak < AIM) { "met" } else { "missed" };
    let mut text = format!(
        "### A cell\n\nMemory of the process of a cell (the double NAT, two `/etc`, 20 000 frames through four wires into a \
         capture and a table of flows; no peers), MB, n = {}: peak resident {}, own pages {}. Aim below {AIM} MB: {met}.\n\n",
        memories.len(),
        cells(|it| it.peak),
        cells(|it| it.own),
    );
    text.push_str(&match options.program.clone().or_else(run::program) {
        Some(program) => runs(options, &program)?,
        None => "`target/release/vpn-interop` is not built: runs were not measured (`make build`).\n".to_owned(),
    });
    Ok(text)
}

fn runs(options: &Options, program: &std::path::Path) -> Result<String> {
    let baseline = ["--scenario", "baseline", "--client", "openconnect", "--server", "ocserv", "--jobs", "1"];
    let mut all = Vec::new();
    for _ in 0..options.times(10) {
        settle();
        all.push(run::run(program, &baseline)?);
    }
    let of = |name: &str, decimals, value: &dyn Fn(&Run) -> Option<f64>| {
        let it = Summary::of(all.iter().filter_map(value));
        vec![
            name.to_owned(),
            it.map_or_else(String::new, |it| it.n.to_string()),
            it.map_or_else(String::new, |it| it.cells(decimals)),
        ]
    };
    let rows = [
        of("wall time of the run, s", 2, &|run| Some(run.wall)),
        of("until the lab is ready, ms", 1, &|run| run.lab.map(|it| it.median)),
        of("of the cell: neither a step nor a peer that ends, ms", 1, &|run| run.overhead.map(|it| it.median)),
        of("of the run: outside of its cell, ms", 1, &|run| run.beside_cells),
        of("peak memory of the process of the cell, MB", 1, &|run| Some(run.memory.peak)),
        of("own pages of it, MB", 1, &|run| Some(run.memory.own)),
    ];
    let smoke = run::run(program, &["--suite", "smoke"])?;
    let (cells, expected) = smoke.cells;
    Ok(format!(
        "`vpn-interop run --scenario baseline`, openconnect and ocserv, one cell at a time, min / median / max:\n\n{}\n\
         Smoke suite, all pairs, as many cells at a time as it chooses, n = 1: **{:.1} s** for {cells} cells, {expected} of \
         them as expected; the largest process of a cell had {:.1} MB resident, {:.1} MB of its own.\n",
        table(&["", "n", ""], &rows),
        smoke.wall,
        smoke.memory.peak,
        smoke.memory.own,
    ))
}
