//! Known deviations: what a cell's verdict becomes when the catalogue expected it, and which entries nothing needs.

use chrono::{Datelike as _, Utc};
use interop_catalogue::{Catalogue, ExpectationEntry, ExpiryDate, Glob, KnownVerdict, VersionRange};
use interop_evidence::{CellRecord, PeerRecord, StaleExpectation, Verdict};

/// Holds a cell against the expectations, before its verdict is published.
pub(crate) fn expect(catalogue: &Catalogue, record: &mut CellRecord) {
    if !matches!(record.verdict, Verdict::Pass | Verdict::Degraded | Verdict::Fail) || is_defective(record) {
        return;
    }
    let concerned: Vec<&ExpectationEntry> =
        entries(catalogue).map(|placed| placed.entry).filter(|entry| concerns(entry, record)).collect();
    // Several deviations may be known of one cell; the one that was seen explains it.
    let explaining = concerned.iter().find(|entry| explains(entry, record));
    let Some(entry) = explaining.or(concerned.first()) else { return };
    let known = format!("known: {} ({}; until {})", entry.reason, entry.link, entry.expires);
    if entry.expires < today() {
        record.verdict = Verdict::UnexpectedPass;
        record.reason = format!("the expectation has expired, look again; {known}; seen now: {}", record.reason);
    } else if explaining.is_some() {
        if record.verdict == Verdict::Fail {
            record.verdict = Verdict::KnownFail;
        }
        record.reason = format!("{}; {known}", record.reason);
    } else if record.verdict == Verdict::Pass {
        record.verdict = Verdict::UnexpectedPass;
        record.reason = format!("passes, but was expected to be {}; {known}", wanted(entry));
    }
}

/// How the expectations of a catalogue fared in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fared {
    /// Entries that explained some cell, by place.
    pub(crate) needed: Vec<String>,
    /// Entries that cells were held against and that explained none of them.
    pub(crate) stale: Vec<StaleExpectation>,
}

/// Looks at the published cells of a run. An entry of which no cell ran is neither needed nor stale; nothing is stale in a run
/// that ended early, because what needs it may not have run.
pub(crate) fn fared(catalogue: &Catalogue, cells: &[CellRecord], ended_early: bool) -> Fared {
    let mut fared = Fared::default();
    for Placed { place, entry } in entries(catalogue) {
        let judged = |cell: &&CellRecord| is_judged(cell.verdict) && !is_defective(cell) && concerns(entry, cell);
        let concerned: Vec<&CellRecord> = cells.iter().filter(judged).collect();
        if concerned.iter().any(|cell| explains(entry, cell)) {
            fared.needed.push(place);
        } else if !concerned.is_empty() && !ended_early && entry.expires >= today() {
            fared.stale.push(StaleExpectation { place, entry: name(entry), reason: why(entry, &concerned) });
        }
    }
    fared
}

/// An entry and where it stands.
struct Placed<'c> {
    place: String,
    entry: &'c ExpectationEntry,
}

fn entries(catalogue: &Catalogue) -> impl Iterator<Item = Placed<'_>> {
    let entries = catalogue.expectations.values().flat_map(|file| &file.value.entries);
    entries.map(|entry| Placed { place: entry.at.to_string(), entry: &entry.value })
}

/// `client-killed (dpd=3s), openconnect* <9.2 x *, fail`
fn name(entry: &ExpectationEntry) -> String {
    let params: Vec<String> = entry.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let params = if params.is_empty() { String::new() } else { format!(" ({})", params.join(", ")) };
    let versions = |range: &Option<VersionRange>| range.as_ref().map(|range| format!(" {range}")).unwrap_or_default();
    format!(
        "{}{params}, {}{} x {}{}, {}",
        entry.scenario.as_str(),
        entry.client.as_str(),
        versions(&entry.client_versions),
        entry.server.as_str(),
        versions(&entry.server_versions),
        wanted(entry),
    )
}

/// `3 cells ran, and none is fail because of \`connect\`: 2 pass, 1 degraded`
fn why(entry: &ExpectationEntry, cells: &[&CellRecord]) -> String {
    let count = |verdict: Verdict| cells.iter().filter(|cell| cell.verdict == verdict).count();
    let seen: Vec<String> = Verdict::ALL
        .into_iter()
        .filter(|verdict| count(*verdict) > 0)
        .map(|verdict| format!("{} {verdict}", count(verdict)))
        .collect();
    let check = entry.check.as_ref().map(|check| format!(" because of `{check}`")).unwrap_or_default();
    let ran = if cells.len() == 1 { "1 cell ran".to_owned() } else { format!("{} cells ran", cells.len()) };
    format!("{ran}, and none is {}{check}: {}; take the entry out", wanted(entry), seen.join(", "))
}

