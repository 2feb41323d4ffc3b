//! A topology in the terms of the lab, and what the rest of the cell asks about it.

use std::net::IpAddr;

use indexmap::IndexMap;
use interop_catalogue::{Link, LinkKind, LinkProfile, LinkSide, NatKind, Resource, Role, Scenario, Target, Topology};
use interop_evidence::{Facts, LeakWatch};
use interop_lab::link::{End, Profile};
use interop_lab::{LabSpec, LinkSpec, Nat, NodeSpec, RouteSpec};
use ipnet::IpNet;

use super::CellJob;
use crate::{EngineError, Result};

/// Domain of the inside names when the topology has none.
const DEFAULT_DOMAIN: &str = "corp.test";

/// The topology of a cell and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) topology: Topology,
    pub(crate) server: String,
    pub(crate) clients: Vec<String>,
    pub(crate) server_name: String,
    pub(crate) server_address: IpAddr,
    pub(crate) inside_networks: Vec<IpNet>,
    pub(crate) inside_dns: Option<IpAddr>,
    pub(crate) inside_domain: String,
    pub(crate) rootless: bool,
}

impl World {
    pub(crate) fn new(topology: &Topology, rootless: bool) -> Result<Self> {
        let server = topology.server().ok_or_else(|| EngineError::plan("the topology has no server"))?.to_string();
        let outside = |address: &IpAddr| {
            topology.interfaces(&server).any(|(_, link, addresses)| {
                link.side == LinkSide::Outside && addresses.iter().any(|own| own.addr() == *address)
            })
        };
        let named = topology.names.public.iter().find_map(|(name, addresses)| {
            addresses.iter().find(|address| outside(address)).map(|address| (name.to_string(), *address))
        });
        let (server_name, server_address) = named.ok_or_else(|| {
            EngineError::plan(format!("topology `{}` has no public name for the server `{server}`", topology.id))
        })?;
        let inside_links = || topology.links.values().filter(|link| link.side == LinkSide::Inside);
        let mut inside_networks: Vec<IpNet> =
            inside_links().flat_map(|link| link.ends.values().flatten().map(|address| address.value.trunc())).collect();
        inside_networks.sort();
        inside_networks.dedup();
        let inside_dns = topology
            .nodes
            .iter()
            .filter(|(name, node)| node.services.contains(&Resource::Dns) && is_inside(topology, name))
            .flat_map(|(name, _)| topology.addresses(name))
            .min_by_key(IpAddr::is_ipv6);
        let inside_domain = topology
            .names
            .inside
            .keys()
            .find_map(|name| name.split_once('.').map(|(_, domain)| domain.to_owned()))
            .unwrap_or_else(|| DEFAULT_DOMAIN.to_owned());
        Ok(Self {
            clients: topology.clients().map(ToString::to_string).collect(),
            topology: topology.clone(),
            server,
            server_name,
            server_address,
            inside_networks,
            inside_dns,
            inside_domain,
            rootless,
        })
    }

    /// What the topology and the scenario say to the checks.
    pub(crate) fn facts(&self, scenario: &Scenario) -> Facts {
        let outside = |node: &str| -> Vec<(String, Vec<IpAddr>)> {
            self.topology
                .interfaces(node)
                .filter(|(_, link, _)| link.side == LinkSide::Outside)
                .map(|(name, _, addresses)| (name.to_string(), addresses.iter().map(|a| a.addr()).collect()))
                .collect()
        };
        let of_clients: Vec<(String, Vec<IpAddr>)> = self.clients.iter().flat_map(|client| outside(client)).collect();
        Facts {
            leak_watch: match scenario.leak_watch {
                interop_catalogue::LeakWatch::Full => LeakWatch::Full,
                interop_catalogue::LeakWatch::Off => LeakWatch::Off,
                interop_catalogue::LeakWatch::Split => LeakWatch::Split,
            },
            clients: self.clients.clone(),
            server: self.server.clone(),
            client_wires: of_clients.iter().map(|(wire, _)| wire.clone()).collect(),
            client_addresses: of_clients.into_iter().flat_map(|(_, addresses)| addresses).collect(),
            server_addresses: outside(&self.server).into_iter().flat_map(|(_, addresses)| addresses).collect(),
            inside_networks: self.inside_networks.clone(),
            inside_domain: self.inside_domain.clone(),
            nodes: self
                .topology
                .nodes
                .keys()
                .map(|node| (node.to_string(), self.topology.addresses(node).collect()))
                .collect(),
            ..Facts::default()
        }
    }

