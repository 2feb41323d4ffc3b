//! Programs of the machine, as child processes that can be stopped.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::error::{Result, StoreError};
use crate::watch::Watcher;

/// How often a child is looked at.
const EVERY: Duration = Duration::from_millis(40);
/// Most of what a child prints that is kept.
const MOST_OUTPUT: u64 = 64 << 20;
/// Lines of its errors that are shown.
const LINES: usize = 6;

/// What a child left.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: Vec<u8>,
    errors: Vec<u8>,
}

impl Ended {
    /// All that it said about its troubles.
    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&self.errors).into_owned()
    }

    /// The last lines of that, in one.
    pub(crate) fn said(&self) -> String {
        let errors = self.errors();
        let lines: Vec<&str> = errors.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let from = lines.len().saturating_sub(LINES);
        if lines.is_empty() { format!("it ended with {}", self.status) } else { lines[from..].join(" | ") }
    }

    /// The error for a child that failed; a full disk has words of its own.
    pub(crate) fn failure(&self, doing: &str, folder: &Path) -> StoreError {
        if is_full(&self.errors()) {
            return StoreError::Full { folder: folder.to_path_buf() };
        }
        StoreError::Failed { doing: doing.to_owned(), said: self.said() }
    }
}

/// Whether these words are about a full disk.
pub(crate) fn is_full(said: &str) -> bool {
    said.contains("No space left on device") || said.contains("Disk quota exceeded")
}

/// A command whose words do not depend on the user's language, in a process group of its own: Ctrl-C reaches only us.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").env("LANGUAGE", "C").stdin(Stdio::null()).process_group(0);
    command
}

/// Starts a command.
pub(crate) fn start(command: &mut Command, hint: &str) -> Result<Child> {
    command.spawn().map_err(|source| StoreError::Program {
        program: command.get_program().to_string_lossy().into_owned(),
        hint: hint.to_owned(),
        source,
    })
}

/// Runs a command to its end, or kills it when the watcher says so; `tick` is called now and then.
pub(crate) fn run(command: &mut Command, hint: &str, watcher: &dyn Watcher, tick: &dyn Fn()) -> Result<Ended> {
    let mut child = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()), hint)?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let output = scope.spawn(|| drain(output));
        let errors = scope.spawn(|| drain(errors));
        let status = loop {
            tick();
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if watcher.stop() => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break Err(StoreError::Interrupted);
                }
                Ok(None) => thread::sleep(EVERY),
                Err(source) => {
                    break Err(StoreError::Failed { doing: "wait for a child".to_owned(), said: source.to_string() });
                }
            }
        };
        // A thread that only reads does not panic.
        let (output, errors) = (output.join().unwrap_or_default(), errors.join().unwrap_or_default());
        Ok(Ended { status: status?, output, errors })
    })
}

/// Reads to the end, and keeps what is bounded.
fn drain(from: Option<impl Read>) -> Vec<u8> {
    let mut kept = Vec::new();
    if let Some(mut from) = from {
        // A pipe that breaks has ended.
        let _ = from.by_ref().take(MOST_OUTPUT).read_to_end(&mut kept);
        let _ = io::copy(&mut from, &mut io::sink());
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::watch::{StoreEvent, Unwatched};

    #[test]
    fn what_a_child_says_is_kept() {
        let ended = run(command("sh").args(["-c", "echo one; echo two >&2; exit 3"]), "", &Unwatched, &|| ()).unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.output, b"one\n");
        assert_eq!(ended.said(), "two");
        let error = run(&mut command("no-such-program"), "install it", &Unwatched, &|| ()).err().unwrap();
        assert!(error.to_string().contains("start `no-such-program`") && error.to_string().ends_with("install it"));
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let ended = run(
            command("sh").args(["-c", "echo 'tar: x: No space left on device' >&2; exit 2"]),
            "",
            &Unwatched,
            &|| (),
        );
        let error = ended.unwrap().failure("unpack", Path::new("/store"));
        assert!(error.to_string().contains("/store: the disk is full"), "{error}");
    }

    struct Stopped(AtomicBool);

    impl Watcher for Stopped {
        fn show(&self, _: &StoreEvent) {}
        fn stop(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_child_is_killed_when_the_user_stops_it() {
        let stopped = Stopped(AtomicBool::new(true));
        let ended = run(command("sleep").arg("1000"), "", &stopped, &|| ());
        assert!(matches!(ended, Err(StoreError::Interrupted)));
    }
}
