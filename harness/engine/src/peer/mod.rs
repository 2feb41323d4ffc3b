//! Peers: finding their programs, filling in their files, running them.

mod choice;
mod log;
mod process;
mod template;
mod variables;

pub(crate) use choice::join;
pub use choice::{PeerChoice, find_peer};
pub(crate) use log::PeerLog;
pub(crate) use process::{Process, kernel_signal, run_to_end, within};
pub(crate) use template::Templates;
pub(crate) use variables::{CellSettings, variables};
