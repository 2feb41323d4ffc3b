//! What the frames of a capture say again: flows in clear and handshakes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use interop_capture::{
    CaptureReader, Family, FlowTable, Frame, HandshakeWatch, LinkType, ReadError, Side, Summary, Way,
};
use interop_catalogue::{Catalogue, Scenario};
use interop_evidence::{Carrier, Carriers, HandshakeSeen, Micros, OuterFlow};
use interop_trace::Wires;

use super::Stored;
use crate::cell::World;

/// What was recomputed from a capture.
pub(super) struct Recomputed {
    pub(super) flows: Vec<OuterFlow>,
    pub(super) handshakes: Vec<HandshakeSeen>,
}

/// The outside wires of a cell: of its topology, if the catalogue still has it; else those on which flows were recorded.
pub(super) fn outside_wires(stored: &Stored, scenario: Option<&Scenario>, catalogue: &Catalogue) -> BTreeSet<String> {
    let topology = scenario.and_then(|scenario| catalogue.topologies.get(scenario.topology.as_str()));
    let world = topology.and_then(|topology| World::new(&topology.value, false).ok());
    let recorded = stored.evidence.flows.iter().map(|flow| flow.wire.clone());
    world.map_or_else(|| recorded.collect(), |world| world.outside_wires().into_iter().collect())
}

/// Reads the capture of a cell once more.
pub(super) fn recompute(stored: &Stored, outside: &BTreeSet<String>) -> Result<Recomputed, ReadError> {
    let facts = &stored.evidence.facts;
    let mut ways = Ways { clients: facts.client_addresses.iter().copied().collect(), sides: BTreeMap::new() };
    let mut flows = FlowTable::new();
    let mut handshakes = HandshakeWatch::new([facts.port]);
    for frame in CaptureReader::open(stored.bundle.capture())? {
        // What came before a broken packet still counts.
        let Ok(frame) = frame else { break };
        if !outside.contains(&*frame.interface) {
            continue;
        }
        let wall = u64::try_from(frame.time.as_nanos()).unwrap_or(u64::MAX);
        let at = Micros(wall.saturating_sub(facts.epoch_ns) / 1000);
        let summary = summary(&frame);
        flows.observe(&frame.interface, at, frame.number, &summary, &frame.data);
        if facts.client_wires.iter().any(|wire| **wire == *frame.interface)
            && let Some(way) = ways.of(&frame, &summary)
        {
            handshakes.observe(&frame.interface, way, at, frame.number, &summary, &frame.data);
        }
    }
    Ok(Recomputed { flows: flows.into_flows(), handshakes: handshakes.seen().to_vec() })
}

fn summary(frame: &Frame) -> Summary {
    match frame.link_type {
        LinkType::RawIp => Summary::of_ip(&frame.data),
        _ => Summary::of_ethernet(&frame.data),
    }
}

/// Which way frames go on the clients' wires: a client keeps its end of the wire when it changes its address.
struct Ways {
    clients: BTreeSet<IpAddr>,
    sides: BTreeMap<String, Side>,
}

impl Ways {
    fn of(&mut self, frame: &Frame, summary: &Summary) -> Option<Way> {
        let ip = summary.ip()?;
        let from = frame.from?;
        if self.clients.contains(&ip.source) {
            self.sides.entry(frame.interface.to_string()).or_insert(from);
        }
        let client = self.sides.get(&*frame.interface)?;
        Some(if from == *client { Way::ToServer } else { Way::ToClient })
    }
}

/// What is seen in a capture of which nothing else is known.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Handshakes with a gateway on the port.
    pub handshakes: Vec<HandshakeSeen>,
    /// Frames that carry tunnel traffic, by carrier.
    pub carriers: Carriers,
    /// Who talked to whom in clear.
    pub flows: Vec<OuterFlow>,
}

/// Looks at these interfaces of a capture from anywhere; `port` is the gateway's, of TCP and of UDP. What is broken ends
/// it.
///
/// # Errors
/// When the file is no capture.
pub fn look(path: &Path, wires: &Wires, port: u16) -> Result<Seen, ReadError> {
    let mut flows = FlowTable::new();
    let mut handshakes = HandshakeWatch::new([port]);
    let mut carriers = Carriers::new();
    let mut began = None;
    for frame in CaptureReader::open(path)? {
        let Ok(frame) = frame else { break };
        if !includes(wires, &frame.interface) {
            continue;
        }
        let at = Micros::from(frame.time.saturating_sub(*began.get_or_insert(frame.time)));
        let summary = summary(&frame);
        let payload = summary.payload(&frame.data);
        let Some(ip) = summary.ip() else { continue };
        flows.observe(&frame.interface, at, frame.number, &summary, &frame.data);
        let Some((source, destination)) = ip.transport.ports() else { continue };
        for family in [Family::Anyconnect, Family::Openvpn] {
            if let Some(carrier) = interop_capture::classify(&summary, payload, family, &[port]) {
                *carriers.entry(carrier).or_default() += 1;
                break;
            }
        }
        let way = if source == port && destination != port { Way::ToClient } else { Way::ToServer };
        handshakes.observe(&frame.interface, way, at, frame.number, &summary, &frame.data);
    }
    // A gateway speaks one family on a port; single frames of the one may look like the other.
    let frames = |openvpn: bool| -> u32 {
        carriers.iter().filter(|(carrier, _)| is_openvpn(**carrier) == openvpn).map(|(_, frames)| frames).sum()
    };
    let openvpn = frames(true) > frames(false);
    carriers.retain(|carrier, _| is_openvpn(*carrier) == openvpn);
    Ok(Seen { handshakes: handshakes.seen().to_vec(), carriers, flows: flows.into_flows() })
}

fn is_openvpn(carrier: Carrier) -> bool {
    matches!(carrier, Carrier::OpenvpnTcp | Carrier::OpenvpnUdp)
}

fn includes(wires: &Wires, interface: &str) -> bool {
    match wires {
        Wires::All => true,
        Wires::Named(names) => {
            names.iter().any(|name| name == interface || (name.ends_with(':') && interface.starts_with(name.as_str())))
        }
    }
}
