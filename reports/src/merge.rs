//! One run from the shares of a divided one, and what does not fit together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use chrono::{DateTime, Utc};
use indexmap::{IndexMap, IndexSet};
use interop_evidence::{CellRecord, FORMAT_VERSION, HostRecord, RunRecord, RunResults, Verdict};

use crate::attribute;
use crate::text::plural;

/// The results of one share.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is called in messages: its folder.
    pub name: String,
    /// What leads from the merged folder to the share's own, with `/` at the end, so that its bundles are found; empty if they
    /// are moved into the merged folder.
    pub way: String,
    /// Its results.
    pub results: RunResults,
}

/// The shares as one run, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Merged {
    /// Every cell once, in planned order, with suspects found anew.
    pub results: RunResults,
    /// For each cell of the results, which part it is from.
    pub sources: Vec<usize>,
    /// Keys of planned cells that no share has.
    pub missing: Vec<String>,
    /// Cells that several shares have.
    pub doubles: Vec<Double>,
    /// What makes the shares hard to compare, each in one sentence.
    pub warnings: Vec<String>,
}

/// A cell that several shares have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Double {
    /// Its key.
    pub key: String,
    /// Share and verdict, in the order of the shares.
    pub seen: Vec<(String, Verdict)>,
}

impl Double {
    /// Whether all came to the same verdict.
    pub fn agrees(&self) -> bool {
        self.seen.iter().all(|(_, verdict)| *verdict == self.seen[0].1)
    }
}

impl Merged {
    /// Whether every planned cell is there, and none says two things.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.doubles.iter().all(Double::agrees)
    }
}

/// Makes one run of several. None of no shares.
///
/// Of a cell that is there twice the verdict that needs a person most is kept, the first one among equals: nothing bad gets
/// lost by being merged.
pub fn merge(mut parts: Vec<Part>) -> Option<Merged> {
    let mut warnings = Vec::new();
    for part in &mut parts {
        point_to_bundles(part, &mut warnings);
    }
    let planned: IndexSet<String> = parts.iter().flat_map(|part| part.results.run.planned.iter().cloned()).collect();
    let mut run = whole_run(&parts, &planned)?;
    compare(&parts, &planned, &mut warnings);
    let (mut found, doubles) = every_cell_once(&parts);
    // Stable: cells that nobody planned stay at the end, in the order of the shares.
    found.sort_by_key(|(_, cell)| planned.get_index_of(&cell.key).unwrap_or(usize::MAX));
    let (sources, mut cells): (Vec<usize>, Vec<CellRecord>) = found.into_iter().unzip();
    let there: BTreeSet<&str> = cells.iter().map(|cell| cell.key.as_str()).collect();
    let missing: Vec<String> = planned.iter().filter(|key| !there.contains(key.as_str())).cloned().collect();
    gates_that_differ(&cells, &sources, &parts, &mut warnings);
    // Without a plan nobody knows whether something is missing.
    let runs: Vec<RunRecord> = parts.iter().map(|part| part.results.run.clone()).collect();
    run.join_expectations(&runs);
    if !missing.is_empty() {
        // One of those that are missing may need it.
        run.stale.clear();
    }
    run.interrupted = if planned.is_empty() { run.interrupted } else { !missing.is_empty() };
    for cell in &mut cells {
        // What a share suspected, it suspected without having seen the others.
        cell.suspect = None;
    }
    let mut results = RunResults { version: FORMAT_VERSION, run, cells };
    attribute(&mut results);
    Some(Merged { results, sources, missing, doubles, warnings })
}

/// Makes the bundles' paths lead from the merged folder. A path that would leave its share's folder is dropped.
fn point_to_bundles(part: &mut Part, warnings: &mut Vec<String>) {
    let mut strange = 0;
    for cell in &mut part.results.cells {
        let Some(bundle) = cell.bundle.take() else { continue };
        let plain = Path::new(&bundle).components().all(|one| matches!(one, Component::Normal(_)));
        let inside = plain && !bundle.is_empty();
        // What was merged before has ways of its own to its shares; they are followed by links, but nothing is copied there.
        let run = &part.results.run;
        let merged_before = run.partition.is_none() && !run.planned.is_empty() && Path::new(&bundle).is_relative();
        if inside || (merged_before && !part.way.is_empty()) {
            cell.bundle = Some(format!("{}{bundle}", part.way));
        } else {
            strange += 1;
        }
    }
    if strange > 0 {
        warnings.push(format!("{}: {} outside of its folder, left out", part.name, plural(strange, "bundle")));
    }
}

