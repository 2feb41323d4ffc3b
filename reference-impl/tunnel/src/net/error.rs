//! What can go wrong with the device, addresses, routes and the resolver.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;

/// Why the network could not be set up or put back.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The right to make a TUN device is missing (`CAP_NET_ADMIN`, access to `/dev/net/tun`).
    #[error("{what}: {} (root or CAP_NET_ADMIN is needed)", errno.desc())]
    NoPermission {
        /// What was tried.
        what: String,
        /// `EPERM` or `EACCES`.
        errno: Errno,
    },
    /// The kernel has no TUN driver, or its device node is not there.
    #[error("open /dev/net/tun: {} (kernel module `tun`)", errno.desc())]
    NoTun {
        /// `ENOENT`, `ENODEV` or `ENXIO`.
        errno: Errno,
    },
    /// Another program has a device of this name.
    #[error("make device `{name}`: the name is in use")]
    NameInUse {
        /// The name that was asked for.
        name: String,
    },
    /// The name is none that the kernel would take.
    #[error(
        "make device `{name}`: a name has 1 to 15 letters, digits, `-`, `_` or `.`, and at most one `%d` for a number"
    )]
    BadName {
        /// The name that was asked for.
        name: String,
    },
    /// A call of the kernel failed.
    #[error("{what}: {}", errno.desc())]
    System {
        /// What was tried.
        what: String,
        /// What the kernel answered.
        errno: Errno,
    },
    /// A change through rtnetlink was refused.
    #[error("{change}: {}", errno.desc())]
    Netlink {
        /// The change in words, such as `route 10.1.0.0/16 via tun0`.
        change: String,
        /// What the kernel answered.
        errno: Errno,
    },
    /// The answer of rtnetlink was none, or could not be read.
    #[error("{change}: {message}")]
    NetlinkAnswer {
        /// The change in words.
        change: String,
        /// What was wrong with the answer.
        message: String,
    },
    /// There is no such interface.
    #[error("find interface `{name}`: there is none of this name")]
    NoInterface {
        /// Its name.
        name: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder of the journal could be changed by somebody else.
    #[error("use the journal in {}: {reason}", path.display())]
    UnsafeJournal {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process is recovering from the same journal.
    #[error("recover from the journal in {}: another process has been at it for {within:?}", path.display())]
    JournalBusy {
        /// The folder.
        path: PathBuf,
        /// How long this process has waited.
        within: Duration,
    },
    /// No loopback address has port 53 free for the split-DNS forwarder.
    #[error("listen for DNS on a loopback address: {} (tried {tried})", errno.desc())]
    NoForwarderAddress {
        /// The addresses that were tried.
        tried: String,
        /// What the kernel said to the last one.
        errno: Errno,
    },
    /// The hook could not be started.
    #[error("run hook `{command}` for {reason}: {source}")]
    Hook {
        /// The command line.
        command: String,
        /// The reason, as the hook sees it.
        reason: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The hook took too long and was killed.
    #[error("run hook `{command}` for {reason}: it took more than {limit:?}")]
    HookTimeout {
        /// The command line.
        command: String,
        /// The reason, as the hook sees it.
        reason: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// `nft` refused a ruleset, or could not be run.
    #[error("{what} through nft (package nftables): {message}")]
    Nft {
        /// What was tried.
        what: String,
        /// What `nft` said.
        message: String,
    },
    /// Some changes could not be undone; the others were.
    #[error("undo {} of the changes: {}", failures.len(), failures.join("; "))]
    Undo {
        /// One line for each.
        failures: Vec<String>,
    },
}

impl NetError {
    /// Returns whether the right to do it was missing, so that other rights would help.
    pub fn is_permission(&self) -> bool {
        match self {
            Self::NoPermission { .. } => true,
            Self::System { errno, .. } | Self::Netlink { errno, .. } | Self::NoForwarderAddress { errno, .. } => {
                matches!(errno, Errno::EPERM | Errno::EACCES)
            }
            Self::File { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    pub(crate) fn file(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::File { path: path.as_ref().to_owned(), source }
    }

    pub(crate) fn system(what: impl Into<String>, errno: Errno) -> Self {
        Self::System { what: what.into(), errno }
    }
}
