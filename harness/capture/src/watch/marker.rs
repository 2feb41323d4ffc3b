//! What carried a packet of a known size.

use std::ops::RangeInclusive;

use interop_evidence::{Carrier, Carriers};

use super::classify::{Family, classify};
use crate::dissect::{Summary, Transport};

/// Which way a frame goes on an outside wire of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the gateway.
    ToServer,
    /// From the gateway.
    ToClient,
}

/// Frames of marker size, by carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkerCounts {
    /// Towards the gateway.
    pub to_server: Carriers,
    /// From the gateway.
    pub to_client: Carriers,
}

/// Watches the outside wires of the gateway for frames as long as a marked ping becomes in the tunnel.
///
/// Lengths are those of the payload of UDP, TCP, or the ICMP echo. Over TCP a marker may share its segment with other
/// records, so that there only the lower bound counts.
#[derive(Clone, Debug)]
pub struct MarkerWatch {
    family: Family,
    ports: Vec<u16>,
    armed: Option<RangeInclusive<usize>>,
    counts: MarkerCounts,
}

impl MarkerWatch {
    /// A watch for a gateway that listens on `ports`.
    pub fn new(family: Family, ports: impl Into<Vec<u16>>) -> Self {
        Self { family, ports: ports.into(), armed: None, counts: MarkerCounts::default() }
    }

    /// Counts from zero, from now on, what has a payload within `lengths`.
    pub fn arm(&mut self, lengths: RangeInclusive<usize>) {
        self.armed = Some(lengths);
        self.counts = MarkerCounts::default();
    }

    /// Whether frames are counted, so that a caller can spare the dissection.
    pub const fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Looks at a frame of an outside wire of the gateway.
    pub fn observe(&mut self, way: Way, summary: &Summary, frame: &[u8]) {
        let Some(lengths) = &self.armed else { return };
        let Some(ip) = summary.ip() else { return };
        let payload = summary.payload(frame);
        let is_marker = match ip.transport {
            Transport::Udp { length, .. } => lengths.contains(&length),
            Transport::Tcp { .. } => payload.len() >= *lengths.start(),
            _ => lengths.contains(&payload.len()),
        };
        if !is_marker {
            return;
        }
        if let Some(carrier) = classify(summary, payload, self.family, &self.ports) {
            *self.count(way, carrier) += 1;
        }
    }

    /// What was counted since [`Self::arm`]; ends the counting.
    pub fn read(&mut self) -> MarkerCounts {
        self.armed = None;
        std::mem::take(&mut self.counts)
    }

    fn count(&mut self, way: Way, carrier: Carrier) -> &mut u32 {
        let carriers = match way {
            Way::ToServer => &mut self.counts.to_server,
            Way::ToClient => &mut self.counts.to_client,
        };
        carriers.entry(carrier).or_default()
    }
}
