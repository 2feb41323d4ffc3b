//! How long cells took before: what starts first, how shares are balanced, and what is still to wait for.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use interop_evidence::{CellRecord, PeerRecord};
use serde::{Deserialize, Serialize};

use super::whole;
use crate::plan::PlannedCell;

/// Version of the file of durations.
const VERSION: u32 = 1;
/// Cells that the user's own file remembers.
const MOST_CELLS: usize = 50_000;
/// Of a run.
const RESULTS: &str = "results.json";
/// Below the user's cache folder.
const CACHE: &str = "vpn-interop/durations.json";

/// How long cells took in earlier runs, by scenario with parameters and by pair.
///
/// It depends on nothing but the files that it was read from, in their order: shares of a run that are balanced with the same
/// files fit together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// Milliseconds of one repeat.
    stories: BTreeMap<String, BTreeMap<String, u64>>,
}

/// A file with durations that cannot be used; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum DurationsError {
    /// It cannot be read.
    #[error("read durations from {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("understand {path}: {source}; durations are read from a run's results.json, or the folder with it")]
    Format {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It holds something else.
    #[error("use {path}: it has neither \"cells\" nor \"durations\"; name a run's results.json, or the folder with it")]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("write {path}: {source}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The parts of `results.json` that are needed, or the user's own file.
#[derive(Deserialize)]
struct AnyFile {
    cells: Option<Vec<Timed>>,
    durations: Option<BTreeMap<String, BTreeMap<String, u64>>>,
}

#[derive(Deserialize)]
struct Timed {
    scenario: String,
    #[serde(default)]
    params: IndexMap<String, String>,
    client: PeerRecord,
    server: PeerRecord,
    verdict: interop_evidence::Verdict,
    duration_ms: u64,
    #[serde(default)]
    repeats: Vec<interop_evidence::Verdict>,
}

#[derive(Serialize)]
struct OwnFile<'a> {
    version: u32,
    durations: &'a BTreeMap<String, BTreeMap<String, u64>>,
}

impl Durations {
    /// Reads results of runs (the file, or the folder with it); what a later one says of a cell replaces what an earlier one
    /// says.
    ///
    /// # Errors
    /// When one cannot be read, or is something else.
    pub fn read(paths: &[PathBuf]) -> Result<Self, DurationsError> {
        let mut durations = Self::default();
        for path in paths {
            durations.read_file(&if path.is_dir() { path.join(RESULTS) } else { path.clone() })?;
        }
        Ok(durations)
    }

    /// What the user's runs have left in the cache folder. A file that cannot be used counts as none: it only helps.
    pub fn of_user() -> Self {
        let mut durations = Self::default();
        if let Some(path) = user_file()
            && durations.read_file(&path).is_err()
        {
            return Self::default();
        }
        durations
    }

    /// Adds what others know; they replace what is known here.
    pub fn extend(&mut self, others: Self) {
        for (story, pairs) in others.stories {
            self.stories.entry(story).or_default().extend(pairs);
        }
    }

    /// How long one repeat of a cell will take: as this pair did, else as other pairs did on average; none if nobody ran it.
    pub fn of(&self, cell: &PlannedCell) -> Option<Duration> {
        let pairs = self.stories.get(&story(&cell.scenario, &cell.params))?;
        let millis = pairs.get(&pair(&cell.client.label(), &cell.server.label())).copied();
        let average = || pairs.values().sum::<u64>().checked_div(pairs.len() as u64);
        millis.or_else(average).map(Duration::from_millis)
    }

    /// The same; the scenario's time limit where nothing is known.
    pub fn estimate(&self, cell: &PlannedCell) -> Duration {
        self.of(cell).unwrap_or(Duration::from_secs(cell.time_limit))
    }

    /// Takes over how long a cell took.
    pub fn learn(&mut self, record: &CellRecord) {
        let timed = Timed {
            scenario: record.scenario.clone(),
            params: record.params.clone(),
            client: record.client.clone(),
            server: record.server.clone(),
            verdict: record.verdict,
            duration_ms: record.duration_ms,
            repeats: record.repeats.clone(),
        };
        self.take(&timed);
    }

