//! nftables rules of each kind that routers and faults use, and connection tracking.
//!
//! The kernel refuses a rule when it lacks an expression that the rule needs, so that loading is the proof.

use super::{untried, with_nodes};
use crate::features::Outcome;
use crate::features::probe::one_line;
use crate::{LabError, Node};

/// What [`crate::Nat::rebind`] and routers need in the table of connections.
const TRACKED: &str =
    "chain input { type filter hook input priority filter; ct state new meta l4proto { tcp, udp } drop; }";

/// A table for both IP versions, with named counters in every hook that faults use.
pub(in crate::features) fn table() -> Outcome {
    loads(
        "counter hit { }
         chain a { type filter hook forward priority filter; udp dport != 53 counter name hit drop; }
         chain b { type filter hook output priority filter; tcp sport { 80, 443 } counter name hit accept; }
         chain c { type filter hook input priority filter; iifname \"x\" meta nfproto ipv6 counter name hit drop; }",
    )
}

pub(in crate::features) fn state() -> Outcome {
    loads(TRACKED)
}

pub(in crate::features) fn masquerade() -> Outcome {
    loads(
        "chain post { type nat hook postrouting priority srcnat; oifname \"x\" masquerade;
         ip saddr 10.0.0.0/8 oifname { \"y\", \"z\" } masquerade; ip6 saddr fd00::/8 oifname \"y\" masquerade; }",
    )
}

pub(in crate::features) fn random_ports() -> Outcome {
    loads(
        "chain post { type nat hook postrouting priority srcnat;
         meta l4proto udp masquerade to :40000-40499 random; oifname \"x\" masquerade fully-random; }",
    )
}

pub(in crate::features) fn port_map() -> Outcome {
    loads(
        "map cone { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 5m; }
         chain remember { type filter hook forward priority 0;
           meta nfproto ipv4 meta l4proto udp update @cone { udp sport : ip saddr . udp sport }; }
         chain inbound { type nat hook prerouting priority dstnat;
           meta nfproto ipv4 meta l4proto udp dnat ip to udp dport map @cone; }",
    )
}

pub(in crate::features) fn reject() -> Outcome {
    loads(
        "chain a { type filter hook forward priority filter; meta l4proto udp reject with icmpx admin-prohibited;
         meta l4proto tcp reject with tcp reset; }",
    )
}

pub(in crate::features) fn icmp() -> Outcome {
    loads(
        "chain a { type filter hook output priority filter;
         icmp type { destination-unreachable, time-exceeded, parameter-problem } drop;
         icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } drop; }",
    )
}

pub(in crate::features) fn segment_size() -> Outcome {
    loads(
        "chain a { type filter hook forward priority mangle;
         meta nfproto ipv4 tcp flags syn tcp option maxseg size set 1360; }",
    )
}

/// What a rebinding does after it has changed the rules.
pub(in crate::features) fn flush() -> Outcome {
    tracked(|node| node.flush_conntrack())
}

/// Short time-outs of UDP mappings, in one namespace only.
pub(in crate::features) fn timeouts() -> Outcome {
    tracked(|node| {
        node.sysctl("netfilter/nf_conntrack_udp_timeout", "7")?;
        node.sysctl("netfilter/nf_conntrack_udp_timeout_stream", "7")
    })
}

fn loads(rules: &str) -> Outcome {
    with_nodes(["router"], async |[router]| load(router, rules))
}

fn load(node: &Node, rules: &str) -> Outcome {
    match node.nft(&format!("table inet probe {{\n{rules}\n}}\n")) {
        Ok(()) => Outcome::Found(String::new()),
        Err(LabError::Nft { message, .. }) => Outcome::Missing(one_line(&message)),
        Err(error) => untried(&error),
    }
}

fn tracked(work: impl FnOnce(&Node) -> crate::Result<()>) -> Outcome {
    with_nodes(["router"], async |[router]| match load(router, TRACKED) {
        Outcome::Found(_) => Outcome::of(work(router).map(|()| String::new())),
        Outcome::Missing(reason) => Outcome::Untried(format!("rules with `ct state` are not there: {reason}")),
        other => other,
    })
}
