//! The state of a node at one moment: addresses, routes, rules, resolver, sockets, processes.

use std::net::IpAddr;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::Micros;

/// When in the cell's life a snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before any peer was started.
    Before,
    /// Right after the tunnel came up.
    Connected,
    /// After the fault of this name.
    AfterFault(String),
    /// After the client has gone.
    AfterDisconnect,
    /// After the server has been stopped too.
    AfterStop,
}

impl std::fmt::Display for Phase {
    /// Fit as a file name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Before => f.pad("before"),
            Self::Connected => f.pad("connected"),
            Self::AfterFault(name) => write!(f, "after-{name}"),
            Self::AfterDisconnect => f.pad("after-disconnect"),
            Self::AfterStop => f.pad("after-stop"),
        }
    }
}

/// The state of one node. Collections are sorted, so that two snapshots compare by equality.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSnapshot {
    /// Name of the node.
    pub node: String,
    /// When.
    pub at: Micros,
    /// Interfaces that are up, with MTU.
    pub interfaces: IndexMap<String, u32>,
    /// Addresses.
    pub addresses: Vec<AddressEntry>,
    /// Routes of every table but `local`.
    pub routes: Vec<RouteEntry>,
    /// Policy rules.
    pub rules: Vec<RuleEntry>,
    /// Contents of the node's view of `/etc/resolv.conf`.
    pub resolver: String,
    /// Files of the node's view of `/etc` that a peer changed, with their SHA-256, the resolver excluded.
    pub changed_files: IndexMap<String, String>,
    /// Listening sockets.
    pub sockets: Vec<SocketEntry>,
    /// Processes.
    pub processes: Vec<ProcessEntry>,
}

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AddressEntry {
    pub interface: String,
    pub address: IpAddr,
    pub prefix: u8,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RouteEntry {
    /// Destination; `default` is `0.0.0.0/0` or `::/0`.
    pub to: String,
    pub via: Option<IpAddr>,
    pub interface: Option<String>,
    pub metric: Option<u32>,
    pub table: u32,
    /// `unicast`, `blackhole`, `unreachable`, ...
    pub kind: String,
}

/// A policy rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RuleEntry {
    pub family: u8,
    pub priority: u32,
    pub text: String,
}

/// A listening (TCP) or bound (UDP) socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SocketEntry {
    pub protocol: String,
    pub address: IpAddr,
    pub port: u16,
}

/// A process in the node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ProcessEntry {
    pub pid: u32,
    pub name: String,
}
