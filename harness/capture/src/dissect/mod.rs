//! Thin dissectors: enough to say who talks to whom and by what. They take any bytes, and never panic.

mod dns;
mod summary;
mod transport;

pub use dns::dns_names;
pub use summary::{Arp, Fragment, Ip, Network, Summary};
pub use transport::{Echo, Transport};
