//! What is done to the machine, and how each of it is undone.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Where packets of a route go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Into the tunnel.
    Tunnel {
        /// Name of the device.
        device: String,
        /// Its interface index, which no later device of that name has.
        index: u32,
    },
    /// Past the tunnel, along a path that was there before.
    Outside(NextHop),
    /// Nowhere: the sender is told that the destination is unreachable.
    Unreachable,
}

/// The first hop of a path outside of the tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHop {
    /// The router; none on the same link. It may be IPv6 for an IPv4 destination (RFC 5549).
    pub via: Option<IpAddr>,
    /// Name of the interface.
    pub device: String,
    /// Its interface index.
    pub index: u32,
}

impl fmt::Display for NextHop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.via {
            Some(router) => write!(formatter, "{router} dev {}", self.device),
            None => write!(formatter, "{}", self.device),
        }
    }
}

/// One route of the main table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination, without host bits.
    pub to: IpNet,
    /// Where it leads.
    pub target: Target,
}

impl Route {
    /// Returns whether the kernel keeps the route when the tunnel's device goes.
    pub fn survives_device(&self) -> bool {
        !matches!(self.target, Target::Tunnel { .. })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Tunnel { device, .. } => write!(formatter, "route {} via {device}", self.to),
            Target::Outside(hop) => write!(formatter, "route {} via {hop}", self.to),
            Target::Unreachable => write!(formatter, "unreachable route {}", self.to),
        }
    }
}

/// One change, in the order in which it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The device gets its MTU and comes up.
    Link {
        /// Name of the device.
        device: String,
        /// Its interface index.
        index: u32,
        /// Bytes of IP packet.
        mtu: u16,
        /// Whether IPv6 is on for the device; off, it sends nothing of its own into an IPv4 tunnel.
        ipv6: bool,
    },
    /// The device gets an address.
    Address {
        /// Name of the device.
        device: String,
        /// Its interface index.
        index: u32,
        /// Address and prefix length.
        address: IpNet,
    },
    /// A route.
    Route(Route),
    /// The resolver file names other servers.
    Resolver {
        /// Name of the device, for a comment in the file.
        device: String,
        /// The tunnel's servers, at most three.
        servers: Vec<IpAddr>,
        /// Search list; empty leaves the one that is there.
        search: Vec<String>,
        /// Suffixes for these servers only; not empty, a local forwarder is put in between.
        split: Vec<String>,
    },
    /// Packets are forwarded between interfaces.
    Forwarding(Forwarding),
    /// An nftables table is loaded.
    Table {
        /// Family and name, such as `inet vpn_ref_server`.
        name: String,
        /// Its text.
        ruleset: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link { device, mtu, .. } => write!(formatter, "device {device} up with MTU {mtu}"),
            Self::Address { device, address, .. } => write!(formatter, "address {address} on {device}"),
            Self::Route(route) => route.fmt(formatter),
            Self::Resolver { servers, split, .. } => {
                let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
                write!(formatter, "resolver {}", servers.join(" "))?;
                if split.is_empty() { Ok(()) } else { write!(formatter, " for {}", split.join(" ")) }
            }
            Self::Forwarding(which) => write!(formatter, "{}", which.key()),
            Self::Table { name, .. } => write!(formatter, "table {name}"),
        }
    }
}

/// A forwarding setting of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forwarding {
    /// `net.ipv4.ip_forward`.
    Ipv4,
    /// `net.ipv6.conf.all.forwarding`.
    Ipv6,
}

impl Forwarding {
    /// Returns the key below `/proc/sys/net`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4/ip_forward",
            Self::Ipv6 => "ipv6/conf/all/forwarding",
        }
    }

    /// Returns the file.
    pub fn path(self) -> PathBuf {
        PathBuf::from("/proc/sys/net").join(self.key())
    }
}

/// How a change is undone, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// Take the address away.
    DeleteAddress {
        /// Name of the device.
        device: String,
        /// Its interface index.
        index: u32,
        /// Address and prefix length.
        address: IpNet,
    },
    /// Remove the route.
    DeleteRoute(Route),
    /// Write the old text back, unless somebody else has written since.
    RestoreFile {
        /// The file.
        path: PathBuf,
        /// Its text before; none when there was no file.
        original: Option<FileText>,
        /// The text that was written.
        written: String,
    },
    /// Write the old setting back.
    RestoreForwarding {
        /// Which one.
        which: Forwarding,
        /// Its value before.
        original: String,
    },
    /// Remove the nftables table.
    DeleteTable {
        /// Family and name.
        name: String,
    },
}

impl fmt::Display for Undo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteAddress { device, address, .. } => write!(formatter, "address {address} on {device}"),
            Self::DeleteRoute(route) => route.fmt(formatter),
            Self::RestoreFile { path, .. } => write!(formatter, "resolver in {}", path.display()),
            Self::RestoreForwarding { which, .. } => write!(formatter, "{}", which.key()),
            Self::DeleteTable { name } => write!(formatter, "table {name}"),
        }
    }
}

/// Content of a file, readable in the journal where it is text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileText {
    /// UTF-8.
    Text(String),
    /// Anything else, in hex.
    Hex(String),
}

impl FileText {
    /// Wraps bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Hex(hex::encode(error.as_bytes())),
        }
    }

    /// Returns the bytes; none when the hex digits are damaged.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Hex(digits) => hex::decode(digits).ok(),
        }
    }
}
