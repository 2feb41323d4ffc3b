//! Which program of a peer is run.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use interop_catalogue::Peer;
use interop_evidence::PeerRecord;
use serde::{Deserialize, Serialize};

use crate::{EngineError, Result};

/// A peer with the program that stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerChoice {
    /// What the peer is called in its role.
    pub peer: String,
    /// Absolute path of the program.
    pub binary: PathBuf,
    /// Folders for `LD_LIBRARY_PATH`.
    #[serde(default)]
    pub library_path: Vec<PathBuf>,
    /// What the program says of itself.
    pub version: String,
    /// TLS library that the program says it uses.
    #[serde(default)]
    pub library: Option<String>,
    /// The release that it was taken from; the machine's own or the user's build without.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// The product that it imitates.
    #[serde(default)]
    pub emulates: Option<String>,
    /// The defect that it is started with.
    #[serde(default)]
    pub mutant: Option<String>,
}

/// A release of the store, from which a peer is run in its own root file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `trixie`.
    pub release: String,
    /// The root file system; the program's path is one inside of it.
    pub root: PathBuf,
    /// Exact version of the program's package.
    pub package: String,
}

impl PeerChoice {
    /// Its own root file system, or `/`: below it lies what it finds at an absolute path.
    pub(crate) fn root(&self) -> &Path {
        self.origin.as_ref().map_or(Path::new("/"), |origin| &origin.root)
    }

    /// Every place that its programs need: unpacked roots, libraries, and the folder of the program itself, where its
    /// helpers lie beside it.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        if let Some(origin) = &self.origin {
            return vec![origin.root.clone()];
        }
        let beside = self.binary.parent().filter(|folder| folder.components().count() > 2);
        let own = beside.unwrap_or(&self.binary).to_path_buf();
        let mut places = roots();
        if !places.iter().any(|root| own.starts_with(root)) {
            places.push(own);
        }
        places.extend(self.library_path.iter().filter(|path| path.is_dir()).cloned());
        places
    }

    /// As it stands in results.
    pub fn record(&self) -> PeerRecord {
        PeerRecord {
            id: self.peer.clone(),
            version: self.version.clone(),
            release: self.origin.as_ref().map(|origin| origin.release.clone()),
            package: self.origin.as_ref().map(|origin| origin.package.clone()),
            library: self.library.clone(),
            emulates: self.emulates.clone(),
            mutant: self.mutant.clone(),
        }
    }

    /// As it is named on the command line: `openconnect@trixie`.
    pub fn name(&self) -> String {
        match &self.origin {
            Some(origin) => format!("{}@{}", self.peer, origin.release),
            None => self.peer.clone(),
        }
    }

    /// The name with the defect, as it stands in the keys of cells: `reference,mutant=leaks-dns`.
    pub fn label(&self) -> String {
        match &self.mutant {
            Some(mutant) => format!("{},mutant={mutant}", self.name()),
            None => self.name(),
        }
    }
}

/// Environment variable with folders of unpacked peers, each laid out like `/`.
const PEERS_PATH: &str = "VPN_INTEROP_PEERS";
/// Where `make demo` unpacks peers, below the user's cache folder.
const CACHE: &str = "vpn-interop/peers/machine";

/// Finds the program of a peer: the user's own build, one that was built with this program, an unpacked package, or the
/// machine's.
///
/// # Errors
/// With what to install, when there is none; with what it printed, when it does not tell its version.
pub fn find_peer(peer: &Peer, own_build: Option<&Path>, own_libraries: &[PathBuf]) -> Result<PeerChoice> {
    let (binary, library_path) = match own_build {
        Some(path) => {
            let binary = path.canonicalize().map_err(|source| EngineError::file(path, source))?;
            if !is_program(&binary) {
                return Err(EngineError::Missing(format!(
                    "a program at {}: it is not an executable file",
                    binary.display()
                )));
            }
            (binary, own_libraries.to_vec())
        }
        None => locate(peer).ok_or_else(|| {
            let hint = match peer.binary.package.values().next() {
                _ if peer.binary.beside => "; `cargo build --workspace` builds it beside this program".to_owned(),
                Some(package) => format!("; `make peers` unpacks it, or install package `{package}`"),
                None => String::new(),
            };
            EngineError::Missing(format!("the program `{}` of peer `{}`{hint}", peer.binary.name, peer.id))
        })?,
    };
    let versions = versions(peer, &binary, &library_path)?;
    let emulates = peer.emulates.clone();
    Ok(PeerChoice {
        peer: peer.name().to_string(),
        binary,
        library_path,
        version: versions.program,
        library: versions.library,
        origin: None,
        emulates,
        mutant: None,
    })
}

