//! Predicates over evidence. Every check is a pure function: the same bundle gives the same verdict on any machine,
//! without privileges.

#![forbid(unsafe_code)]

mod always;
mod handshake;
mod leak;
mod limits;
mod routes;
mod stages;
mod trace;
mod transport;
mod verdict;

pub use always::{ALWAYS, AlwaysCheck, Evidence, always};
pub use handshake::{DtlsSession, Schedule, dtls_attempts, dtls_family, dtls_session, tls_sessions, tls_version};
pub use limits::{Limits, above};
pub use routes::{Through, route_of, route_through};
pub use stages::stages;
pub use transport::{WantedTransport, transport};
pub use verdict::verdict;