    /// Writes what a run has shown to the user's cache folder, for the next one.
    ///
    /// # Errors
    /// When it cannot be written. There being no such folder is none.
    pub fn remember<'r>(records: impl IntoIterator<Item = &'r CellRecord>) -> Result<(), DurationsError> {
        let Some(path) = user_file() else { return Ok(()) };
        let mut durations = Self::of_user();
        for record in records {
            durations.learn(record);
        }
        durations.forget_beyond(MOST_CELLS);
        durations.write(&path)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), DurationsError> {
        let fail = |source| DurationsError::Read { path: path.to_owned(), source };
        let text = whole::read(path).map_err(fail)?;
        let file: AnyFile =
            serde_json::from_slice(&text).map_err(|source| DurationsError::Format { path: path.to_owned(), source })?;
        match (file.cells, file.durations) {
            (Some(cells), _) => cells.iter().for_each(|cell| self.take(cell)),
            (None, Some(stories)) => self.extend(Self { stories }),
            (None, None) => return Err(DurationsError::Foreign { path: path.to_owned() }),
        }
        Ok(())
    }

    /// A cell that did not take place says nothing of how long it takes.
    fn take(&mut self, cell: &Timed) {
        if !cell.verdict.took_place() || cell.verdict.is_environment() {
            return;
        }
        let label = |peer: &PeerRecord| match &peer.mutant {
            Some(mutant) => format!("{},mutant={mutant}", peer.name()),
            None => peer.name(),
        };
        let each = cell.duration_ms / (cell.repeats.len().max(1) as u64);
        let pairs = self.stories.entry(story(&cell.scenario, &cell.params)).or_default();
        pairs.insert(pair(&label(&cell.client), &label(&cell.server)), each);
    }

    /// Drops whole stories until no more cells than `most` are left.
    fn forget_beyond(&mut self, most: usize) {
        let mut left = most;
        self.stories.retain(|_, pairs| {
            let fits = pairs.len() <= left;
            left -= if fits { pairs.len() } else { 0 };
            fits
        });
    }

    /// Writes a file that is either whole or not there.
    fn write(&self, path: &Path) -> Result<(), DurationsError> {
        let fail = |source| DurationsError::Write { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(fail)?;
        }
        let own = OwnFile { version: VERSION, durations: &self.stories };
        let text = serde_json::to_vec(&own).map_err(|source| fail(source.into()))?;
        whole::write(path, &text).map_err(fail)
    }
}

fn user_file() -> Option<PathBuf> {
    let named = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || env::var_os("HOME").filter(|path| !path.is_empty()).map(|home| Path::new(&home).join(".cache"));
    named.or_else(home).map(|cache| cache.join(CACHE))
}

/// `udp-blocked@dpd=3s`, with the parameters in the order of their names.
fn story(scenario: &str, params: &IndexMap<String, String>) -> String {
    let sorted: BTreeMap<&String, &String> = params.iter().collect();
    let params: Vec<String> = sorted.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{scenario}@{}", params.join(","))
}

fn pair(client: &str, server: &str) -> String {
    format!("{client}+{server}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::planned;

    fn results(cells: &[(&str, &str, &str, u64, u32)]) -> String {
        let cells: Vec<String> = cells
            .iter()
            .map(|(scenario, verdict, client, millis, repeats)| {
                let repeats = vec![format!("\"{verdict}\""); *repeats as usize].join(",");
                format!(
                    r#"{{"scenario": "{scenario}", "params": {{"b": "2", "a": "1"}}, "verdict": "{verdict}",
                        "client": {{"id": "{client}", "version": ""}}, "server": {{"id": "s", "version": ""}},
                        "duration_ms": {millis}, "repeats": [{repeats}], "later": {{}}}}"#
                )
            })
            .collect();
        format!(r#"{{"version": 1, "run": {{}}, "cells": [{}]}}"#, cells.join(","))
    }

    fn cell(scenario: &str, client: &str) -> PlannedCell {
        let params = [("a", "1"), ("b", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        PlannedCell { params: params.into_iter().collect(), ..planned(scenario, client, "s") }
    }

    #[test]
    fn the_own_pair_then_others_then_the_limit() {
        let folder = tempfile::TempDir::new().unwrap();
        let one = folder.path().join(RESULTS);
        fs::write(
            &one,
            results(&[("x", "pass", "c", 9000, 3), ("x", "fail", "d", 5000, 0), ("y", "env-error", "c", 1, 0)]),
        )
        .unwrap();
        let durations = Durations::read(&[folder.path().to_owned()]).unwrap();
        assert_eq!(durations.of(&cell("x", "c")), Some(Duration::from_secs(3)), "of one of three repeats");
        assert_eq!(durations.of(&cell("x", "e")), Some(Duration::from_secs(4)), "the mean of both pairs");
        assert_eq!(durations.of(&cell("y", "c")), None, "a failure of the lab says nothing");
        let unknown = PlannedCell { time_limit: 77, ..cell("y", "c") };
        assert_eq!(durations.estimate(&unknown), Duration::from_secs(77));
        let two = folder.path().join("two.json");
        fs::write(&two, results(&[("x", "pass", "c", 1000, 0)])).unwrap();
        let both = Durations::read(&[one, two]).unwrap();
        assert_eq!(both.of(&cell("x", "c")), Some(Duration::from_secs(1)), "the later one counts");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("deep/durations.json");
        let mut durations = Durations::default();
        durations.stories.entry("x@".to_owned()).or_default().insert("c+s".to_owned(), 7);
        durations.write(&path).unwrap();
        assert_eq!(Durations::read(std::slice::from_ref(&path)).unwrap(), durations);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("other.json");
        for text in ["{}", "[1]", "nonsense"] {
            fs::write(&path, text).unwrap();
            let message = Durations::read(std::slice::from_ref(&path)).unwrap_err().to_string();
            assert!(message.contains("other.json") && message.contains("results.json"), "{message}");
        }
        let message = Durations::read(&[folder.path().join("none")]).unwrap_err().to_string();
        assert!(message.contains("none"), "{message}");
    }

    #[test]
    fn the_users_file_is_bounded() {
        let mut durations = Durations::default();
        for story in ["a", "b", "c"] {
            let pairs = durations.stories.entry(story.to_owned()).or_default();
            pairs.extend((0..10).map(|pair| (pair.to_string(), 1)));
        }
        durations.forget_beyond(25);
        assert_eq!(durations.stories.len(), 2);
    }
}
