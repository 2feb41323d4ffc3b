//! Looks at a node: addresses, routes, rules, resolver, sockets, processes.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt as _;

use futures_util::TryStreamExt as _;
use indexmap::IndexMap;
use interop_evidence::{AddressEntry, Micros, NodeSnapshot, ProcessEntry, RouteEntry, RuleEntry, SocketEntry};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteType};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
use rtnetlink::{IpVersion, RouteMessageBuilder};

use super::Node;
use crate::{LabError, Result};

/// The table that the kernel fills by itself (linux/rtnetlink.h).
const RT_TABLE_LOCAL: u8 = 255;

impl Node {
    /// The state of the node, sorted.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub async fn snapshot(&self, at: Micros) -> Result<NodeSnapshot> {
        let links = self.links().await?;
        let names = names(&links);
        let mut snapshot = NodeSnapshot {
            node: self.name().to_owned(),
            at,
            interfaces: interfaces_up(&links),
            addresses: self.named_addresses(&names).await?,
            routes: self.named_routes(&names).await?,
            rules: self.rules().await?,
            sockets: self.sockets()?,
            processes: self.processes()?,
            ..NodeSnapshot::default()
        };
        if self.has_view() {
            let view = self.view()?;
            snapshot.resolver = view.read_etc("resolv.conf").unwrap_or_default();
            snapshot.changed_files = view.changed_files();
        }
        Ok(snapshot)
    }

    /// Interfaces that are up, by name, with their MTU in bytes, sorted by name: the part of a
    /// [snapshot](Self::snapshot) that a wait asks for again and again.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub async fn interfaces(&self) -> Result<IndexMap<String, u32>> {
        Ok(interfaces_up(&self.links().await?))
    }

    /// Addresses of the interfaces, sorted.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub async fn addresses(&self) -> Result<Vec<AddressEntry>> {
        self.named_addresses(&names(&self.links().await?)).await
    }

    /// Routes that were configured, sorted.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub async fn routes(&self) -> Result<Vec<RouteEntry>> {
        self.named_routes(&names(&self.links().await?)).await
    }

    /// Listening TCP and bound UDP sockets, sorted.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn sockets(&self) -> Result<Vec<SocketEntry>> {
        self.run(listening)
    }

    async fn links(&self) -> Result<Vec<LinkMessage>> {
        self.netlink().link().get().execute().try_collect().await.map_err(self.netlink_error("list links"))
    }

    async fn named_addresses(&self, names: &IndexMap<u32, String>) -> Result<Vec<AddressEntry>> {
        let all: Vec<AddressMessage> = self
            .netlink()
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(self.netlink_error("list addresses"))?;
        let mut addresses: Vec<AddressEntry> = all
            .iter()
            .filter_map(|message| {
                let local = |attribute: &AddressAttribute| match attribute {
                    AddressAttribute::Local(address) => Some(*address),
                    _ => None,
                };
                let plain = |attribute: &AddressAttribute| match attribute {
                    AddressAttribute::Address(address) => Some(*address),
                    _ => None,
                };
                let address =
                    message.attributes.iter().find_map(local).or_else(|| message.attributes.iter().find_map(plain))?;
                let interface = names.get(&message.header.index)?.clone();
                Some(AddressEntry { interface, address, prefix: message.header.prefix_len })
            })
            .collect();
        addresses.sort();
        Ok(addresses)
    }

    async fn named_routes(&self, names: &IndexMap<u32, String>) -> Result<Vec<RouteEntry>> {
        let mut routes = Vec::new();
        for query in [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()] {
            let all: Vec<RouteMessage> = self
                .netlink()
                .route()
                .get(query)
                .execute()
                .try_collect()
                .await
                .map_err(self.netlink_error("list routes"))?;
            routes.extend(all.iter().filter(|route| is_configured(route)).map(|route| route_entry(route, names)));
        }
        routes.sort();
        Ok(routes)
    }

    async fn rules(&self) -> Result<Vec<RuleEntry>> {
        let mut rules = Vec::new();
        for (family, version) in [(4, IpVersion::V4), (6, IpVersion::V6)] {
            let all: Vec<RuleMessage> = self
                .netlink()
                .rule()
                .get(version)
                .execute()
                .try_collect()
                .await
                .map_err(self.netlink_error("list rules"))?;
            rules.extend(all.iter().map(|rule| rule_entry(family, rule)));
        }
        rules.sort();
        Ok(rules)
    }

    /// Processes whose network namespace is this node's.
    fn processes(&self) -> Result<Vec<ProcessEntry>> {
        let own =
            self.namespace().file().metadata().map_err(|source| LabError::file(self.namespace().path(), source))?.ino();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").map_err(|source| LabError::file("/proc", source))?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let path = entry.path();
            // A process may end while it is looked at; then it is not there.
            if fs::metadata(path.join("ns/net")).is_ok_and(|meta| meta.ino() == own)
                && !fs::read_to_string(path.join("stat")).unwrap_or_default().contains(") Z ")
            {
                let name = fs::read_to_string(path.join("comm")).unwrap_or_default().trim().to_owned();
                found.push(ProcessEntry { pid, name });
            }
        }
        found.sort();
        Ok(found)
    }
}

