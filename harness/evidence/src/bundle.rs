//! The evidence of one cell on disk.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CellRecord, Event, Facts, FlowRecord, HandshakeSeen, NodeSnapshot, OuterFlow, Phase, Timeline, Trace};

/// A folder with the evidence of one cell (design section 8).
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: PathBuf,
}

/// Errors of reading or writing a bundle; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file could not be read or written.
    #[error("use {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("understand {path}, line {line}: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

impl Bundle {
    /// Makes the folder and its subfolders.
    pub fn create(folder: impl Into<PathBuf>) -> Result<Self, BundleError> {
        let bundle = Self { folder: folder.into() };
        for path in [bundle.folder.clone(), bundle.logs(), bundle.snapshots()] {
            fs::create_dir_all(&path).map_err(|source| BundleError::Io { path, source })?;
        }
        Ok(bundle)
    }

    /// A bundle that exists already; nothing is read yet.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `cell.json`
    pub fn cell(&self) -> PathBuf {
        self.folder.join("cell.json")
    }

    /// `events.jsonl`
    pub fn events(&self) -> PathBuf {
        self.folder.join("events.jsonl")
    }

    /// `capture.pcapng`
    pub fn capture(&self) -> PathBuf {
        self.folder.join("capture.pcapng")
    }

    /// `facts.json`: what is known of the lab.
    pub fn facts(&self) -> PathBuf {
        self.folder.join("facts.json")
    }

    /// `trace.json`: the capture as a person reads it, for programs.
    pub fn trace_json(&self) -> PathBuf {
        self.folder.join("trace.json")
    }

    /// `trace.txt`: the same as text.
    pub fn trace_text(&self) -> PathBuf {
        self.folder.join("trace.txt")
    }

    /// `flows.json`: what went over the outside wires in clear.
    pub fn outer_flows(&self) -> PathBuf {
        self.folder.join("flows.json")
    }

    /// `flow-NAME.json`: every packet of a numbered flow.
    pub fn flow(&self, name: &str) -> PathBuf {
        self.folder.join(format!("flow-{name}.json"))
    }

    /// `logs/`
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// `snapshots/`
    pub fn snapshots(&self) -> PathBuf {
        self.folder.join("snapshots")
    }

    /// `repro.sh`
    pub fn repro(&self) -> PathBuf {
        self.folder.join("repro.sh")
    }

    /// Writes `cell.json`.
    pub fn write_cell(&self, cell: &CellRecord) -> Result<(), BundleError> {
        write_json(self.cell(), cell)
    }

    /// Reads `cell.json`.
    pub fn read_cell(&self) -> Result<CellRecord, BundleError> {
        read_json(self.cell())
    }

    /// Writes `events.jsonl`.
    pub fn write_events(&self, timeline: &Timeline) -> Result<(), BundleError> {
        let path = self.events();
        let mut text = Vec::new();
        for event in &timeline.events {
            serde_json::to_writer(&mut text, event).map_err(|source| BundleError::Format {
                path: path.clone(),
                line: 0,
                source,
            })?;
            text.push(b'\n');
        }
        fs::File::create(&path)
            .and_then(|mut file| file.write_all(&text))
            .map_err(|source| BundleError::Io { path, source })
    }

    /// Reads `events.jsonl`.
    pub fn read_events(&self) -> Result<Timeline, BundleError> {
        let path = self.events();
        let file = fs::File::open(&path).map_err(|source| BundleError::Io { path: path.clone(), source })?;
        let mut events = Vec::new();
        for (index, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|source| BundleError::Io { path: path.clone(), source })?;
            let event: Event = serde_json::from_str(&line).map_err(|source| BundleError::Format {
                path: path.clone(),
                line: index + 1,
                source,
            })?;
            events.push(event);
        }
        Ok(Timeline { events })
    }

    /// Writes `flows.json`.
    pub fn write_outer_flows(&self, flows: &[OuterFlow]) -> Result<(), BundleError> {
        write_json(self.outer_flows(), flows)
    }

    /// Writes `handshakes.json`: the handshakes on the clients' wires.
    pub fn write_handshakes(&self, handshakes: &[HandshakeSeen]) -> Result<(), BundleError> {
        write_json(self.folder.join("handshakes.json"), handshakes)
    }

    /// Reads `handshakes.json`.
    pub fn read_handshakes(&self) -> Result<Vec<HandshakeSeen>, BundleError> {
        read_json(self.folder.join("handshakes.json"))
    }

    /// Reads `flows.json`.
    pub fn read_outer_flows(&self) -> Result<Vec<OuterFlow>, BundleError> {
        read_json(self.outer_flows())
    }

    /// Writes `facts.json`.
    pub fn write_facts(&self, facts: &Facts) -> Result<(), BundleError> {
        write_json(self.facts(), facts)
    }

    /// Reads `facts.json`.
    pub fn read_facts(&self) -> Result<Facts, BundleError> {
        read_json(self.facts())
    }

    /// Writes `trace.json`.
    pub fn write_trace(&self, trace: &Trace) -> Result<(), BundleError> {
        write_json(self.trace_json(), trace)
    }

    /// Writes `trace.txt`.
    pub fn write_trace_text(&self, text: &str) -> Result<(), BundleError> {
        let path = self.trace_text();
        fs::write(&path, text).map_err(|source| BundleError::Io { path, source })
    }

    /// Reads `trace.json`.
    pub fn read_trace(&self) -> Result<Trace, BundleError> {
        read_json(self.trace_json())
    }

    /// Reads `flow-NAME.json`.
    pub fn read_flow(&self, name: &str) -> Result<Vec<FlowRecord>, BundleError> {
        read_json(self.flow(name))
    }

    /// Reads `snapshots/PHASE.json`.
    pub fn read_snapshot(&self, phase: &Phase) -> Result<Vec<NodeSnapshot>, BundleError> {
        read_json(self.snapshots().join(format!("{phase}.json")))
    }

    /// Writes `flow-NAME.json`.
    pub fn write_flow(&self, name: &str, records: &[FlowRecord]) -> Result<(), BundleError> {
        write_json(self.flow(name), records)
    }

    /// Writes `snapshots/PHASE.json`: every node at one moment.
    pub fn write_snapshot(&self, phase: &Phase, nodes: &[NodeSnapshot]) -> Result<(), BundleError> {
        write_json(self.snapshots().join(format!("{phase}.json")), nodes)
    }
}

fn write_json<T: Serialize + ?Sized>(path: PathBuf, value: &T) -> Result<(), BundleError> {
    let text = serde_json::to_vec_pretty(value).map_err(|source| BundleError::Format {
        path: path.clone(),
        line: 0,
        source,
    })?;
    fs::write(&path, text).map_err(|source| BundleError::Io { path, source })
}

fn read_json<T: DeserializeOwned>(path: PathBuf) -> Result<T, BundleError> {
    let text = fs::read(&path).map_err(|source| BundleError::Io { path: path.clone(), source })?;
    serde_json::from_slice(&text).map_err(|source| BundleError::Format { line: source.line(), path, source })
}
