//! The session core in virtual time: every rule with its exact times.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod driver;
mod dtls;
mod end;
mod liveness;
mod mtu;
mod mutants;
mod property;
mod rekey;
