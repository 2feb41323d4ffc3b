//! What changed on the nodes between two snapshots.

use std::fs;

use interop_evidence::{Bundle, NodeSnapshot, Phase};
use serde::Serialize;

use super::diff::{Change, changes};
use crate::text::{one_line, plural};

/// A snapshot file larger than this is left alone.
const LIMIT: u64 = 8 << 20;

/// Two snapshots compared.
#[derive(Serialize)]
pub(super) struct Comparison {
    title: &'static str,
    /// Whether there should be no difference.
    equal_wanted: bool,
    nodes: Vec<Node>,
    cut: Option<String>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    changes: Vec<Change>,
}

/// Compares connected with before, and after-disconnect with before, as far as these snapshots exist.
pub(super) fn compare(bundle: &Bundle, limit: usize, notes: &mut Vec<String>) -> Vec<Comparison> {
    let Some(before) = read(bundle, &Phase::Before, notes) else { return Vec::new() };
    let wanted = [
        (Phase::Connected, "connected, compared with before", false),
        (Phase::AfterDisconnect, "after disconnect, compared with before", true),
    ];
    wanted
        .into_iter()
        .filter_map(|(phase, title, equal_wanted)| {
            let now = read(bundle, &phase, notes)?;
            let (nodes, cut) = nodes(&before, &now, equal_wanted, limit);
            Some(Comparison { title, equal_wanted, nodes, cut })
        })
        .collect()
}

fn read(bundle: &Bundle, phase: &Phase, notes: &mut Vec<String>) -> Option<Vec<NodeSnapshot>> {
    let path = bundle.snapshots().join(format!("{phase}.json"));
    let bytes = fs::metadata(&path).ok()?.len();
    if bytes > LIMIT {
        notes.push(format!("snapshots/{phase}.json is too large to show"));
        return None;
    }
    let parsed = fs::read(&path)
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
    parsed.map_err(|error| notes.push(format!("snapshots/{phase}.json cannot be read: {}", one_line(&error, 200)))).ok()
}

fn nodes(before: &[NodeSnapshot], now: &[NodeSnapshot], all: bool, limit: usize) -> (Vec<Node>, Option<String>) {
    let nothing = NodeSnapshot::default();
    let missing = before.iter().filter(|old| now.iter().all(|new| new.node != old.node));
    let pairs = now
        .iter()
        .map(|new| (&new.node, before.iter().find(|old| old.node == new.node).unwrap_or(&nothing), new))
        .chain(missing.map(|old| (&old.node, old, &nothing)));
    let (mut shown, mut left) = (0, 0);
    let mut out = Vec::new();
    for (name, old, new) in pairs {
        let mut found = compare_node(old, new, all);
        left += found.len();
        found.truncate(limit - shown);
        left -= found.len();
        shown += found.len();
        if !found.is_empty() {
            out.push(Node { name: one_line(name, 60), changes: found });
        }
    }
    (out, (left > 0).then(|| format!("{} more, see snapshots/", plural(left, "change"))))
}

fn compare_node(old: &NodeSnapshot, new: &NodeSnapshot, all: bool) -> Vec<Change> {
    let mut found = changes("interface", &interfaces(old), &interfaces(new));
    found.extend(changes("address", &addresses(old), &addresses(new)));
    found.extend(changes("route", &routes(old), &routes(new)));
    found.extend(changes("rule", &rules(old), &rules(new)));
    found.extend(changes("resolver", &resolver(old), &resolver(new)));
    found.extend(changes("file", &files(old), &files(new)));
    // These differ while connected, as they should; only afterwards do they tell something.
    if all {
        found.extend(changes("socket", &sockets(old), &sockets(new)));
        found.extend(changes("process", &processes(old), &processes(new)));
    }
    found
}

fn interfaces(node: &NodeSnapshot) -> Vec<String> {
    node.interfaces.iter().map(|(name, mtu)| format!("{} mtu {mtu}", one_line(name, 60))).collect()
}

fn addresses(node: &NodeSnapshot) -> Vec<String> {
    let line = |entry: &interop_evidence::AddressEntry| {
        format!("{}/{} dev {}", entry.address, entry.prefix, one_line(&entry.interface, 60))
    };
    node.addresses.iter().map(line).collect()
}

fn routes(node: &NodeSnapshot) -> Vec<String> {
    let line = |route: &interop_evidence::RouteEntry| {
        let mut text = one_line(&route.to, 60);
        if route.kind != "unicast" {
            text = format!("{} {text}", one_line(&route.kind, 20));
        }
        text.extend(route.via.map(|via| format!(" via {via}")));
        text.extend(route.interface.as_ref().map(|interface| format!(" dev {}", one_line(interface, 60))));
        text.extend(route.metric.map(|metric| format!(" metric {metric}")));
        text.extend((route.table != MAIN).then(|| format!(" table {}", route.table)));
        text
    };
    node.routes.iter().map(line).collect()
}

/// The routing table that needs no mention (`RT_TABLE_MAIN`).
const MAIN: u32 = 0xfe;

fn rules(node: &NodeSnapshot) -> Vec<String> {
    let line = |rule: &interop_evidence::RuleEntry| format!("{}: {}", rule.priority, one_line(&rule.text, 200));
    node.rules.iter().map(line).collect()
}

fn sockets(node: &NodeSnapshot) -> Vec<String> {
    let line = |socket: &interop_evidence::SocketEntry| {
        format!("{} {} port {}", one_line(&socket.protocol, 20), socket.address, socket.port)
    };
    node.sockets.iter().map(line).collect()
}

fn resolver(node: &NodeSnapshot) -> Vec<String> {
    node.resolver.lines().map(|line| one_line(line, 200)).collect()
}

fn files(node: &NodeSnapshot) -> Vec<String> {
    node.changed_files.keys().map(|file| one_line(file, 200)).collect()
}

fn processes(node: &NodeSnapshot) -> Vec<String> {
    node.processes.iter().map(|process| one_line(&process.name, 120)).collect()
}
