//! TLS: records, handshake messages, decryption.
//!
//! [`records`] cuts a stream, [`handshake`] and [`hello`] read messages, [`connection`] follows both directions and says what
//! happens, [`opener`] knows which keys are in use. [`aead`], [`known`], [`protect`], [`schedule`] and [`suite`] open single records; DTLS uses them too.

mod aead;
mod connection;
mod handshake;
pub(crate) mod hello;
pub(crate) mod known;
pub(crate) mod names;
mod opener;
pub(crate) mod protect;
pub(crate) mod reader;
mod records;
pub(crate) mod schedule;
mod stream;
pub(crate) mod suite;

pub(crate) use stream::TlsStream;

#[cfg(test)]
mod tests;
