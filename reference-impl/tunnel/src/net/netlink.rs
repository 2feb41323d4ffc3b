//! Links, addresses and routes through rtnetlink; every refusal names the change in words.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::pin;

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteScope, RouteType, RouteVia,
};
use nix::errno::Errno;
use nix::net::if_::{if_indextoname, if_nametoindex};
use rtnetlink::{LinkUnspec, RouteMessageBuilder};

use super::NetError;
use super::change::{NextHop, Route, Target};
use super::underlay::KnownRoute;

/// A connection to the kernel, for the network namespace of the thread that opened it.
#[derive(Debug)]
pub(super) struct Netlink {
    handle: rtnetlink::Handle,
    task: tokio::task::AbortHandle,
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the kernel would do with packets to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// Deliver them here.
    Local,
    /// Send them to this hop.
    Hop(NextHop),
    /// Refuse them.
    None,
}

impl Netlink {
    /// Opens a connection; its task runs on the current runtime.
    pub(super) fn open() -> Result<Self, NetError> {
        let (connection, handle, _) = rtnetlink::new_connection()
            .map_err(|error| NetError::system("open an rtnetlink socket", errno_of(&error)))?;
        let task = tokio::spawn(connection).abort_handle();
        Ok(Self { handle, task })
    }

    /// Sets the MTU and brings a link up.
    pub(super) async fn link_up(&self, index: u32, mtu: u16, change: &dyn Display) -> Result<(), NetError> {
        let message = LinkUnspec::new_with_index(index).mtu(u32::from(mtu)).up().build();
        self.handle.link().set(message).execute().await.map_err(|error| refused(change, error))
    }

    /// Adds an address. Returns whether it is new.
    pub(super) async fn add_address(&self, index: u32, address: IpNet, change: &dyn Display) -> Result<bool, NetError> {
        let mut request = self.handle.address().add(index, address.addr(), address.prefix_len());
        if address.addr().is_ipv6() {
            request.message_mut().attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        present_is_fine(request.execute().await, &[Errno::EEXIST], change)
    }

    /// Takes an address away. Returns whether it was there.
    pub(super) async fn delete_address(
        &self,
        index: u32,
        address: IpNet,
        change: &dyn Display,
    ) -> Result<bool, NetError> {
        let mut message = AddressMessage::default();
        message.header.index = index;
        message.header.prefix_len = address.prefix_len();
        message.header.family = family(address.addr().is_ipv6());
        message.attributes.push(AddressAttribute::Local(address.addr()));
        present_is_fine(self.handle.address().del(message).execute().await, &GONE, change)
    }

    /// Adds a route. Returns whether it is new; a different route to the same destination is an error.
    pub(super) async fn add_route(&self, route: &Route) -> Result<bool, NetError> {
        let result = self.handle.route().add(message(route)?).execute().await;
        let Err(error) = result else { return Ok(true) };
        if errno(&error) == Some(Errno::EEXIST) && self.routes().await?.iter().any(|known| known.is(route)) {
            return Ok(false);
        }
        Err(refused(route, error))
    }

    /// Removes a route. Returns whether it was there.
    pub(super) async fn delete_route(&self, route: &Route) -> Result<bool, NetError> {
        present_is_fine(self.handle.route().del(message(route)?).execute().await, &GONE, route)
    }

    /// Asks the kernel where packets to an address would go.
    pub(super) async fn lookup(&self, to: IpAddr) -> Result<Lookup, NetError> {
        let what = format!("look for the way to {to}");
        let length = if to.is_ipv6() { 128 } else { 32 };
        let query = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(to, length)
            .map_err(|error| NetError::NetlinkAnswer { change: what.clone(), message: error.to_string() })?;
        let mut answers = pin!(self.handle.route().get(query.build()).execute());
        match answers.try_next().await {
            Ok(Some(answer)) if answer.header.kind == RouteType::Local => Ok(Lookup::Local),
            Ok(Some(answer)) => Ok(hop_of(&answer).map_or(Lookup::None, Lookup::Hop)),
            Ok(None) => Ok(Lookup::None),
            Err(error) => match errno(&error) {
                Some(code) if NO_WAY.contains(&code) => Ok(Lookup::None),
                _ => Err(refused(&what, error)),
            },
        }
    }

    /// Lists the main table of both families, without the kernel's cache and multicast entries.
    pub(super) async fn routes(&self) -> Result<Vec<KnownRoute>, NetError> {
        let mut routes = Vec::new();
        for query in [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()] {
            let all: Result<Vec<RouteMessage>, _> = self.handle.route().get(query).execute().try_collect().await;
            match all {
                Ok(all) => routes.extend(all.iter().filter_map(known)),
                // A kernel without IPv6 has no routes of it.
                Err(error) if errno(&error).is_some_and(|code| NO_FAMILY.contains(&code)) => {}
                Err(error) => return Err(refused(&"list the routes", error)),
            }
        }
        Ok(routes)
    }
}

/// What the kernel says about a route, an address or an interface that is not there.
const GONE: [Errno; 5] = [Errno::ESRCH, Errno::ENODEV, Errno::ENOENT, Errno::EADDRNOTAVAIL, Errno::ENXIO];

/// What it says when there is no way to a destination.
const NO_WAY: [Errno; 6] =
    [Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::ENETDOWN, Errno::ESRCH, Errno::EACCES, Errno::EINVAL];

/// What it says when it lacks a family.
const NO_FAMILY: [Errno; 3] = [Errno::EAFNOSUPPORT, Errno::EOPNOTSUPP, Errno::EPROTONOSUPPORT];

/// Index of an interface.
pub(super) fn index_of(name: &str) -> Result<u32, NetError> {
    if_nametoindex(name).map_err(|_| NetError::NoInterface { name: name.to_owned() })
}

fn present_is_fine(
    result: Result<(), rtnetlink::Error>,
    fine: &[Errno],
    change: &dyn Display,
) -> Result<bool, NetError> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if errno(&error).is_some_and(|code| fine.contains(&code)) => Ok(false),
        Err(error) => Err(refused(change, error)),
    }
}

