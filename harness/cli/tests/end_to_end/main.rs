//! The program as a user meets it, on real peers in real namespaces.
//!
//! A test that needs what this machine lacks says `SKIPPED: reason` and passes; the test command counts those.

#![expect(unreachable_pub, reason = "a test program exports nothing")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod capture;
mod exit_codes;
mod faults_prove;
mod full_suite;
mod goldens;
mod interrupted;
mod mistakes;
mod mutants;
mod nothing_left;
mod own_build;
mod reference;
mod repeatable;
mod replay;
mod rootless;
mod shell;
mod trace;