    /// The address that a target stands for. `gateway_inside` is the server's address in the tunnel.
    pub(crate) fn address(&self, target: &Target, gateway_inside: IpAddr) -> Result<IpAddr> {
        let of = |node: &str, v6: Option<bool>| {
            self.topology
                .addresses(node)
                .find(|address| v6.is_none_or(|v6| address.is_ipv6() == v6))
                .ok_or_else(|| EngineError::plan(format!("node `{node}` has no such address")))
        };
        match target {
            Target::Address(address) => Ok(*address),
            Target::GatewayInside => Ok(gateway_inside),
            Target::Node(node) => of(node, Some(false)).or_else(|_| of(node, None)),
            Target::NodeV4(node) => of(node, Some(false)),
            Target::NodeV6(node) => of(node, Some(true)),
        }
    }

    /// What the lab builds.
    pub(crate) fn lab_spec(&self, job: &CellJob, seed: u64) -> LabSpec {
        let topology = &self.topology;
        let nodes = topology.nodes.iter().map(|(name, node)| {
            let routes = topology.routes.get(name.as_str()).into_iter().flatten();
            let nat = node.nat.as_ref().map(|nat| Nat {
                kind: lab_nat(nat.kind),
                outside: nat.outside.to_string(),
                udp_timeout: nat.udp_timeout,
                generation: 0,
            });
            let choice = match node.role {
                Role::Client => Some(&job.client),
                Role::Server => Some(&job.server),
                _ => None,
            };
            let spec = NodeSpec {
                forwards: matches!(node.role, Role::Router | Role::Server),
                nat,
                routes: routes.map(|route| RouteSpec { to: route.to.0, via: route.via.value }).collect(),
                resolver: choice.map(|_| resolv_conf(node)),
                root: choice.and_then(|choice| choice.origin.as_ref()).map(|origin| origin.root.clone()),
            };
            (name.to_string(), spec)
        });
        LabSpec {
            nodes: nodes.collect(),
            links: topology.links.iter().map(|(name, link)| (name.to_string(), link_spec(link))).collect(),
            seed,
        }
    }

    /// The outside wires of the server with the end at which it sits: where the transport of a tunnel is seen.
    pub(crate) fn server_wires(&self) -> IndexMap<String, End> {
        self.wires()
            .filter_map(|(name, link)| Some((name, end_of(link, &self.server)?)))
            .filter(|(name, _)| self.topology.links[name.as_str()].side == LinkSide::Outside)
            .collect()
    }

    /// The outside wires of the clients with the end at which each sits: where their handshakes are seen.
    pub(crate) fn client_wires(&self) -> IndexMap<String, End> {
        let end = |link: &Link| self.clients.iter().find_map(|client| end_of(link, client));
        self.wires()
            .filter(|(_, link)| link.side == LinkSide::Outside)
            .filter_map(|(name, link)| Some((name, end(link)?)))
            .collect()
    }

    /// The outside wires.
    pub(crate) fn outside_wires(&self) -> Vec<String> {
        self.wires().filter(|(_, link)| link.side == LinkSide::Outside).map(|(name, _)| name).collect()
    }

    /// Wires in the lab's order.
    pub(crate) fn wires(&self) -> impl Iterator<Item = (String, &Link)> {
        self.topology
            .links
            .iter()
            .filter(|(_, link)| link.kind == LinkKind::Wire)
            .map(|(name, link)| (name.to_string(), link))
    }

