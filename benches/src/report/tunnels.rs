//! What a tunnel carries, and what its two ends pay for it: pairs of implementations side by side.

use std::collections::BTreeMap;

use super::{Options, settle, table};
use crate::run::{self, Run};
use crate::{Result, Summary};

/// Clients and servers; every pair of them is measured.
const PAIRS: [[&str; 2]; 4] =
    [["openconnect", "ocserv"], ["openconnect", "reference"], ["reference", "ocserv"], ["reference", "reference"]];
/// Which way, as the scenario names its measurements.
const DIRECTIONS: [&str; 2] = ["upload", "download"];

/// Mbit/s, and processor seconds of both ends per GB.
#[derive(Default)]
struct Figures {
    mbps: Vec<f64>,
    cost: Vec<f64>,
}

pub(super) fn report(options: &Options) -> Result<String> {
    let Some(program) = options.program.clone().or_else(run::program) else {
        return Err("`target/release/vpn-interop` is not built (`make build`)".to_owned());
    };
    // Transport, direction, pair.
    let mut all: BTreeMap<(String, &str, usize), Figures> = BTreeMap::new();
    let mut trouble = Vec::new();
    let rounds = options.times(5);
    for _ in 0..rounds {
        // In turns: what the machine does meanwhile hits every pair.
        for (pair, [client, server]) in PAIRS.iter().enumerate() {
            settle();
            let only = ["--suite", "throughput", "--no-gate", "--jobs", "1", "--client", client, "--server", server];
            collect(&run::run(&program, &only)?, pair, &mut all, &mut trouble);
        }
    }
    let mut rows = Vec::new();
    for ((transport, direction, pair), figures) in &all {
        let median = |pair: usize| {
            let figures = all.get(&(transport.clone(), *direction, pair))?;
            Some((Summary::of(figures.mbps.iter().copied())?, Summary::of(figures.cost.iter().copied())?))
        };
        let (Some((mbps, cost)), stock) = (median(*pair), median(0)) else { continue };
        let ratio = |of: fn(&(Summary, Summary)) -> f64, own: f64| {
            stock.as_ref().map_or_else(String::new, |stock| format!("{:.2}", own / of(stock)))
        };
        rows.push(vec![
            transport.to_uppercase(),
            (*direction).to_owned(),
            PAIRS[*pair].join(" x "),
            figures.mbps.len().to_string(),
            mbps.cells(0),
            ratio(|(mbps, _)| mbps.median, mbps.median),
            cost.cells(1),
            ratio(|(_, cost)| cost.median, cost.median),
        ]);
    }
    trouble.sort();
    trouble.dedup();
    let trouble = trouble.iter().fold(String::new(), |text, line| text + "\n" + line + "\n");
    Ok(format!(
        "### Tunnels\n\nOne TCP connection (cubic) through the tunnel for three seconds, client and server in namespaces with \
         a router between, veth links with their offloads on, nothing captured; pairs in turns, one cell at a time. The \
         processors carry everything: both peers, the sender, the receiver, the kernel. The cost is processor time of both \
         peers; ratios are of medians, to openconnect x ocserv in the same run.\n\n{}{trouble}",
        table(
            &["over", "direction", "pair", "n", "Mbit/s", "ratio", "processor seconds per GB, both ends", "ratio"],
            &rows
        ),
    ))
}

fn collect(
    run: &Run,
    pair: usize,
    all: &mut BTreeMap<(String, &'static str, usize), Figures>,
    trouble: &mut Vec<String>,
) {
    for cell in &run.results.cells {
        let transport = if cell.params.get("udp").is_some_and(|udp| udp == "true") { "dtls" } else { "tls" };
        for direction in DIRECTIONS {
            let of = |what: &str| cell.measurements.get(&format!("{direction}-{what}")).copied();
            let figures = (of("mbps"), of("client-cpu-spgb"), of("server-cpu-spgb"));
            let (Some(mbps), Some(client), Some(server)) = figures else {
                trouble.push(format!("{} over {transport}: {} {}", PAIRS[pair].join(" x "), cell.verdict, cell.reason));
                continue;
            };
            let figures = all.entry((transport.to_owned(), direction, pair)).or_default();
            figures.mbps.push(mbps);
            figures.cost.push(client + server);
        }
    }
}
