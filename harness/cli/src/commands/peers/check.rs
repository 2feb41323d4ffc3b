//! `peers check`

use interop_catalogue::{Catalogue, Side};
use interop_evidence::Exit;
use interop_store::Store;

use super::{Failure, names, told};
use crate::commands::print;

pub(super) fn check(catalogue: &Catalogue, store: &Store, peers: &[String]) -> Result<Exit, Failure> {
    let releases = store.releases().map_err(|error| told(&error))?;
    let found = names::installed(catalogue, store, peers)?;
    if found.is_empty() {
        return Err((Exit::Usage, "the store is empty; `vpn-interop peers install` fills it".to_owned()));
    }
    let mut good = true;
    let mut last = None;
    for (peer, one) in &found {
        if last != Some(&one.release) {
            last = Some(&one.release);
            if let Some(release) = releases.iter().find(|release| release.release == one.release) {
                let differences = store.verify(release).map_err(|error| told(&error))?;
                if differences.is_empty() {
                    print(&format!("{}: every file is as it was unpacked\n", one.release));
                } else {
                    good = false;
                    print(&format!("{}: not as it was unpacked\n  {}\n", one.release, differences.join("\n  ")));
                }
            }
        }
        match one.choose(peer) {
            Ok(choice) => {
                let library = choice.library.map_or_else(String::new, |library| format!(" with {library}"));
                print(&format!("  {} {}{library} (package {}) runs\n", peer.name(), choice.version, one.package));
            }
            Err(error) => {
                good = false;
                print(&format!("  {} (package {}) does not run: {error}\n", peer.name(), one.package));
            }
        }
    }
    if !good {
        print("`vpn-interop peers install PEER@RELEASE --refresh` makes a damaged release anew\n");
        return Ok(Exit::Environment);
    }
    // A pair that speaks the same protocol, if there is one.
    let pair = found.iter().find_map(|(client, a)| {
        let server = found.iter().find(|(server, b)| {
            a.release == b.release
                && client.can_be(Side::Client)
                && server.can_be(Side::Server)
                && client.shared_protocol(server).is_some()
        })?;
        Some(format!("--client {0}@{2} --server {1}@{2}", client.name(), server.0.name(), a.release))
    });
    if let Some(pair) = pair {
        print(&format!("a cell with them: vpn-interop run --scenario baseline {pair}\n"));
    }
    Ok(Exit::Ok)
}
