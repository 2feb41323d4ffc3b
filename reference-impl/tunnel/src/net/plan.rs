//! From what the server said to an ordered list of changes, without touching the machine.

use std::net::IpAddr;

use ipnet::IpNet;
use reference_cstp::defects::{Defects, Mutant};

use super::change::{Change, Route, Target};
use super::underlay::Underlay;

/// How many resolvers a resolver file may name (`MAXNS`, resolv.h; AC-NET-08).
pub const MAX_RESOLVERS: usize = 3;

/// Smallest MTU with which a link may carry IPv6 (RFC 8200 section 5); below it the kernel takes IPv6 away.
pub const MIN_IPV6_MTU: u16 = 1280;

/// What the network of the machine becomes while the tunnel is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetPlan {
    /// Name of the TUN device, which exists.
    pub device: String,
    /// MTU of the device, in bytes of IP packet.
    pub mtu: u16,
    /// Addresses of the device, each with the prefix length of the connected network.
    pub addresses: Vec<IpNet>,
    /// Networks behind the tunnel; empty means everything, of the families that `addresses` has (AC-NET-01, AC-NET-03).
    pub include: Vec<IpNet>,
    /// Networks that stay outside (AC-NET-04). `0.0.0.0/32` stands for the local networks, which stay outside anyway
    /// (AC-NET-17).
    pub exclude: Vec<IpNet>,
    /// The server's address, which stays reachable outside of the tunnel (AC-NET-02).
    pub gateway: IpAddr,
    /// The tunnel's resolvers, of which three are used (AC-NET-08); empty leaves the resolver alone.
    pub dns: Vec<IpAddr>,
    /// Search list (AC-NET-10).
    pub search: Vec<String>,
    /// Suffixes that only the tunnel's resolvers know (AC-NET-09); empty sends all queries to them.
    pub split_dns: Vec<String>,
    /// Whether IPv6 is made unreachable but for the gateway, the excluded and the local networks (AC-NET-12).
    pub block_ipv6: bool,
    /// The same for IPv4.
    pub block_ipv4: bool,
}

/// An ordered list of changes, and what of the plan is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// In the order in which they are made.
    pub changes: Vec<Change>,
    /// One line for each part of the plan that needs no change or cannot be had, with the reason.
    pub notes: Vec<String>,
}

impl NetPlan {
    /// Returns the changes for this plan on a machine whose network is `underlay`.
    ///
    /// First what must stay outside, then the leak protection, the device, what goes inside, the resolver: at no time
    /// does something leak or lose the gateway that should not.
    pub fn changes(&self, underlay: &Underlay, defects: Defects) -> Planned {
        let mut planner = Planner { plan: self, underlay, defects, out: Planned::default() };
        planner.gateway();
        planner.exclude();
        planner.block();
        planner.device();
        planner.include();
        planner.resolver();
        planner.out
    }

    /// Returns the MTU that the device gets.
    pub fn device_mtu(&self, defects: Defects) -> u16 {
        match defects.has(Mutant::WrongMtu) {
            true => self.mtu.saturating_add(100).max(1500),
            false => self.mtu,
        }
    }

    fn ipv6_fits(&self) -> bool {
        self.mtu >= MIN_IPV6_MTU
    }

    /// Whether the device gets an address of this family.
    fn has_family(&self, ipv6: bool) -> bool {
        (!ipv6 || self.ipv6_fits()) && self.addresses.iter().any(|address| address.addr().is_ipv6() == ipv6)
    }
}

struct Planner<'a> {
    plan: &'a NetPlan,
    underlay: &'a Underlay,
    defects: Defects,
    out: Planned,
}

