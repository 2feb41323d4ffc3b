//! How much goes through wires, and what they add to the time of a packet.

use super::{Options, settle, table};
use crate::cell::{Job, Links, measure};
use crate::traffic::{Throughput, Traffic};
use crate::{Result, Summary, machine};

const KINDS: [Links; 2] = [Links::Wire, Links::Veth];
/// Routers between the two ends.
const THROUGHPUT: [u8; 2] = [0, 1];
const LATENCY: [u8; 3] = [0, 1, 3];

pub(super) fn report(options: &Options) -> Result<String> {
    let before = gauge();
    let throughput = throughput(options)?;
    let latency = latency(options)?;
    Ok(format!(
        "### Wires\n\nUDP packets of 1400 bytes (1442 with headers), one system call each, sender and receiver in one \
         process, a window of 256; no capture. A cache line between the cores and back: {before} before, {} after.\n\n\
         {throughput}\n{latency}",
        gauge()
    ))
}

fn gauge() -> String {
    machine::core_distance().map_or_else(|| "one core only".to_owned(), |it| format!("{:.0} ns", it.median))
}

fn throughput(options: &Options) -> Result<String> {
    let length = if options.quick { 100 } else { 500 };
    let mut rows = Vec::new();
    for routers in THROUGHPUT {
        let mut rates = [Vec::new(), Vec::new()];
        let mut gigabits = [Vec::new(), Vec::new()];
        let mut lost = 0;
        for _ in 0..options.times(12) {
            for (kind, links) in KINDS.into_iter().enumerate() {
                settle();
                let job = Job::Traffic(Traffic::Throughput { links, routers, milliseconds: length });
                let (it, _): (Throughput, f64) = measure(&job)?;
                rates[kind].push(it.rate() / 1000.0);
                gigabits[kind].push(it.gigabits());
                lost += it.lost;
            }
        }
        let [wire, veth] = rates.each_ref().map(|values| Summary::of(values.iter().copied()));
        for (kind, links) in KINDS.into_iter().enumerate() {
            let of = |values: &[f64], decimals| {
                Summary::of(values.iter().copied()).map_or_else(String::new, |it| it.cells(decimals))
            };
            let share = match (links, wire, veth) {
                (Links::Wire, Some(wire), Some(veth)) => format!("{:.2}", wire.median / veth.median),
                _ => "1".to_owned(),
            };
            let n = rates[kind].len().to_string();
            rows.push(vec![shape(links, routers), n, of(&rates[kind], 0), of(&gigabits[kind], 2), share]);
        }
        if lost > 0 {
            rows.push(vec![
                format!("({lost} packets lost)"),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
    }
    Ok(table(&["throughput", "n", "thousand frames/s", "Gbit/s", "of veth (medians)"], &rows))
}

fn latency(options: &Options) -> Result<String> {
    let rounds = if options.quick { 200 } else { 2000 };
    let mut rows = Vec::new();
    for routers in LATENCY {
        let mut all = [Vec::new(), Vec::new()];
        for _ in 0..options.times(10) {
            for (kind, links) in KINDS.into_iter().enumerate() {
                settle();
                let job = Job::Traffic(Traffic::Latency { links, routers, rounds });
                all[kind].push(measure::<Summary>(&job)?.0);
            }
        }
        let medians = |of: fn(&Summary) -> f64| all.each_ref().map(|all| Summary::of(all.iter().map(of)));
        let (middle, late) = (medians(|it| it.median), medians(|it| it.p99));
        for (kind, links) in KINDS.into_iter().enumerate() {
            let cells = |of: Option<Summary>| of.map_or_else(String::new, |it| it.cells(1));
            let added = match (links, middle, late) {
                // There and back over each link.
                (Links::Wire, [Some(wire), Some(veth)], [Some(late), Some(late_veth)]) => {
                    let passages = 2.0 * f64::from(routers + 1);
                    let added = |wire: Summary, veth: Summary| (wire.median - veth.median) / passages;
                    format!("{:.1}; p99 {:.1}", added(wire, veth), added(late, late_veth))
                }
                _ => String::new(),
            };
            rows.push(vec![
                shape(links, routers),
                all[kind].len().to_string(),
                cells(middle[kind]),
                cells(late[kind]),
                added,
            ]);
        }
    }
    let heading =
        ["round trip, µs", "n", "median of each run", "p99 of each run", "added by one wire, one way (medians)"];
    Ok(table(&heading, &rows))
}

fn shape(links: Links, routers: u8) -> String {
    match routers {
        0 => format!("one {links}"),
        1 => format!("two {links}s, a router between"),
        routers => format!("{} {links}s, {routers} routers between", routers + 1),
    }
    .replace("veths", "veth pairs")
}