    /// The end of a link at which frames towards `node` enter: the other one.
    pub(crate) fn end_towards(&self, link: &str, node: &str) -> Option<End> {
        end_of(self.topology.links.get(link)?, node).map(End::other)
    }

    /// The nodes of a role that offer a service, with the addresses on which they do.
    pub(crate) fn offering(&self, service: Resource) -> impl Iterator<Item = (String, Vec<IpAddr>, bool)> {
        self.topology.nodes.iter().filter(move |(_, node)| node.services.contains(&service)).map(|(name, _)| {
            (name.to_string(), self.topology.addresses(name).collect(), is_inside(&self.topology, name))
        })
    }
}

/// Whether a node hangs on inside links only.
fn is_inside(topology: &Topology, node: &str) -> bool {
    topology.interfaces(node).all(|(_, link, _)| link.side == LinkSide::Inside)
}

fn end_of(link: &Link, node: &str) -> Option<End> {
    match link.ends.keys().position(|name| **name == *node)? {
        0 => Some(End::A),
        _ => Some(End::B),
    }
}

/// The lab's word for a behaviour.
pub(crate) fn lab_nat(kind: NatKind) -> interop_lab::NatKind {
    match kind {
        NatKind::FullCone => interop_lab::NatKind::FullCone,
        NatKind::PortRestricted => interop_lab::NatKind::PortRestricted,
        NatKind::Symmetric => interop_lab::NatKind::Symmetric,
    }
}

fn resolv_conf(node: &interop_catalogue::Node) -> String {
    let mut text = String::new();
    if !node.search.is_empty() {
        let names: Vec<&str> = node.search.iter().map(|name| name.as_str()).collect();
        text.push_str(&format!("search {}\n", names.join(" ")));
    }
    for resolver in &node.resolver {
        text.push_str(&format!("nameserver {resolver}\n"));
    }
    // A resolver that does not answer must not hold up a cell for the default of five seconds and two attempts. Five
    // attempts, the most that there are: on a line that loses one packet in ten both ways, two of a hundred lookups with two
    // attempts come to nothing, before any VPN program has done a thing.
    text.push_str("options timeout:1 attempts:5\n");
    text
}

fn link_spec(link: &Link) -> LinkSpec {
    let mut ends = link.ends.iter().map(|(node, addresses)| {
        (node.to_string(), addresses.iter().map(|address| address.value).collect::<Vec<IpNet>>())
    });
    let mut next = || ends.next().unwrap_or_default();
    let ends = [next(), next()];
    let profile = lab_profile(&link.profile);
    let towards = link.profile.towards.as_ref().and_then(|node| end_of(link, node)).map(End::other);
    let of = |end: End| if towards.is_none_or(|only| only == end) { profile.clone() } else { Profile::default() };
    LinkSpec {
        kind: match link.kind {
            LinkKind::Wire => interop_lab::LinkKind::Wire,
            LinkKind::Veth => interop_lab::LinkKind::Veth,
        },
        ends,
        mtu: link.mtu.0.into(),
        profiles: [of(End::A), of(End::B)],
    }
}

fn lab_profile(profile: &LinkProfile) -> Profile {
    let share = |percent: Option<interop_catalogue::Percent>| percent.map_or(0.0, |percent| percent.fraction());
    Profile {
        delay: profile.delay.unwrap_or_default(),
        jitter: profile.jitter.unwrap_or_default(),
        loss: share(profile.loss),
        burst: profile.burst.map(f64::from),
        duplicate: share(profile.duplicate),
        reorder: share(profile.reorder),
        corrupt: share(profile.corrupt),
        rate: profile.rate.and_then(|rate| std::num::NonZeroU64::new(rate.0)),
        queue: profile.queue.map_or(Profile::DEFAULT_QUEUE, |queue| usize::try_from(queue.0).unwrap_or(usize::MAX)),
        mtu: profile.mtu.map(|mtu| mtu.0.into()),
        cut: profile.cut,
        ..Profile::default()
    }
}
