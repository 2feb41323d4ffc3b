//! The engine: plans cells, runs each in its sandbox, injects faults, probes, judges and collects evidence.

mod cell;
mod error;
mod fault;
mod peer;
mod plan;
mod run;

pub use cell::{CellJob, NODES_FOLDER, cell_seed, run_cell};
pub use error::{EngineError, Result};
pub use peer::{PeerChoice, find_peer};
pub use plan::{CellFate, PeerArgument, Plan, PlannedCell, Selection, SelectionError, plan};
pub use run::{RunEvent, RunOptions, run};