/// The run of which these are shares.
fn whole_run(parts: &[Part], planned: &IndexSet<String>) -> Option<RunRecord> {
    let runs: Vec<&RunRecord> = parts.iter().map(|part| &part.results.run).collect();
    let start = |run: &&RunRecord| DateTime::parse_from_rfc3339(&run.started).ok().map(|at| at.with_timezone(&Utc));
    // Shares whose start cannot be read come last.
    let first = runs.iter().copied().min_by_key(|run| (start(run).is_none(), start(run)))?;
    let end = |run: &&RunRecord| Some(start(run)?.timestamp_millis() + i64::try_from(run.duration_ms).ok()?);
    let wall = || Some(runs.iter().filter_map(end).max()? - start(&first)?.timestamp_millis());
    let longest = runs.iter().map(|run| run.duration_ms).max().unwrap_or_default();
    Some(RunRecord {
        duration_ms: wall().and_then(|wall| u64::try_from(wall).ok()).unwrap_or(longest),
        host: HostRecord {
            kernel: joined(runs.iter().map(|run| run.host.kernel.as_str())),
            system: joined(runs.iter().map(|run| run.host.system.as_str())),
            harness: joined(runs.iter().map(|run| run.host.harness.as_str())),
            cpus: runs.iter().map(|run| run.host.cpus).max().unwrap_or_default(),
            rootless: runs.iter().any(|run| run.host.rootless),
        },
        command: undivided(&first.command),
        suite: first.suite.clone().filter(|suite| runs.iter().all(|run| run.suite.as_ref() == Some(suite))),
        jobs: runs.iter().map(|run| run.jobs).max().unwrap_or_default(),
        partition: None,
        planned: planned.iter().cloned().collect(),
        interrupted: runs.iter().any(|run| run.interrupted),
        ..first.clone()
    })
}

/// The command line without the option that divides the run.
fn undivided(command: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = command.iter();
    while let Some(word) = rest.next() {
        if word == "--partition" {
            rest.next();
        } else if !word.starts_with("--partition=") {
            words.push(word.clone());
        }
    }
    words
}

fn joined<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let distinct: IndexSet<&str> = values.filter(|value| !value.is_empty()).collect();
    distinct.into_iter().collect::<Vec<_>>().join(", ")
}

/// Every cell once, with the number of its part, in the order of the shares.
fn every_cell_once(parts: &[Part]) -> (Vec<(usize, CellRecord)>, Vec<Double>) {
    let mut places: IndexMap<&str, Vec<(usize, &CellRecord)>> = IndexMap::new();
    for (number, part) in parts.iter().enumerate() {
        for cell in &part.results.cells {
            places.entry(&cell.key).or_default().push((number, cell));
        }
    }
    let mut doubles = Vec::new();
    let mut found = Vec::new();
    for (key, seen) in places {
        if seen.len() > 1 {
            let verdicts = seen.iter().map(|(number, cell)| (parts[*number].name.clone(), cell.verdict)).collect();
            doubles.push(Double { key: key.to_owned(), seen: verdicts });
        }
        let kept = seen.into_iter().min_by_key(|(_, cell)| Reverse(urgency(cell.verdict)));
        found.extend(kept.map(|(number, cell)| (number, cell.clone())));
    }
    (found, doubles)
}

/// How much a person should know of a verdict.
fn urgency(verdict: Verdict) -> u8 {
    match verdict {
        verdict if verdict.is_unexpected(false) => 4,
        verdict if verdict.is_environment() => 3,
        Verdict::Degraded => 2,
        verdict if verdict.took_place() => 1,
        _ => 0,
    }
}

/// Finds what makes shares of one run differ when they should not.
fn compare(parts: &[Part], planned: &IndexSet<String>, warnings: &mut Vec<String>) {
    let mut differ = |what: &str, of: &dyn Fn(&RunRecord) -> String| {
        let mut values: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for part in parts {
            values.entry(of(&part.results.run)).or_default().push(&part.name);
        }
        if values.len() > 1 {
            let said: Vec<String> =
                values.iter().map(|(value, names)| format!("{value} ({})", listed(names, 4))).collect();
            warnings.push(format!("the shares have different {what}: {}", said.join(", ")));
        }
    };
    differ("seeds", &|run| run.seed.to_string());
    differ("versions of the harness", &|run| run.host.harness.clone());
    differ("kernels", &|run| run.host.kernel.clone());
    differ("systems", &|run| run.host.system.clone());
    differ("privileges", &|run| if run.host.rootless { "rootless" } else { "root" }.to_owned());
    differ("suites", &|run| run.suite.clone().unwrap_or_else(|| "none".to_owned()));
    different_plans(parts, planned, warnings);
    shares_there(parts, warnings);
    different_peers(parts, warnings);
}