impl Planner<'_> {
    fn gateway(&mut self) {
        let gateway = self.plan.gateway;
        match &self.underlay.gateway {
            Some(hop) => self.route(IpNet::from(gateway), Target::Outside(hop.clone())),
            None if self.underlay.gateway_is_local => {
                self.note(format!("gateway {gateway}: an address of this machine"))
            }
            None => self.note(format!("gateway {gateway}: no path to it is known, no host route made")),
        }
    }

    fn exclude(&mut self) {
        for network in normalised(&self.plan.exclude) {
            if network.addr().is_unspecified() {
                self.note(format!("exclude {network}: the local networks stay outside without a route"));
                continue;
            }
            match self.underlay.outside.iter().find(|(to, _)| *to == network) {
                Some((_, hop)) => self.route(network, Target::Outside(hop.clone())),
                None => self.note(format!("exclude {network}: no path to it outside of the tunnel")),
            }
        }
    }

    fn block(&mut self) {
        let full = self.plan.include.is_empty();
        // What cannot go through the tunnel because of its MTU must not go past it.
        let lost = full && !self.plan.ipv6_fits() && self.plan.addresses.iter().any(|address| address.addr().is_ipv6());
        if (self.plan.block_ipv6 || lost) && !self.defects.has(Mutant::LeaksIpv6) {
            self.block_family(true);
        }
        if self.plan.block_ipv4 {
            self.block_family(false);
        }
    }

    fn block_family(&mut self, ipv6: bool) {
        let full = self.plan.include.is_empty() && self.plan.has_family(ipv6);
        if full {
            self.note(format!("block {}: it goes through the tunnel", if ipv6 { "IPv6" } else { "IPv4" }));
            return;
        }
        for half in halves(everything(ipv6)) {
            self.route(half, Target::Unreachable);
        }
    }

    fn device(&mut self) {
        let plan = self.plan;
        let (device, index) = (plan.device.clone(), self.underlay.device_index);
        let mtu = plan.device_mtu(self.defects);
        let ipv6 = plan.has_family(true);
        self.out.changes.push(Change::Link { device: device.clone(), index, mtu, ipv6 });
        for &address in &plan.addresses {
            if address.addr().is_ipv6() && !plan.ipv6_fits() {
                self.note(format!("address {address}: an MTU of {} carries no IPv6", plan.mtu));
                continue;
            }
            let change = Change::Address { device: device.clone(), index, address };
            if !self.out.changes.contains(&change) {
                self.out.changes.push(change);
            }
        }
    }

    fn include(&mut self) {
        let plan = self.plan;
        let excluded = normalised(&plan.exclude);
        let mut wanted: Vec<IpNet> = Vec::new();
        if plan.include.is_empty() {
            let families = [false, true].into_iter().filter(|ipv6| plan.has_family(*ipv6));
            wanted.extend(families.flat_map(|ipv6| halves(everything(ipv6))));
        }
        for network in normalised(&plan.include) {
            if !plan.has_family(network.addr().is_ipv6()) {
                self.note(format!("include {network}: the tunnel has no address of this family"));
            } else if network == IpNet::from(plan.gateway) {
                self.note(format!("include {network}: the gateway stays outside"));
            } else if excluded.contains(&network) {
                self.note(format!("include {network}: it is excluded, too"));
            } else if network.prefix_len() == 0 {
                wanted.extend(halves(network));
            } else {
                wanted.push(network);
            }
        }
        if self.defects.has(Mutant::ForgetsARoute) {
            forget_one(&mut wanted, plan.include.is_empty());
        }
        for network in wanted {
            self.inside(network);
        }
        self.routes_to_resolvers(&excluded);
    }

    /// A network that the machine already has another route to is covered by its two halves, which are more specific.
    fn inside(&mut self, network: IpNet) {
        let target = self.tunnel();
        let taken = self.underlay.has_other(&Route { to: network, target: target.clone() });
        if taken && network.prefix_len() < network.max_prefix_len() {
            self.note(format!("include {network}: the machine has a route to it, its two halves win over that"));
            for half in halves(network) {
                self.route(half, target.clone());
            }
        } else {
            self.route(network, target);
        }
    }

    /// Resolvers of a split tunnel are reached through it, also those outside of the included networks.
    fn routes_to_resolvers(&mut self, excluded: &[IpNet]) {
        if self.plan.include.is_empty() {
            return;
        }
        for &server in self.plan.dns.iter().take(MAX_RESOLVERS) {
            let connected = |address: &&IpNet| !self.underlay.routes.iter().any(|known| known.to == address.trunc());
            let inside = self.plan.include.iter().chain(self.plan.addresses.iter().filter(connected));
            let covered = inside.into_iter().any(|network| network.contains(&server));
            let outside = server == self.plan.gateway || excluded.iter().any(|network| network.contains(&server));
            if !covered && !outside && self.plan.has_family(server.is_ipv6()) {
                self.route(IpNet::from(server), self.tunnel());
            }
        }
    }

    fn resolver(&mut self) {
        let plan = self.plan;
        let mut servers: Vec<IpAddr> = Vec::new();
        for server in &plan.dns {
            if !servers.contains(server) && servers.len() < MAX_RESOLVERS {
                servers.push(*server);
            }
        }
        if servers.is_empty() || self.defects.has(Mutant::LeaksDns) {
            return;
        }
        self.out.changes.push(Change::Resolver {
            device: plan.device.clone(),
            servers,
            search: plan.search.clone(),
            split: plan.split_dns.clone(),
        });
    }

    fn tunnel(&self) -> Target {
        Target::Tunnel { device: self.plan.device.clone(), index: self.underlay.device_index }
    }

    /// Adds a route, unless it is in the list or on the machine.
    fn route(&mut self, to: IpNet, target: Target) {
        let route = Route { to, target };
        if self.underlay.has_same(&route) {
            self.note(format!("{route}: it is there"));
            return;
        }
        let change = Change::Route(route);
        if !self.out.changes.contains(&change) {
            self.out.changes.push(change);
        }
    }

    fn note(&mut self, line: String) {
        self.out.notes.push(line);
    }
}

/// Networks without host bits, each once.
fn normalised(networks: &[IpNet]) -> Vec<IpNet> {
    let mut unique = Vec::new();
    for network in networks.iter().map(IpNet::trunc) {
        if !unique.contains(&network) {
            unique.push(network);
        }
    }
    unique
}

/// All addresses of a family.
fn everything(ipv6: bool) -> IpNet {
    match ipv6 {
        true => IpNet::V6(ipnet::Ipv6Net::default()),
        false => IpNet::V4(ipnet::Ipv4Net::default()),
    }
}

/// The two networks with one bit more; none for a single address.
fn halves(network: IpNet) -> Vec<IpNet> {
    network.subnets(network.prefix_len().saturating_add(1)).map(Iterator::collect).unwrap_or_default()
}

/// The defect: the last included network, or the upper half of IPv4, is not there.
fn forget_one(wanted: &mut Vec<IpNet>, full: bool) {
    let last_ipv4 = wanted.iter().rposition(|network| network.addr().is_ipv4());
    let victim = if full { last_ipv4.or(wanted.len().checked_sub(1)) } else { wanted.len().checked_sub(1) };
    if let Some(position) = victim {
        wanted.remove(position);
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
