//! What is built: a double NAT with eight nodes, and nodes in a row.
//!
//! ```text
//! client -lan- home -wan- carrier -core- internet -edge- gateway -inside- office
//!             (NAT)        (NAT)          |    |
//!                                        web  dns
//!                                         |    |
//!                                    public    resolver
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
const PEERS: [&str; 2] = ["client", "gateway"];

/// The double NAT for our lab, with links of one kind; `views` gives the nodes of peers their own `/etc`.
pub fn double_nat(kind: LinkKind, views: bool) -> LabSpec {
    let node = |name: &str| {
        let routes = DEFAULT_ROUTES.iter().filter(|(of, _)| *of == name).map(|(_, via)| route("0.0.0.0/0", via));
        let spec = NodeSpec {
            forwards: ROUTERS.contains(&name),
            nat: NATS.iter().find(|(of, _)| *of == name).map(|(_, outside)| nat(outside)),
            routes: routes.collect(),
            resolver: (views && PEERS.contains(&name)).then(|| "nameserver 192.0.2.130\n".to_owned()),
            root: None,
        };
        (name.to_owned(), spec)
    };
    let link = |(name, [a, b]): &Ends| (name.to_string(), link([a.0, b.0], [a.1, b.1], kind));
    LabSpec { nodes: NODES.into_iter().map(node).collect(), links: LINKS.iter().map(link).collect(), seed: 1 }
}

/// The rules of a router with NAT, as our lab loads them.
pub fn nat(outside: &str) -> Nat {
    Nat { kind: NatKind::PortRestricted, outside: outside.to_owned(), udp_timeout: None, generation: 0 }
}

/// Nodes in a row, `routers` of them between the two ends. `profile` is what the first link does to frames that leave
/// the first node.
pub fn row(kind: LinkKind, routers: u8, profile: Profile, seed: u64) -> LabSpec {
    let last = routers + 1;
    let node = |position: u8| {
        let mut routes: Vec<RouteSpec> =
            (1..position).map(|net| route(&format!("10.0.{}.0/24", net - 1), &row_address(position - 1, 1))).collect();
        if position < last {
            routes.push(route("0.0.0.0/0", &row_address(position, 2)));
        }
        NodeSpec { forwards: position > 0 && position < last, routes, ..NodeSpec::default() }
    };
    let hop = |position: u8| {
        let names = [row_node(position), row_node(position + 1)];
        let addresses = [1, 2].map(|host| format!("{}/24", row_address(position, host)));
        let mut link = link([&names[0], &names[1]], [&addresses[0], &addresses[1]], kind);
        if position == 0 {
            link.profiles[0] = profile.clone();
        }
        (format!("hop{position}"), link)
    };
    LabSpec {
        nodes: (0..=last).map(|position| (row_node(position), node(position))).collect(),
        links: (0..last).map(hop).collect::<IndexMap<_, _>>(),
        seed,
    }
}

/// Name of a node of a [`row`], from 0.
pub fn row_node(position: u8) -> String {
    format!("n{position}")
}

/// Address in a [`row`] on the link that leaves node `link` to the right: host 1 is that node, host 2 the next one.
pub fn row_address(link: u8, host: u8) -> String {
    format!("10.0.{link}.{host}")
}

fn link(nodes: [&str; 2], addresses: [&str; 2], kind: LinkKind) -> LinkSpec {
    let [a, b] = nodes.map(str::to_owned);
    let [of_a, of_b] = addresses.map(|address| vec![address.parse().expect("an address of this file")]);
    LinkSpec { kind, ends: [(a, of_a), (b, of_b)], mtu: 1500, profiles: Default::default() }
}

fn route(to: &str, via: &str) -> RouteSpec {
    let constant = "a constant of this file";
    RouteSpec { to: to.parse().expect(constant), via: via.parse().expect(constant) }
}
