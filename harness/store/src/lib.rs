//! The store of peers: one root file system for each release of a distribution, unpacked from its packages.
//!
//! ```text
//! STORE/                       ~/.cache/vpn-interop/store unless VPN_INTEROP_STORE names another folder
//!   store.lock                 flock: one writer at a time
//!   releases/trixie.json       what a release is made of: exact versions and hashes (the lock), and which root it has
//!   roots/0a1b2c.../           a root file system, named by the hash of what it is made of; never changed once it is there
//!   manifests/0a1b2c...        every file of that root with its hash
//!   partial/trixie/            package files of an installation that is not finished; the next one goes on with them
//!   new.*                      unfinished work, of use to nobody; the next writer removes it
//! ```

#![forbid(unsafe_code)]

mod apt;
mod architecture;
mod archive;
mod check;
mod digest;
mod dpkg;
mod error;
mod folder;
mod inside;
mod install;
mod installed;
mod lock;
mod manifest;
mod remove;
mod reuse;
mod settle;
mod tool;
mod unpack;
mod walk;
mod watch;

pub use archive::{Exported, Imported, export, import};
pub use error::StoreError;
pub use inside::{command_inside, resolve};
pub use install::{Request, install};
pub use installed::{InstalledRelease, Package, Store};
pub use lock::Lock;
pub use remove::remove;
pub use watch::{Installed, StoreEvent, Unwatched, Watcher};

/// Releases of Debian that are known to work, the oldest first.
pub const KNOWN_RELEASES: [&str; 4] = ["bullseye", "bookworm", "trixie", "sid"];
/// Where Debian's package of its keys puts them.
pub(crate) const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];
