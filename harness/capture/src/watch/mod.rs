//! From frames to evidence.

mod classify;
mod flows;
mod handshake;
mod marker;

pub use classify::{Family, classify};
pub use flows::FlowTable;
pub use handshake::HandshakeWatch;
pub use marker::{MarkerCounts, MarkerWatch, Way};
