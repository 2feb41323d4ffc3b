//! Which cell of the earlier run is which cell of the later one.

use std::collections::{BTreeMap, BTreeSet};

use interop_evidence::{CellRecord, PeerRecord, PeerRole, RunResults};

/// How cells are matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchBy {
    /// By their keys alone: `openconnect@bookworm` is not `openconnect@trixie`.
    Key,
    /// By their keys; where one version of a peer took the place of another one, as if both had the same name.
    #[default]
    Peer,
}

/// The cells that both runs have, by position, in the order of the later run.
///
/// A run in which `ocserv@bookworm` became `ocserv@trixie` has no key in common with the earlier one, and is what one
/// compares most. With [`MatchBy::Peer`], if exactly one name of a peer is gone and exactly one of the same peer is new, the
/// new one took the place of the old one.
pub fn matched(old: &RunResults, new: &RunResults, by: MatchBy) -> Vec<(usize, usize)> {
    let substitutes = match by {
        MatchBy::Key => [BTreeMap::new(), BTreeMap::new()],
        MatchBy::Peer => [PeerRole::Client, PeerRole::Server].map(|role| substitutes(old, new, role)),
    };
    let mut by_key: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_place: BTreeMap<Place<'_>, usize> = BTreeMap::new();
    for (index, cell) in old.cells.iter().enumerate() {
        // Keys are unique in a run; should they not be, the first counts.
        by_key.entry(&cell.key).or_insert(index);
        by_place.entry(Place::of(cell, &substitutes)).or_insert(index);
    }
    let none = [BTreeMap::new(), BTreeMap::new()];
    let mut taken = BTreeSet::new();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let mut rest = Vec::new();
    for (index, cell) in new.cells.iter().enumerate() {
        match by_key.get(&*cell.key).filter(|before| taken.insert(**before)) {
            Some(before) => pairs.push((*before, index)),
            None => rest.push(index),
        }
    }
    if by == MatchBy::Peer {
        for index in rest {
            let place = Place::of(&new.cells[index], &none);
            pairs.extend(by_place.get(&place).filter(|before| taken.insert(**before)).map(|before| (*before, index)));
        }
    }
    pairs.sort_by_key(|(_, after)| *after);
    pairs
}

/// A cell without the spelling of its key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    scenario: &'a str,
    params: BTreeMap<&'a str, &'a str>,
    peers: [String; 2],
}

impl<'a> Place<'a> {
    fn of(cell: &'a CellRecord, substitutes: &[BTreeMap<String, String>; 2]) -> Self {
        let name = |peer: &PeerRecord, substitutes: &BTreeMap<String, String>| {
            let name = label(peer);
            substitutes.get(&name).cloned().unwrap_or(name)
        };
        Self {
            scenario: &cell.scenario,
            params: cell.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            peers: [name(&cell.client, &substitutes[0]), name(&cell.server, &substitutes[1])],
        }
    }
}

/// Names of peers in this role that are gone, each with the one that took its place.
fn substitutes(old: &RunResults, new: &RunResults, role: PeerRole) -> BTreeMap<String, String> {
    let (before, after) = (names(old, role), names(new, role));
    let mut found = BTreeMap::new();
    for (id, before) in &before {
        let Some(after) = after.get(id) else { continue };
        let mut gone = before.difference(after);
        let mut came = after.difference(before);
        if let (Some(gone), None, Some(came), None) = (gone.next(), gone.next(), came.next(), came.next()) {
            found.insert(gone.clone(), came.clone());
        }
    }
    found
}

/// The names under which each peer takes part, by its id.
fn names(results: &RunResults, role: PeerRole) -> BTreeMap<&str, BTreeSet<String>> {
    let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for cell in &results.cells {
        let peer = cell.peer(role);
        names.entry(&peer.id).or_default().insert(label(peer));
    }
    names
}

/// Name and defect, as in keys.
fn label(peer: &PeerRecord) -> String {
    match &peer.mutant {
        Some(mutant) => format!("{},mutant={mutant}", peer.name()),
        None => peer.name(),
    }
}
