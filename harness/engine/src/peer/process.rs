//! A peer that runs.

use std::path::Path;
use std::time::Duration;

use interop_catalogue::Signal as CatalogueSignal;
use interop_evidence::{EventKind, PeerRole};
use interop_lab::{Launch, Node, Session};
use nix::sys::signal::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use super::log::PeerLog;
use crate::cell::Recorder;
use crate::{EngineError, Result};

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(number)) => match Signal::try_from(number) {
                Ok(signal) => write!(f, "signal {number} ({signal})"),
                Err(_) => write!(f, "signal {number}"),
            },
            (None, None) => f.write_str("unknown end"),
        }
    }
}

/// So long a program may take until it handles signals.
const BEGINS_WITHIN: Duration = Duration::from_secs(1);

/// A started program of a peer, its log and its end.
#[derive(Debug)]
pub(crate) struct Process {
    session: Session,
    exit: watch::Receiver<Option<Exit>>,
    asked: watch::Sender<bool>,
    started: Instant,
    pub(crate) log: PeerLog,
}

impl Process {
    /// Starts a program in a node.
    pub(crate) fn start(
        node: &Node,
        role: PeerRole,
        launch: &Launch,
        stdin: Option<String>,
        log: PeerLog,
        recorder: &Recorder,
    ) -> Result<Self> {
        // What a program does comes behind the moment of its start, however late this process gets its turn again.
        let (started, begun) = (recorder.now(), Instant::now());
        let mut spawned = node.spawn(launch)?;
        let argv = std::iter::once(launch.program.display().to_string())
            .chain(launch.args.iter().map(|arg| arg.to_string_lossy().into_owned()))
            .collect();
        recorder.record_at(started, EventKind::PeerStarted { role, pid: spawned.session.pid(), argv });
        if let Some(pipe) = spawned.child.stdout.take() {
            log.follow(pipe);
        }
        if let Some(pipe) = spawned.child.stderr.take() {
            log.follow(pipe);
        }
        if let Some(mut pipe) = spawned.child.stdin.take() {
            tokio::spawn(async move {
                if let Some(text) = stdin {
                    // A program that does not read its input says so in its own way.
                    let _ = pipe.write_all(text.as_bytes()).await;
                }
            });
        }
        let (said, exit) = watch::channel(None);
        let (asked, was_asked) = watch::channel(false);
        let recorder = recorder.clone();
        let mut child = spawned.child;
        tokio::spawn(async move {
            use std::os::unix::process::ExitStatusExt as _;
            let ended = match child.wait().await {
                Ok(status) => Exit { code: status.code(), signal: status.signal() },
                Err(_) => Exit { code: None, signal: None },
            };
            let asked = *was_asked.borrow();
            recorder.record(EventKind::PeerExited { role, code: ended.code, signal: ended.signal, asked });
            said.send_replace(Some(ended));
        });
        Ok(Self { session: spawned.session, exit, asked, started: begun, log })
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.session.pid()
    }

    /// State letter of the kernel (`R`, `S`, `T`, ...), while it runs.
    pub(crate) fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// How it ended, if it has.
    pub(crate) fn exited(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for its end.
    pub(crate) async fn wait(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await.map(|exit| *exit) {
            Ok(Some(exit)) => exit,
            _ => Exit { code: None, signal: None },
        }
    }

    /// Sends a signal that is not meant to end it.
    pub(crate) fn signal(&self, signal: Signal) {
        self.session.signal(signal);
    }

    /// Waits until a program that has just begun handles a signal. Before, the signal ends it on the spot, and what it has started
    /// stays behind (ocserv's security module): no operator is that fast, and a cell should not be.
    async fn settle(&self, signal: Signal) {
        let settled = self.started + BEGINS_WITHIN;
        while self.exited().is_none() && Instant::now() < settled && !self.handles(signal) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether the program has a handler for a signal, or ignores it; nobody can for SIGKILL.
    fn handles(&self, signal: Signal) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        handles(&status, signal)
    }

    /// Asks it to end; `false` if it had to be killed.
    pub(crate) async fn stop(&self, signal: Signal, within: Duration) -> bool {
        if self.exited().is_some() {
            return true;
        }
        self.settle(signal).await;
        self.asked.send_replace(true);
        self.session.signal(signal);
        if tokio::time::timeout(within, self.wait()).await.is_ok() {
            return true;
        }
        self.session.kill_all();
        // SIGKILL cannot be refused; the bound is for a kernel in trouble.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.wait()).await;
        false
    }
}

/// Whether the masks in `/proc/PID/status` (proc_pid_status(5)) say that a signal is caught or ignored.
fn handles(status: &str, signal: Signal) -> bool {
    let bit = 1_u64 << (signal as i32 - 1);
    let masks = status.lines().filter_map(|line| {
        let (name, mask) = line.split_once(':')?;
        matches!(name, "SigCgt" | "SigIgn").then(|| u64::from_str_radix(mask.trim(), 16).ok())?
    });
    signal == Signal::SIGKILL || masks.fold(0, |all, mask| all | mask) & bit != 0
}

/// Runs a command to its end in a node, for `prepare`.
pub(crate) async fn run_to_end(node: &Node, launch: &Launch, what: &str) -> Result<()> {
    let spawned = node.spawn(launch)?;
    let limit = Duration::from_secs(20);
    let output = tokio::time::timeout(limit, spawned.child.wait_with_output())
        .await
        .map_err(|_| EngineError::plan(format!("{what} did not end within {limit:?}")))?
        .map_err(|source| EngineError::file(Path::new(&launch.program), source))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(EngineError::plan(format!("{what} ended with {}: {said}", output.status)))
}

/// The kernel's signal for the catalogue's.
pub(crate) fn kernel_signal(signal: CatalogueSignal) -> Signal {
    match signal {
        CatalogueSignal::Hup => Signal::SIGHUP,
        CatalogueSignal::Int => Signal::SIGINT,
        CatalogueSignal::Kill => Signal::SIGKILL,
        CatalogueSignal::Term => Signal::SIGTERM,
        CatalogueSignal::Usr1 => Signal::SIGUSR1,
        CatalogueSignal::Usr2 => Signal::SIGUSR2,
        CatalogueSignal::Stop => Signal::SIGSTOP,
        CatalogueSignal::Cont => Signal::SIGCONT,
    }
}

/// A deadline from now.
pub(crate) fn within(time: Duration) -> Instant {
    Instant::now() + time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_named() {
        let ended = |code, signal| Exit { code, signal }.to_string();
        assert_eq!(ended(None, Some(11)), "signal 11 (SIGSEGV)");
        assert_eq!(ended(None, Some(40)), "signal 40", "of a real-time one there is no name");
        assert_eq!(ended(Some(3), None), "exit code 3");
    }

    #[test]
    fn handlers_stand_in_the_status_of_a_process() {
        let status = "Name:\tocserv\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000004002\n";
        assert!(handles(status, Signal::SIGTERM) && handles(status, Signal::SIGINT), "caught");
        assert!(handles(status, Signal::SIGPIPE), "ignored");
        assert!(!handles(status, Signal::SIGHUP), "blocked is neither");
        assert!(handles("", Signal::SIGKILL) && !handles("", Signal::SIGTERM));
    }
}
