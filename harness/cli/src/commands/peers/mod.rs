//! `peers`: the store with releases of the peers.

mod carry;
mod check;
mod install;
mod list;
mod names;
mod progress;
mod remove;

use std::process::ExitCode;

use interop_evidence::Exit;
use interop_store::{Store, StoreError};

use crate::args::{CatalogueArgs, PeersArgs, PeersCommand};
use crate::load::{complain, load};

/// What ends a command early: an exit code, and what to say.
type Failure = (Exit, String);

pub(crate) fn peers(catalogue: &CatalogueArgs, args: &PeersArgs) -> ExitCode {
    let catalogue = match load(catalogue) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    let Some(store) = Store::of_user() else {
        complain("failed to find a folder for the store: HOME is not set; name one with VPN_INTEROP_STORE");
        return crate::exit(Exit::Environment);
    };
    let ended = match &args.command {
        PeersCommand::Install(args) => install::install(&catalogue, &store, args),
        PeersCommand::List { json } => list::list(&catalogue, &store, *json),
        PeersCommand::Check { peers } => check::check(&catalogue, &store, peers),
        PeersCommand::Remove { peers } => remove::remove(&catalogue, &store, peers),
        PeersCommand::Export { releases, file } => carry::export(&store, releases, file),
        PeersCommand::Import { file } => carry::import(&store, file),
    };
    match ended {
        Ok(exit) => crate::exit(exit),
        Err((exit, message)) => {
            complain(&message);
            crate::exit(exit)
        }
    }
}

/// A failure of the store, as a user is told of it.
fn told(error: &StoreError) -> Failure {
    let exit = match error {
        StoreError::UnknownRelease { .. } | StoreError::Absent { .. } | StoreError::Lock { .. } => Exit::Usage,
        StoreError::Interrupted => Exit::Interrupted,
        _ => Exit::Environment,
    };
    (exit, format!("failed to {error}"))
}

/// `150 MB`.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}
