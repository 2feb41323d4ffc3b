//! `results.json`: the one file from which every report is made (design section 10).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{CheckRecord, Exit, PeerRole, Verdict};

/// Version of the format; fields are only added within a version.
pub const FORMAT_VERSION: u32 = 1;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// The run as a whole.
    pub run: RunRecord,
    /// The cells in planned order.
    pub cells: Vec<CellRecord>,
}

/// The run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Names the run; also a fit folder name.
    pub id: String,
    /// Source of every random choice.
    pub seed: u64,
    /// RFC 3339, UTC.
    pub started: String,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// Where it ran.
    pub host: HostRecord,
    /// The command line, so that it can be repeated.
    pub command: Vec<String>,
    /// Suite, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Cells that ran at a time.
    pub jobs: usize,
    /// Which share of the plan this is, if it was divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionRecord>,
    /// Keys of every cell of the whole plan, if it was divided: whoever merges shares sees what is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<String>,
    /// Whether the run was interrupted; cells that never ran are absent.
    #[serde(default)]
    pub interrupted: bool,
    /// Entries of the expectations that explained the verdict of some cell, by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// Entries of the expectations that cells of this run were held against, and that none of them needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StaleExpectation>,
}

/// An entry of the expectations that nothing needs any more: whoever keeps it would not notice when the deviation comes back
/// as something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StaleExpectation {
    /// Where it stands: `expectations/known.yaml:3`.
    pub place: String,
    /// What it is about: `client-killed, openconnect* x *, fail`.
    pub entry: String,
    /// Why it is stale: how many cells ran, and what they did.
    pub reason: String,
}

impl RunRecord {
    /// The expectations of several runs that are one: what one share does not need, another one may.
    pub fn join_expectations(&mut self, others: &[Self]) {
        for other in others {
            self.needed.extend(other.needed.iter().cloned());
            self.stale.extend(other.stale.iter().cloned());
        }
        self.needed.sort();
        self.needed.dedup();
        self.stale.sort();
        self.stale.dedup_by(|one, other| one.place == other.place);
        self.stale.retain(|stale| !self.needed.contains(&stale.place));
    }
}

impl RunResults {
    /// The exit code of a run that was not interrupted.
    ///
    /// What is stale counts for whole runs: one share does not see what the others need.
    pub fn exit(&self, fail_on_degraded: bool) -> Exit {
        if !self.run.stale.is_empty() && self.run.partition.is_none() {
            return Exit::Unexpected;
        }
        Exit::of(self.cells.iter().map(|cell| cell.verdict), fail_on_degraded)
    }
}

/// A share of a divided run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// From 1.
    pub index: u32,
    /// Number of shares.
    pub count: u32,
}

/// Where a run took place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// Kernel release.
    pub kernel: String,
    /// Distribution, from os-release.
    pub system: String,
    /// Processors that the run could use.
    pub cpus: usize,
    /// Whether the run had no root and used user namespaces.
    pub rootless: bool,
    /// Version of this program.
    pub harness: String,
}

/// A peer as it really was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerRecord {
    /// Id of the peer file.
    pub id: String,
    /// What the program says of itself, or the package's version.
    pub version: String,
    /// Release of the store that it was taken from: `trixie`; none for the machine's own program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Exact version of its package, where it came from one: `9.12-3+b1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// TLS library that it says it uses: `GnuTLS 3.8.9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// The product that it imitates: an emulated profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulates: Option<String>,
    /// The defect that it was started with, on purpose: never to be taken for the healthy program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
}

impl PeerRecord {
    /// A peer that is what it seems to be.
    pub fn new(id: impl Into<String>, version: impl Into<String>) -> Self {
        let (release, package, library) = (None, None, None);
        Self { id: id.into(), version: version.into(), release, package, library, emulates: None, mutant: None }
    }

    /// How it is named on the command line and in keys: `openconnect@trixie`.
    pub fn name(&self) -> String {
        match &self.release {
            Some(release) => format!("{}@{release}", self.id),
            None => self.id.clone(),
        }
    }
}

/// One cell of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// Scenario, parameters, client and server in one string, unique in a run and fit as a folder name.
    pub key: String,
    /// Id of the scenario.
    pub scenario: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// Its area (`dtls-fallback`, `certificate`, ...).
    #[serde(default)]
    pub area: String,
    /// The values of the scenario's axes in this cell.
    pub params: IndexMap<String, String>,
    /// The client.
    pub client: PeerRecord,
    /// The server.
    pub server: PeerRecord,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one line.
    pub reason: String,
    /// Who is probably at fault, for a cell that did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Suspicion>,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// Named numbers; the name ends with the unit (`outage-ms`).
    pub measurements: IndexMap<String, f64>,
    /// Every check.
    pub checks: Vec<CheckRecord>,
    /// Folder of the evidence, relative to `results.json`; absent for a cell that did not take place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// Verdicts of the repeats, if there were several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<Verdict>,
    /// Command that runs this cell alone.
    #[serde(default)]
    pub reproduce: String,
}

impl CellRecord {
    /// The peer in this role.
    pub fn peer(&self, role: PeerRole) -> &PeerRecord {
        match role {
            PeerRole::Client => &self.client,
            PeerRole::Server => &self.server,
        }
    }
}

/// Who is probably at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Who.
    pub who: Suspect,
    /// How sure.
    pub confidence: Confidence,
    /// What the judgement rests on.
    pub because: String,
}

/// Parties that can be at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Suspect {
    Client,
    Server,
    Both,
    Network,
    Harness,
}

/// How sure an attribution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Confidence {
    Low,
    Medium,
    High,
}
