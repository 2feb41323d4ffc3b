//! `peers remove`

use std::collections::{BTreeMap, BTreeSet};

use interop_catalogue::Catalogue;
use interop_evidence::Exit;
use interop_store::Store;

use super::progress::watched;
use super::{Failure, names, told};
use crate::commands::print;

pub(super) fn remove(catalogue: &Catalogue, store: &Store, peers: &[String]) -> Result<Exit, Failure> {
    if let Some(text) = peers.iter().find(|text| !text.contains('@')) {
        return Err((Exit::Usage, format!("`{text}` names no release; '{text}@*' means every one")));
    }
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (peer, one) in names::installed(catalogue, store, peers)? {
        let package = names::package(peer).unwrap_or_default();
        packages.entry(one.release).or_default().insert(package.to_owned());
    }
    let mut text = String::new();
    for (release, names) in &packages {
        let left = watched(|progress| interop_store::remove(store, release, names, progress))?;
        let gone = names.iter().cloned().collect::<Vec<_>>().join(", ");
        text.push_str(&match left.map_err(|error| told(&error))? {
            Some(left) => format!("{release}: {gone} removed, {} left\n", left.wanted.join(", ")),
            None => format!("{release}: removed\n"),
        });
    }
    print(&text);
    Ok(Exit::Ok)
}
