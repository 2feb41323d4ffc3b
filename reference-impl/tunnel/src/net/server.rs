//! The server's side: its address on the device, the way to the pool, forwarding, source NAT (AC-NET-15).

use std::fmt::Write as _;

use ipnet::IpNet;

use super::NetError;
use super::change::{Change, Forwarding, Route, Target};
use super::executor::Executor;
use super::journal::Journal;
use super::recover::Recovery;
use super::tun::is_name;

/// The nftables table of the server, with its family.
pub const TABLE: &str = "inet vpn_ref_server";

/// What the network of a server becomes while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlan {
    /// Name of the TUN device, which exists.
    pub device: String,
    /// MTU of the device, in bytes of IP packet.
    pub mtu: u16,
    /// The server's own addresses on it.
    pub addresses: Vec<IpNet>,
    /// Networks that clients get addresses from.
    pub pools: Vec<IpNet>,
    /// Networks that clients may send to; empty means all.
    pub allowed: Vec<IpNet>,
    /// Whether packets from the pools to elsewhere get the server's address as their source.
    pub source_nat: bool,
}

/// A server's network in force. When it is dropped without [`ServerApplied::undo`], the changes stay until the process
/// has ended and another one recovers from the journal.
#[derive(Debug)]
#[must_use = "the changes stay in force without `undo`"]
pub struct ServerApplied {
    executor: Executor,
}

impl ServerPlan {
    /// Returns the changes in the order in which they are made; `index` is the interface index of the device.
    pub fn changes(&self, index: u32) -> Vec<Change> {
        let device = || self.device.clone();
        let of_device = self.addresses.iter().chain(&self.pools);
        let ipv6 = of_device.into_iter().any(|network| network.addr().is_ipv6());
        // Rules first: nothing is forwarded before they hold.
        let mut changes = Vec::new();
        if let Some(ruleset) = self.ruleset() {
            changes.push(Change::Table { name: TABLE.to_owned(), ruleset });
        }
        changes.push(Change::Link { device: device(), index, mtu: self.mtu, ipv6 });
        for &address in &self.addresses {
            changes.push(Change::Address { device: device(), index, address });
        }
        for pool in self.pools.iter().map(IpNet::trunc) {
            // The kernel makes the route to the network of an address by itself.
            if !self.addresses.iter().any(|address| address.trunc() == pool) {
                changes.push(Change::Route(Route { to: pool, target: Target::Tunnel { device: device(), index } }));
            }
        }
        changes.extend(Forwarding::of(&self.pools).into_iter().map(Change::Forwarding));
        changes
    }

    /// Returns the text for nftables, which replaces a table that is there; none when there is nothing to rule.
    pub fn ruleset(&self) -> Option<String> {
        if !is_name(&self.device) || (!self.source_nat && self.allowed.is_empty()) {
            return None;
        }
        let device = &self.device;
        let mut text = format!("table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n");
        if !self.allowed.is_empty() {
            text.push_str("  chain forward {\n    type filter hook forward priority filter; policy accept;\n");
            for network in self.allowed.iter().chain(&self.pools).map(IpNet::trunc) {
                let _ = writeln!(text, "    iifname \"{device}\" {} daddr {network} accept", family(&network));
            }
            let _ = writeln!(text, "    iifname \"{device}\" drop\n  }}");
        }
        if self.source_nat {
            text.push_str("  chain postrouting {\n    type nat hook postrouting priority srcnat; policy accept;\n");
            for pool in self.pools.iter().map(IpNet::trunc) {
                let family = family(&pool);
                let _ = writeln!(text, "    {family} saddr {pool} oifname != \"{device}\" masquerade");
            }
            text.push_str("  }\n");
        }
        text.push_str("}\n");
        Some(text)
    }

    /// Makes the changes, on a device that exists.
    ///
    /// # Errors
    /// When one cannot be made; then those before it were undone.
    pub async fn apply(&self, journal: &Journal) -> Result<ServerApplied, NetError> {
        let mut executor = Executor::new(journal)?;
        executor.make_all(self.changes(super::netlink::index_of(&self.device)?)).await?;
        Ok(ServerApplied { executor })
    }
}

impl ServerApplied {
    /// Undoes all changes, the latest first.
    ///
    /// # Errors
    /// [`NetError::Undo`] with all that could not be undone; the rest was.
    pub async fn undo(mut self) -> Result<Recovery, NetError> {
        let report = self.executor.undo_all(|_| true).await;
        if report.failed.is_empty() { Ok(report) } else { Err(NetError::Undo { failures: report.failed }) }
    }
}

fn family(network: &IpNet) -> &'static str {
    if network.addr().is_ipv6() { "ip6" } else { "ip" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ServerPlan {
        ServerPlan {
            device: "vpns0".to_owned(),
            mtu: 1400,
            addresses: vec!["10.9.0.1/24".parse().unwrap(), "fd00:9::1/64".parse().unwrap()],
            pools: vec![
                "10.9.0.0/24".parse().unwrap(),
                "10.10.0.5/24".parse().unwrap(),
                "fd00:9::/64".parse().unwrap(),
            ],
            allowed: Vec::new(),
            source_nat: true,
        }
    }

    #[test]
    fn changes_in_order() {
        let words: Vec<String> = plan().changes(7).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "table inet vpn_ref_server",
                "device vpns0 up with MTU 1400",
                "address 10.9.0.1/24 on vpns0",
                "address fd00:9::1/64 on vpns0",
                "route 10.10.0.0/24 via vpns0",
                "ipv4/ip_forward",
                "ipv6/conf/all/forwarding",
            ]
        );
    }

    #[test]
    fn source_nat_is_for_the_pools_only() {
        let text = plan().ruleset().unwrap();
        assert!(text.starts_with("table inet vpn_ref_server\ndelete table inet vpn_ref_server\n"));
        assert!(text.contains("ip saddr 10.10.0.0/24 oifname != \"vpns0\" masquerade\n"));
        assert!(text.contains("ip6 saddr fd00:9::/64 oifname != \"vpns0\" masquerade\n"));
        assert!(!text.contains("forward"));
        assert_eq!(ServerPlan { source_nat: false, ..plan() }.ruleset(), None);
        assert_eq!(ServerPlan { device: "a\"b".to_owned(), ..plan() }.ruleset(), None);
    }

    #[test]
    fn clients_reach_the_allowed_networks_and_each_other() {
        let plan = ServerPlan { allowed: vec!["192.0.2.0/24".parse().unwrap()], source_nat: false, ..plan() };
        let text = plan.ruleset().unwrap();
        let rules: Vec<&str> = text.lines().filter(|line| line.contains("iifname")).map(str::trim).collect();
        assert_eq!(
            rules,
            [
                "iifname \"vpns0\" ip daddr 192.0.2.0/24 accept",
                "iifname \"vpns0\" ip daddr 10.9.0.0/24 accept",
                "iifname \"vpns0\" ip daddr 10.10.0.0/24 accept",
                "iifname \"vpns0\" ip6 daddr fd00:9::/64 accept",
                "iifname \"vpns0\" drop",
            ]
        );
        assert!(!text.contains("masquerade"));
    }
}
