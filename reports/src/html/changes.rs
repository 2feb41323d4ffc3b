//! What changed since an earlier run: a list, and a word for the cells of the matrix.

use std::collections::BTreeMap;

use interop_evidence::RunResults;
use serde::Serialize;

use super::place::Place;
use crate::compare::{ChangeKind, Comparison};
use crate::look::change_tone;
use crate::since::{Group, groups, peer_change};
use crate::text::one_line;

/// Entries of one kind.
const SHOWN: usize = 200;
/// Cells of one entry that are linked.
const LINKS: usize = 60;
const TEXT: usize = 400;

/// The section.
#[derive(Serialize)]
pub(super) struct Changes {
    run: String,
    started: String,
    summary: String,
    is_worse: bool,
    notes: Vec<String>,
    kinds: Vec<Kind>,
}

#[derive(Serialize)]
struct Kind {
    heading: &'static str,
    tone: &'static str,
    count: usize,
    entries: Vec<Entry>,
    left: usize,
}

#[derive(Serialize)]
struct Entry {
    label: String,
    pairs: String,
    story: String,
    /// Link and words for each of its cells.
    links: Vec<(String, String)>,
}

/// What is said at a cell of the matrix: a class, and words.
#[derive(Clone, Serialize)]
pub(super) struct Mark {
    pub(super) tone: &'static str,
    pub(super) words: String,
}

/// Changes of the run's own cells, by key.
pub(super) fn marks(comparison: &Comparison) -> BTreeMap<&str, Mark> {
    let changed = comparison.changes.iter().filter(|change| change.kind != ChangeKind::Gone);
    let mark = |change: &crate::CellChange| {
        let words = match &change.old {
            Some(old) => format!("{}: was {}", change.kind.heading(), old.verdict),
            None => change.kind.heading().to_owned(),
        };
        Mark { tone: change_tone(change.kind).as_str(), words }
    };
    changed.filter_map(|change| Some((change.new.as_ref()?.key.as_str(), mark(change)))).collect()
}

impl Changes {
    pub(super) fn of(comparison: &Comparison, results: &RunResults, places: &[Option<Place>]) -> Self {
        let pages = results.cells.iter().zip(places);
        let pages: BTreeMap<&str, &str> =
            pages.filter_map(|(cell, place)| Some((cell.key.as_str(), place.as_ref()?.href.as_str()))).collect();
        let mut notes: Vec<_> = comparison.peers.iter().map(|peer| peer_change(peer, "→")).collect();
        notes.extend(comparison.notes.iter().map(|note| one_line(note, TEXT)));
        let left = notes.len().saturating_sub(SHOWN);
        notes.truncate(SHOWN);
        notes.extend((left > 0).then(|| format!("and {left} more")));
        Self {
            run: one_line(&comparison.old.id, 120),
            started: one_line(&comparison.old.started, 60),
            summary: comparison.summary(),
            is_worse: comparison.is_worse(),
            notes,
            kinds: ChangeKind::ALL.iter().filter_map(|kind| Kind::of(comparison, *kind, &pages)).collect(),
        }
    }
}

impl Kind {
    fn of(comparison: &Comparison, kind: ChangeKind, pages: &BTreeMap<&str, &str>) -> Option<Self> {
        let groups = groups(comparison, kind);
        let count: usize = groups.iter().map(|group| group.changes.len()).sum();
        let entries: Vec<_> = groups.iter().take(SHOWN).map(|group| Entry::of(group, pages)).collect();
        let left = groups.iter().skip(SHOWN).map(|group| group.changes.len()).sum();
        let tone = change_tone(kind).as_str();
        (count > 0).then(|| Self { heading: kind.heading(), tone, count, entries, left })
    }
}

impl Entry {
    fn of(group: &Group<'_>, pages: &BTreeMap<&str, &str>) -> Self {
        let sides = group.changes.iter().filter_map(|change| change.new.as_ref());
        let links = sides.filter_map(|side| {
            let words = format!("{} × {}", one_line(&side.client.name(), 80), one_line(&side.server.name(), 80));
            Some(((*pages.get(side.key.as_str())?).to_owned(), words))
        });
        Self {
            links: links.take(LINKS).collect(),
            label: group.label(),
            pairs: group.pairs(),
            story: group.story("→", TEXT),
        }
    }
}
