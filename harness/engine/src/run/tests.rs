//! Cells for the tests of the runner's parts.

use std::path::PathBuf;

use interop_evidence::{CellRecord, Verdict};

use crate::PeerChoice;
use crate::cell::{CellJob, blank_record};
use crate::plan::{CellFate, PlannedCell};

/// A cell of a pair that is nowhere.
pub(super) fn planned(scenario: &str, client: &str, server: &str) -> PlannedCell {
    PlannedCell {
        key: format!("{scenario}+{client}+{server}"),
        scenario: scenario.to_owned(),
        params: Default::default(),
        client: choice(client),
        server: choice(server),
        baseline: false,
        gate_only: false,
        time_limit: 60,
        fate: CellFate::Run,
    }
}

/// A record with a verdict, of a cell that took 5 ms.
pub(super) fn record(verdict: Verdict) -> CellRecord {
    let job = CellJob {
        key: "k".into(),
        scenario: "s".into(),
        params: Default::default(),
        client: choice("c"),
        server: choice("v"),
        seed: 1,
        bundle: PathBuf::new(),
        keep: false,
        reproduce: String::new(),
    };
    CellRecord { verdict, duration_ms: 5, ..blank_record(&job, None) }
}

fn choice(peer: &str) -> PeerChoice {
    PeerChoice {
        peer: peer.to_owned(),
        binary: PathBuf::new(),
        library_path: Vec::new(),
        version: String::new(),
        library: None,
        origin: None,
        emulates: None,
        mutant: None,
    }
}
