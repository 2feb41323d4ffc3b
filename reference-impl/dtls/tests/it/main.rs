//! Tests of the DTLS connection from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod net;
mod openssl_peer;
mod pairs;
mod records;
