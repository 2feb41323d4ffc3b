//! The program under test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time a test waits for a line or for the end.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    log: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    /// All lines of standard error.
    pub(crate) log: Vec<String>,
}

impl Outcome {
    /// Whether a line holds this text.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.log.iter().any(|line| line.contains(text))
    }
}

impl Program {
    /// Starts it with these arguments, and gives it `stdin`.
    pub(crate) fn start(arguments: &[&str], stdin: &str) -> Self {
        Self::start_with(arguments, stdin, &[])
    }

    /// Starts it with variables in its environment, too.
    pub(crate) fn start_with(arguments: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vpn-ref-client"))
            .args(arguments)
            .env_remove("SSLKEYLOGFILE")
            .env_remove("RUST_LOG")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read it has ended early: the test sees that in its code.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, log: Vec::new() }
    }

    /// Waits until a new line of standard error holds this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(rest) {
                Ok(line) => {
                    self.log.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => {
                    let _ = self.child.kill();
                    panic!("no line with '{text}' ({error}) in:\n{}", self.log.join("\n"));
                }
            }
        }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                self.log.extend(self.lines.iter());
                panic!("it does not end:\n{}", self.log.join("\n"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.log.extend(self.lines.iter());
        let output = self.child.wait_with_output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            log: self.log,
        }
    }

    /// Starts it and waits for the end.
    pub(crate) fn run(arguments: &[&str], stdin: &str) -> Outcome {
        Self::start(arguments, stdin).finish()
    }
}
