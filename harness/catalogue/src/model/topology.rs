//! Topologies.

use std::{net::IpAddr, time::Duration};

use indexmap::IndexMap;
use ipnet::IpNet;

use crate::{
    Bitrate, Destination, Mtu, Name, Percent, Size, Spanned,
    decode::{keywords, record},
};

record! {
    /// A small internet.
    pub struct Topology {
        /// Names the topology; the same as the file's stem.
        pub id: Name,
        /// What it is, in one line.
        pub title: String,
        /// What it is, in more words.
        pub about: Option<String> = None,
        /// Files below the topologies' folder that bring nodes, links, routes and names.
        pub include: Vec<Name> = Vec::new(),
        /// Whether it replaces the built-in topology of the same id.
        pub replaces: bool = false,
        /// The hosts and routers.
        pub nodes: IndexMap<Name, Node> = IndexMap::new(),
        /// What joins two nodes.
        pub links: IndexMap<Name, Link> = IndexMap::new(),
        /// Static routes of each node.
        pub routes: IndexMap<Name, Vec<Route>> = IndexMap::new(),
        /// What the lab's DNS answers.
        pub names: Zones = Zones::default(),
    }
}

impl Topology {
    /// The only server node.
    pub fn server(&self) -> Option<&Name> {
        self.with_role(Role::Server).next()
    }

    /// The client nodes, in declared order.
    pub fn clients(&self) -> impl Iterator<Item = &Name> {
        self.with_role(Role::Client)
    }

    fn with_role(&self, role: Role) -> impl Iterator<Item = &Name> {
        self.nodes.iter().filter(move |(_, node)| node.role == role).map(|(name, _)| name)
    }

    /// The links of a node with its addresses on each, in declared order.
    pub fn interfaces<'a>(&'a self, node: &'a str) -> impl Iterator<Item = (&'a Name, &'a Link, &'a [Spanned<IpNet>])> {
        self.links.iter().filter_map(move |(name, link)| link.ends.get(node).map(|ends| (name, link, ends.as_slice())))
    }

    /// The addresses of a node, in declared order.
    pub fn addresses<'a>(&'a self, node: &'a str) -> impl Iterator<Item = IpAddr> + 'a {
        self.interfaces(node).flat_map(|(_, _, addresses)| addresses.iter().map(|address| address.addr()))
    }
}

keywords! {
    /// What a node is.
    pub enum Role: "role" {
        /// Runs the client under test.
        Client = "client",
        /// Offers services, or just sits there.
        Host = "host",
        /// Forwards, filters, translates.
        Router = "router",
        /// Runs the server under test.
        Server = "server",
    }
}

keywords! {
    /// What a host offers.
    pub enum Resource: "service" {
        /// A name server.
        Dns = "dns",
        /// UDP echo, for numbered flows.
        Echo = "echo",
        /// A web server.
        Http = "http",
        /// A web proxy with CONNECT.
        HttpProxy = "http-proxy",
    }
}

record! {
    /// A host or router.
    pub struct Node {
        /// What it is.
        pub role: Role,
        /// Name servers in its resolv.conf.
        pub resolver: Vec<IpAddr> = Vec::new(),
        /// Search domains in its resolv.conf.
        pub search: Vec<Name> = Vec::new(),
        /// What it offers.
        pub services: Vec<Resource> = Vec::new(),
        /// Address translation of a router.
        pub nat: Option<Nat> = None,
    }
}

keywords! {
    /// How a router translates addresses.
    pub enum NatKind: "kind of NAT" {
        /// One mapping per inside address and port; anybody may answer.
        FullCone = "full-cone",
        /// Only who was asked may answer; the port is kept where possible.
        PortRestricted = "port-restricted",
        /// A new random port for each destination.
        Symmetric = "symmetric",
    }
}

record! {
    /// Address translation of a router.
    pub struct Nat {
        /// How.
        pub kind: NatKind,
        /// The link that leads outside.
        pub outside: Name,
        /// How long an idle UDP mapping lives.
        pub udp_timeout: Option<Duration> = None,
    }
}

keywords! {
    /// What a link is made of.
    pub enum LinkKind: "kind of link" {
        /// A pair of kernel interfaces, for throughput; not captured frame by frame.
        Veth = "veth",
        /// Two TAP devices with the link model between them.
        Wire = "wire",
    }
}

keywords! {
    /// On which side of the server a link is.
    pub enum Side: "side" {
        /// Behind the server.
        Inside = "inside",
        /// The internet in front of the server.
        Outside = "outside",
    }
}

record! {
    /// What joins two nodes. In both of them the interface has the link's name.
    pub struct Link {
        /// What it is made of.
        pub kind: LinkKind = LinkKind::Wire,
        /// On which side of the server it is.
        pub side: Side = Side::Outside,
        /// Largest IP packet.
        pub mtu: Mtu = Mtu(1500),
        /// The two nodes with their addresses.
        pub ends: IndexMap<Name, Vec<Spanned<IpNet>>>,
        /// How it treats packets from the start.
        pub profile: LinkProfile = LinkProfile::default(),
    }
}

impl Link {
    /// The node at the other end.
    pub fn peer(&self, node: &str) -> Option<&Name> {
        self.ends.contains_key(node).then(|| self.ends.keys().find(|name| ***name != *node)).flatten()
    }
}

record! {
    /// How a link treats packets.
    #[derive(Default)]
    pub struct LinkProfile {
        /// Time that every packet takes.
        pub delay: Option<Duration> = None,
        /// Random part of the delay.
        pub jitter: Option<Duration> = None,
        /// Share of packets lost.
        pub loss: Option<Percent> = None,
        /// Mean number of packets lost in a row.
        pub burst: Option<u32> = None,
        /// Share of packets delivered twice.
        pub duplicate: Option<Percent> = None,
        /// Share of packets delivered after a later one.
        pub reorder: Option<Percent> = None,
        /// Share of packets with a flipped bit.
        pub corrupt: Option<Percent> = None,
        /// Bits per second.
        pub rate: Option<Bitrate> = None,
        /// Bytes that wait in front of the rate limit.
        pub queue: Option<Size> = None,
        /// Largest IP packet that passes, below the interfaces' own.
        pub mtu: Option<Mtu> = None,
        /// Whether nothing passes.
        pub cut: bool = false,
        /// Only towards this node; both ways unless given.
        pub towards: Option<Name> = None,
    }
}

record! {
    /// A static route.
    pub struct Route {
        /// The prefix, `default` or `default/v6`.
        pub to: Destination,
        /// The next hop.
        pub via: Spanned<IpAddr>,
    }
}

record! {
    /// What the lab's DNS answers.
    #[derive(Default)]
    pub struct Zones {
        /// By every name server.
        pub public: IndexMap<Name, Vec<IpAddr>> = IndexMap::new(),
        /// Only by name servers on an inside link.
        pub inside: IndexMap<Name, Vec<IpAddr>> = IndexMap::new(),
    }
}
