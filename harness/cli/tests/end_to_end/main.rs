//! The program as a user meets it, on real peers in real namespaces.
//!
//! A test that needs what this machine lacks says `SKIPPED: reason` and passes; the test command counts those.

#![expect(unreachable_pub, reason = "a test program exports nothing")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod processes;
mod support;

mod bad_peers;
mod bisect;
mod capture;
mod compared;
mod disk_full;
mod earlier;
mod exit_codes;
mod faults_prove;
mod full_suite;
mod goldens;
mod interrupted;
mod kept_captures;
mod mistakes;
mod mutants;
mod nothing_left;
mod own_build;
mod peers;
mod reference;
mod repeatable;
mod replay;
mod resumed;
mod rootless;
mod shares;
mod shell;
mod slurm;
mod trace;
