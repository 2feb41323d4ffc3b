//! Fault primitives: what Rust can break, and how a fault's YAML turns into one of them.

mod actions;
mod render;
mod table;

pub use actions::{
    AddressFault, CertificateFault, ClockFault, DnsFault, DnsReply, LinkChange, LinkFault, LinkState, NatChange,
    NatFault, NftFault, PortFault, RestartFault, RouteChange, RouteFault, SignalFault, WireFault,
};
pub use table::{FaultAction, PRIMITIVES, Primitive};

pub(crate) use render::{arguments, known_params, placeholder, resolve, variables};
