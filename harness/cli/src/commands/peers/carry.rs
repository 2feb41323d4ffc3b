//! `peers export` and `peers import`

use std::path::Path;

use interop_evidence::Exit;
use interop_store::Store;

use super::progress::watched;
use super::{Failure, megabytes, told};
use crate::commands::print;

pub(super) fn export(store: &Store, releases: &[String], file: &Path) -> Result<Exit, Failure> {
    let exported = watched(|progress| interop_store::export(store, releases, file, progress))?;
    let exported = exported.map_err(|error| told(&error))?;
    let names: Vec<&str> = exported.releases.iter().map(|release| release.release.as_str()).collect();
    print(&format!(
        "{}: {} ({}, SHA-256 {})\n",
        file.display(),
        names.join(", "),
        megabytes(exported.bytes),
        exported.sha256
    ));
    Ok(Exit::Ok)
}

pub(super) fn import(store: &Store, file: &Path) -> Result<Exit, Failure> {
    let imported = watched(|progress| interop_store::import(store, file, progress))?;
    for one in imported.map_err(|error| told(&error))? {
        let version = |name: &String| Some(format!("{name} {}", one.release.packages.get(name)?.upstream()));
        let peers: Vec<String> = one.release.wanted.iter().filter_map(version).collect();
        let how = if one.was_there { "was there" } else { "imported" };
        print(&format!("{}: {} ({}, {how})\n", one.release.release, peers.join(", "), megabytes(one.bytes)));
    }
    Ok(Exit::Ok)
}
