//! Links, addresses and routes of a node, through rtnetlink.

use std::net::IpAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::route::RouteType;
use rtnetlink::{LinkUnspec, RouteMessageBuilder};

use super::Node;
use crate::{LabError, Result};

/// Index of `lo` in every namespace (`LOOPBACK_IFINDEX`, net/flow.h).
const LOOPBACK: u32 = 1;

/// How long the kernel may take for what it does in the background, and how long to wait before looking again.
const SOON: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_micros(500);

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTarget {
    /// To a gateway on a connected subnet.
    Via(IpAddr),
    /// Straight out of this interface.
    Interface(String),
    /// Nowhere; packets are dropped silently.
    Blackhole,
}

impl Node {
    /// Index of an interface.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn index(&self, interface: &str) -> Result<u32> {
        let link = self
            .netlink()
            .link()
            .get()
            .match_name(interface)
            .execute()
            .try_next()
            .await
            .map_err(self.netlink_error(&format!("find interface `{interface}`")))?;
        link.map(|link| link.header.index)
            .ok_or_else(|| LabError::Unknown { kind: "interface", name: format!("{}/{interface}", self.name()) })
    }

    /// Brings an interface up, with this MAC address and MTU.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) async fn configure_link(&self, interface: &str, index: u32, mac: [u8; 6], mtu: u32) -> Result<()> {
        let message = LinkUnspec::new_with_index(index).address(mac.to_vec()).mtu(mtu).up().build();
        self.netlink()
            .link()
            .set(message)
            .execute()
            .await
            .map_err(self.netlink_error(&format!("bring up interface `{interface}`")))
    }

    /// Brings `lo` up.
    pub(crate) async fn configure_loopback(&self) -> Result<()> {
        let message = LinkUnspec::new_with_index(LOOPBACK).up().build();
        self.netlink().link().set(message).execute().await.map_err(self.netlink_error("bring up `lo`"))
    }

    /// Brings an interface up or down.
    ///
    /// # Errors
    /// When there is none of this name, or the kernel refuses.
    pub async fn set_link(&self, interface: &str, up: bool) -> Result<()> {
        let builder = LinkUnspec::new_with_index(self.index(interface).await?);
        let message = if up { builder.up() } else { builder.down() }.build();
        self.netlink().link().set(message).execute().await.map_err(self.netlink_error(&format!("switch `{interface}`")))
    }

    /// Sets the MTU of an interface, in bytes of IP packet.
    ///
    /// # Errors
    /// When there is none of this name, or the kernel refuses the value.
    pub async fn set_mtu(&self, interface: &str, mtu: u32) -> Result<()> {
        let message = LinkUnspec::new_with_index(self.index(interface).await?).mtu(mtu).build();
        self.netlink()
            .link()
            .set(message)
            .execute()
            .await
            .map_err(self.netlink_error(&format!("set the MTU of `{interface}` to {mtu}")))
    }

    /// Adds an address, usable at once; IPv6 without duplicate-address detection.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn add_address(&self, interface: &str, address: IpNet) -> Result<()> {
        let index = self.index(interface).await?;
        self.add_address_at(index, address).await?;
        self.wait_ready(&[], &[address], SOON).await
    }

    pub(crate) async fn add_address_at(&self, index: u32, address: IpNet) -> Result<()> {
        let mut request = self.netlink().address().add(index, address.addr(), address.prefix_len());
        if address.addr().is_ipv6() {
            request.message_mut().attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        request.execute().await.map_err(self.netlink_error(&format!("add address {address}")))
    }

    /// Removes every address of one family from an interface.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn clear_addresses(&self, interface: &str, ipv6: bool) -> Result<()> {
        let index = self.index(interface).await?;
        let all: Vec<AddressMessage> = self
            .netlink()
            .address()
            .get()
            .set_link_index_filter(index)
            .execute()
            .try_collect()
            .await
            .map_err(self.netlink_error("list addresses"))?;
        for message in all {
            let of_family = message
                .attributes
                .iter()
                .any(|attribute| matches!(attribute, AddressAttribute::Address(address) if address.is_ipv6() == ipv6));
            if of_family {
                self.netlink()
                    .address()
                    .del(message)
                    .execute()
                    .await
                    .map_err(self.netlink_error(&format!("clear addresses of `{interface}`")))?;
            }
        }
        Ok(())
    }

    /// Adds a route, or replaces the one to the same destination.
    ///
    /// # Errors
    /// When the gateway is not reachable, or the kernel refuses.
    pub async fn put_route(&self, to: IpNet, target: &RouteTarget) -> Result<()> {
        let message = self.route_message(to, target).await?;
        self.netlink()
            .route()
            .add(message)
            .replace()
            .execute()
            .await
            .map_err(self.netlink_error(&format!("put a route to {to}")))
    }

    /// Removes a route.
    ///
    /// # Errors
    /// When there is no such route.
    pub async fn delete_route(&self, to: IpNet, target: &RouteTarget) -> Result<()> {
        let message = self.route_message(to, target).await?;
        self.netlink()
            .route()
            .del(message)
            .execute()
            .await
            .map_err(self.netlink_error(&format!("delete the route to {to}")))
    }

    async fn route_message(
        &self,
        to: IpNet,
        target: &RouteTarget,
    ) -> Result<netlink_packet_route::route::RouteMessage> {
        let invalid = |what: &dyn std::fmt::Debug| {
            LabError::system(format!("make a route to {to}"), std::io::Error::other(format!("{what:?}")))
        };
        let builder = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(to.addr(), to.prefix_len())
            .map_err(|error| invalid(&error))?;
        let builder = match target {
            RouteTarget::Via(gateway) => builder.gateway(*gateway).map_err(|error| invalid(&error))?,
            RouteTarget::Interface(name) => builder.output_interface(self.index(name).await?),
            RouteTarget::Blackhole => builder.kind(RouteType::BlackHole),
        };
        Ok(builder.build())
    }

    /// Waits until interfaces have carrier and queue (before that, the first packet may wait a second), and until the
    /// IPv6 addresses are the node's own.
    pub(crate) async fn wait_ready(&self, interfaces: &[u32], addresses: &[IpNet], within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let in_time = |what: String| match Instant::now() > deadline {
            true => Err(LabError::Deadline { what, within }),
            false => Ok(()),
        };
        while !self.all_running(interfaces).await? {
            in_time(format!("all interfaces of `{}` running", self.name()))?;
            tokio::time::sleep(PAUSE).await;
        }
        for address in addresses {
            while !self.is_own(address.addr()).await? {
                in_time(format!("address {address} of `{}` in use", self.name()))?;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    async fn all_running(&self, interfaces: &[u32]) -> Result<bool> {
        let links: Vec<LinkMessage> =
            self.netlink().link().get().execute().try_collect().await.map_err(self.netlink_error("list links"))?;
        let running: Vec<u32> = links.iter().filter(|link| runs(link)).map(|link| link.header.index).collect();
        Ok(interfaces.iter().all(|index| running.contains(index)))
    }

    /// Whether packets to an address would be delivered here. The kernel takes an IPv6 address into use in the
    /// background, some time after it has acknowledged it, also where it looks for no duplicates.
    async fn is_own(&self, address: IpAddr) -> Result<bool> {
        if address.is_ipv4() {
            return Ok(true);
        }
        let query = RouteMessageBuilder::<IpAddr>::new().destination_prefix(address, 128);
        let query =
            query.map_err(|error| LabError::system("ask for a route", std::io::Error::other(error.to_string())))?;
        let mut routes = pin!(self.netlink().route().get(query.build()).execute());
        // Before that there is another route, or none at all, which is an error.
        Ok(matches!(routes.try_next().await, Ok(Some(route)) if route.header.kind == RouteType::Local))
    }
}

/// Whether an interface sends what it is given. `IFF_RUNNING` is no sign of that: a veth shows it before the kernel, in
/// the background, has noticed its carrier and put a queue in place of `noop`, which drops everything.
fn runs(link: &LinkMessage) -> bool {
    link.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp)
        && link.attributes.iter().any(|attribute| matches!(attribute, LinkAttribute::Qdisc(name) if name != "noop"))
}
