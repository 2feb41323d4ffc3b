//! A running cell: the lab, the peers in it, the scenario's steps, and the evidence that they leave.

mod decode;
mod execute;
mod expect;
mod finish;
mod golden;
mod handshakes;
mod internet;
mod job;
mod measure;
mod peers;
mod probes;
mod recorder;
mod setup;
mod state;
mod steps;
mod throughput;
mod witness;
mod world;

pub(crate) use execute::check_id;
pub use execute::{attach, become_cell};
pub(crate) use finish::blank_record;
pub use job::{CellJob, cell_seed};
pub(crate) use peers::faketime_environment;
pub(crate) use recorder::Recorder;
pub(crate) use state::Cell;
pub(crate) use world::{World, lab_nat};
