//! The program itself, on loopback and without a device.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod certificates;
mod common;
mod dtls;
mod exit;
mod hostile;
mod hostile_flood;
mod login;
