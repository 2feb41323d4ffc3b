//! ICMP echo: reachability, round trips and the largest packet that passes.

pub mod icmp;
mod mtu;
mod run;
mod socket;

pub use mtu::{MtuSpec, mtu_search};
pub use run::{PingSpec, ping, ping_once};
pub use socket::{Fragmentation, PingSocket};
