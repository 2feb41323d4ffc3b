//! `peers install`

use interop_catalogue::Catalogue;
use interop_evidence::Exit;
use interop_store::{KNOWN_RELEASES, Request, Store, StoreError};

use super::progress::watched;
use super::{Failure, megabytes, names, told};
use crate::args::PeersInstallArgs;
use crate::commands::print;
use crate::load::complain;

pub(super) fn install(catalogue: &Catalogue, store: &Store, args: &PeersInstallArgs) -> Result<Exit, Failure> {
    let wanted =
        if args.all { names::everything(catalogue) } else { names::to_install(catalogue, store, &args.peers)? };
    if wanted.is_empty() && !args.lock.as_ref().is_some_and(|lock| lock.exists()) {
        let known = KNOWN_RELEASES.join(", ");
        return Err((
            Exit::Usage,
            format!("what to install? `peers install openconnect@trixie`, or --all for every peer in {known}"),
        ));
    }
    let request = Request {
        wanted,
        mirror: args.mirror.clone(),
        keyring: args.keyring.clone(),
        refresh: args.refresh,
        lock: args.lock.clone(),
    };
    let done = watched(|progress| interop_store::install(store, &request, progress))?.map_err(|error| told(&error))?;
    let mut exit = Exit::Ok;
    let (mut made, mut downloaded) = (0, 0);
    for (release, ended) in &done {
        match ended {
            Ok(installed) => {
                made += usize::from(installed.made);
                downloaded += installed.downloaded;
            }
            Err(error) => {
                let (code, message) = told(error);
                // Said once, whichever releases it met.
                if !(exit == Exit::Interrupted && matches!(error, StoreError::Interrupted)) {
                    complain(&format!("{release}: {message}"));
                }
                exit = if exit == Exit::Interrupted { exit } else { code };
            }
        }
    }
    let there = done.iter().filter(|(_, ended)| ended.is_ok()).count();
    if there > 0 {
        print(&format!(
            "{there} of {} releases in {}: {made} made, {} downloaded\n",
            done.len(),
            store.folder().display(),
            megabytes(downloaded)
        ));
    }
    Ok(exit)
}
