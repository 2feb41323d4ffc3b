//! The engine: plans cells, runs each in its sandbox, injects faults, probes, judges and collects evidence.

#![forbid(unsafe_code)]

mod cell;
mod error;
mod fault;
mod peer;
mod plan;
mod run;

pub use cell::{CellJob, attach, become_cell, cell_seed};
pub use error::{EngineError, Result};
pub use interop_lab::features;
pub use peer::{PeerChoice, find_peer};
pub use plan::{CellFate, PeerArgument, Plan, PlannedCell, Selection, SelectionError, plan};
pub use run::{RunEvent, RunOptions, run};
