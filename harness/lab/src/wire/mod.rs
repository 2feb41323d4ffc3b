//! Wires: pairs of TAP devices whose frames pass through the cell's process.

mod pump;
mod sniffer;
mod tap;

pub use pump::{FrameSink, WireSpec, Wires};
pub(crate) use sniffer::Sniffer;
pub(crate) use tap::open_tap;
