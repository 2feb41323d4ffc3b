//! The shell around the protocol cores: TLS channels, TUN device, data plane, routes and resolver.
//!
//! - [`tls`]: TLS connections that know the borders of their records, over rustls and OpenSSL
//! - [`net`]: the TUN device, addresses, routes and the resolver, and how all of it is put back
//! - [`plane`]: one thread that moves the packets of all sessions

pub mod net;
pub mod plane;
pub mod tls;
