//! What the harness costs.
//!
//! Everything that needs namespaces runs in a child process that enters a sandbox of the lab first (module `cell`), so
//! that no measurement touches the machine and none inherits anything from the one before.

#![forbid(unsafe_code)]

pub mod topology;
