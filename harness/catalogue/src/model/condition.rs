//! What a scenario may expect.

use std::{fmt, net::IpAddr, time::Duration};

use super::{
    ExpectDtls, ExpectDtlsAttempts, ExpectStages, ExpectTls, ExpectTlsSessions, ExpectTunnelMtu, Side, Target,
};
use crate::{
    Expr, Name, Spanned,
    decode::{Parse, ParseError, keywords, record, shapes, words},
    units::Destination,
};

shapes! {
    /// What `expect` demands.
    pub enum Condition: "expectation" {
        /// What carries the tunnel's traffic on the outside wires.
        Transport(ExpectTransport) = "transport",
        /// A ping is answered.
        Reachable(ExpectReachable) = "reachable",
        /// No ping is answered, for a while.
        Unreachable(ExpectUnreachable) = "unreachable",
        /// A name has an address.
        Resolves(ExpectResolves) = "resolves",
        /// A route leads where it should.
        Route(ExpectRoute) = "route",
        /// A peer's log says something.
        Said(ExpectSaid) = "said",
        /// A peer ends.
        Exits(ExpectExit) = "exits",
        /// A peer still runs.
        Runs(ExpectRuns) = "runs",
        /// The client's address in the tunnel.
        TunnelAddress(ExpectTunnelAddress) = "tunnel-address",
        /// The stages that the connection went through.
        Stages(ExpectStages) = "stages",
        /// The family of the DTLS session, as its handshake shows it.
        Dtls(ExpectDtls) = "dtls",
        /// When DTLS was tried again.
        DtlsAttempts(ExpectDtlsAttempts) = "dtls-attempts",
        /// The version of the TLS session, as its handshake shows it.
        Tls(ExpectTls) = "tls",
        /// How many TLS sessions there were.
        TlsSessions(ExpectTlsSessions) = "tls-sessions",
        /// The MTU of the tunnel's device.
        TunnelMtu(ExpectTunnelMtu) = "tunnel-mtu",
    }
}

impl Condition {
    /// Whether a miss is `degraded`, not `fail`.
    pub const fn or_degraded(&self) -> bool {
        match self {
            Self::Transport(expect) => expect.or_degraded,
            Self::Reachable(expect) => expect.or_degraded,
            Self::Unreachable(expect) => expect.or_degraded,
            Self::Resolves(expect) => expect.or_degraded,
            Self::Route(expect) => expect.or_degraded,
            Self::Said(expect) => expect.or_degraded,
            Self::Exits(expect) => expect.or_degraded,
            Self::Runs(expect) => expect.or_degraded,
            Self::TunnelAddress(expect) => expect.or_degraded,
            Self::Stages(expect) => expect.or_degraded,
            Self::Dtls(expect) => expect.or_degraded,
            Self::DtlsAttempts(expect) => expect.or_degraded,
            Self::Tls(expect) => expect.or_degraded,
            Self::TlsSessions(expect) => expect.or_degraded,
            Self::TunnelMtu(expect) => expect.or_degraded,
        }
    }