/// Whether a published verdict says what the cell did once it was held against the expectations.
const fn is_judged(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Degraded | Verdict::Fail | Verdict::KnownFail | Verdict::UnexpectedPass)
}

/// What is known of a program says nothing about one with a defect.
fn is_defective(record: &CellRecord) -> bool {
    record.client.mutant.is_some() || record.server.mutant.is_some()
}

fn concerns(entry: &ExpectationEntry, record: &CellRecord) -> bool {
    let in_range =
        |range: &Option<VersionRange>, version: &str| range.as_ref().is_none_or(|range| range.contains(version));
    entry.scenario.matches(&record.scenario)
        && names(&entry.client, &record.client)
        && names(&entry.server, &record.server)
        && in_range(&entry.client_versions, &record.client.version)
        && in_range(&entry.server_versions, &record.server.version)
        && entry.params.iter().all(|(name, value)| record.params.get(name.as_str()) == Some(&value.text))
}

/// `openconnect*` is any version of it; `openconnect@trixie` is that release of the store, `openconnect@*` any of them.
fn names(glob: &Glob, peer: &PeerRecord) -> bool {
    if glob.as_str().contains('@') { glob.matches(&peer.name()) } else { glob.matches(&peer.id) }
}

/// Whether the deviation that was seen is the one that is known; also of a cell whose verdict was published.
fn explains(entry: &ExpectationEntry, record: &CellRecord) -> bool {
    let seen = if record.verdict == Verdict::KnownFail { Verdict::Fail } else { record.verdict };
    if seen != wanted(entry) {
        return false;
    }
    let Some(part) = &entry.check else { return true };
    let deviating = record.checks.iter().filter(|check| check.verdict == seen);
    deviating.into_iter().any(|check| check.id.contains(part) || check.message.contains(part))
}

const fn wanted(entry: &ExpectationEntry) -> Verdict {
    match entry.verdict {
        KnownVerdict::Fail => Verdict::Fail,
        KnownVerdict::Degraded => Verdict::Degraded,
    }
}

