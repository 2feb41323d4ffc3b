//! Ports, MTUs, prefixes, addresses.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::decode::{Parse, ParseError, words};

/// A UDP or TCP port, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u16);

impl Parse for Port {
    const WHAT: &'static str = "a port";
    const EXAMPLE: &'static str = "443";
    const NUMERIC: bool = true;

    fn parse(text: &str) -> Result<Self, ParseError> {
        match text.parse() {
            Ok(port) if port > 0 => Ok(Self(port)),
            _ => Err(ParseError::new(format!("`{text}` is not a port")).help("write a number from 1 to 65535")),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Largest IP packet of a link, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtu(pub u16);

impl Parse for Mtu {
    const WHAT: &'static str = "an MTU";
    const EXAMPLE: &'static str = "1500";
    const NUMERIC: bool = true;

    fn parse(text: &str) -> Result<Self, ParseError> {
        match text.parse() {
            Ok(mtu) if mtu >= 68 => Ok(Self(mtu)),
            _ => Err(ParseError::new(format!("`{text}` is not an MTU"))
                .help("write a number of bytes from 68 to 65535, without a unit")),
        }
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Parse for IpNet {
    const WHAT: &'static str = "an address with prefix length";
    const EXAMPLE: &'static str = "10.0.0.0/8";

    fn parse(text: &str) -> Result<Self, ParseError> {
        text.parse().map_err(|_| {
            let error = ParseError::new(format!("`{text}` is not an address with prefix length"));
            match text.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => error.help(format!("write `{text}/24`, or another prefix length")),
                Ok(IpAddr::V6(_)) => error.help(format!("write `{text}/64`, or another prefix length")),
                Err(_) => error.help("write it like `10.0.0.0/8` or `2001:db8::/64`"),
            }
        })
    }
}

impl Parse for IpAddr {
    const WHAT: &'static str = "an IP address";
    const EXAMPLE: &'static str = "198.51.100.10";

    fn parse(text: &str) -> Result<Self, ParseError> {
        text.parse().map_err(|_| {
            ParseError::new(format!("`{text}` is not an IP address"))
                .help("write it like `198.51.100.10`, or in quotes like `\"2001:db8::1\"`")
        })
    }
}

/// Where a route leads: a prefix, `default`, or `default/v6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(pub IpNet);

impl Destination {
    /// Whether this is a default route.
    pub fn is_default(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl Parse for Destination {
    const WHAT: &'static str = "a destination";
    const EXAMPLE: &'static str = "10.0.0.0/8";

    fn parse(text: &str) -> Result<Self, ParseError> {
        match text {
            "default" | "default/v4" => Ok(Self(IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)))),
            "default/v6" => Ok(Self(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)))),
            _ => match text.parse::<IpAddr>() {
                Ok(address) => Ok(Self(IpNet::from(address))),
                Err(_) => IpNet::parse(text).map(|net| Self(net.trunc())),
            },
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_default(), self.0) {
            (true, IpNet::V4(_)) => f.pad("default"),
            (true, IpNet::V6(_)) => f.pad("default/v6"),
            (false, net) => f.pad(&net.to_string()),
        }
    }
}

words!(Port, Mtu, IpNet, IpAddr, Destination);
