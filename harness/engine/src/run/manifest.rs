//! `run.json`: what is needed to go on with a run that was interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{SecondsFormat, Utc};
use interop_catalogue::Catalogue;
use interop_evidence::PartitionRecord;
use serde::{Deserialize, Serialize};

use super::whole;
use crate::plan::{CellFate, Plan, PlannedCell};

/// Version of the file.
const VERSION: u32 = 1;
/// Name of the file in the folder of a run.
const NAME: &str = "run.json";
/// Differences that a message names.
const SHOWN: usize = 5;

/// A run as it was begun. Cells leave their records in their bundles, so this and the bundles are the whole state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunManifest {
    /// Of the file.
    version: u32,
    /// Names the run.
    pub id: String,
    /// Source of every random choice.
    pub seed: u64,
    /// RFC 3339, UTC.
    pub started: String,
    /// Start of the part that was interrupted last, in milliseconds since the epoch.
    part_started_ms: u64,
    /// What the parts before that took.
    spent_ms: u64,
    /// Where paths in `args` begin.
    pub folder: PathBuf,
    /// The arguments that selected the cells: of the command line that began the run, without the program.
    pub args: Vec<String>,
    /// How often each cell runs.
    pub repeat: u32,
    /// Which share of a divided run it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionRecord>,
    /// Keys of the cells that were divided into shares, if it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub divided: Vec<String>,
    /// Every cell of the selection, with what was to become of it.
    whole: BTreeMap<String, String>,
    /// Keys of the cells of this run: all of them, or a choice.
    planned: BTreeSet<String>,
    /// Cells of it that run only as gates of their pairs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    gates: BTreeSet<String>,
    /// The peers, with their versions.
    peers: BTreeMap<String, String>,
    /// Fingerprints of what the catalogue says of scenarios, topologies, faults and peers.
    catalogue: BTreeMap<String, String>,
}

/// A run that cannot go on; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// There is none, or it cannot be read.
    #[error("read {path}: {source}; is this the folder of a run that `vpn-interop run` has begun?")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("understand {path}: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It was written by a newer version of this program.
    #[error(
        "understand {path}: it has format {found}, this program knows {VERSION}; use the program that began the run"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It cannot be written.
    #[error("write {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The plan has changed.
    #[error("go on with the run: since it was begun {differences}; undo that, or run anew")]
    Changed {
        /// What is different.
        differences: String,
    },
}

impl RunManifest {
    /// Of a run that begins now: `whole` is what the arguments select, `plan` what of it is run.
    pub fn new(
        catalogue: &Catalogue,
        whole: &Plan,
        plan: &Plan,
        seed: u64,
        args: Vec<String>,
        folder: PathBuf,
    ) -> Self {
        let now = Utc::now();
        Self {
            version: VERSION,
            id: now.format("%Y%m%dT%H%M%SZ").to_string(),
            seed,
            started: now.to_rfc3339_opts(SecondsFormat::Secs, true),
            part_started_ms: millis(SystemTime::now()),
            spent_ms: 0,
            folder,
            args,
            repeat: 1,
            partition: None,
            divided: Vec::new(),
            whole: fates(whole),
            planned: plan.cells.iter().map(|cell| cell.key.clone()).collect(),
            gates: plan.cells.iter().filter(|cell| cell.gate_only).map(|cell| cell.key.clone()).collect(),
            peers: peers(whole),
            catalogue: fingerprints(catalogue, whole),
        }
    }

    /// The same, of a run in which each cell runs so often, and that is a share of these cells, divided.
    #[must_use]
    pub fn with(self, repeat: u32, partition: Option<PartitionRecord>, divided: Vec<String>) -> Self {
        Self { repeat, partition, divided, ..self }
    }

