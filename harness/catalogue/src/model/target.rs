//! What a probe aims at.

use std::{fmt, net::IpAddr};

use crate::{
    decode::{Parse, ParseError, words},
    units::Destination,
};

/// What a probe aims at: a node, a node in one address family, an address, or the server's end of the tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A literal address.
    Address(IpAddr),
    /// The address that the server has inside the tunnel.
    GatewayInside,
    /// A node of the topology, by any of its addresses.
    Node(String),
    /// A node of the topology, by an IPv4 address: `inside/v4`.
    NodeV4(String),
    /// A node of the topology, by an IPv6 address: `inside/v6`.
    NodeV6(String),
}

impl Target {
    /// The node, if the target is one.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Node(name) | Self::NodeV4(name) | Self::NodeV6(name) => Some(name),
            Self::Address(_) | Self::GatewayInside => None,
        }
    }
}

impl Parse for Target {
    const WHAT: &'static str = "a target";
    const EXAMPLE: &'static str = "inside";

    fn parse(text: &str) -> Result<Self, ParseError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if text == "gateway-inside" {
            return Ok(Self::GatewayInside);
        }
        match text.split_once('/') {
            None if is_identifier(text) => Ok(Self::Node(text.to_owned())),
            Some((node, "v4")) if is_identifier(node) => Ok(Self::NodeV4(node.to_owned())),
            Some((node, "v6")) if is_identifier(node) => Ok(Self::NodeV6(node.to_owned())),
            _ => {
                let help = match Destination::parse(text) {
                    Ok(_) => "a target is one address; write it without prefix length",
                    Err(_) => "write a node's name, `NODE/v4`, `NODE/v6`, an address, or `gateway-inside`",
                };
                Err(ParseError::new(format!("`{text}` is not a target")).help(help))
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::GatewayInside => f.pad("gateway-inside"),
            Self::Node(name) => f.pad(name),
            Self::NodeV4(name) => write!(f, "{name}/v4"),
            Self::NodeV6(name) => write!(f, "{name}/v6"),
        }
    }
}

words!(Target);

/// Lower-case letters, digits and hyphens, as ids and names of nodes and links are.
pub(crate) fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
