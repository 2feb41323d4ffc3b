//! Where a probe runs, so that it can harm nobody.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, fork, getegid, geteuid, setgroups, setresgid, setresuid};

use crate::sandbox_mounts::{none_to, tmpfs};
use crate::{LabError, Result};

/// `nobody` and `nogroup`, the user that has nothing.
const NOBODY: u32 = 65_534;

/// Where a probe runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a process of its own; the probe only looks, or makes its namespaces itself.
    Here,
    /// In namespaces of its own, as a cell is, with private `/run` and `/tmp`.
    Namespaces,
    /// The same, as an ordinary user in a user namespace, whoever the caller is.
    OrdinaryUser,
}

/// The namespaces of a cell.
pub(super) const ALL: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);

impl Place {
    /// Takes the calling process there. It must have one thread.
    pub(super) fn enter(self) -> Result<()> {
        match self {
            Self::Here => return Ok(()),
            Self::Namespaces => {}
            Self::OrdinaryUser => become_ordinary()?,
        }
        isolate(ALL)?;
        go_on_in_child()?;
        none_to("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE, "detach the mounts")?;
        // Containers have a read-only /proc/sys; a cell has its own. Where that cannot be had, its own probe tells.
        let _ = mount_proc();
        tmpfs(Path::new("/run"), "mode=0755")?;
        tmpfs(Path::new("/tmp"), "mode=1777")
    }
}

/// Makes namespaces; without root in a user namespace of their own, as [`crate::enter`] does.
pub(super) fn isolate(flags: CloneFlags) -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() {
        unshare(flags).map_err(|errno| LabError::system("make the namespaces", errno))?;
    } else {
        unshare(flags | CloneFlags::CLONE_NEWUSER)
            .map_err(|errno| LabError::system("make the namespaces with a user namespace around them", errno))?;
        write("/proc/self/setgroups", "deny")?;
        write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
        write("/proc/self/gid_map", &format!("0 {gid} 1"))?;
    }
    die_with_parent()
}

/// Gives up root for good.
pub(super) fn become_ordinary() -> Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let failed = |errno| LabError::system("become the user `nobody`", errno);
    setgroups(&[]).map_err(failed)?;
    setresgid(group, group, group).map_err(failed)?;
    setresuid(user, user, user).map_err(failed)?;
    // A process that changed its user may not write its own maps otherwise.
    prctl::set_dumpable(true).map_err(failed)?;
    die_with_parent()
}

/// Mounts the `/proc` of the PID namespace of this process.
pub(super) fn mount_proc() -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(|errno| LabError::system("mount a new /proc", errno))
}

/// Goes on in a child, which is process 1 of a PID namespace that was just made; this process ends as the child does.
pub(super) fn go_on_in_child() -> Result<()> {
    // SAFETY: the process has one thread (a rule of `child_main`), so the child may use everything it inherits.
    match unsafe { fork() }.map_err(|errno| LabError::system("fork", errno))? {
        ForkResult::Child => die_with_parent(),
        ForkResult::Parent { child } => {
            let code = loop {
                match waitpid(child, None) {
                    Ok(WaitStatus::Exited(_, code)) => break code,
                    Ok(WaitStatus::Signaled(_, signal, _)) => break 128 + signal as i32,
                    Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                    Err(_) => break 1,
                }
            };
            std::process::exit(code)
        }
    }
}

/// The kernel forgets the tie when a process changes its user, so it is made anew each time.
pub(super) fn die_with_parent() -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| LabError::system("tie the probe to its parent", errno))
}

fn write(path: &str, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| LabError::file(path, source))
}
