//! What a check must know of a cell's lab to judge its evidence without the catalogue.

use std::net::IpAddr;

use indexmap::IndexMap;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What a scenario watches for leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeakWatch {
    /// Nothing.
    #[default]
    Off,
    /// Packets to inside networks and queries for inside names must not be seen outside in clear.
    Split,
    /// While the tunnel is up, the client must send nothing in clear but to the gateway.
    Full,
}

/// Facts of a cell (`facts.json`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What is watched for leaks.
    pub leak_watch: LeakWatch,
    /// Client nodes.
    pub clients: Vec<String>,
    /// Server node.
    pub server: String,
    /// Wires on which a client's own packets appear.
    pub client_wires: Vec<String>,
    /// Outside addresses of the clients.
    pub client_addresses: Vec<IpAddr>,
    /// Outside addresses of the server.
    pub server_addresses: Vec<IpAddr>,
    /// Networks behind the server.
    pub inside_networks: Vec<IpNet>,
    /// Domain of the inside names.
    pub inside_domain: String,
    /// Addresses of every node of the lab, by its name, in the order of the topology.
    #[serde(default)]
    pub nodes: IndexMap<String, Vec<IpAddr>>,
    /// The gateway's port, of TCP and of UDP.
    #[serde(default)]
    pub port: u16,
    /// Wall time at which the cell's clock was zero, in nanoseconds since the epoch: times of the capture are wall times.
    #[serde(default)]
    pub epoch_ns: u64,
}
