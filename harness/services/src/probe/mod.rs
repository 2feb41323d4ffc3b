//! Clients of the services; each returns what it saw.

mod flow;
mod ping;
mod query;
mod throughput;
mod transfer;

pub use flow::{FlowReport, FlowSpec, MAX_FLOW_PACKETS, NumberedFlow, NumberedPacket, summarise, summarise_window};
pub use ping::{Fragmentation, MtuSpec, PingSocket, PingSpec, icmp, mtu_search, ping, ping_once};
pub use query::{DnsType, dns_query};
pub use throughput::{Pumped, pump};
pub use transfer::{Call, download, upload};
