//! Topologies: links join nodes in one subnet, next hops are neighbours, there is one server.

use std::net::IpAddr;

use ipnet::IpNet;

use super::identifier;
use crate::{Link, Name, Problem, Problems, Role, Spanned, Topology, suggest};

/// Longest name of a network interface in Linux.
const MAX_INTERFACE: usize = 15;

pub(super) fn check(topology: &Topology, problems: &mut Problems) {
    roles(topology, problems);
    for (name, node) in &topology.nodes {
        identifier(name, "node", problems);
        if let Some(nat) = &node.nat {
            if node.role != Role::Router {
                at(
                    name,
                    format!("`{name}` is no router, but has `nat`"),
                    "only a router translates addresses",
                    problems,
                );
            }
            match topology.links.get(nat.outside.as_str()) {
                Some(link) if link.ends.contains_key(name) => {}
                _ => {
                    let own = topology.interfaces(name).map(|(link, ..)| link.as_str());
                    problems.unknown_of("link", &format!("of `{name}`"), &nat.outside, nat.outside.span(), own);
                }
            }
        }
    }
    for (name, link) in &topology.links {
        check_link(topology, name, link, problems);
    }
    for (node, routes) in &topology.routes {
        known_node(topology, node, problems);
        for route in routes {
            check_next_hop(topology, node, &route.via, problems);
        }
    }
}

/// Reports a node that the topology does not have.
pub(super) fn known_node(topology: &Topology, node: &Name, problems: &mut Problems) -> bool {
    let known = topology.nodes.contains_key(node.as_str());
    if !known {
        problems.unknown("node", node, node.span(), topology.nodes.keys().map(Name::as_str));
    }
    known
}

fn roles(topology: &Topology, problems: &mut Problems) {
    let servers: Vec<&Name> =
        topology.nodes.iter().filter(|(_, node)| node.role == Role::Server).map(|(name, _)| name).collect();
    let Some(id) = topology.id.span() else { return };
    match servers.as_slice() {
        [_] => {}
        [] => problems.push(
            Problem::new("the topology has no server", id, "no node with `role: server`")
                .help("add a node with `role: server`"),
        ),
        [first, second, ..] => {
            if let (Some(first), Some(second)) = (first.span(), second.span()) {
                problems.push(
                    Problem::new("the topology has two servers", second, "second")
                        .and(first, "first")
                        .help("exactly one node has `role: server`"),
                );
            }
        }
    }
    if topology.clients().next().is_none() {
        problems.push(
            Problem::new("the topology has no client", id, "no node with `role: client`")
                .help("add a node with `role: client`"),
        );
    }
}

fn check_link(topology: &Topology, name: &Name, link: &Link, problems: &mut Problems) {
    identifier(name, "link", problems);
    if name.len() > MAX_INTERFACE {
        let message = format!("the name `{name}` has {} characters", name.len());
        at(name, message, "an interface's name has at most 15", problems);
    }
    for node in link.ends.keys() {
        known_node(topology, node, problems);
    }
    if let Some(towards) = &link.profile.towards
        && !link.ends.contains_key(towards.as_str())
    {
        problems.unknown("end of this link", towards, towards.span(), link.ends.keys().map(Name::as_str));
    }
    let ends: Vec<_> = link.ends.iter().collect();
    let [(first, a), (second, b)] = ends.as_slice() else {
        at(
            name,
            format!("a link joins exactly two nodes, but `{name}` joins {}", ends.len()),
            "not two nodes",
            problems,
        );
        return;
    };
    same_address(a, b, problems);
    let before = problems.len();
    lonely(first, a, second, b, problems);
    // Of a pair of strangers, one is told.
    if problems.len() == before {
        lonely(second, b, first, a, problems);
    }
}

/// Reports addresses of one end for which the other end has none in the same subnet.
fn lonely(node: &Name, own: &[Spanned<IpNet>], other_node: &Name, other: &[Spanned<IpNet>], problems: &mut Problems) {
    for address in own {
        if other.iter().any(|candidate| candidate.trunc() == address.trunc()) {
            continue;
        }
        let family = |net: &IpNet| matches!(net, IpNet::V4(_));
        let there = other.iter().find(|candidate| family(candidate) == family(address));
        let mut problem = Problem::new(
            format!("the two ends are in different subnets: `{node}` has {} in {}", address.value, address.trunc()),
            &address.at,
            format!("`{other_node}` has no address in {}", address.trunc()),
        );
        if let Some(there) = there {
            problem = problem.and(&there.at, format!("this is in {}", there.trunc()));
        }
        problems.push(problem.help(format!("give `{other_node}` an address in {}", address.trunc())));
    }
}

fn check_next_hop(topology: &Topology, node: &Name, via: &Spanned<IpAddr>, problems: &mut Problems) {
    let subnets: Vec<IpNet> = topology
        .interfaces(node)
        .flat_map(|(_, _, addresses)| addresses.iter().map(|address| address.trunc()))
        .collect();
    if subnets.iter().any(|subnet| subnet.contains(&via.value)) {
        return;
    }
    let known: Vec<String> = subnets.iter().map(ToString::to_string).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = if known.is_empty() {
        format!("`{node}` has no addresses at all")
    } else {
        format!("the subnets of `{node}` are {}", suggest::list(&known))
    };
    problems.push(
        Problem::new(format!("the next hop {} is on no link of `{node}`", via.value), &via.at, "not a neighbour")
            .help(help),
    );
}

/// Reports an address that both ends of a link have. Elsewhere it may return: private networks overlap in real life.
fn same_address(own: &[Spanned<IpNet>], other: &[Spanned<IpNet>], problems: &mut Problems) {
    for address in own {
        if let Some(second) = other.iter().find(|candidate| candidate.addr() == address.addr()) {
            problems.push(
                Problem::new(format!("both ends have the address {}", address.addr()), &second.at, "again here")
                    .and(&address.at, "first here")
                    .help("give each end an address of its own"),
            );
        }
    }
}

fn at(name: &Name, message: String, label: &str, problems: &mut Problems) {
    problems.push(match name.span() {
        Some(at) => Problem::new(message, at, label),
        None => Problem::without_place(message),
    });
}
