//! Where a node would send a packet, read from a snapshot as the kernel would decide it.

use std::net::IpAddr;

use interop_evidence::{CheckOutcome, RouteEntry};
use ipnet::IpNet;

/// The table `main` (linux/rtnetlink.h).
const RT_TABLE_MAIN: u32 = 254;

/// Where a destination is expected to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// Into the tunnel interface.
    Tunnel,
    /// Out of any other interface.
    Outside,
    /// Nowhere.
    None,
}

/// The route of the main table that a packet to `address` takes: longest prefix, then lowest metric.
pub fn route_of(routes: &[RouteEntry], address: IpAddr) -> Option<&RouteEntry> {
    routes
        .iter()
        .filter(|route| route.table == RT_TABLE_MAIN)
        .filter_map(|route| Some((route.to.parse::<IpNet>().ok()?, route)))
        .filter(|(network, _)| network.contains(&address))
        .max_by_key(|(network, route)| (network.prefix_len(), std::cmp::Reverse(route.metric.unwrap_or(0))))
        .map(|(_, route)| route)
}

/// Judges where the first address of `prefix` goes.
pub fn route_through(routes: &[RouteEntry], prefix: IpNet, tunnel: &str, wanted: Through) -> CheckOutcome {
    let address = prefix.hosts().next().unwrap_or_else(|| prefix.addr());
    let route = route_of(routes, address);
    let interface = route.filter(|route| route.kind == "unicast").and_then(|route| route.interface.as_deref());
    let seen = match interface {
        Some(name) if name == tunnel => Through::Tunnel,
        Some(_) => Through::Outside,
        None => Through::None,
    };
    let said = match (route, interface) {
        (Some(route), Some(interface)) => format!("{prefix} goes through `{interface}` by route {}", route.to),
        (Some(route), None) => format!("{prefix} is {} by route {}", route.kind, route.to),
        (None, _) => format!("{prefix} has no route"),
    };
    if seen == wanted {
        CheckOutcome::pass(said)
    } else {
        let expected = match wanted {
            Through::Tunnel => "the tunnel",
            Through::Outside => "an outside interface",
            Through::None => "no route",
        };
        CheckOutcome::fail(format!("{said}; expected {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use interop_evidence::Verdict;

    use super::*;

    fn routes() -> Vec<RouteEntry> {
        let route = |to: &str, interface: &str, metric| RouteEntry {
            to: to.into(),
            via: None,
            interface: Some(interface.into()),
            metric,
            table: RT_TABLE_MAIN,
            kind: "unicast".into(),
        };
        vec![
            route("0.0.0.0/0", "eth", Some(100)),
            route("0.0.0.0/0", "tun0", None),
            route("10.0.0.0/8", "tun0", None),
            route("10.5.0.0/16", "eth", None),
        ]
    }

    #[test]
    fn longest_prefix_then_lowest_metric() {
        let judge = |prefix: &str, wanted| route_through(&routes(), prefix.parse().unwrap(), "tun0", wanted).verdict;
        assert_eq!(judge("10.1.0.0/16", Through::Tunnel), Verdict::Pass);
        assert_eq!(judge("10.5.0.0/24", Through::Outside), Verdict::Pass);
        assert_eq!(judge("10.5.0.0/24", Through::Tunnel), Verdict::Fail);
        assert_eq!(judge("0.0.0.0/0", Through::Tunnel), Verdict::Pass, "metric 0 before 100");
        assert_eq!(judge("fd00::/8", Through::None), Verdict::Pass);
    }
}
