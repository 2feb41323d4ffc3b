//! The engine: plans cells, runs each in its sandbox, injects faults, probes, judges and collects evidence.

#![forbid(unsafe_code)]

mod accept;
mod cell;
mod compare;
mod error;
mod fault;
mod golden;
mod judge;
mod peer;
mod plan;
mod replay;
mod run;
mod trace;

pub use accept::{Acceptance, Changes, Cut, Exemplar, Shown, accept, bundles_of, cut};
pub use cell::{CellJob, attach, become_cell, cell_seed};
pub use compare::{TraceDifference, compare_traces};
pub use error::{EngineError, Result};
pub use golden::{Compared, compare_trace, goldens, holds, stale};
pub use interop_lab::features;
pub use peer::{
    EVIDENCE_INCOMPLETE, Origin, PeerChoice, PeerRelease, find_peer, lost_evidence, named_releases, peer_releases,
};
pub use plan::{
    CellFate, Partition, PartitionError, PeerArgument, Plan, PlannedCell, Selection, SelectionError, Share, plan,
};
pub use replay::{Again, Replay, Seen, Stored, look, replay};
pub use run::{
    Captures, Durations, DurationsError, Early, Ended, ManifestError, RunError, RunEvent, RunManifest, RunOptions, run,
};
pub use trace::{find_capture, marks, setup};