fn different_plans(parts: &[Part], planned: &IndexSet<String>, warnings: &mut Vec<String>) {
    if planned.is_empty() {
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        if names.len() > 1 {
            warnings.push(format!(
                "none of {} is a share of a divided run, so that nobody knows whether cells are missing",
                listed(&names, 4)
            ));
        }
        return;
    }
    let of_other_plans: Vec<&str> = parts
        .iter()
        .filter(|part| {
            let own: BTreeSet<&str> = part.results.run.planned.iter().map(String::as_str).collect();
            own.len() != planned.len()
        })
        .map(|part| part.name.as_str())
        .collect();
    if !of_other_plans.is_empty() {
        warnings.push(format!(
            "{} planned fewer cells than all together: shares must have the same selection, catalogue and peers",
            listed(&of_other_plans, 4)
        ));
    }
}

/// Looks at the numbers of the shares.
fn shares_there(parts: &[Part], warnings: &mut Vec<String>) {
    let records: Vec<_> = parts.iter().filter_map(|part| part.results.run.partition).collect();
    let counts: BTreeSet<u32> = records.iter().map(|record| record.count).collect();
    if counts.len() > 1 {
        let counts: Vec<String> = counts.iter().map(u32::to_string).collect();
        warnings.push(format!("the shares come from divisions into different numbers: {}", counts.join(", ")));
        return;
    }
    let Some(count) = counts.first().copied() else { return };
    let mut indices: BTreeMap<u32, usize> = BTreeMap::new();
    for record in &records {
        *indices.entry(record.index).or_default() += 1;
    }
    let absent: Vec<String> =
        (1..=count.min(100_000)).filter(|index| !indices.contains_key(index)).map(|index| index.to_string()).collect();
    let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
    if !absent.is_empty() {
        let (word, is) = if absent.len() == 1 { ("share", "is") } else { ("shares", "are") };
        warnings.push(format!("{word} {} of {count} {is} not here", listed(&absent, 10)));
    }
    for (index, times) in indices.into_iter().filter(|(_, times)| *times > 1) {
        warnings.push(format!("share {index} of {count} is here {times} times"));
    }
}

/// A peer of one name should be the same program in every share.
fn different_peers(parts: &[Part], warnings: &mut Vec<String>) {
    let mut peers: BTreeMap<(&str, String), BTreeMap<String, BTreeSet<&str>>> = BTreeMap::new();
    for part in parts {
        for cell in part.results.cells.iter().filter(|cell| cell.verdict.took_place()) {
            for (role, peer) in [("client", &cell.client), ("server", &cell.server)] {
                let mut what = peer.version.clone();
                for more in [&peer.package, &peer.library].into_iter().flatten() {
                    what.push_str(&format!(", {more}"));
                }
                peers.entry((role, peer.name())).or_default().entry(what).or_default().insert(&part.name);
            }
        }
    }
    for ((role, name), versions) in peers.into_iter().filter(|(_, versions)| versions.len() > 1) {
        let said: Vec<String> = versions
            .iter()
            .map(|(version, names)| format!("{version} ({})", listed(&names.iter().copied().collect::<Vec<_>>(), 4)))
            .collect();
        warnings.push(format!("the {role} {name} is not the same in all shares: {}", said.join("; ")));
    }
}

/// A baseline gates its pair in every share that has cells of the pair, but is a result of one: where it failed in another,
/// the merged matrix alone would not explain the blocked cells.
fn gates_that_differ(cells: &[CellRecord], sources: &[usize], parts: &[Part], warnings: &mut Vec<String>) {
    let gates = |cell: &CellRecord| matches!(cell.verdict, Verdict::Pass | Verdict::Degraded | Verdict::KnownFail);
    let blocked = cells.iter().zip(sources).filter(|(cell, _)| cell.verdict == Verdict::Blocked);
    let mut told = BTreeSet::new();
    for (cell, source) in blocked {
        let pair = (cell.client.name(), cell.server.name());
        let good = cells.iter().any(|other| {
            other.scenario == "baseline" && (other.client.name(), other.server.name()) == pair && gates(other)
        });
        if good && told.insert((pair, *source)) {
            warnings.push(format!(
                "{} x {}: the baseline is good, but had failed when {} ran it as a gate ({})",
                cell.client.name(),
                cell.server.name(),
                parts[*source].name,
                cell.reason
            ));
        }
    }
}

/// `a, b and 3 more`.
fn listed(names: &[&str], most: usize) -> String {
    let shown = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