    /// Reads it from the folder of a run.
    ///
    /// # Errors
    /// When it is not there, or holds something else.
    pub fn read(out: &Path) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Header {
            version: u32,
        }
        let path = out.join(NAME);
        let text = whole::read(&path).map_err(|source| ManifestError::Read { path: path.clone(), source })?;
        let format = |source| ManifestError::Format { path: path.clone(), source };
        let header: Header = serde_json::from_slice(&text).map_err(format)?;
        if header.version > VERSION {
            return Err(ManifestError::Newer { path, found: header.version });
        }
        serde_json::from_slice(&text).map_err(format)
    }

    /// Writes it into the folder of a run.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(&self, out: &Path) -> Result<(), ManifestError> {
        let path = out.join(NAME);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| ManifestError::Write { path: path.clone(), source: source.into() })?;
        whole::write(&path, &text).map_err(|source| ManifestError::Write { path, source })
    }

    /// The part of the selected cells that this run is about; in `whole` is what the arguments select now.
    ///
    /// # Errors
    /// When the arguments no longer select the same cells, of the same peers, with the same stories. The message names what
    /// is different.
    pub fn again(&self, catalogue: &Catalogue, whole: Plan) -> Result<Plan, ManifestError> {
        let mut differences = Vec::new();
        compare("peer", &self.peers, &peers(&whole), &mut differences);
        compare("catalogue", &self.catalogue, &fingerprints(catalogue, &whole), &mut differences);
        compare("cell", &self.whole, &fates(&whole), &mut differences);
        if !differences.is_empty() {
            let more = differences.len().saturating_sub(SHOWN);
            differences.truncate(SHOWN);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            let differences = format!("{}{more}", differences.join("; "));
            return Err(ManifestError::Changed { differences });
        }
        let mine = whole.cells.into_iter().filter(|cell| self.planned.contains(&cell.key));
        let cells = mine.map(|cell| PlannedCell { gate_only: self.gates.contains(&cell.key), ..cell }).collect();
        Ok(Plan { cells })
    }

    /// What the run has taken so far, given when the last record was written.
    pub(super) fn spent(&self, last: Option<SystemTime>) -> Duration {
        let part = last.map_or(0, |last| millis(last).saturating_sub(self.part_started_ms));
        Duration::from_millis(self.spent_ms + part)
    }

    /// Begins another part.
    pub(super) fn next_part(&mut self, spent: Duration) {
        self.spent_ms = u64::try_from(spent.as_millis()).unwrap_or(u64::MAX);
        self.part_started_ms = millis(SystemTime::now());
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn fates(plan: &Plan) -> BTreeMap<String, String> {
    let fate = |cell: &PlannedCell| match &cell.fate {
        CellFate::Run => "to run".to_owned(),
        CellFate::Unsupported(reason) => format!("unsupported: {reason}"),
        CellFate::Skipped(reason) => format!("skipped: {reason}"),
    };
    plan.cells.iter().map(|cell| (cell.key.clone(), fate(cell))).collect()
}

fn peers(plan: &Plan) -> BTreeMap<String, String> {
    let both = plan.cells.iter().flat_map(|cell| [("client", &cell.client), ("server", &cell.server)]);
    let version = |choice: &crate::PeerChoice| {
        let record = choice.record();
        let package = record.package.map(|package| format!(" (package {package})")).unwrap_or_default();
        format!("{}{package} at {}", record.version, choice.binary.display())
    };
    both.map(|(side, choice)| (format!("{side} {}", choice.label()), version(choice))).collect()
}

/// What the catalogue says, as far as it decides what happens in a cell. Expectations are not part of it: a run is held
/// against those of the day on which it ends.
fn fingerprints(catalogue: &Catalogue, plan: &Plan) -> BTreeMap<String, String> {
    let used: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.scenario.as_str()).collect();
    let sides = plan.cells.iter().flat_map(|cell| [&cell.client.peer, &cell.server.peer]);
    let named: BTreeSet<&str> = sides.map(String::as_str).collect();
    let scenarios = catalogue.scenarios.iter().filter(|(id, _)| used.contains(id.as_str()));
    let peers = catalogue.peers.iter().filter(|(_, peer)| named.contains(peer.value.name().as_str()));
    let mut all = BTreeMap::new();
    all.extend(scenarios.map(|(id, entry)| (format!("cases/{id}"), fingerprint(&entry.value))));
    all.extend(catalogue.topologies.iter().map(|(id, entry)| (format!("topologies/{id}"), fingerprint(&entry.value))));
    all.extend(catalogue.faults.iter().map(|(id, entry)| (format!("faults/{id}"), fingerprint(&entry.value))));
    all.extend(peers.map(|(id, entry)| (format!("peers/{id}"), fingerprint(&entry.value))));
    all
}

