//! Addresses: hosts by role, and by their order where nobody said who they are.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use super::ports::{DNS, Service};
use crate::Hosts;
use crate::found::{Flow, Protocol};
use crate::hosts::IN_TUNNEL;

/// A flow and what its lines say about the hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) flow: &'a Flow,
    /// Whether it is inside of the tunnel.
    pub(super) inner: bool,
    /// Whether it carries TLS, DTLS or OpenVPN.
    pub(super) secured: bool,
}

/// The name of each address.
#[derive(Debug)]
pub(super) struct Names {
    names: HashMap<IpAddr, String>,
    numbered: usize,
}

impl Names {
    /// Finds out who is who; `flows` are in the order of their appearance. A bare capture has its roles added to
    /// `hosts`.
    pub(super) fn new(hosts: &mut Hosts, flows: &[Seen<'_>]) -> Self {
        let names = hosts.names.iter().map(|(address, name)| (*address, name.clone())).collect();
        let mut this = Self { names, numbered: 0 };
        let bare = hosts.is_bare();
        if bare {
            this.roles(hosts, flows);
        }
        this.tunnels(hosts, flows, bare);
        this.resolvers(flows);
        for seen in flows {
            seen.flow.ends.iter().for_each(|address| drop(this.of(*address)));
        }
        this
    }

    /// The name of an address; `host-1` and so on for those that have none yet.
    pub(super) fn of(&mut self, address: IpAddr) -> String {
        if let Some(name) = self.known(address) {
            return name.to_owned();
        }
        self.numbered += 1;
        let name = format!("host-{}", self.numbered);
        self.names.insert(address, name.clone());
        name
    }

    fn known(&self, address: IpAddr) -> Option<&str> {
        self.names.get(&address).map(String::as_str).or_else(|| reserved(address))
    }

    fn is_tunnel(&self, address: IpAddr) -> bool {
        self.known(address).is_some_and(|name| name.ends_with(IN_TUNNEL))
    }

    /// Nobody said who is who: the first flow that looks like a VPN runs between the client and the gateway.
    fn roles(&mut self, hosts: &mut Hosts, flows: &[Seen<'_>]) {
        let port = hosts.port;
        hosts.clients = vec!["client".to_owned()];
        hosts.server = "gateway".to_owned();
        let outer = flows.iter().filter(|seen| !seen.inner);
        let services = outer.filter_map(|seen| Some((seen, Service::of(seen.flow, port)?)));
        let mut vpn = services.filter(|(seen, service)| {
            let at_its_port = seen.flow.protocol == Protocol::Tcp && service.is_gateway(port);
            at_its_port || seen.secured
        });
        if let Some((seen, service)) = vpn.next() {
            let [one, other] = seen.flow.ends;
            let (client, gateway) = if service.end == 1 { (one, other) } else { (other, one) };
            self.names.insert(client, "client".to_owned());
            self.names.insert(gateway, "gateway".to_owned());
        }
    }

    /// Addresses that the VPN gave out. The wire of a tunnel device is called `NODE:DEVICE`; on a bare capture every
    /// tunnel is the client's.
    fn tunnels(&mut self, hosts: &Hosts, flows: &[Seen<'_>], bare: bool) {
        let only_client = match hosts.clients.as_slice() {
            [client] => Some(client.as_str()),
            _ => None,
        };
        let inner = || {
            let inner = flows.iter().filter(|seen| seen.inner);
            inner.map(|seen| {
                let named = seen.flow.wire.split_once(':').map(|(node, _)| node);
                (seen.flow, named.filter(|_| !bare).or(only_client))
            })
        };
        let of_clients = || inner().filter_map(|(flow, node)| Some((flow, node.filter(|node| *node != hosts.server)?)));
        let of_server = || inner().filter(|(_, node)| *node == Some(hosts.server.as_str())).map(|(flow, _)| flow);
        // On its own device a node talks with everyone else, so what talks with a known host is the node.
        for (flow, node) in of_clients() {
            if let Some((unknown, known)) = self.one_unknown(flow)
                && self.known(known).is_none_or(|name| name.strip_suffix(IN_TUNNEL).unwrap_or(name) != node)
            {
                self.names.insert(unknown, format!("{node}{IN_TUNNEL}"));
            }
        }
        let mut flows_of: HashMap<(&str, IpAddr), usize> = HashMap::new();
        for (flow, _) in of_clients() {
            flow.ends.iter().for_each(|end| *flows_of.entry((&*flow.wire, *end)).or_default() += 1);
        }
        for (flow, node) in of_clients() {
            let [one, other] = flow.ends;
            if self.known(one).is_none() && self.known(other).is_none() {
                let flows = |end| flows_of.get(&(&*flow.wire, end)).copied().unwrap_or_default();
                let own = if flows(other) > flows(one) { other } else { one };
                self.names.insert(own, format!("{node}{IN_TUNNEL}"));
            }
        }
        // In the lab only what the VPN gave out is unknown.
        for flow in of_server() {
            let Some((unknown, known)) = self.one_unknown(flow) else { continue };
            match (self.is_tunnel(known), only_client) {
                (true, _) => self.names.insert(unknown, format!("{}{IN_TUNNEL}", hosts.server)),
                (false, Some(client)) => self.names.insert(unknown, format!("{client}{IN_TUNNEL}")),
                (false, None) => None,
            };
        }
    }

    /// The end of a flow that has no name, and the other if it is somebody.
    fn one_unknown(&self, flow: &Flow) -> Option<(IpAddr, IpAddr)> {
        let somebody = |address| self.known(address).is_some() && reserved(address).is_none();
        let [one, other] = flow.ends;
        match (self.known(one).is_none(), self.known(other).is_none()) {
            (true, false) if somebody(other) => Some((one, other)),
            (false, true) if somebody(one) => Some((other, one)),
            _ => None,
        }
    }

    fn resolvers(&mut self, flows: &[Seen<'_>]) {
        let mut number = 0;
        for Seen { flow, .. } in flows {
            let service = Service::of(flow, 0).filter(|service| service.port == DNS);
            let Some(address) = service.and_then(|service| flow.ends.get(service.end)) else { continue };
            if self.known(*address).is_none() {
                number += 1;
                self.names.insert(*address, format!("resolver-{number}"));
            }
        }
    }
}

/// Names of addresses that are nobody's, from the registries of IANA.
fn reserved(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [255, 255, 255, 255] => Some("broadcast"),
            [0, 0, 0, 0] => Some("unspecified"),
            [127, ..] => Some("loopback"),
            [224, 0, 0, 1] => Some("all-hosts"),
            [224, 0, 0, 2] => Some("all-routers"),
            [224, 0, 0, 22] => Some("igmp"),
            [224, 0, 0, 251] => Some("mdns"),
            [224, 0, 0, 252] => Some("llmnr"),
            [239, 255, 255, 250] => Some("ssdp"),
            _ => v4.is_multicast().then_some("multicast"),
        },
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Some("unspecified"),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Some("loopback"),
        IpAddr::V6(v6) => match v6.segments() {
            [0xff02, 0, 0, 0, 0, 0, 0, 1] => Some("all-hosts"),
            [0xff02, 0, 0, 0, 0, 0, 0, 2] => Some("all-routers"),
            [0xff02, 0, 0, 0, 0, 0, 0, 0x16] => Some("mld"),
            [0xff02, 0, 0, 0, 0, 0, 0, 0xfb] => Some("mdns"),
            [0xff02, 0, 0, 0, 0, 0, 1, 2] => Some("all-dhcp"),
            [0xff02, 0, 0, 0, 0, 0, 1, 3] => Some("llmnr"),
            [0xff02, 0, 0, 0, 0, 0, 0, 0xc] => Some("ssdp"),
            [0xff02, 0, 0, 0, 0, 1, 0xff00..=0xffff, _] => Some("solicited-node"),
            _ => v6.is_multicast().then_some("multicast"),
        },
    }
}

#[cfg(test)]
mod tests {
    use interop_evidence::Facts;

    use super::*;

    fn flow(wire: &str, protocol: Protocol, ends: [&str; 2], ports: [u16; 2]) -> Flow {
        Flow { wire: wire.into(), protocol, ends: ends.map(|end| end.parse().unwrap()), ports, generation: 0 }
    }

    fn names<const N: usize>(hosts: &mut Hosts, flows: &[(Flow, bool)], addresses: [&str; N]) -> [String; N] {
        let seen: Vec<Seen<'_>> =
            flows.iter().map(|(flow, inner)| Seen { flow, inner: *inner, secured: false }).collect();
        let mut names = Names::new(hosts, &seen);
        addresses.map(|address| names.of(address.parse().unwrap()))
    }

    fn office(clients: &[(&str, &str)]) -> Hosts {
        let fixed = [("gateway", "198.51.100.10"), ("inside", "10.20.0.10")];
        let nodes = clients.iter().chain(&fixed).map(|(name, own)| ((*name).into(), vec![own.parse().unwrap()]));
        Hosts::of(&Facts {
            clients: clients.iter().map(|(name, _)| (*name).into()).collect(),
            server: "gateway".into(),
            nodes: nodes.collect(),
            ..Facts::default()
        })
    }

    #[test]
    fn on_a_bare_capture_the_first_that_looks_like_a_vpn_gives_the_roles() {
        let flows = [
            (flow("if0", Protocol::Udp, ["192.168.1.7", "192.168.1.1"], [40000, 53]), false),
            (flow("if0", Protocol::Tcp, ["192.168.1.7", "192.168.1.9"], [40001, 22]), false),
            (flow("if0", Protocol::Tcp, ["192.168.1.7", "203.0.113.9"], [40002, 443]), false),
            (flow("if0", Protocol::Tcp, ["192.168.1.8", "203.0.113.8"], [40002, 443]), false),
        ];
        let asked = ["192.168.1.7", "192.168.1.1", "203.0.113.9", "192.168.1.9", "192.168.1.8", "203.0.113.8"];
        assert_eq!(
            names(&mut Hosts::default(), &flows, asked),
            ["client", "resolver-1", "gateway", "host-1", "host-2", "host-3"]
        );
    }

    #[test]
    fn on_a_bare_capture_that_began_in_the_middle_the_gateway_may_speak_first() {
        let flows = [(flow("if0", Protocol::Tcp, ["203.0.113.9", "192.168.1.7"], [443, 40001]), false)];
        assert_eq!(names(&mut Hosts::default(), &flows, ["192.168.1.7", "203.0.113.9"]), ["client", "gateway"]);
    }

    #[test]
    fn any_port_will_do_for_tls_dtls_and_openvpn() {
        let [web, vpn] = [
            flow("if0", Protocol::Tcp, ["192.168.1.7", "203.0.113.1"], [40001, 80]),
            flow("if0", Protocol::Udp, ["192.168.1.7", "203.0.113.9"], [40002, 5000]),
        ];
        let seen = [(&web, false), (&vpn, true)].map(|(flow, secured)| Seen { flow, inner: false, secured });
        let mut names = Names::new(&mut Hosts::default(), &seen);
        assert_eq!(names.of("203.0.113.9".parse().unwrap()), "gateway");
        assert_eq!(names.of("203.0.113.1".parse().unwrap()), "host-1");
    }

    #[test]
    fn what_the_client_sends_from_on_its_tunnel_device_is_its_address_in_the_tunnel() {
        let flows = [
            // A stranger speaks first, on the way to the client.
            (flow("client:tun0", Protocol::Udp, ["8.8.8.8", "10.30.0.50"], [53, 40000]), true),
            (flow("client:tun0", Protocol::Icmp, ["10.30.0.50", "10.20.0.10"], [0, 0]), true),
            (flow("gateway:vpns0", Protocol::Icmp, ["10.30.0.50", "10.30.0.1"], [0, 0]), true),
            (flow("client:tun0", Protocol::Tcp, ["10.30.0.50", "8.8.4.4"], [40000, 80]), true),
            (flow("client:tun0", Protocol::Icmp, ["10.30.0.99", "10.20.0.10"], [0, 0]), true),
        ];
        assert_eq!(
            names(
                &mut office(&[("client", "192.0.2.100")]),
                &flows,
                ["10.30.0.50", "10.30.0.1", "8.8.8.8", "8.8.4.4", "10.30.0.99", "192.0.2.100"]
            ),
            ["client/tunnel", "gateway/tunnel", "resolver-1", "host-1", "client/tunnel", "client"]
        );
    }

    #[test]
    fn without_known_hosts_the_own_address_is_the_one_that_all_flows_have() {
        let flows = [
            (flow("tun0", Protocol::Udp, ["10.9.9.9", "10.8.0.2"], [5000, 5000]), true),
            (flow("tun0", Protocol::Tcp, ["10.8.0.2", "10.9.9.8"], [40000, 80]), true),
        ];
        let flows_at_the_gateway =
            flows.clone().map(|(flow, inner)| (Flow { wire: "gateway:vpns0".into(), ..flow }, inner));
        for flows in [flows, flows_at_the_gateway] {
            assert_eq!(
                names(&mut Hosts::default(), &flows, ["10.8.0.2", "10.9.9.9", "10.9.9.8"]),
                ["client/tunnel", "host-1", "host-2"]
            );
        }
    }

    #[test]
    fn each_of_two_clients_has_its_own_address_in_the_tunnel() {
        let flows = [
            // Seen first at the gateway, where nothing says whose it is.
            (flow("gateway:vpns1", Protocol::Icmp, ["10.20.0.10", "10.30.0.51"], [0, 0]), true),
            (flow("second:tun0", Protocol::Icmp, ["10.30.0.51", "10.20.0.10"], [0, 0]), true),
            (flow("client:tun0", Protocol::Icmp, ["10.30.0.50", "10.20.0.10"], [0, 0]), true),
        ];
        let mut hosts = office(&[("client", "192.0.2.100"), ("second", "192.0.2.101")]);
        assert_eq!(names(&mut hosts, &flows, ["10.30.0.50", "10.30.0.51"]), ["client/tunnel", "second/tunnel"]);
    }

    #[test]
    fn broadcast_and_multicast_have_names() {
        let asked = ["255.255.255.255", "224.0.0.251", "239.1.1.1", "ff02::16", "ff02::1:ff00:1", "ff0e::1", "::"];
        assert_eq!(
            names(&mut Hosts::default(), &[], asked),
            ["broadcast", "mdns", "multicast", "mld", "solicited-node", "multicast", "unspecified"]
        );
    }
}