fn names(links: &[LinkMessage]) -> IndexMap<u32, String> {
    links.iter().map(|link| (link.header.index, link_name(link))).collect()
}

fn interfaces_up(links: &[LinkMessage]) -> IndexMap<String, u32> {
    let up = links.iter().filter(|link| link.header.flags.contains(LinkFlags::Up));
    let mut interfaces: IndexMap<String, u32> = up.map(|link| (link_name(link), link_mtu(link))).collect();
    interfaces.sort_unstable_keys();
    interfaces
}

fn link_name(link: &LinkMessage) -> String {
    link.attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

fn link_mtu(link: &LinkMessage) -> u32 {
    link.attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        })
        .unwrap_or_default()
}

/// Leaves out what the kernel makes by itself for every address: the local table, multicast and cache entries.
fn is_configured(route: &RouteMessage) -> bool {
    let kinds =
        [RouteType::Unicast, RouteType::BlackHole, RouteType::Unreachable, RouteType::Prohibit, RouteType::Throw];
    let multicast = route.header.destination_prefix_length == 8
        && route.attributes.iter().any(
            |attribute| matches!(attribute, RouteAttribute::Destination(RouteAddress::Inet6(to)) if to.is_multicast()),
        );
    kinds.contains(&route.header.kind)
        && route.header.table != RT_TABLE_LOCAL
        && route.header.protocol != RouteProtocol::IcmpRedirect
        && !multicast
        && !route.header.flags.contains(netlink_packet_route::route::RouteFlags::Cloned)
}

fn route_entry(route: &RouteMessage, names: &IndexMap<u32, String>) -> RouteEntry {
    let unspecified = if route.header.address_family == AddressFamily::Inet6 { "::" } else { "0.0.0.0" };
    let mut entry = RouteEntry {
        to: format!("{unspecified}/{}", route.header.destination_prefix_length),
        via: None,
        interface: None,
        metric: None,
        table: route.header.table.into(),
        kind: format!("{:?}", route.header.kind).to_lowercase(),
    };
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                if let Some(to) = ip(to) {
                    entry.to = format!("{to}/{}", route.header.destination_prefix_length);
                }
            }
            RouteAttribute::Gateway(via) => entry.via = ip(via),
            RouteAttribute::Oif(index) => entry.interface = names.get(index).cloned(),
            RouteAttribute::Priority(metric) => entry.metric = Some(*metric),
            RouteAttribute::Table(table) => entry.table = *table,
            _ => {}
        }
    }
    entry
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn rule_entry(family: u8, rule: &RuleMessage) -> RuleEntry {
    let mut priority = 0;
    let mut words = vec![format!("{:?}", rule.header.action)];
    for attribute in &rule.attributes {
        match attribute {
            RuleAttribute::Priority(value) => priority = *value,
            RuleAttribute::SuppressPrefixLen(u32::MAX) | RuleAttribute::Protocol(_) => {}
            other => words.push(format!("{other:?}")),
        }
    }
    RuleEntry { family, priority, text: words.join(" ") }
}

/// Listening TCP and bound UDP sockets of the namespace of this thread.
fn listening() -> Vec<SocketEntry> {
    let mut found = Vec::new();
    for (file, protocol, state) in
        [("tcp", "tcp", "0A"), ("tcp6", "tcp", "0A"), ("udp", "udp", "07"), ("udp6", "udp", "07")]
    {
        let text = fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let mut words = line.split_whitespace();
            let (local, status) = (words.nth(1), words.nth(1));
            if let (Some((address, port)), Some(status)) = (local.and_then(socket_address), status)
                && status == state
            {
                found.push(SocketEntry { protocol: protocol.to_owned(), address, port });
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Reads `0100007F:0050`: the address in the host's byte order by 32-bit words, the port in hex.
fn socket_address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for start in (0..address.len()).step_by(8) {
        bytes.extend_from_slice(&u32::from_str_radix(address.get(start..start + 8)?, 16).ok()?.to_ne_bytes());
    }
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_net_addresses() {
        assert_eq!(socket_address("0100007F:01BB"), Some(("127.0.0.1".parse().unwrap(), 443)));
        assert_eq!(socket_address("00000000000000000000000001000000:0035"), Some(("::1".parse().unwrap(), 53)));
        assert_eq!(socket_address("0100007F"), None);
        assert_eq!(socket_address("01:zz"), None);
    }
}