fn today() -> ExpiryDate {
    let now = Utc::now().date_naive();
    ExpiryDate {
        year: u16::try_from(now.year()).unwrap_or(u16::MAX),
        month: u8::try_from(now.month()).unwrap_or(12),
        day: u8::try_from(now.day()).unwrap_or(31),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use interop_catalogue::LoadOptions;
    use interop_evidence::CheckRecord;
    use tempfile::TempDir;

    use super::*;

    /// A catalogue with one scenario of one pair, and these entries.
    fn catalogue(entries: &[&str]) -> Catalogue {
        let folder = TempDir::new().unwrap();
        let peer = |id: &str, role: &str, sign: &str| {
            format!(
                "id: {id}\ntitle: x\nroles: [{role}]\nprotocols: [p]\nbinary: {{name: x}}\ncommand: [\"{{{{ binary }}}}\"]\n{sign}\n"
            )
        };
        let entry = |text: &&str| {
            let client = if text.contains("client:") { "" } else { "client: c, " };
            let rest = "server: s, reason: r, link: \"https://example.com\", expires: 2999-01-01";
            format!("  - {{{client}{rest}, {text}}}\n")
        };
        let files = [
            ("peers/c.yaml", peer("c", "client", "connected-when: {log: up}")),
            ("peers/s.yaml", peer("s", "server", "ready-when: {log: ready}")),
            (
                "cases/story.yaml",
                "id: story\ntitle: x\narea: x\ntopology: t\naxes: {dpd: [3s, 10s]}\nsteps:\n  - connect: {}\n"
                    .to_owned(),
            ),
            (
                "topologies/t.yaml",
                "id: t\ntitle: x\nnodes: {client: {role: client}, gateway: {role: server}}\n\
                 links: {l: {ends: {client: [192.0.2.1/24], gateway: [192.0.2.2/24]}}}\n\
                 names: {public: {vpn.example.test: [192.0.2.2]}}\n"
                    .to_owned(),
            ),
            ("expectations/known.yaml", format!("entries:\n{}", entries.iter().map(entry).collect::<String>())),
        ];
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let options = LoadOptions { builtin: false, overlays: vec![folder.path().to_owned()] };
        Catalogue::load(&options).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    /// A cell whose verdict one check has decided.
    fn cell(verdict: Verdict, check: &str) -> CellRecord {
        let mut client = PeerRecord::new("c", "9.12");
        client.release = Some("trixie".to_owned());
        let record = CheckRecord { id: check.to_owned(), verdict, message: String::new() };
        CellRecord {
            key: "k".into(),
            scenario: "story".into(),
            title: String::new(),
            area: String::new(),
            params: [("dpd".to_owned(), "3s".to_owned())].into_iter().collect(),
            client,
            server: PeerRecord::new("s", "1.3.0"),
            verdict,
            reason: String::new(),
            suspect: None,
            duration_ms: 0,
            measurements: Default::default(),
            checks: vec![record],
            bundle: None,
            repeats: Vec::new(),
            reproduce: String::new(),
        }
    }

    /// What becomes of a cell, and how many entries are needed and stale then.
    fn judged(entries: &[&str], mut cell: CellRecord) -> (Verdict, usize, usize) {
        let catalogue = catalogue(entries);
        expect(&catalogue, &mut cell);
        let fared = fared(&catalogue, std::slice::from_ref(&cell), false);
        (cell.verdict, fared.needed.len(), fared.stale.len())
    }

    #[test]
    fn an_entry_that_explains_a_failure_is_needed() {
        let known = "scenario: story, verdict: fail, check: dns";
        assert_eq!(judged(&[known], cell(Verdict::Fail, "4 dns")), (Verdict::KnownFail, 1, 0));
        let degraded = "scenario: story, verdict: degraded";
        assert_eq!(judged(&[degraded], cell(Verdict::Degraded, "4 dns")), (Verdict::Degraded, 1, 0));
    }

    #[test]
    fn of_several_entries_the_one_that_was_seen_explains() {
        let entries = ["scenario: story, verdict: fail, check: routes", "scenario: story, verdict: fail, check: dns"];
        assert_eq!(judged(&entries, cell(Verdict::Fail, "4 dns")), (Verdict::KnownFail, 1, 1));
    }

    #[test]
    fn what_happens_otherwise_than_known_makes_an_entry_stale() {
        let known = ["scenario: story, verdict: fail, check: dns"];
        assert_eq!(judged(&known, cell(Verdict::Pass, "4 dns")), (Verdict::UnexpectedPass, 0, 1));
        assert_eq!(judged(&known, cell(Verdict::Fail, "5 routes")), (Verdict::Fail, 0, 1), "another failure");
        assert_eq!(judged(&known, cell(Verdict::Degraded, "4 dns")), (Verdict::Degraded, 0, 1), "no longer as bad");
    }

    #[test]
    fn an_entry_of_which_no_cell_ran_says_nothing() {
        for entry in [
            "scenario: story, verdict: fail, client-versions: \"<9\"",
            "scenario: story, verdict: fail, params: {dpd: 10s}",
            "scenario: story, verdict: fail, client: \"c@bookworm\"",
        ] {
            assert_eq!(judged(&[entry], cell(Verdict::Pass, "x")), (Verdict::Pass, 0, 0), "{entry}");
        }
        let of_release = ["scenario: story, verdict: fail, client: \"c@tri*\""];
        assert_eq!(judged(&of_release, cell(Verdict::Fail, "x")), (Verdict::KnownFail, 1, 0));
        let known = ["scenario: story, verdict: fail"];
        for verdict in [Verdict::Skipped, Verdict::Blocked, Verdict::EnvError, Verdict::Flaky] {
            assert_eq!(judged(&known, cell(verdict, "x")), (verdict, 0, 0));
        }
        let mut defective = cell(Verdict::Pass, "x");
        defective.server.mutant = Some("m".into());
        assert_eq!(judged(&known, defective), (Verdict::Pass, 0, 0));
    }

    #[test]
    fn a_run_that_ended_early_knows_of_no_stale_entries() {
        let catalogue = catalogue(&["scenario: story, verdict: fail"]);
        let cells = [cell(Verdict::UnexpectedPass, "x")];
        let early = fared(&catalogue, &cells, true);
        assert!(early.stale.is_empty());
        let whole = fared(&catalogue, &cells, false);
        assert_eq!(whole.stale.len(), 1);
        assert!(whole.stale[0].place.ends_with("expectations/known.yaml:2"), "{:?}", whole.stale);
        assert_eq!(whole.stale[0].entry, "story, c x s, fail");
        assert!(whole.stale[0].reason.contains("1 cell ran, and none is fail: 1 unexpected-pass"), "{:?}", whole.stale);
    }
}
