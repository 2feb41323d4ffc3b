//! Into a running cell from outside: for a person who wants to look around.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use crate::{LabError, Result};

/// Runs a command in a node of a cell, with the terminal of the caller, and gives its exit code.
///
/// `warden` is the process that the runner started; the cell is its only child. Must be called while the process has
/// one thread.
///
/// # Errors
/// When the cell or the node is not there, or its namespaces may not be entered.
pub fn attach(warden: u32, node: &str, command: &[String]) -> Result<i32> {
    let cell = only_child(warden)?;
    let of_cell = |name: &str| open(PathBuf::from(format!("/proc/{cell}/ns/{name}")));
    let network = open(PathBuf::from(format!("/proc/{cell}/root/run/netns/{node}")))
        .map_err(|_| LabError::Unknown { kind: "node", name: node.to_owned() })?;
    let mounts = match process_in(cell, &network) {
        Some(pid) => open(PathBuf::from(format!("/proc/{pid}/ns/mnt")))?,
        None => of_cell("mnt")?,
    };
    let (user, pids) = (of_cell("user")?, of_cell("pid")?);
    let failed = |what: &str| {
        let what = format!("enter the {what} namespace of the cell");
        move |errno: nix::Error| LabError::system(what, errno)
    };
    if same(&user, Path::new("/proc/self/ns/user")) == Some(false) {
        setns(&user, CloneFlags::CLONE_NEWUSER).map_err(failed("user"))?;
    }
    setns(&pids, CloneFlags::CLONE_NEWPID).map_err(failed("process"))?;
    setns(&network, CloneFlags::CLONE_NEWNET).map_err(failed("network"))?;
    setns(&mounts, CloneFlags::CLONE_NEWNS).map_err(failed("mount"))?;
    let Some((program, args)) = command.split_first() else { return Ok(0) };
    let status = Command::new(program)
        .args(args)
        .current_dir("/")
        .env("PS1", format!("{node}# "))
        .status()
        .map_err(|source| LabError::system(format!("start {program}"), source))?;
    Ok(status.code().unwrap_or(1))
}

fn only_child(warden: u32) -> Result<u32> {
    let path = PathBuf::from(format!("/proc/{warden}/task/{warden}/children"));
    let text = fs::read_to_string(&path).map_err(|source| LabError::file(&path, source))?;
    text.split_whitespace()
        .next()
        .and_then(|pid| pid.parse().ok())
        .ok_or_else(|| LabError::system("find the cell", std::io::Error::other("it has ended")))
}

/// A process of the cell whose network namespace is the node's, for its mount view.
fn process_in(cell: u32, network: &File) -> Option<u32> {
    let children = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    };
    children(cell).into_iter().find(|pid| same(network, Path::new(&format!("/proc/{pid}/ns/net"))) == Some(true))
}

fn same(namespace: &File, path: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Some(namespace.metadata().ok()?.ino() == fs::metadata(path).ok()?.ino())
}

fn open(path: PathBuf) -> Result<File> {
    File::open(&path).map_err(|source| LabError::file(path, source))
}
