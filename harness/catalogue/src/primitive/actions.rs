//! What a fault does, ready to be carried out: every name and quantity is typed.

use std::{fmt, net::IpAddr, time::Duration};

use ipnet::IpNet;

use crate::{
    Bitrate, ClockOffset, Destination, Mtu, Name, NatKind, Percent, Port, Problem, Problems, Protocol, Side, Signal,
    Size, Spanned,
    decode::{Decode, Parse, ParseError, Schema, keywords, record, words},
    yaml::Node,
};

record! {
    /// Adds rules to a node's nftables.
    pub struct NftFault {
        /// The node.
        pub node: Name,
        /// Chains and sets, as they stand inside a table.
        pub rules: String,
    }
}

record! {
    /// Changes how a link treats packets; what is absent stays as it is.
    pub struct WireFault {
        /// The link.
        pub link: Name,
        /// Only towards this node; both ways unless given.
        pub towards: Option<Name> = None,
        /// Time that every packet takes.
        pub delay: Option<Duration> = None,
        /// Random part of the delay.
        pub jitter: Option<Duration> = None,
        /// Share of packets lost.
        pub loss: Option<Percent> = None,
        /// Mean number of packets lost in a row.
        pub burst: Option<u32> = None,
        /// Share of packets delivered twice.
        pub duplicate: Option<Percent> = None,
        /// Share of packets delivered after a later one.
        pub reorder: Option<Percent> = None,
        /// Share of packets with a flipped bit.
        pub corrupt: Option<Percent> = None,
        /// Bits per second.
        pub rate: Option<Bitrate> = None,
        /// Bytes that wait in front of the rate limit.
        pub queue: Option<Size> = None,
        /// Largest IP packet that passes.
        pub mtu: Option<Mtu> = None,
        /// Whether nothing passes.
        pub cut: Option<bool> = None,
    }
}

/// Changes a router's address translation.
#[derive(Clone, Debug, PartialEq)]
pub struct NatFault {
    /// The router.
    pub node: Name,
    /// The change.
    pub change: NatChange,
}

/// A change of address translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatChange {
    /// Forget every mapping; the next packet gets a new port.
    Rebind,
    /// Another behaviour.
    Kind(NatKind),
    /// Another life time of idle UDP mappings.
    UdpTimeout(Duration),
}

keywords! {
    /// What a `nat` fault changes.
    enum NatAction: "action" {
        /// Forget every mapping.
        Rebind = "rebind",
        /// Another behaviour: `value` is a kind of NAT.
        Kind = "kind",
        /// Another life time of idle UDP mappings: `value` is a duration.
        UdpTimeout = "udp-timeout",
    }
}

record! {
    /// Changes a router's address translation.
    struct NatFields {
        /// The router.
        node: Name,
        /// What to change.
        action: NatAction,
        /// The new kind or time-out.
        value: Option<Spanned<String>> = None,
    }
}

impl Decode for NatFault {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let fields = NatFields::decode(node, problems)?;
        let value = node.mapping().and_then(|mapping| mapping.value("value"));
        let change = match (fields.action, value) {
            (NatAction::Rebind, None) => NatChange::Rebind,
            (NatAction::Rebind, Some(value)) => {
                problems.push(Problem::new("`rebind` takes no value", &value.at, "not used").help("remove `value`"));
                return None;
            }
            (NatAction::Kind, Some(value)) => NatChange::Kind(NatKind::decode(value, problems)?),
            (NatAction::UdpTimeout, Some(value)) => NatChange::UdpTimeout(Duration::decode(value, problems)?),
            (action, None) => {
                let message = format!("`{action}` needs a value");
                problems.push(Problem::new(message, &node.place(), "needs `value`").help("add `value: ...`"));
                return None;
            }
        };
        Some(Self { node: fields.node, change })
    }

    fn schema() -> Schema {
        NatFields::schema()
    }
}

keywords! {
    /// What happens to a route.
    pub enum RouteChange: "action" {
        /// It appears.
        Add = "add",
        /// It vanishes.
        Delete = "delete",
        /// It leads elsewhere.
        Replace = "replace",
    }
}

record! {
    /// Changes a node's routes.
    pub struct RouteFault {
        /// The node.
        pub node: Name,
        /// The change.
        pub action: RouteChange,
        /// The prefix, `default` or `default/v6`.
        pub to: Destination,
        /// The next hop.
        pub via: Option<IpAddr> = None,
    }
}

