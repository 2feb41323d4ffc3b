//! DTLS in the three families that AnyConnect and OpenConnect use, both roles, without sockets or clocks.
//!
//! | family | version | handshake | secret |
//! |---|---|---|---|
//! | PSK-NEGOTIATE | DTLS 1.2 | full, pre-shared key; the ClientHello's session id carries the App-ID | [`Secret::Psk`] |
//! | resumption | DTLS 1.2 | abbreviated, of a session that was never negotiated | [`Secret::Master`] |
//! | Cisco legacy | DTLS 0.9 (0x0100) | abbreviated, likewise | [`Secret::Master`] |
//!
//! A [`Connection`] takes datagrams and the time, and gives datagrams, application data and its next deadline. A server
//! finds the right connection with [`peek_client_hello`] (AC-DTLS-05) and may ask for a round trip first with
//! [`HelloVerifier`] (AC-DTLS-16).

#![forbid(unsafe_code)]

mod client;
mod config;
mod connection;
mod error;
mod flight;
mod handshake;
mod hello;
mod peek;
mod prf;
mod protection;
mod reassembly;
mod server;
mod suite;
mod verify;
mod window;
mod wire;

pub use config::{ClientConfig, Retransmit, Secret, ServerConfig};
pub use connection::{Connection, State};
pub use error::DtlsError;
pub use peek::{HelloPeek, peek_client_hello};
pub use suite::{Suite, Version};
pub use verify::{HelloVerifier, Verdict};
