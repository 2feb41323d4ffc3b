//! Into a running cell from outside: for a person who wants to look around.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use crate::node::mount_view;
use crate::{LabError, Result};

/// Runs a command in a node of a cell, with the terminal of the caller, and gives its exit code.
///
/// `warden` is the process that the runner started; the cell is its only child. `nodes` is the folder that was given to
/// [`Lab::build`](crate::Lab::build), as the cell sees it. Must be called while the process has
/// one thread.
///
/// # Errors
/// When the cell or the node is not there, or its namespaces may not be entered.
pub fn attach(warden: u32, nodes: &Path, node: &str, command: &[String]) -> Result<i32> {
    let cell = only_child(warden)?;
    let of_cell = |name: &str| open(PathBuf::from(format!("/proc/{cell}/ns/{name}")));
    let network = open(PathBuf::from(format!("/proc/{cell}/root/run/netns/{node}")))
        .map_err(|_| LabError::Unknown { kind: "node", name: node.to_owned() })?;
    let in_use = process_in(cell, &network);
    let mounts = match in_use {
        Some(pid) => open(PathBuf::from(format!("/proc/{pid}/ns/mnt")))?,
        None => of_cell("mnt")?,
    };
    let (user, pids, host) = (of_cell("user")?, of_cell("pid")?, of_cell("uts")?);
    let failed = |what: &str| {
        let what = format!("enter the {what} namespace of the cell");
        move |errno: nix::Error| LabError::system(what, errno)
    };
    if same(&user, Path::new("/proc/self/ns/user")) == Some(false) {
        setns(&user, CloneFlags::CLONE_NEWUSER).map_err(failed("user"))?;
    }
    setns(&pids, CloneFlags::CLONE_NEWPID).map_err(failed("process"))?;
    setns(&host, CloneFlags::CLONE_NEWUTS).map_err(failed("host name"))?;
    setns(&network, CloneFlags::CLONE_NEWNET).map_err(failed("network"))?;
    setns(&mounts, CloneFlags::CLONE_NEWNS).map_err(failed("mount"))?;
    let folder = nodes.join(node);
    if in_use.is_none() && folder.join("etc").is_dir() {
        // No process of the node is left whose view could be joined: the same view is made once more.
        mount_view(&folder)?;
    }
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
    let text = fs::read_to_string(format!("/proc/{cell}/task/{cell}/children")).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .find(|pid: &u32| same(network, Path::new(&format!("/proc/{pid}/ns/net"))) == Some(true))
}

fn same(namespace: &File, path: &Path) -> Option<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Some(namespace.metadata().ok()?.ino() == fs::metadata(path).ok()?.ino())
}

fn open(path: PathBuf) -> Result<File> {
    File::open(&path).map_err(|source| LabError::file(path, source))
}
