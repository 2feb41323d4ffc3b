//! Runs the probes, each in a process of its own.

use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::geteuid;

use super::probe::one_line;
use super::{CHILD, Finding, Outcome, PROBES, Probe};

/// The most that a probe may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The most that a probe may say.
const MOST_OUTPUT: u64 = 64 * 1024;

/// Runs probes with a program that calls [`child_main`](super::child_main) when its first argument is [`CHILD`].
#[derive(Clone, Debug)]
pub struct Examiner {
    program: PathBuf,
}

impl Examiner {
    /// With a program of this kind.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// With the program that is running.
    ///
    /// # Errors
    /// When the system does not tell which that is.
    pub fn this_program() -> io::Result<Self> {
        std::env::current_exe().map(Self::new)
    }

    /// Every probe, in order.
    pub fn examine(&self) -> Vec<Finding> {
        PROBES.iter().map(|probe| self.examine_one(probe)).collect()
    }

    /// One probe.
    pub fn examine_one(&self, probe: &Probe) -> Finding {
        Finding::new(probe, self.outcome(probe.id), geteuid().is_root())
    }

    fn outcome(&self, id: &str) -> Outcome {
        let started = Command::new(&self.program)
            .args([CHILD, id])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match started {
            Ok(child) => heard(child),
            Err(error) => Outcome::Untried(format!("failed to start {}: {error}", self.program.display())),
        }
    }
}

/// What the probe says; why it says nothing, if it does not.
fn heard(mut child: Child) -> Outcome {
    let said = match child.stdout.take() {
        Some(pipe) => read_within(pipe, LIMIT),
        None => Ok(String::new()),
    };
    if said.is_err() {
        // It may have ended in this moment; then there is nobody to kill.
        let _ = child.kill();
    }
    let status = child.wait();
    if let Ok(text) = &said
        && let Some(outcome) = text.lines().last().and_then(|line| serde_json::from_str(line).ok())
    {
        return outcome;
    }
    let mut words = String::new();
    if let Some(pipe) = child.stderr.take() {
        // Whatever can be read of the reason is better than nothing.
        let _ = pipe.take(MOST_OUTPUT).read_to_string(&mut words);
    }
    let ended = match (said, status) {
        (Err(error), _) => error.to_string(),
        (Ok(_), Ok(status)) => format!("the probe ended with {status}"),
        (Ok(_), Err(error)) => format!("the end of the probe was not seen: {error}"),
    };
    let reason = one_line(&words);
    Outcome::Untried(if reason.is_empty() { ended } else { format!("{ended}: {reason}") })
}

/// Reads to the end, but not longer than `limit`.
fn read_within(pipe: ChildStdout, limit: Duration) -> io::Result<String> {
    let deadline = Instant::now() + limit;
    let mut text = Vec::new();
    let mut pipe = pipe.take(MOST_OUTPUT);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut waiting = [PollFd::new(pipe.get_ref().as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut waiting, timeout) {
            Ok(0) => return Err(io::Error::other(format!("the probe did not end within {} s", limit.as_secs()))),
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        let mut part = [0; 4096];
        match pipe.read(&mut part)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            length => text.extend_from_slice(&part[..length]),
        }
    }
}
