//! A flow of numbered UDP packets that the far end echoes: shows outages, duplicates and reordering.

mod packet;
mod run;
mod summary;

pub use packet::NumberedPacket;
pub use run::{FlowReport, FlowSpec, MAX_FLOW_PACKETS, NumberedFlow};
pub use summary::{summarise, summarise_window};
