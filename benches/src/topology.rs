//! The topology that is built again and again: eight nodes, two routers with address translation between the client
//! and the internet.
//!
//! ```text
//! client -lan- home ~wan~ carrier ~core- internet -edge- gateway -inside- office
//!              (NAT)      (NAT)             |  \
//!                                         web  dns
//!                                        public resolver
//! ```

use indexmap::IndexMap;
use interop_lab::link::Profile;
use interop_lab::{LabSpec, LinkKind, LinkSpec, Nat, NatKind, NodeSpec, RouteSpec};

/// A link: its name, and node and address of both ends.
pub type Ends = (&'static str, [(&'static str, &'static str); 2]);

/// Nodes in the order in which they are made.
pub const NODES: [&str; 8] = ["client", "home", "carrier", "internet", "gateway", "office", "public", "resolver"];

/// Links; an interface has the name of its link.
pub const LINKS: [Ends; 7] = [
    ("lan", [("client", "192.168.1.2/24"), ("home", "192.168.1.1/24")]),
    ("wan", [("home", "100.64.0.2/24"), ("carrier", "100.64.0.1/24")]),
    ("core", [("carrier", "203.0.113.2/24"), ("internet", "203.0.113.1/24")]),
    ("edge", [("gateway", "198.51.100.2/24"), ("internet", "198.51.100.1/24")]),
    ("inside", [("gateway", "10.20.0.1/24"), ("office", "10.20.0.2/24")]),
    ("web", [("public", "192.0.2.2/25"), ("internet", "192.0.2.1/25")]),
    ("dns", [("resolver", "192.0.2.130/25"), ("internet", "192.0.2.129/25")]),
];

/// Default routes: node and gateway.
pub const DEFAULT_ROUTES: [(&str, &str); 7] = [
    ("client", "192.168.1.1"),
    ("home", "100.64.0.1"),
    ("carrier", "203.0.113.1"),
    ("gateway", "198.51.100.1"),
    ("office", "10.20.0.1"),
    ("public", "192.0.2.1"),
    ("resolver", "192.0.2.129"),
];

/// Nodes that forward.
pub const ROUTERS: [&str; 4] = ["home", "carrier", "internet", "gateway"];

/// Nodes that translate addresses, with their interface towards the internet.
pub const NATS: [(&str, &str); 2] = [("home", "wan"), ("carrier", "core")];

/// Nodes whose programs see their own `/etc`, where that is part of the measurement.
pub const PEERS: [&str; 2] = ["client", "gateway"];

/// The topology for our lab, with links of one kind.
pub fn double_nat(kind: LinkKind, with_views: bool) -> LabSpec {
    let node = |name: &str| {
        let routes = DEFAULT_ROUTES.iter().filter(|(of, _)| *of == name).map(|(_, via)| default_route(via));
        let spec = NodeSpec {
            forwards: ROUTERS.contains(&name),
            nat: NATS.iter().find(|(of, _)| *of == name).map(|(_, outside)| nat(outside)),
            routes: routes.collect(),
            resolver: (with_views && PEERS.contains(&name)).then(|| "nameserver 192.0.2.130\n".to_owned()),
        };
        (name.to_owned(), spec)
    };
    let link = |(name, ends): &Ends| (name.to_string(), link_of(kind, *ends));
    LabSpec { nodes: NODES.into_iter().map(node).collect(), links: LINKS.iter().map(link).collect(), seed: 1 }
}

/// `left - n routers - right` in a row, for throughput and latency; `right` is [`row_target`].
pub fn row(kind: LinkKind, routers: u8, profiles: [Profile; 2]) -> LabSpec {
    let mut nodes = IndexMap::new();
    let mut links = IndexMap::new();
    let count = routers + 2;
    for position in 0..count {
        let routes = match position {
            0 => vec![default_route("10.0.0.2")],
            last if last + 1 == count => vec![default_route(&format!("10.0.{}.1", last - 1))],
            // Two links at most, so that a router knows every subnet.
            _ => Vec::new(),
        };
        let forwards = position > 0 && position + 1 < count;
        nodes.insert(row_node(position), NodeSpec { forwards, routes, ..NodeSpec::default() });
        if position + 1 < count {
            let address = |host: u8| format!("10.0.{position}.{host}/24");
            let (a, b) = (address(1), address(2));
            let mut spec = link_of(kind, [("", &a), ("", &b)]);
            spec.ends[0].0 = row_node(position);
            spec.ends[1].0 = row_node(position + 1);
            spec.profiles = if position == 0 { profiles.clone() } else { Default::default() };
            links.insert(format!("hop{position}"), spec);
        }
    }
    LabSpec { nodes, links, seed: 20_261_121 }
}

/// Name of a node of a [`row`].
pub fn row_node(position: u8) -> String {
    format!("n{position}")
}

/// Name and address of the last node of a [`row`].
pub fn row_target(routers: u8) -> (String, String) {
    (row_node(routers + 1), format!("10.0.{routers}.2"))
}

fn link_of(kind: LinkKind, ends: [(&str, &str); 2]) -> LinkSpec {
    LinkSpec {
        kind,
        ends: ends.map(|(node, address)| (node.to_owned(), vec![address.parse().expect("a constant of this file")])),
        mtu: 1500,
        profiles: Default::default(),
    }
}

fn default_route(via: &str) -> RouteSpec {
    let everything = "0.0.0.0/0".parse().expect("a constant");
    RouteSpec { to: everything, via: via.parse().expect("a constant of this file") }
}

fn nat(outside: &str) -> Nat {
    Nat { kind: NatKind::PortRestricted, outside: outside.to_owned(), udp_timeout: None, generation: 0 }
}
