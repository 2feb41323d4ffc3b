//! Hosts by role.

use std::net::IpAddr;

use indexmap::{IndexMap, IndexSet};
use interop_evidence::Facts;

/// Follows the name of a node for the address that it has in the tunnel: `client/tunnel`.
pub(crate) const IN_TUNNEL: &str = "/tunnel";

/// Who has which address. An address that nobody named gets a name by the order in which it appears.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    pub(crate) names: IndexMap<IpAddr, String>,
    pub(crate) clients: Vec<String>,
    pub(crate) server: String,
    pub(crate) port: u16,
    /// Nodes with an address in an inside network, the server left out.
    inside: Vec<String>,
    /// Nodes between the clients and the server, the nearest to a client first.
    routers: Vec<String>,
}

impl Hosts {
    /// The hosts of a cell.
    pub fn of(facts: &Facts) -> Self {
        let names = facts
            .nodes
            .iter()
            .flat_map(|(name, addresses)| addresses.iter().map(move |address| (*address, name.clone())))
            .collect();
        let is_inside = |address: &IpAddr| facts.inside_networks.iter().any(|network| network.contains(address));
        let others = || facts.nodes.iter().filter(|(name, _)| !facts.clients.contains(name) && **name != facts.server);
        let inside = others().filter(|(_, addresses)| addresses.iter().any(is_inside)).map(|(name, _)| name.clone());
        let inside: Vec<String> = inside.collect();
        let between = others().filter(|(name, addresses)| !inside.contains(name) && joins_networks(addresses));
        let between: Vec<(&str, &[IpAddr])> = between.map(|(name, own)| (name.as_str(), own.as_slice())).collect();
        let clients = facts.nodes.iter().filter(|(name, _)| facts.clients.contains(name));
        let start: Vec<&[IpAddr]> = clients.map(|(_, addresses)| addresses.as_slice()).collect();
        let routers = along_the_path(start, between);
        Self { names, clients: facts.clients.clone(), server: facts.server.clone(), port: facts.port, inside, routers }
    }

    /// Whether nothing is known: a capture from elsewhere.
    pub(crate) fn is_bare(&self) -> bool {
        self.names.is_empty()
    }

    /// Puts names in the order of the path: clients, routers, the server, inside hosts, others as they come. What a
    /// node is in the tunnel stands beside it.
    pub(crate) fn in_order(&self, seen: &IndexSet<&str>) -> Vec<String> {
        let path = self.clients.iter().chain(&self.routers).chain([&self.server]).chain(&self.inside);
        let known = path.flat_map(|name| [name.clone(), format!("{name}{IN_TUNNEL}")]);
        let mut ordered: IndexSet<String> = known.filter(|name| seen.contains(name.as_str())).collect();
        ordered.extend(seen.iter().map(|name| (*name).to_owned()));
        ordered.into_iter().collect()
    }
}

/// Whether a node has more than one address of a family: hosts have one, routers one for each of their networks.
fn joins_networks(addresses: &[IpAddr]) -> bool {
    let v6 = addresses.iter().filter(|address| address.is_ipv6()).count();
    v6 > 1 || addresses.len() - v6 > 1
}

/// Routers by their distance from the clients. The facts do not say which networks they share, so the nearest is the
/// one whose address has the longest prefix in common; of equals the one with fewer routers before it.
fn along_the_path(start: Vec<&[IpAddr]>, mut routers: Vec<(&str, &[IpAddr])>) -> Vec<String> {
    let mut reached: Vec<(usize, &[IpAddr])> = start.into_iter().map(|addresses| (0, addresses)).collect();
    let mut ordered = Vec::new();
    while !routers.is_empty() {
        let distance = |own: &[IpAddr]| {
            let all = reached.iter().map(|(hops, others)| (bits_apart(own, others), *hops));
            all.min().unwrap_or((u32::MAX, 0))
        };
        let best = routers.iter().enumerate().map(|(at, (_, own))| (distance(own), at)).min();
        let Some(((_, hops), at)) = best else { break };
        let (name, own) = routers.remove(at);
        ordered.push(name.to_owned());
        reached.push((hops + 1, own));
    }
    ordered
}

/// How many bits of the nearest two addresses lie behind their common prefix.
fn bits_apart(some: &[IpAddr], others: &[IpAddr]) -> u32 {
    let pairs = some.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
    let apart = pairs.filter_map(|pair| match pair {
        (IpAddr::V4(one), IpAddr::V4(other)) => Some(32 - (one.to_bits() ^ other.to_bits()).leading_zeros()),
        (IpAddr::V6(one), IpAddr::V6(other)) => Some(128 - (one.to_bits() ^ other.to_bits()).leading_zeros()),
        _ => None,
    });
    apart.min().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double_nat() -> Facts {
        // The order in which the catalogue lists them: included parts first.
        let nodes = [
            ("gateway", vec!["198.51.100.10", "10.20.0.1"]),
            ("inside", vec!["10.20.0.10", "fd20::10"]),
            ("core", vec!["198.51.100.1", "203.0.113.1", "192.0.2.1"]),
            ("public", vec!["203.0.113.53"]),
            ("client", vec!["192.168.7.2"]),
            ("isp", vec!["100.64.0.1", "192.0.2.2"]),
            ("home", vec!["192.168.7.1", "100.64.0.2"]),
        ];
        Facts {
            clients: vec!["client".into()],
            server: "gateway".into(),
            inside_networks: vec!["10.20.0.0/24".parse().unwrap()],
            nodes: nodes.map(|(name, all)| (name.into(), all.iter().map(|one| one.parse().unwrap()).collect())).into(),
            ..Facts::default()
        }
    }

    #[test]
    fn hosts_stand_in_the_order_of_the_path() {
        let hosts = Hosts::of(&double_nat());
        let seen = ["host-1", "public", "inside", "core", "client/tunnel", "gateway", "isp", "client", "home"];
        assert_eq!(
            hosts.in_order(&seen.into_iter().collect()),
            ["client", "client/tunnel", "home", "isp", "core", "gateway", "inside", "host-1", "public"]
        );
    }

    #[test]
    fn only_hosts_that_were_seen_stand_in_the_order() {
        let hosts = Hosts::of(&double_nat());
        assert_eq!(hosts.in_order(&["gateway", "client"].into_iter().collect()), ["client", "gateway"]);
    }
}
