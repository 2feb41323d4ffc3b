//! The double NAT as a person would make it in a shell, with `ip` and `nft`: what our lab is compared with.

use crate::topology::{DEFAULT_ROUTES, LINKS, NATS, NODES, ROUTERS, nat};

/// The parts of setting it up, in order: a name, and lines for `sh -e`.
///
/// It is what the lab does, one command a step: the same nodes, links (veth, made in place), addresses, routes, rules
/// and settings. It does not wait until the links run.
pub fn set_up() -> Vec<(&'static str, String)> {
    let mut namespaces = String::new();
    for node in NODES {
        namespaces.push_str(&format!("ip netns add {node}\nip -n {node} link set lo up\n"));
        let mut settings = "net.ipv4.conf.all.rp_filter=0 net.ipv6.conf.all.accept_dad=0".to_owned();
        if ROUTERS.contains(&node) {
            settings.push_str(" net.ipv4.ip_forward=1");
        }
        namespaces.push_str(&format!("ip netns exec {node} sysctl -qw {settings}\n"));
    }
    let mut links = String::new();
    let mut addresses = String::new();
    for (name, [(a, of_a), (b, of_b)]) in LINKS {
        links.push_str(&format!("ip link add {name} netns {a} type veth peer name {name} netns {b}\n"));
        for (node, address) in [(a, of_a), (b, of_b)] {
            addresses
                .push_str(&format!("ip -n {node} address add {address} dev {name}\nip -n {node} link set {name} up\n"));
        }
    }
    for (node, via) in DEFAULT_ROUTES {
        addresses.push_str(&format!("ip -n {node} route add default via {via}\n"));
    }
    let rules = NATS.iter().map(|(node, outside)| {
        let rules = nat(outside).ruleset();
        // The lab's rules begin with the removal of an older table, which a fresh node does not have.
        let fresh = rules.split_once("delete table inet nat\n").map_or(rules.as_str(), |(_, rest)| rest);
        format!("ip netns exec {node} nft -f - <<'END'\n{fresh}\nEND\n")
    });
    vec![("namespaces", namespaces), ("links", links), ("addresses and routes", addresses), ("rules", rules.collect())]
}

/// Taking it down again.
pub fn tear_down() -> String {
    NODES.iter().map(|node| format!("ip netns delete {node}\n")).collect()
}
