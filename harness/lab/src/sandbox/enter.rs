//! Moves the calling process into the sandbox.
//!
//! Three processes take part: the runner starts a *warden*; the warden makes the namespaces and forks the *cell*,
//! which is process 1 of the PID namespace. When the runner or the warden dies, the cell is killed by the kernel
//! (`PR_SET_PDEATHSIG`), and with process 1 everything in its PID namespace; with the last process go the network
//! and mount namespaces. Nothing has to be cleaned up, so nothing can be forgotten.

use std::fs;
use std::path::PathBuf;

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getegid, geteuid, sethostname};

use super::mounts;
use crate::{LabError, Result};

/// What the sandbox of a cell needs.
#[derive(Clone, Debug, Default)]
pub struct SandboxSpec {
    /// Folders that stay writable, under the same path as outside (the bundle).
    pub writable: Vec<PathBuf>,
    /// Files and folders that stay visible although they lie below `/tmp` or `/run` (an implementer's build).
    pub visible: Vec<PathBuf>,
}

/// Facts about the sandbox that was entered.
#[derive(Clone, Copy, Debug)]
pub struct Entered {
    /// Whether a user namespace was needed, so that there is one user and one group only.
    pub rootless: bool,
}

/// Enters the sandbox. Returns in the cell's process only; the warden waits and leaves with the cell's exit code.
///
/// Must be called while the process has one thread.
///
/// # Errors
/// When the kernel refuses a namespace or a mount; the message says which.
pub fn enter(spec: &SandboxSpec) -> Result<Entered> {
    let rootless = !geteuid().is_root();
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let (uid, gid) = (geteuid(), getegid());
    if rootless {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).map_err(|errno| LabError::system("make the namespaces of the cell", errno))?;
    if rootless {
        write("/proc/self/setgroups", "deny")?;
        write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
        // ocserv's workers cannot start as group 0 where setgroups is denied: the one group is mapped to `daemon`.
        write("/proc/self/gid_map", &format!("1 {gid} 1"))?;
    }
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| LabError::system("tie the cell to the runner", errno))?;

    // SAFETY: the process has one thread (documented above), so the child may use everything it inherits.
    match unsafe { fork() }.map_err(|errno| LabError::system("fork the cell", errno))? {
        ForkResult::Parent { child } => guard(child),
        ForkResult::Child => {
            prctl::set_pdeathsig(Signal::SIGKILL)
                .map_err(|errno| LabError::system("tie the cell to its warden", errno))?;
            sethostname("cell").map_err(|errno| LabError::system("name the host of the cell", errno))?;
            mounts::prepare(spec)?;
            Ok(Entered { rootless })
        }
    }
}

/// Waits for the cell and ends as it ended.
fn guard(cell: Pid) -> ! {
    let code = loop {
        match waitpid(cell, None) {
            Ok(WaitStatus::Exited(_, code)) => break code,
            Ok(WaitStatus::Signaled(_, signal, _)) => break 128 + signal as i32,
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => break 1,
        }
    };
    // A cell that was killed may have had no time to end its children; the kernel does, this only waits for nothing.
    let _ = signal::kill(cell, None);
    std::process::exit(code)
}

fn write(path: &str, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| LabError::file(path, source))
}
