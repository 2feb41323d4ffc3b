//! What can go wrong in the lab. Every one of these is an `env-error`, never a failed peer.

use std::io;
use std::path::PathBuf;

/// An error of the lab; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A file could not be used.
    #[error("use {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A network namespace could not be made or entered.
    #[error("enter the network namespace of node `{node}`: {source}")]
    Namespace {
        /// Which node.
        node: String,
        /// Why.
        source: netns_rs::Error,
    },
    /// The kernel refused a netlink request.
    #[error("{what} in node `{node}`: {source}")]
    Netlink {
        /// Which node.
        node: String,
        /// What was asked for.
        what: String,
        /// The kernel's answer.
        source: rtnetlink::Error,
    },
    /// `nft` refused a ruleset.
    #[error("load nftables rules in node `{node}`: {message}")]
    Nft {
        /// Which node.
        node: String,
        /// What `nft` said.
        message: String,
    },
    /// A name is not part of the lab.
    #[error("find {kind} `{name}` in the lab")]
    Unknown {
        /// `node`, `link`, ...
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Something did not happen in time.
    #[error("see {what} within {within:?}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        within: std::time::Duration,
    },
}

impl LabError {
    pub(crate) fn system(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::System { what: what.into(), source: source.into() }
    }

    pub(crate) fn file(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { path: path.into(), source }
    }
}

/// Result of a lab operation.
pub type Result<T, E = LabError> = std::result::Result<T, E>;
