//! What a cell costs beside its peers: memory, time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use interop_capture::{CaptureWriter, FlowTable, InterfaceId, InterfaceSpec, LinkType, Side, Summary as Frame};
use interop_evidence::{Event, EventKind, Micros, RunResults};
use interop_lab::FrameSink;
use interop_lab::link::End;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::cell::{Links, build};
use crate::topology::{LINKS, double_nat};
use crate::{Result, Summary};

/// The longest that a run may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Memory of a process, in MB.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The most that was resident at once, with the pages of the program's own file.
    pub peak: f64,
    /// What is its own: heap and stacks.
    pub own: f64,
}

impl Memory {
    /// Of a process, if it is still there.
    pub fn of(process: &str) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let field = |name: &str| -> Option<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches(':').trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1000.0)
        };
        Some(Self { peak: field("VmHWM")?, own: field("RssAnon")? })
    }

    fn or_more(self, other: Self) -> Self {
        Self { peak: self.peak.max(other.peak), own: self.own.max(other.own) }
    }
}

/// In a cell: the double NAT with mount views, all its frames into a capture and a table of flows, as the engine has it.
pub(crate) fn fill_a_capture(runtime: &Runtime, frames: u64) -> Result<Memory> {
    let interface = |(name, _): &(&str, _)| InterfaceSpec {
        name: (*name).to_owned(),
        description: String::new(),
        link_type: LinkType::Ethernet,
    };
    let interfaces: Vec<InterfaceSpec> = LINKS.iter().map(interface).collect();
    let words = |error: &dyn std::fmt::Display| format!("failed to {error}");
    let capture = CaptureWriter::create("/tmp/capture.pcapng", &interfaces).map_err(|error| words(&error))?;
    let witness = Witness { capture, flows: FlowTable::new(), names: LINKS.map(|(name, _)| name) };
    let lab = build(runtime, &double_nat(Links::Wire.kind(), true), Box::new(witness))?;
    let open = |node: &str, address: &str| -> Result<std::net::UdpSocket> {
        let node = lab.node(node).map_err(|error| words(&error))?;
        let opened = node.run(|| std::net::UdpSocket::bind(address)).map_err(|error| words(&error))?;
        opened.map_err(|error| format!("failed to open a socket: {error}"))
    };
    let (client, server) = (open("client", "192.168.1.2:0")?, open("public", "192.0.2.2:9000")?);
    server.set_read_timeout(Some(Duration::from_secs(2))).map_err(|error| error.to_string())?;
    for _ in 0..frames {
        // One at a time: each crosses four wires and two NATs, and none waits for another.
        client.send_to(&[7; 1400], "192.0.2.2:9000").map_err(|error| error.to_string())?;
        server.recv(&mut [0; 1400]).map_err(|error| format!("a packet was lost: {error}"))?;
    }
    Memory::of("self").ok_or_else(|| "failed to read /proc/self/status".to_owned())
}

struct Witness {
    capture: CaptureWriter,
    flows: FlowTable,
    names: [&'static str; LINKS.len()],
}

impl FrameSink for Witness {
    fn frame(&mut self, wire: usize, from: End, at: Duration, bytes: &[u8], remark: Option<&str>) {
        let id = InterfaceId(u32::try_from(wire).unwrap_or(u32::MAX));
        let side = if from == End::A { Side::A } else { Side::B };
        let number = self.capture.frame(id, at, side, bytes, remark);
        let summary = Frame::of_ethernet(bytes);
        self.flows.observe(self.names[wire], Micros::from(at), number, &summary, bytes);
    }

    fn inner(&mut self, _: &str, _: &str, _: bool, _: Duration, _: &[u8]) {}
}

/// A run of the real program.
#[derive(Clone, Debug)]
pub struct Run {
    /// Seconds from start to end.
    pub wall: f64,
    /// Milliseconds of each cell that were neither in a step nor spent on waiting for peers to end.
    pub overhead: Option<Summary>,
    /// Milliseconds that the run took beside its only cell.
    pub beside_cells: Option<f64>,
    /// Milliseconds until the lab of a cell was there.
    pub lab: Option<Summary>,
    /// The largest process of a cell.
    pub memory: Memory,
    /// Cells that ran, and those whose result was expected.
    pub cells: (usize, usize),
    /// What it found.
    pub results: RunResults,
}

/// The program, if it was built here.
pub fn program() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/vpn-interop");
    path.is_file().then_some(path)
}

/// Runs `vpn-interop run` with these arguments, and looks at what its cells need.
///
/// # Errors
/// When it does not run, or takes longer than ten minutes.
pub fn run(program: &Path, arguments: &[&str]) -> Result<Run> {
    let out = tempfile::tempdir().map_err(|error| error.to_string())?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .arg("run")
        .args(arguments)
        .arg("--out")
        .arg(out.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("failed to start {}: {error}", program.display()))?;
    let memory = watch(&mut child, start)?;
    let wall = start.elapsed().as_secs_f64();
    let text =
        fs::read(out.path().join("results.json")).map_err(|error| format!("the run left no results: {error}"))?;
    let results: RunResults = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let mut overheads = Vec::new();
    let mut labs = Vec::new();
    for cell in &results.cells {
        let folder = out.path().join("cells").join(&cell.key);
        if let Some((overhead, lab)) = beside_peers(&folder.join("events.jsonl"), cell.duration_ms as f64) {
            overheads.push(overhead);
            labs.push(lab);
        }
    }
    let expected = results.cells.iter().filter(|cell| !cell.verdict.is_unexpected(false)).count();
    let beside_cells = match results.cells.as_slice() {
        [cell] => Some(wall * 1e3 - cell.duration_ms as f64),
        _ => None,
    };
    Ok(Run {
        wall,
        beside_cells,
        overhead: Summary::of(overheads),
        lab: Summary::of(labs),
        memory,
        cells: (results.cells.len(), expected),
        results,
    })
}

/// Waits for the end of a run; the memory of its largest cell, seen every ten milliseconds.
fn watch(child: &mut Child, start: Instant) -> Result<Memory> {
    let mut memory = Memory::default();
    loop {
        if child.try_wait().map_err(|error| error.to_string())?.is_some() {
            return Ok(memory);
        }
        if start.elapsed() > LIMIT {
            // It may have ended in this moment; then there is nobody to kill.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the run took longer than {} s", LIMIT.as_secs()));
        }
        // The runner's children are wardens; each has one child, the cell.
        for cell in children(child.id()).into_iter().flat_map(children) {
            if let Some(seen) = Memory::of(&cell.to_string()) {
                memory = memory.or_more(seen);
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let lists = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// From the time line of a cell that took `total` milliseconds: what was neither a step nor the wait for peers to end
/// after the last step, and when the lab was ready.
fn beside_peers(events: &Path, total: f64) -> Option<(f64, f64)> {
    let text = fs::read_to_string(events).ok()?;
    let all: Vec<Event> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let at = |event: &Event| event.at.0 as f64 / 1000.0;
    let lab = all.iter().find(|event| matches!(event.kind, EventKind::LabReady { .. })).map(at)?;
    let first = all.iter().find(|event| matches!(event.kind, EventKind::StepStarted { .. })).map(at)?;
    let last = all.iter().rfind(|event| matches!(event.kind, EventKind::StepEnded { .. })).map(at)?;
    let ended = all.iter().rfind(|event| matches!(event.kind, EventKind::PeerExited { .. })).map_or(last, at);
    Some((total - (last - first) - (ended - last).max(0.0), lab))
}
