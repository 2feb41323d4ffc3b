//! What the little internet offers, and the probes that use it.
//!
//! Services ([`DnsServer`], [`HttpServer`], [`EchoServer`]) take sockets that are bound already, because a socket
//! belongs to the network namespace in which it was opened, and run on the current tokio runtime until their handle
//! is dropped. Probes ([`NumberedFlow`], [`download`], [`upload`], [`dns_query`], [`ping`], [`mtu_search`]) take
//! sockets in the same way and return plain observations of `interop-evidence`; they never judge.
//!
//! The functions of [`sockets`] open what services and probes need; the engine calls them inside a node's namespace.
//! Sizes of ping packets are always those of the whole IP packet in bytes.
#![forbid(unsafe_code)]

mod accept;
mod clock;
mod dns;
mod echo;
mod http;
mod probe;
pub mod sockets;

pub use clock::Clock;
pub use dns::{DnsServer, LoggedQuery, Override, Transport, Zone};
pub use echo::{EchoCounters, EchoServer};
pub use http::{HttpCounters, HttpServer, MAX_BYTES, Noise};
pub use probe::{
    Call, DnsType, FlowReport, FlowSpec, Fragmentation, MAX_FLOW_PACKETS, MtuSpec, NumberedFlow, NumberedPacket,
    PingSocket, PingSpec, Pumped, dns_query, download, icmp, mtu_search, ping, ping_once, pump, summarise,
    summarise_window, upload,
};
