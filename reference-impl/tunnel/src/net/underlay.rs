//! The network below the tunnel: the paths that were there before it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::NetError;
use super::change::{NextHop, Route, Target};
use super::netlink::{Lookup, Netlink};
use super::plan::NetPlan;

/// A route of the main table, as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRoute {
    /// Destination.
    pub to: IpNet,
    /// Where it leads; none for routes to nowhere.
    pub hop: Option<NextHop>,
    /// Whether it is an unreachable route.
    pub unreachable: bool,
    /// The smaller wins.
    pub metric: u32,
    /// Whether its interface is up and has a carrier.
    pub usable: bool,
}

impl KnownRoute {
    /// Returns whether it is that route; names of interfaces do not count, their indices do.
    pub fn is(&self, route: &Route) -> bool {
        let same_hop =
            |via: Option<IpAddr>, index: u32| self.hop.as_ref().is_some_and(|hop| hop.via == via && hop.index == index);
        self.to == route.to
            && match &route.target {
                Target::Tunnel { index, .. } => same_hop(None, *index),
                Target::Outside(hop) => same_hop(hop.via, hop.index),
                Target::Unreachable => self.unreachable,
            }
    }
}

/// What a plan is made against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Underlay {
    /// Interface index of the tunnel's device.
    pub device_index: u32,
    /// First hop towards the gateway, past the tunnel.
    pub gateway: Option<NextHop>,
    /// Whether the gateway is an address of this machine, for which no route is needed.
    pub gateway_is_local: bool,
    /// First hop towards each excluded network.
    pub outside: Vec<(IpNet, NextHop)>,
    /// The main table without the tunnel's own routes.
    pub routes: Vec<KnownRoute>,
}

impl Underlay {
    /// Looks at the machine. `own` are the routes of this tunnel, which do not count; while there are none the kernel
    /// is asked for the way to the gateway, so that its policy rules count.
    ///
    /// # Errors
    /// When the device is not there or the kernel does not answer.
    pub(super) async fn look(netlink: &Netlink, plan: &NetPlan, own: &[Route]) -> Result<Self, NetError> {
        let device_index = super::netlink::index_of(&plan.device)?;
        let mut routes = netlink.routes().await?;
        routes.retain(|known| !own.iter().any(|route| known.is(route)));
        let around: Vec<&KnownRoute> = routes.iter().filter(|known| known.index() != Some(device_index)).collect();
        let mut underlay = Self { device_index, ..Self::default() };
        match netlink.lookup(plan.gateway).await? {
            Lookup::Local => underlay.gateway_is_local = true,
            Lookup::Hop(hop) if own.is_empty() && hop.index != device_index => underlay.gateway = Some(hop),
            Lookup::Hop(_) | Lookup::None => underlay.gateway = best_path(&around, IpNet::from(plan.gateway)),
        }
        for network in plan.exclude.iter().map(IpNet::trunc) {
            if let Some(hop) = best_path(&around, network) {
                underlay.outside.push((network, hop));
            }
        }
        underlay.routes = routes;
        Ok(underlay)
    }

    pub(super) fn has_same(&self, route: &Route) -> bool {
        self.routes.iter().any(|known| known.is(route))
    }

    /// Whether there is a route to the same destination that leads elsewhere.
    pub(super) fn has_other(&self, route: &Route) -> bool {
        self.routes.iter().any(|known| known.to == route.to && !known.is(route))
    }
}

impl KnownRoute {
    fn index(&self) -> Option<u32> {
        self.hop.as_ref().map(|hop| hop.index)
    }
}

/// The most specific usable route that covers all of a network, the one with the smaller metric among equals.
fn best_path(routes: &[&KnownRoute], network: IpNet) -> Option<NextHop> {
    let covering = routes.iter().filter(|known| known.usable && known.to.contains(&network));
    let with_hop = covering.filter_map(|known| known.hop.as_ref().map(|hop| (known, hop)));
    with_hop
        .min_by_key(|(known, _)| (std::cmp::Reverse(known.to.prefix_len()), known.metric))
        .map(|(_, hop)| hop.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(to: &str, via: &str, index: u32, metric: u32, usable: bool) -> KnownRoute {
        let hop = NextHop { via: via.parse().ok(), device: format!("eth{index}"), index };
        KnownRoute { to: to.parse().unwrap(), hop: Some(hop), unreachable: false, metric, usable }
    }

    fn path(routes: &[KnownRoute], to: &str) -> Option<String> {
        best_path(&routes.iter().collect::<Vec<_>>(), to.parse().unwrap()).map(|hop| hop.to_string())
    }

    #[test]
    fn the_most_specific_usable_route_wins_then_the_smaller_metric() {
        let routes = [
            known("0.0.0.0/0", "192.0.2.1", 1, 100, true),
            known("0.0.0.0/0", "198.51.100.1", 2, 50, true),
            known("0.0.0.0/0", "203.0.113.9", 3, 0, false),
            known("10.0.0.0/8", "192.0.2.8", 1, 0, true),
            known("10.1.0.0/16", "-", 1, 0, true),
            known("::/0", "fe80::1", 1, 1024, true),
        ];
        assert_eq!(path(&routes, "203.0.113.1/32").unwrap(), "198.51.100.1 dev eth2");
        assert_eq!(path(&routes, "10.2.0.0/16").unwrap(), "192.0.2.8 dev eth1");
        assert_eq!(path(&routes, "10.1.7.0/24").unwrap(), "eth1");
        assert_eq!(path(&routes, "10.0.0.0/15").unwrap(), "192.0.2.8 dev eth1", "covered as a whole");
        assert_eq!(path(&routes, "2001:db8::1/128").unwrap(), "fe80::1 dev eth1");
        assert_eq!(path(&routes[4..5], "192.0.2.1/32"), None);
    }

    #[test]
    fn routes_to_nowhere_are_no_path() {
        let mut refused = known("10.0.0.0/8", "192.0.2.1", 1, 0, true);
        refused.hop = None;
        let routes = [refused, known("0.0.0.0/0", "192.0.2.1", 1, 0, true)];
        assert_eq!(path(&routes, "10.1.1.1/32").unwrap(), "192.0.2.1 dev eth1");
    }
}