fn locate(peer: &Peer) -> Option<(PathBuf, Vec<PathBuf>)> {
    let name = peer.binary.name.as_str();
    let built_here = if peer.binary.beside { beside(env::current_exe().ok().as_deref()) } else { Vec::new() };
    if let Some(binary) = built_here.into_iter().map(|folder| folder.join(name)).find(|path| is_program(path)) {
        return Some((binary, Vec::new()));
    }
    for root in roots() {
        let folders = peer.binary.search.iter().map(|folder| folder.trim_start_matches('/'));
        let found = folders.map(|folder| root.join(folder).join(name)).find(|path| is_program(path));
        if let Some(binary) = found {
            return Some((binary, libraries(&root)));
        }
    }
    let listed = peer.binary.search.iter().map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let common = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let binary = listed.chain(env::split_paths(&path)).chain(common).map(|folder| folder.join(name));
    let binary = binary.into_iter().find(|path| is_program(path))?;
    Some((binary.canonicalize().unwrap_or(binary), Vec::new()))
}

/// Folders in which what was built with this program lies: its own, and the one above when it is a test.
fn beside(this_program: Option<&Path>) -> Vec<PathBuf> {
    let Some(folder) = this_program.and_then(Path::parent) else { return Vec::new() };
    let of_tests = folder.file_name().is_some_and(|name| name == "deps");
    let above = folder.parent().filter(|_| of_tests);
    above.into_iter().chain([folder]).map(Path::to_path_buf).collect()
}

/// Folders of unpacked peers, the user's first.
pub(super) fn roots() -> Vec<PathBuf> {
    let named = env::var_os(PEERS_PATH).unwrap_or_default();
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    env::split_paths(&named)
        .filter(|path| !path.as_os_str().is_empty())
        .chain(cache.map(|cache| cache.join(CACHE)))
        .filter(|root| root.is_dir())
        .collect()
}

/// Folders of an unpacked root that may hold libraries.
fn libraries(root: &Path) -> Vec<PathBuf> {
    ["usr/lib", "lib"]
        .into_iter()
        .flat_map(|folder| {
            let triple = format!("{}-linux-gnu", env::consts::ARCH);
            [root.join(folder).join(triple), root.join(folder)]
        })
        .filter(|folder| folder.is_dir())
        .collect()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What a program tells of itself.
pub(super) struct Versions {
    pub(super) program: String,
    pub(super) library: Option<String>,
}

fn versions(peer: &Peer, binary: &Path, library_path: &[PathBuf]) -> Result<Versions> {
    let mut command = Command::new(binary);
    if !library_path.is_empty() {
        command.env("LD_LIBRARY_PATH", join(library_path));
    }
    tell_versions(peer, &mut command, binary.as_os_str())
}

/// Lets a program tell its version and that of its TLS library; `name` is what errors call it.
pub(super) fn tell_versions(peer: &Peer, command: &mut Command, name: &OsStr) -> Result<Versions> {
    let Some(probe) = &peer.version else { return Ok(Versions { program: "unknown".to_owned(), library: None }) };
    let output = command
        .args(&probe.args)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| EngineError::file(Path::new(name), source))?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let groups = |pattern: &interop_catalogue::Pattern| {
        let captures = pattern.regex().captures(&said)?;
        Some(captures.iter().skip(1).flatten().map(|found| found.as_str()).collect::<Vec<_>>())
    };
    let program = groups(&probe.pattern).and_then(|found| Some((*found.first()?).to_owned())).ok_or_else(|| {
        let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_owned();
        EngineError::Missing(format!("the version of {} in what it prints: {line}", Path::new(name).display()))
    })?;
    Ok(Versions { program, library: probe.library.as_ref().and_then(groups).map(|found| found.join(" ")) })
}

/// `a:b`, for `LD_LIBRARY_PATH`.
pub(crate) fn join(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_lie_beside_this_one_and_tests_one_folder_below() {
        let beside = |program: &str| beside(Some(Path::new(program)));
        assert_eq!(beside("/t/debug/vpn-interop"), [PathBuf::from("/t/debug")]);
        assert_eq!(beside("/t/debug/deps/end_to_end-1"), [PathBuf::from("/t/debug"), PathBuf::from("/t/debug/deps")]);
        assert_eq!(super::beside(None), Vec::<PathBuf>::new());
    }
}
