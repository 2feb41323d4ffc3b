//! Known deviations: what a cell's verdict becomes when the catalogue expected it.

use chrono::{Datelike as _, Utc};
use interop_catalogue::{Catalogue, ExpectationEntry, ExpiryDate, KnownVerdict};
use interop_evidence::{CellRecord, Verdict};

/// Holds a cell against the expectations, before its verdict is published.
pub(crate) fn expect(catalogue: &Catalogue, record: &mut CellRecord) {
    if !matches!(record.verdict, Verdict::Pass | Verdict::Degraded | Verdict::Fail) {
        return;
    }
    if record.client.mutant.is_some() || record.server.mutant.is_some() {
        // What is known of a program says nothing about one with a defect.
        return;
    }
    let entries = catalogue.expectations.values().flat_map(|file| &file.value.entries);
    let Some(entry) = entries.map(|entry| &entry.value).find(|entry| concerns(entry, record)) else { return };
    let wanted = match entry.verdict {
        KnownVerdict::Fail => Verdict::Fail,
        KnownVerdict::Degraded => Verdict::Degraded,
    };
    let known = format!("known: {} ({}; until {})", entry.reason, entry.link, entry.expires);
    if entry.expires < today() {
        record.verdict = Verdict::UnexpectedPass;
        record.reason = format!("the expectation has expired, look again; {known}; seen now: {}", record.reason);
    } else if record.verdict == wanted && names_the_check(entry, record) {
        if wanted == Verdict::Fail {
            record.verdict = Verdict::KnownFail;
        }
        record.reason = format!("{}; {known}", record.reason);
    } else if record.verdict == Verdict::Pass {
        record.verdict = Verdict::UnexpectedPass;
        record.reason = format!("passes, but was expected to be {wanted}; {known}");
    }
}

fn concerns(entry: &ExpectationEntry, record: &CellRecord) -> bool {
    let in_range = |range: &Option<interop_catalogue::VersionRange>, version: &str| {
        range.as_ref().is_none_or(|range| range.contains(version))
    };
    entry.scenario.matches(&record.scenario)
        && entry.client.matches(&record.client.id)
        && entry.server.matches(&record.server.id)
        && in_range(&entry.client_versions, &record.client.version)
        && in_range(&entry.server_versions, &record.server.version)
        && entry.params.iter().all(|(name, value)| record.params.get(name.as_str()) == Some(&value.text))
}

/// Whether the deviation that was seen is the one that is known.
fn names_the_check(entry: &ExpectationEntry, record: &CellRecord) -> bool {
    let Some(wanted) = &entry.check else { return true };
    record
        .checks
        .iter()
        .filter(|check| check.verdict == record.verdict)
        .any(|check| check.id.contains(wanted) || check.message.contains(wanted))
}

fn today() -> ExpiryDate {
    let now = Utc::now().date_naive();
    ExpiryDate {
        year: u16::try_from(now.year()).unwrap_or(u16::MAX),
        month: u8::try_from(now.month()).unwrap_or(12),
        day: u8::try_from(now.day()).unwrap_or(31),
    }
}
