//! A client's data plane against a server's, over loopback sockets, without a device of the system.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "a test program exports nothing")]

#[path = "../common/mod.rs"]
mod common;
mod support;

mod defects;
mod dtls;
mod ends;
mod many;
mod path;
mod sizes;
mod tls;
