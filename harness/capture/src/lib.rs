//! The witness of a cell: one capture file with everything that crossed its wires, and what those frames were.
//!
//! - [`CaptureWriter`] streams frames to disk and completes the file with interface descriptions and TLS keys at the
//!   front; [`CaptureReader`] reads any pcapng or pcap file.
//! - [`Summary`] dissects one frame; nothing in it trusts its input, and it never panics.
//! - [`classify`], [`MarkerWatch`], [`FlowTable`] and [`HandshakeWatch`] turn frames into evidence: which VPN transport
//!   carried a marked packet, who talked to whom in clear, which sessions were negotiated and when.
//!
//! The dissectors share no code with the peers that they watch, on purpose.

#![forbid(unsafe_code)]

mod dissect;
mod file;
mod watch;

pub use dissect::{Arp, Echo, Fragment, Ip, Network, Summary, Transport, dns_names};
pub use file::{
    CaptureError, CaptureReader, CaptureWriter, Completed, Frame, InterfaceId, InterfaceSpec, LinkType, ReadError,
    Side, read_all, recover,
};
pub use watch::{Family, FlowTable, HandshakeWatch, MarkerCounts, MarkerWatch, Way, classify};
