//! The store of peers: one root file system for each release of a distribution, unpacked from its packages.
//!
//! ```text
//! STORE/                       ~/.cache/vpn-interop/store unless VPN_INTEROP_STORE names another folder
//!   store.lock                 flock: one writer at a time
//!   releases/trixie.json       what a release is made of: exact versions and hashes (the lock), and which root it has
//!   roots/0a1b2c.../           a root file system, named by the hash of what it is made of; never changed once it is there
//! ```

#![forbid(unsafe_code)]

mod installed;

pub use installed::{InstalledRelease, Package, Store, StoreError};
