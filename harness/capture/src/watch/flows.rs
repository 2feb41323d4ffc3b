//! Who talked to whom in clear.

use std::collections::VecDeque;
use std::net::IpAddr;

use indexmap::IndexMap;
use interop_evidence::{Micros, OuterFlow};

use crate::dissect::{Fragment, Ip, Summary, Transport, dns_names};

/// Names kept per flow.
const MOST_NAMES: usize = 64;
/// Fragmented packets whose ports are remembered.
const MOST_FRAGMENTED: usize = 64;
/// DNS, multicast DNS and LLMNR.
const DNS_PORTS: [u16; 3] = [53, 5353, 5355];

/// Collects the flows of all outside wires: one per wire, addresses, protocol and ports, each way by itself.
///
/// ARP, neighbour discovery and the like are no flows.
#[derive(Clone, Debug, Default)]
pub struct FlowTable {
    wires: Vec<String>,
    flows: IndexMap<Key, OuterFlow>,
    fragmented: VecDeque<(FragmentKey, (u16, u16))>,
    overflow: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    wire: usize,
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
}

type FragmentKey = (usize, IpAddr, IpAddr, u8, u32);

impl FlowTable {
    /// Flows kept; frames of further ones are only counted.
    pub const MOST_FLOWS: usize = 4096;

    /// A table without flows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a frame that was seen on `wire`, with its time and its number in the capture.
    pub fn observe(&mut self, wire: &str, at: Micros, number: u64, summary: &Summary, frame: &[u8]) {
        let Some(ip) = summary.ip().filter(|_| !summary.is_housekeeping()) else { return };
        let wire = self.position(wire);
        let ports = self.ports(wire, ip);
        let key = Key { wire, from: ip.source, to: ip.destination, protocol: ip.protocol, ports };
        if !self.flows.contains_key(&key) && self.flows.len() >= Self::MOST_FLOWS {
            self.overflow += 1;
            return;
        }
        let names = asked(ip, summary.payload(frame));
        let flow = self.flows.entry(key).or_insert_with(|| OuterFlow {
            wire: self.wires[wire].clone(),
            from: ip.source,
            to: ip.destination,
            protocol: protocol_name(ip.protocol),
            port: ports.map(|(_, destination)| destination),
            source_port: ports.map(|(source, _)| source),
            names: Vec::new(),
            frames: 0,
            first: at,
            last: at,
            first_frame: number,
        });
        flow.frames += 1;
        flow.last = at;
        for name in names {
            if flow.names.len() < MOST_NAMES && !flow.names.contains(&name) {
                flow.names.push(name);
            }
        }
    }

    /// The flows so far, in the order of their first frames.
    pub fn flows(&self) -> impl Iterator<Item = &OuterFlow> {
        self.flows.values()
    }

    /// The flows, in the order of their first frames.
    pub fn into_flows(self) -> Vec<OuterFlow> {
        self.flows.into_values().collect()
    }

    /// Frames that belong to no kept flow, because there were too many flows.
    pub const fn overflow(&self) -> u64 {
        self.overflow
    }

    fn position(&mut self, wire: &str) -> usize {
        self.wires.iter().position(|known| known == wire).unwrap_or_else(|| {
            self.wires.push(wire.to_owned());
            self.wires.len() - 1
        })
    }

    /// The ports of a packet; later fragments have those of their first.
    fn ports(&mut self, wire: usize, ip: &Ip) -> Option<(u16, u16)> {
        let Some(Fragment { id, .. }) = ip.fragment else { return ip.transport.ports() };
        let key = (wire, ip.source, ip.destination, ip.protocol, id);
        match ip.transport.ports() {
            Some(ports) => {
                if self.fragmented.len() == MOST_FRAGMENTED {
                    self.fragmented.pop_front();
                }
                self.fragmented.push_back((key, ports));
                Some(ports)
            }
            // The newest first: identifiers come round again.
            None => self.fragmented.iter().rev().find(|(known, _)| *known == key).map(|(_, ports)| *ports),
        }
    }
}

fn asked(ip: &Ip, payload: &[u8]) -> Vec<String> {
    match ip.transport {
        Transport::Udp { destination, .. } if DNS_PORTS.contains(&destination) => dns_names(payload),
        Transport::Tcp { destination: 53, .. } => payload.get(2..).map(dns_names).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn protocol_name(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        other => other.to_string(),
    }
}
