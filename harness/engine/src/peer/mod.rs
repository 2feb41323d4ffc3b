//! Peers: finding their programs, filling in their files, running them.

mod choice;
mod lines;
mod log;
mod process;
mod release;
mod template;
mod variables;

pub(crate) use choice::join;
pub use choice::{Origin, PeerChoice, find_peer};
pub(crate) use log::PeerLog;
pub use log::{EVIDENCE_INCOMPLETE, lost_evidence};
pub(crate) use process::{Process, kernel_signal, run_to_end, within};
pub use release::{PeerRelease, named_releases, peer_releases};
pub(crate) use template::Templates;
pub(crate) use variables::{CellSettings, variables};
