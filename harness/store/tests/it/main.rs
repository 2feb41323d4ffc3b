//! The store on a small repository that is made here: signed with a key of its own, read with `file:`, no network.
//!
//! A test that needs what this machine lacks says `SKIPPED: reason` and passes; the test command counts those.

#![forbid(unsafe_code)]
#![expect(unreachable_pub, reason = "a test program exports nothing")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod install;
mod interrupted;
mod repository;
