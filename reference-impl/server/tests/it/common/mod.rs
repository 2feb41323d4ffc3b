//! A server program on loopback without a device, and a client that is driven by hand.

pub(crate) mod client;
pub(crate) mod pki;
pub(crate) mod server;
