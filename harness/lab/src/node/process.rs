//! Starting a program in a node: its network namespace, its mount view, a session of its own.

use std::ffi::OsString;
use std::os::fd::{AsRawFd as _, RawFd};
use std::path::PathBuf;
use std::process::Stdio;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::Node;
use crate::{LabError, Result};

/// A program to start.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Absolute path.
    pub program: PathBuf,
    /// Arguments, without the program's name.
    pub args: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Whether standard input, output and error are pipes; otherwise they are inherited (a shell).
    pub piped: bool,
}

/// A started program.
#[derive(Debug)]
pub struct Spawned {
    /// The child; its pipes are there if asked for.
    pub child: Child,
    /// It and everything it starts.
    pub session: Session,
}

/// A program and everything that it started. Killed when dropped.
#[derive(Debug)]
pub struct Session(Pid);

impl Node {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be executed.
    pub fn spawn(&self, launch: &Launch) -> Result<Spawned> {
        let network: RawFd = self.namespace().file().as_raw_fd();
        let mounts: RawFd = self.view()?.namespace().as_raw_fd();
        let mut command = Command::new(&launch.program);
        command.args(&launch.args).env_clear().envs(launch.env.iter().map(|(key, value)| (key, value)));
        command.current_dir("/").kill_on_drop(true);
        if launch.piped {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let detach = launch.piped;
        // SAFETY: between fork and exec only system calls on integers take place; both descriptors are open in the
        // child, because descriptors are closed on exec, not on fork.
        unsafe {
            command.pre_exec(move || {
                enter(network, CloneFlags::CLONE_NEWNET)?;
                enter(mounts, CloneFlags::CLONE_NEWNS)?;
                nix::unistd::chdir("/")?;
                if detach {
                    nix::unistd::setsid()?;
                }
                Ok(())
            });
        }
        let child = command.spawn().map_err(|source| {
            LabError::system(format!("start {} in node `{}`", launch.program.display(), self.name()), source)
        })?;
        let session = Pid::from_raw(child.id().unwrap_or(0).cast_signed());
        Ok(Spawned { child, session: Session(session) })
    }
}

impl Session {
    /// Process id in the cell's PID namespace.
    pub fn pid(&self) -> u32 {
        self.0.as_raw().unsigned_abs()
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        if self.0.as_raw() > 1 {
            // The program may have ended in this moment; then there is nobody to tell.
            let _ = nix::sys::signal::kill(self.0, signal);
        }
    }

    /// Kills the program and everything it started in its session.
    pub fn kill_all(&self) {
        if self.0.as_raw() > 1 {
            let _ = killpg(self.0, Signal::SIGKILL);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill_all();
    }
}

fn enter(namespace: RawFd, kind: CloneFlags) -> std::io::Result<()> {
    // SAFETY: the descriptor belongs to the node, which outlives the call.
    let namespace = unsafe { std::os::fd::BorrowedFd::borrow_raw(namespace) };
    setns(namespace, kind).map_err(Into::into)
}
