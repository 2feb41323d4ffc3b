//! Child processes that enter a sandbox, do one measurement, and tell the figures.
//!
//! The program that measures is its own child: started with [`CELL`] and a [`Job`] it becomes a cell.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use interop_lab::link::End;
use interop_lab::{FrameSink, Lab, LabSpec, LinkKind, SandboxSpec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::traffic::{self, Traffic};
use crate::{Result, commands, run, sessions, topology};

/// First argument of a child; the second is the job as JSON.
pub const CELL: &str = "__cell";

/// What links are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Links {
    /// TAP devices.
    Wire,
    /// veth.
    Veth,
}

impl Links {
    /// The lab's word.
    pub fn kind(self) -> LinkKind {
        match self {
            Self::Wire => LinkKind::Wire,
            Self::Veth => LinkKind::Veth,
        }
    }
}

/// What a child measures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Builds the double NAT with our lab; tells [`Built`].
    Lab {
        /// Links.
        links: Links,
        /// Whether the nodes of peers get their own `/etc`.
        views: bool,
    },
    /// Builds it with commands; tells [`Built`].
    Commands {
        /// Whether each part is timed, with a shell of its own.
        parts: bool,
    },
    /// Sends traffic through nodes in a row; tells what [`Traffic`] says.
    Traffic(Traffic),
    /// Carries frames into a capture; tells [`run::Memory`].
    Memory {
        /// Frames.
        frames: u64,
    },
    /// Opens sessions on a reference server; tells [`sessions::Sessions`].
    Sessions {
        /// The server's program.
        program: PathBuf,
        /// How many.
        count: usize,
    },
}

/// How long building took, in milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Built {
    /// Entering the sandbox.
    pub enter: f64,
    /// Everything after that.
    pub total: f64,
    /// The parts of `total`, in order.
    pub parts: Vec<(String, f64)>,
    /// Taking it down, where that is work of the child; else it is the end of the child.
    pub teardown: Option<f64>,
}

/// A child that has told its figures and still holds what it built.
#[derive(Debug)]
pub struct Held {
    child: Child,
}

/// Runs a job to its end; milliseconds that its end took come beside its figures.
pub fn measure<T: DeserializeOwned>(job: &Job) -> Result<(T, f64)> {
    let (figures, held) = start(job)?;
    Ok((figures, held.end()?))
}

/// Runs a job up to its figures.
pub fn start<T: DeserializeOwned>(job: &Job) -> Result<(T, Held)> {
    let words = |what: &str| {
        let what = format!("failed to {what}");
        move |error: std::io::Error| format!("{what}: {error}")
    };
    let program = std::env::current_exe().map_err(words("find this program"))?;
    let text = serde_json::to_string(job).map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .args([CELL, &text])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(words("start a cell"))?;
    let mut line = String::new();
    if let Some(pipe) = child.stdout.take() {
        BufReader::new(pipe).read_line(&mut line).map_err(words("read what the cell says"))?;
    }
    match serde_json::from_str(&line) {
        Ok(figures) => Ok((figures, Held { child })),
        Err(_) => {
            let mut reason = String::new();
            if let Some(mut pipe) = child.stderr.take() {
                // The reason is welcome, but its absence is no further trouble.
                let _ = pipe.read_to_string(&mut reason);
            }
            let _ = child.wait();
            Err(format!("a cell failed: {}", reason.trim()))
        }
    }
}

impl Held {
    /// Lets the child end, and says how many milliseconds that took.
    pub fn end(mut self) -> Result<f64> {
        drop(self.child.stdin.take());
        let start = Instant::now();
        self.child.wait().map_err(|error| format!("failed to wait for a cell: {error}"))?;
        Ok(milliseconds(start.elapsed()))
    }
}

/// Becomes a cell if that is what this process was started for. Must be called while the process has one thread.
pub fn become_cell() -> Option<ExitCode> {
    let mut args = std::env::args().skip(1);
    if args.next()? != CELL {
        return None;
    }
    let job = args.next().unwrap_or_default();
    Some(match carry_out(&job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The parent reads it there.
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    })
}

fn carry_out(job: &str) -> Result<()> {
    let job: Job = serde_json::from_str(job).map_err(|error| error.to_string())?;
    let start = Instant::now();
    interop_lab::enter(&SandboxSpec::default()).map_err(|error| format!("failed to {error}"))?;
    let enter = milliseconds(start.elapsed());
    match job {
        Job::Lab { links, views } => {
            let runtime = runtime()?;
            let start = Instant::now();
            let lab = build(&runtime, &topology::double_nat(links.kind(), views), Box::new(Unwatched))?;
            let total = milliseconds(start.elapsed());
            let parts = lab.phases().iter().map(|(name, time)| ((*name).to_owned(), milliseconds(*time))).collect();
            tell(&Built { enter, total, parts, teardown: None })
        }
        Job::Commands { parts } => by_commands(enter, parts),
        Job::Traffic(traffic) => traffic::carry_out(&runtime()?, &traffic),
        Job::Memory { frames } => tell(&run::fill_a_capture(&runtime()?, frames)?),
        Job::Sessions { program, count } => tell(&sessions::carry_out(&runtime()?, &program, count)?),
    }
}

/// Says the figures, then holds everything until the parent has read them and wants the end.
pub(crate) fn tell(figures: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(figures).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    // An error and an end of input mean the same: the parent wants no more.
    let _ = std::io::stdin().read(&mut [0]);
    Ok(())
}

fn by_commands(enter: f64, parts: bool) -> Result<()> {
    let all = commands::set_up();
    let start = Instant::now();
    let mut times = Vec::new();
    if parts {
        for (name, lines) in &all {
            times.push(((*name).to_owned(), shell(lines)?));
        }
    } else {
        shell(&all.iter().map(|(_, lines)| lines.as_str()).collect::<String>())?;
    }
    let total = milliseconds(start.elapsed());
    let teardown = Some(shell(&commands::tear_down())?);
    tell(&Built { enter, total, parts: times, teardown })
}

/// Runs lines in a shell that ends at the first mistake; milliseconds.
fn shell(lines: &str) -> Result<f64> {
    let start = Instant::now();
    let mut child = Command::new("/bin/sh")
        .args(["-e", "-s"])
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("failed to start a shell: {error}"))?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(lines.as_bytes()).map_err(|error| format!("failed to talk to a shell: {error}"))?;
    }
    let status = child.wait().map_err(|error| format!("failed to wait for a shell: {error}"))?;
    if status.success() { Ok(milliseconds(start.elapsed())) } else { Err(format!("a shell ended with {status}")) }
}

/// A runtime such as a cell has.
pub(crate) fn runtime() -> Result<Runtime> {
    let made = tokio::runtime::Builder::new_current_thread().enable_all().build();
    made.map_err(|error| format!("failed to start the runtime: {error}"))
}

/// A lab in this cell.
pub(crate) fn build(runtime: &Runtime, spec: &LabSpec, sink: Box<dyn FrameSink>) -> Result<Lab> {
    let built = runtime.block_on(Lab::build(spec, Path::new("/run/lab"), Instant::now(), sink));
    built.map_err(|error| format!("failed to {error}"))
}

/// Looks away.
pub(crate) struct Unwatched;

impl FrameSink for Unwatched {
    fn frame(&mut self, _: usize, _: End, _: Duration, _: &[u8], _: Option<&str>) {}

    fn inner(&mut self, _: &str, _: &str, _: bool, _: Duration, _: &[u8]) {}
}

/// A duration as a figure.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
