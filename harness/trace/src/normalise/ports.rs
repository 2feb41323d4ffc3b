//! Ports: a flow is named by the port of its service and a number; ephemeral ports are left out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::found::{Flow, Protocol};

/// Ports at which gateways are found when nobody says: HTTPS and its usual stand-ins, and OpenVPN (IANA: `openvpn`).
const OF_GATEWAYS: [u16; 5] = [443, 1194, 4443, 8443, 10443];
/// Below are the system ports (RFC 6335, section 6).
const FIRST_USER_PORT: u16 = 1024;
/// Where Linux begins to take ephemeral ports; others begin above.
const FIRST_EPHEMERAL_PORT: u16 = 32768;
/// DNS.
pub(super) const DNS: u16 = 53;

/// Which end of a flow offers a service, and at which port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) port: u16,
    /// Index in [`Flow::ends`].
    pub(super) end: usize,
}

impl Service {
    /// The service of a TCP or UDP flow; `gateway` is the gateway's port, or 0. Who sends first in a capture need not
    /// be the client, so a port that says more than the order does is believed.
    pub(super) fn of(flow: &Flow, gateway: u16) -> Option<Self> {
        let [opener, other] = flow.ports;
        let known = |port: u16| port < FIRST_USER_PORT || OF_GATEWAYS.contains(&port);
        let is_gateway = |port: u16| gateway != 0 && port == gateway;
        let end = match flow.protocol {
            Protocol::Tcp | Protocol::Udp if is_gateway(other) => 1,
            Protocol::Tcp | Protocol::Udp if is_gateway(opener) => 0,
            Protocol::Tcp => usize::from(!(known(opener) && other >= FIRST_EPHEMERAL_PORT)),
            Protocol::Udp if known(other) => 1,
            Protocol::Udp if known(opener) => 0,
            Protocol::Udp => usize::from(other <= opener),
            _ => return None,
        };
        Some(Self { port: if end == 0 { opener } else { other }, end })
    }

    /// Whether a gateway may be behind it.
    pub(super) fn is_gateway(self, gateway: u16) -> bool {
        OF_GATEWAYS.contains(&self.port) || (gateway != 0 && self.port == gateway)
    }
}

/// Flows of the same kind between the same hosts, counted.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<(Arc<str>, String, Protocol, u16), usize>);

impl Numbers {
    /// The name of the next flow: `client>gateway TCP/443 #2`.
    pub(super) fn name(&mut self, flow: &Flow, ends: [&str; 2], gateway: u16) -> String {
        let port = Service::of(flow, gateway).map_or(0, |service| service.port);
        let ends = format!("{}>{}", ends[0], ends[1]);
        let number = self.0.entry((flow.wire.clone(), ends.clone(), flow.protocol, port)).or_default();
        *number += 1;
        match flow.protocol {
            Protocol::Tcp => format!("{ends} TCP/{port} #{number}"),
            Protocol::Udp => format!("{ends} UDP/{port} #{number}"),
            Protocol::Icmp => format!("{ends} ICMP #{number}"),
            Protocol::Arp => format!("{ends} ARP #{number}"),
            Protocol::Ip(protocol) => format!("{ends} IP/{protocol} #{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(protocol: Protocol, ports: [u16; 2]) -> Flow {
        let ends = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        Flow { wire: "access".into(), protocol, ends, ports, generation: 0 }
    }

    #[test]
    fn the_service_has_the_port_that_is_the_same_in_every_run() {
        let end = |protocol, ports, gateway| Service::of(&flow(protocol, ports), gateway).unwrap().end;
        assert_eq!(end(Protocol::Tcp, [49370, 443], 0), 1);
        assert_eq!(end(Protocol::Tcp, [443, 49370], 0), 0, "a capture that began in the middle");
        assert_eq!(end(Protocol::Tcp, [700, 8080], 0), 1, "an opener with a system port");
        assert_eq!(end(Protocol::Tcp, [40000, 50000], 0), 1);
        assert_eq!(end(Protocol::Tcp, [50443, 40000], 50443), 0);
        assert_eq!(end(Protocol::Udp, [53, 40000], 0), 0);
        assert_eq!(end(Protocol::Udp, [5000, 40000], 0), 0, "the lower one");
        assert_eq!(end(Protocol::Udp, [1194, 1194], 0), 1);
        assert_eq!(Service::of(&flow(Protocol::Icmp, [0, 0]), 0), None);
    }

    #[test]
    fn flows_are_counted_for_their_hosts_and_service() {
        let mut numbers = Numbers::default();
        let mut name = |protocol, ports, ends| numbers.name(&flow(protocol, ports), ends, 443);
        assert_eq!(name(Protocol::Tcp, [40001, 443], ["client", "gateway"]), "client>gateway TCP/443 #1");
        assert_eq!(name(Protocol::Udp, [40002, 443], ["client", "gateway"]), "client>gateway UDP/443 #1");
        assert_eq!(name(Protocol::Tcp, [40003, 443], ["second", "gateway"]), "second>gateway TCP/443 #1");
        assert_eq!(name(Protocol::Tcp, [40004, 443], ["client", "gateway"]), "client>gateway TCP/443 #2");
        assert_eq!(name(Protocol::Icmp, [0, 0], ["client", "gateway"]), "client>gateway ICMP #1");
        assert_eq!(name(Protocol::Ip(47), [0, 0], ["client", "gateway"]), "client>gateway IP/47 #1");
    }
}
