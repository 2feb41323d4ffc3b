//! Addresses, routes and resolver after each phase, from snapshots.

use std::collections::BTreeSet;
use std::net::IpAddr;

use indexmap::{IndexMap, IndexSet};
use interop_evidence::{AddressEntry, Facts, NodeSnapshot, RouteEntry};

use super::phases::Names;
use super::{Phase, Phases};

/// The kernel's main table.
const MAIN: u32 = 254;
/// First bits of link-local addresses of IPv6 (RFC 4291, section 2.5.6).
const LINK_LOCAL: u16 = 0xfe80;

/// The phases of [`View::Routes`](interop_evidence::View::Routes): snapshots in the order of their time.
///
/// The first shows everything, later ones only what differs from it (`+`, `-`); a phase without lines is as the first.
/// Processes and sockets are not shown, nor what the kernel does by itself: loopback and link-local addresses.
pub fn route_phases(snapshots: &[(interop_evidence::Phase, Vec<NodeSnapshot>)], facts: &Facts) -> Phases {
    let nodes: Vec<&str> = facts.clients.iter().chain(std::iter::once(&facts.server)).map(String::as_str).collect();
    let first: IndexMap<&str, &NodeSnapshot> = snapshots
        .first()
        .map(|(_, nodes)| nodes.iter().map(|node| (node.node.as_str(), node)).collect())
        .unwrap_or_default();
    let mut pool = Pool::default();
    for node in snapshots.iter().flat_map(|(_, nodes)| nodes) {
        pool.learn(node, first.get(node.node.as_str()).copied());
    }
    // Right behind a disconnect a server may or may not have cleaned up already; what it leaves is seen when it has stopped.
    let counts = |node: &NodeSnapshot, phase: &interop_evidence::Phase| {
        nodes.contains(&node.node.as_str())
            && !(*phase == interop_evidence::Phase::AfterDisconnect && node.node == facts.server)
    };
    let state = |snapshot: &[NodeSnapshot], phase: &interop_evidence::Phase| -> BTreeSet<String> {
        let of_peers = snapshot.iter().filter(|node| counts(node, phase));
        of_peers.flat_map(|node| lines(node, first.get(node.node.as_str()).copied(), &pool)).collect()
    };
    let mut names = Names::default();
    // A snapshot right behind a fault shows how far the programs have come in reacting to it, which is chance.
    let is_settled = |phase: &interop_evidence::Phase| !matches!(phase, interop_evidence::Phase::AfterFault(_));
    let settled = snapshots.iter().enumerate().filter(|(index, (phase, _))| *index == 0 || is_settled(phase));
    let phases = settled.map(|(index, (phase, snapshot))| {
        let now = state(snapshot, phase);
        let before = snapshots.first().map(|(_, nodes)| state(nodes, phase)).unwrap_or_default();
        let lines: Vec<String> = match index {
            0 => now.into_iter().collect(),
            _ => {
                let gone = before.difference(&now).map(|line| format!("- {line}"));
                let come = now.difference(&before).map(|line| format!("+ {line}"));
                gone.chain(come).collect()
            }
        };
        let lines = lines.into_iter().map(|line| (line, 0)).collect();
        Phase { name: names.unique(&phase.to_string()), mark: None, lines }
    });
    Phases { phases: phases.collect() }
}

/// What is shown of a node. `before` is its first snapshot: interfaces that it does not have are tunnels.
fn lines(node: &NodeSnapshot, before: Option<&NodeSnapshot>, pool: &Pool) -> Vec<String> {
    let name = &node.node;
    let mut lines = Vec::new();
    for (interface, mtu) in node.interfaces.iter().filter(|(interface, _)| is_new(interface, before)) {
        lines.push(format!("{name} tunnel {interface} mtu {mtu}"));
    }
    for AddressEntry { interface, address, prefix } in &node.addresses {
        if !is_of_the_kernel(*address) {
            lines.push(format!("{name} address {}/{prefix} on {interface}", pool.shown(*address)));
        }
    }
    lines.extend(node.routes.iter().filter_map(|entry| Some(format!("{name} {}", route(entry, pool)?))));
    for rule in &node.rules {
        lines.push(format!("{name} rule IPv{} {} {}", rule.family, rule.priority, rule.text));
    }
    lines.extend(resolver(&node.resolver).into_iter().map(|line| format!("{name} resolver {line}")));
    lines
}

fn is_new(interface: &str, before: Option<&NodeSnapshot>) -> bool {
    before.is_some_and(|before| !before.interfaces.contains_key(interface))
}

fn is_of_the_kernel(address: IpAddr) -> bool {
    let is_link_local = |v6: std::net::Ipv6Addr| v6.segments()[0] & 0xffc0 == LINK_LOCAL;
    address.is_loopback() || matches!(address, IpAddr::V6(v6) if is_link_local(v6))
}

fn route(entry: &RouteEntry, pool: &Pool) -> Option<String> {
    let RouteEntry { to, via, interface, metric, table, kind } = entry;
    let (network, prefix) = to.split_once('/').unwrap_or((to, ""));
    let network: Option<IpAddr> = network.parse().ok();
    if network.is_some_and(is_of_the_kernel) {
        return None;
    }
    let mut line = match (to.as_str(), network) {
        ("0.0.0.0/0", _) => "route default IPv4".to_owned(),
        ("::/0", _) => "route default IPv6".to_owned(),
        (_, Some(network)) => format!("route {}/{prefix}", pool.shown(network)),
        (_, None) => format!("route {to}"),
    };
    if kind != "unicast" {
        line.push_str(&format!(" {kind}"));
    }
    if let Some(via) = via {
        line.push_str(&format!(" via {}", pool.shown(*via)));
    }
    if let Some(interface) = interface {
        line.push_str(&format!(" on {interface}"));
    }
    if let Some(metric) = metric {
        line.push_str(&format!(" metric {metric}"));
    }
    if *table != MAIN {
        line.push_str(&format!(" table {table}"));
    }
    Some(line)
}

/// The lines of `/etc/resolv.conf` that mean something. The order of name servers does; theirs is shown when there
/// are several, as lines are sorted.
fn resolver(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let lines: Vec<String> = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let is_server = |line: &str| line.starts_with("nameserver ");
    let servers = lines.iter().filter(|line| is_server(line)).count();
    let mut number = 0_usize;
    let mut shown = |line: String| {
        if servers < 2 || !is_server(&line) {
            return line;
        }
        number = number.saturating_add(1);
        format!("{line} ({number} of {servers})")
    };
    lines.into_iter().map(&mut shown).collect()
}

/// Addresses that a server made up: the lower half of an IPv6 address on a tunnel that looks like a hash.
#[derive(Default)]
struct Pool(IndexSet<IpAddr>);

impl Pool {
    fn learn(&mut self, node: &NodeSnapshot, before: Option<&NodeSnapshot>) {
        let on_tunnels = node.addresses.iter().filter(|entry| is_new(&entry.interface, before));
        self.0.extend(on_tunnels.map(|entry| entry.address).filter(|address| is_made_up(*address)));
    }

    fn shown(&self, address: IpAddr) -> String {
        match self.0.get_index_of(&address) {
            Some(index) => format!("POOL#{}", index.saturating_add(1)),
            None => address.to_string(),
        }
    }
}

/// Pools count from their first address, so that three of the four lower groups are zero. ocserv takes a hash of the
/// session instead.
fn is_made_up(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(v6) => {
            !is_of_the_kernel(address) && v6.segments()[4..].iter().filter(|group| **group != 0).count() > 2
        }
    }
}