keywords! {
    /// State of an interface.
    pub enum LinkState: "state" {
        /// No carrier.
        Down = "down",
        /// Works.
        Up = "up",
    }
}

/// Sets an interface up or down, or gives a link another MTU; routers then answer with ICMP.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkFault {
    /// The link.
    pub link: Name,
    /// Only at this node; at both ends unless given.
    pub node: Option<Name>,
    /// The change.
    pub change: LinkChange,
}

/// A change of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Up or down.
    State(LinkState),
    /// Another MTU.
    Mtu(Mtu),
}

record! {
    /// Sets an interface up or down, or gives a link another MTU.
    struct LinkFields {
        /// The link.
        link: Name,
        /// Only at this node; at both ends unless given.
        node: Option<Name> = None,
        /// The new state.
        state: Option<LinkState> = None,
        /// The new MTU.
        mtu: Option<Mtu> = None,
    }
}

impl Decode for LinkFault {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let fields = LinkFields::decode(node, problems)?;
        let change = match (fields.state, fields.mtu) {
            (Some(state), None) => LinkChange::State(state),
            (None, Some(mtu)) => LinkChange::Mtu(mtu),
            _ => {
                let problem = Problem::new("a link changes its state or its MTU", &node.place(), "not one change");
                problems.push(problem.help("write either `state: down` or `mtu: 1400`"));
                return None;
            }
        };
        Some(Self { link: fields.link, node: fields.node, change })
    }

    fn schema() -> Schema {
        LinkFields::schema()
    }
}

record! {
    /// Replaces the address of a node's interface, and its default route.
    pub struct AddressFault {
        /// The node.
        pub node: Name,
        /// The link.
        pub link: Name,
        /// The new address with prefix length.
        pub address: IpNet,
        /// The new default gateway.
        pub via: Option<IpAddr> = None,
    }
}

record! {
    /// Sends a signal to a peer.
    pub struct SignalFault {
        /// Which.
        pub peer: Side,
        /// The signal.
        pub signal: Signal,
    }
}

record! {
    /// Ends a peer and starts it again.
    pub struct RestartFault {
        /// Which.
        pub peer: Side,
        /// How long it is gone.
        pub down_for: Duration = Duration::ZERO,
        /// Whether it is killed, not asked to end.
        pub kill: bool = false,
    }
}

record! {
    /// Gives a peer a defective certificate; injected before it starts.
    pub struct CertificateFault {
        /// Which.
        pub peer: Side,
        /// Name of the defect.
        pub defect: Name,
    }
}

record! {
    /// Sets a peer's clock wrong; injected before it starts.
    pub struct ClockFault {
        /// Which.
        pub peer: Side,
        /// How wrong.
        pub offset: ClockOffset,
    }
}

/// What the lab's DNS says instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DnsReply {
    /// This address.
    Address(IpAddr),
    /// The name exists, without addresses.
    Nothing,
    /// The name does not exist.
    Nxdomain,
    /// The server failed.
    Servfail,
    /// No answer at all.
    Silence,
}

impl Parse for DnsReply {
    const WHAT: &'static str = "an answer";
    const EXAMPLE: &'static str = "203.0.113.66";

    fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(match text {
            "nothing" => Self::Nothing,
            "nxdomain" => Self::Nxdomain,
            "servfail" => Self::Servfail,
            "silence" => Self::Silence,
            _ => Self::Address(text.parse().map_err(|_| {
                ParseError::new(format!("`{text}` is not an answer"))
                    .help("write an IP address, `nothing`, `nxdomain`, `servfail` or `silence`")
            })?),
        })
    }
}

impl fmt::Display for DnsReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Nothing => f.pad("nothing"),
            Self::Nxdomain => f.pad("nxdomain"),
            Self::Servfail => f.pad("servfail"),
            Self::Silence => f.pad("silence"),
        }
    }
}

words!(DnsReply);

record! {
    /// Makes the lab's DNS answer wrongly.
    pub struct DnsFault {
        /// The name.
        pub name: Name,
        /// The answer.
        pub answer: DnsReply,
    }
}

record! {
    /// Lets something else listen on a port; injected before the peers start.
    pub struct PortFault {
        /// The node.
        pub node: Name,
        /// TCP or UDP.
        pub protocol: Protocol,
        /// The port.
        pub port: Port,
    }
}