    /// The deadline or the time span, where the condition has one.
    pub const fn duration(&self) -> Option<&Expr<Duration>> {
        match self {
            Self::Transport(expect) => Some(&expect.within),
            Self::Reachable(expect) => Some(&expect.within),
            Self::Unreachable(expect) => Some(&expect.r#for),
            Self::Resolves(expect) => Some(&expect.within),
            Self::Route(expect) => Some(&expect.within),
            Self::Said(expect) => Some(&expect.within),
            Self::Exits(expect) => Some(&expect.within),
            Self::Stages(expect) => Some(&expect.within),
            Self::Dtls(expect) => Some(&expect.within),
            Self::DtlsAttempts(expect) => Some(&expect.within),
            Self::Tls(expect) => Some(&expect.within),
            Self::TunnelMtu(expect) => Some(&expect.within),
            Self::Runs(_) | Self::TlsSessions(_) | Self::TunnelAddress(_) => None,
        }
    }
}

fn soon() -> Expr<Duration> {
    Expr::fixed(Duration::from_secs(5))
}

keywords! {
    /// What should carry the tunnel's traffic.
    pub enum TransportWanted: "transport" {
        /// Whatever carries it, but not in clear.
        Any = "any",
        /// DTLS or OpenVPN over UDP.
        Datagram = "datagram",
        /// DTLS.
        Dtls = "dtls",
        /// OpenVPN over TCP.
        OpenvpnTcp = "openvpn-tcp",
        /// OpenVPN over UDP.
        OpenvpnUdp = "openvpn-udp",
        /// TLS or OpenVPN over TCP.
        Stream = "stream",
        /// TLS.
        Tls = "tls",
    }
}

record! {
    /// What carries the tunnel's traffic on the outside wires.
    pub struct ExpectTransport {
        /// The wanted carrier.
        pub transport: TransportWanted,
        /// Deadline.
        pub within: Expr<Duration> = soon(),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// A ping is answered.
    pub struct ExpectReachable {
        /// Where to.
        pub reachable: Spanned<Target>,
        /// Node that asks.
        pub from: Name = Name::from("client"),
        /// Deadline.
        pub within: Expr<Duration> = soon(),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// No ping is answered, for a while.
    pub struct ExpectUnreachable {
        /// Where to.
        pub unreachable: Spanned<Target>,
        /// Node that asks.
        pub from: Name = Name::from("client"),
        /// For how long.
        pub r#for: Expr<Duration> = Expr::fixed(Duration::from_secs(1)),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

/// What a name should resolve to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// This address.
    Address(IpAddr),
    /// No address at all.
    Nothing,
}

impl Parse for Answer {
    const WHAT: &'static str = "an address or `nothing`";
    const EXAMPLE: &'static str = "10.20.0.10";

    fn parse(text: &str) -> Result<Self, ParseError> {
        if text == "nothing" {
            return Ok(Self::Nothing);
        }
        IpAddr::parse(text).map(Self::Address).map_err(|error| error.help("write an IP address, or `nothing`"))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Nothing => f.pad("nothing"),
        }
    }
}

words!(Answer);

record! {
    /// A name has an address.
    pub struct ExpectResolves {
        /// The name.
        pub resolves: Name,
        /// The address, or `nothing`.
        pub to: Answer,
        /// Node that asks.
        pub from: Name = Name::from("client"),
        /// Deadline.
        pub within: Expr<Duration> = soon(),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

keywords! {
    /// Which way packets leave the client.
    pub enum Passage: "passage" {
        /// There is no route.
        None = "none",
        /// Beside the tunnel.
        Outside = "outside",
        /// Through the tunnel.
        Tunnel = "tunnel",
    }
}

record! {
    /// A route of the client leads where it should.
    pub struct ExpectRoute {
        /// The prefix, `default` or `default/v6`.
        pub route: Destination,
        /// Which way.
        pub through: Passage,
        /// Deadline.
        pub within: Expr<Duration> = soon(),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// A peer's log says something.
    pub struct ExpectSaid {
        /// Canonical event, as the peer files' `log-events` name them.
        pub said: Name,
        /// Who says it.
        pub by: Side,
        /// Deadline.
        pub within: Expr<Duration> = soon(),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// A peer ends by itself.
    pub struct ExpectExit {
        /// Who.
        pub exits: Side,
        /// Deadline.
        pub within: Expr<Duration> = soon(),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// A peer still runs.
    pub struct ExpectRuns {
        /// Who.
        pub runs: Side,
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

keywords! {
    /// What the client's address in the tunnel should be.
    pub enum TunnelAddress: "state of the tunnel's address" {
        /// An IPv6 address is there.
        Ipv6 = "ipv6",
        /// The same as after the first `connect`.
        Kept = "kept",
        /// There is one.
        Present = "present",
    }
}

record! {
    /// The client's address in the tunnel.
    pub struct ExpectTunnelAddress {
        /// What it should be.
        pub tunnel_address: TunnelAddress,
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}
