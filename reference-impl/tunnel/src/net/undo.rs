//! Undoes one change.

use std::fs;
use std::io;

use super::NetError;
use super::change::{FileText, Forwarding, Undo};
use super::netlink::Netlink;
use super::{nft, resolver};

/// How an undo went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The change is undone.
    Undone,
    /// There was nothing left to undo.
    Gone,
    /// Left alone, with the reason.
    Kept(String),
}

impl From<bool> for Outcome {
    fn from(was_there: bool) -> Self {
        if was_there { Self::Undone } else { Self::Gone }
    }
}

/// Undoes one change; what is gone already is fine.
pub(super) async fn perform(undo: &Undo, netlink: &Netlink) -> Result<Outcome, NetError> {
    match undo {
        Undo::DeleteAddress { index, address, .. } => {
            netlink.delete_address(*index, *address, undo).await.map(Outcome::from)
        }
        Undo::DeleteRoute(route) => netlink.delete_route(route).await.map(Outcome::from),
        Undo::RestoreFile { path, original, written } => {
            let original = original.as_ref().map(FileText::bytes);
            if original == Some(None) {
                return Ok(Outcome::Kept("its old text in the journal is damaged".to_owned()));
            }
            resolver::restore(path, original.flatten().as_deref(), written.as_bytes())
        }
        Undo::RestoreForwarding { which, original } => restore_forwarding(*which, original),
        Undo::DeleteTable { name } => nft::delete_table(name).await.map(Outcome::from),
    }
}

/// Writes a forwarding setting back; only `0` and `1` can come out of the kernel.
fn restore_forwarding(which: Forwarding, original: &str) -> Result<Outcome, NetError> {
    if !matches!(original, "0" | "1") {
        return Ok(Outcome::Kept("its old value in the journal is damaged".to_owned()));
    }
    let path = which.path();
    match fs::read_to_string(&path) {
        Ok(now) if now.trim() == original => Ok(Outcome::Gone),
        Ok(_) => {
            fs::write(&path, original).map_err(|source| NetError::file(&path, source))?;
            Ok(Outcome::Undone)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Outcome::Gone),
        Err(error) => Err(NetError::file(&path, error)),
    }
}