/// A short name of a value, the same in every run of one program (FNV-1a of its debug form).
fn fingerprint(value: &impl Debug) -> String {
    format!("{:016x}", crate::cell::cell_seed(0, &format!("{value:?}")))
}

fn compare(what: &str, then: &BTreeMap<String, String>, now: &BTreeMap<String, String>, differences: &mut Vec<String>) {
    let is_text = what != "catalogue";
    for (name, before) in then {
        match now.get(name) {
            None => differences.push(format!("{what} {name} is gone")),
            Some(after) if after == before => {}
            Some(after) if is_text => differences.push(format!("{what} {name} was {before} and is {after}")),
            Some(_) => differences.push(format!("{what} {name} has changed")),
        }
    }
    let new = now.keys().filter(|name| !then.contains_key(*name));
    differences.extend(new.map(|name| format!("{what} {name} is new")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::planned;

    fn plan(clients: &[&str]) -> Plan {
        Plan { cells: clients.iter().map(|client| planned("x", client, "s")).collect() }
    }

    fn manifest(whole: &Plan, plan: &Plan) -> RunManifest {
        RunManifest::new(&Catalogue::default(), whole, plan, 7, vec!["run".into()], "/".into())
    }

    #[test]
    fn what_was_chosen_is_chosen_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut chosen = plan(&["b"]);
        chosen.cells[0].gate_only = true;
        manifest(&plan(&["a", "b"]), &chosen).write(folder.path()).unwrap();
        let read = RunManifest::read(folder.path()).unwrap();
        let again = read.again(&Catalogue::default(), plan(&["a", "b"])).unwrap();
        assert_eq!(again.cells, chosen.cells);
        assert_eq!(read.seed, 7);
    }

    #[test]
    fn a_difference_is_named() {
        let begun = manifest(&plan(&["a", "b"]), &plan(&["a", "b"]));
        let said = |now: Plan| begun.again(&Catalogue::default(), now).unwrap_err().to_string();
        assert!(said(plan(&["a"])).contains("peer client b is gone"));
        assert!(said(plan(&["a", "b", "c"])).contains("cell x+c+s is new"));
        let mut newer = plan(&["a", "b"]);
        newer.cells[0].client.version = "2.0".into();
        assert!(said(newer).contains("2.0"));
        let mut lost = plan(&["a", "b"]);
        lost.cells[1].fate = CellFate::Skipped("no program".into());
        let lost = said(lost);
        assert!(lost.contains("cell x+b+s was to run and is skipped: no program"), "{lost}");
        let many: Vec<String> = (0..99).map(|number| number.to_string()).collect();
        let many = said(plan(&many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert!(many.contains("more"), "{many}");
        assert!(many.len() < 1000);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::TempDir::new().unwrap();
        let none = RunManifest::read(folder.path()).unwrap_err().to_string();
        assert!(none.contains("run.json") && none.contains("vpn-interop run"), "{none}");
        std::fs::write(folder.path().join(NAME), r#"{"version": 99}"#).unwrap();
        assert!(matches!(RunManifest::read(folder.path()), Err(ManifestError::Newer { found: 99, .. })));
        std::fs::write(folder.path().join(NAME), "{").unwrap();
        assert!(matches!(RunManifest::read(folder.path()), Err(ManifestError::Format { .. })));
    }

    #[test]
    fn time_of_the_parts_adds_up() {
        let mut manifest = manifest(&plan(&["a"]), &plan(&["a"]));
        let start = UNIX_EPOCH + Duration::from_millis(manifest.part_started_ms);
        assert_eq!(manifest.spent(None), Duration::ZERO);
        let spent = manifest.spent(Some(start + Duration::from_secs(9)));
        assert_eq!(spent, Duration::from_secs(9));
        manifest.next_part(spent);
        assert_eq!(manifest.spent(None), Duration::from_secs(9));
    }
}