fn message(route: &Route) -> Result<RouteMessage, NetError> {
    let invalid = |message: String| NetError::NetlinkAnswer { change: route.to_string(), message };
    let builder = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(route.to.addr(), route.to.prefix_len())
        .map_err(|error| invalid(error.to_string()))?;
    let (builder, via, index) = match &route.target {
        Target::Tunnel { index, .. } => (builder, None, Some(*index)),
        Target::Outside(hop) => (builder, hop.via, Some(hop.index)),
        Target::Unreachable => (builder.kind(RouteType::Unreachable), None, None),
    };
    let mut message = builder.build();
    if let Some(index) = index {
        message.attributes.push(RouteAttribute::Oif(index));
        if via.is_none() && route.to.addr().is_ipv4() {
            message.header.scope = RouteScope::Link;
        }
    }
    match (via, route.to.addr()) {
        (Some(IpAddr::V4(router)), _) => message.attributes.push(RouteAttribute::Gateway(RouteAddress::Inet(router))),
        (Some(IpAddr::V6(router)), IpAddr::V6(_)) => {
            message.attributes.push(RouteAttribute::Gateway(RouteAddress::Inet6(router)));
        }
        (Some(IpAddr::V6(router)), IpAddr::V4(_)) => {
            message.attributes.push(RouteAttribute::Via(RouteVia::Inet6(router)));
        }
        (None, _) => {}
    }
    Ok(message)
}

/// Reads a route of the main table; leaves out what the kernel makes by itself.
fn known(message: &RouteMessage) -> Option<KnownRoute> {
    let table = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    let kind = message.header.kind;
    let to_nowhere = matches!(kind, RouteType::Unreachable | RouteType::BlackHole | RouteType::Prohibit);
    let counts = table.unwrap_or(u32::from(message.header.table)) == u32::from(RouteHeader::RT_TABLE_MAIN)
        && (kind == RouteType::Unicast || to_nowhere)
        && !message.header.flags.contains(RouteFlags::Cloned);
    let to = counts.then(|| destination(message)).flatten()?;
    let metric = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Priority(metric) => Some(*metric),
        _ => None,
    });
    Some(KnownRoute {
        to,
        hop: if to_nowhere { None } else { hop_of(message) },
        unreachable: kind == RouteType::Unreachable,
        metric: metric.unwrap_or(0),
        usable: !message.header.flags.intersects(RouteFlags::Dead | RouteFlags::Linkdown),
    })
}

fn destination(message: &RouteMessage) -> Option<IpNet> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(to) => ip(to),
        _ => None,
    });
    let any: IpAddr = match message.header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    IpNet::new(address.unwrap_or(any), message.header.destination_prefix_length).ok()
}

/// The next hop; the first one of several.
fn hop_of(message: &RouteMessage) -> Option<NextHop> {
    let mut via = None;
    let mut index = None;
    let mut several = None;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Gateway(router) => via = ip(router),
            RouteAttribute::Via(RouteVia::Inet(router)) => via = Some(IpAddr::from(*router)),
            RouteAttribute::Via(RouteVia::Inet6(router)) => via = Some(IpAddr::from(*router)),
            RouteAttribute::Oif(number) => index = Some(*number),
            RouteAttribute::MultiPath(hops) => several = hops.first(),
            _ => {}
        }
    }
    if let (None, Some(first)) = (index, several) {
        index = Some(first.interface_index);
        via = first.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Gateway(router) => ip(router),
            RouteAttribute::Via(RouteVia::Inet(router)) => Some(IpAddr::from(*router)),
            RouteAttribute::Via(RouteVia::Inet6(router)) => Some(IpAddr::from(*router)),
            _ => None,
        });
    }
    let index = index?;
    let device = if_indextoname(index).ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    Some(NextHop { via, device, index })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn family(ipv6: bool) -> AddressFamily {
    if ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet }
}

fn errno(error: &rtnetlink::Error) -> Option<Errno> {
    match error {
        rtnetlink::Error::NetlinkError(message) => {
            message.code.map(|code| Errno::from_raw(code.get().checked_abs().unwrap_or(libc::EIO)))
        }
        _ => None,
    }
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

fn refused(change: &dyn Display, error: rtnetlink::Error) -> NetError {
    match errno(&error) {
        Some(errno) => NetError::Netlink { change: change.to_string(), errno },
        None => NetError::NetlinkAnswer { change: change.to_string(), message: error.to_string() },
    }
}
