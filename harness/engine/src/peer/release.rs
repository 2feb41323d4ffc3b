//! Peers from the store: the same program in the releases that are installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use interop_catalogue::{Glob, Peer, VersionRange};
use interop_store::{InstalledRelease, Store, command_inside, resolve};

use super::choice::{Origin, PeerChoice, tell_versions};
use crate::{EngineError, Result};

/// Kind of distribution of which the store holds releases.
const KIND: &str = "debian";
/// Where packages put programs, beside what the peer file names.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// A peer in one release of the store.
#[derive(Clone, Debug)]
pub struct PeerRelease {
    /// Name of the release: `trixie`.
    pub release: String,
    /// Exact version of the peer's package: `9.12-3+b1`.
    pub package: String,
    /// The version without what the distribution adds: `9.12`.
    pub version: String,
    root: PathBuf,
    program: PathBuf,
}

/// The releases of the store that have a peer, the oldest version first.
///
/// # Errors
/// When the store is damaged.
pub fn peer_releases(peer: &Peer, store: &Store) -> Result<Vec<PeerRelease>> {
    let Some(package) = peer.binary.package.get(KIND) else { return Ok(Vec::new()) };
    let releases = store.releases()?;
    let mut found: Vec<PeerRelease> =
        releases.iter().filter_map(|release| peer_release(peer, package, store, release)).collect();
    // Releases of one version stay in the order of their names.
    found.sort_by(|a, b| interop_catalogue::compare_versions(&a.version, &b.version));
    Ok(found)
}

fn peer_release(peer: &Peer, package: &str, store: &Store, release: &InstalledRelease) -> Option<PeerRelease> {
    let package = release.packages.get(package)?;
    let root = store.root(release);
    let folders = peer.binary.search.iter().map(String::as_str).chain(FOLDERS);
    let mut programs = folders.map(|folder| Path::new(folder).join(peer.binary.name.as_str()));
    let program = programs.find(|program| resolve(&root, program).is_some())?;
    Some(PeerRelease {
        release: release.release.clone(),
        package: package.version.clone(),
        version: package.upstream().to_owned(),
        root,
        program,
    })
}

/// Those releases that a text after `@` names: a release or a glob over releases (`trixie`, `*`), an exact version of the program or of
/// its package (`9.12`), or a range (`<9.12`, `8.10..9.12`).
///
/// # Errors
/// When it names none, or a plain version names several.
pub fn named_releases(peer: &Peer, text: &str, all: &[PeerRelease]) -> std::result::Result<Vec<PeerRelease>, String> {
    let glob = Glob::from(text);
    let by_name: Vec<PeerRelease> = all.iter().filter(|one| glob.matches(&one.release)).cloned().collect();
    if !by_name.is_empty() {
        return Ok(by_name);
    }
    let range = match text.split_once("..") {
        Some((from, to)) => format!(">={from} <={to}"),
        None => text.to_owned(),
    };
    let mut found: Vec<PeerRelease> = all.iter().filter(|one| one.package == text).cloned().collect();
    if found.is_empty()
        && let Some(range) = VersionRange::of(&range)
    {
        found = all.iter().filter(|one| range.contains(&one.version)).cloned().collect();
    }
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains("..");
    let list = |some: &[PeerRelease]| {
        let names = some.iter().map(|one| format!("{}@{} ({})", peer.name(), one.release, one.package));
        names.collect::<Vec<_>>().join(", ")
    };
    match found.as_slice() {
        [] if all.is_empty() => Err(format!(
            "`{}@{text}` is not in the store; `vpn-interop peers install '{}@{text}'` puts it there",
            peer.name(),
            peer.name(),
        )),
        [] => Err(format!("there is no `{}@{text}` in the store; it has {}", peer.name(), list(all))),
        [_, _, ..] if plain => Err(format!("`{}@{text}` may be any of {}", peer.name(), list(&found))),
        _ => Ok(found),
    }
}

impl PeerRelease {
    /// The peer as it is run from this release.
    ///
    /// # Errors
    /// When the program does not tell its version.
    pub fn choose(&self, peer: &Peer) -> Result<PeerChoice> {
        let mut command = command_inside(&self.root, &self.program).ok_or_else(|| {
            EngineError::Missing(format!("a loader for {} in {}", self.program.display(), self.root.display()))
        })?;
        let versions = tell_versions(peer, &mut command, OsStr::new(&self.program))?;
        Ok(PeerChoice {
            peer: peer.name().to_string(),
            binary: self.program.clone(),
            library_path: Vec::new(),
            version: versions.program,
            library: versions.library,
            origin: Some(Origin {
                release: self.release.clone(),
                root: self.root.clone(),
                package: self.package.clone(),
            }),
            emulates: peer.emulates.clone(),
            mutant: None,
        })
    }
}
