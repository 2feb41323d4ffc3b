//! How each version of a client does with each version of a server, in numbers; and which programs the peers were.

use std::collections::BTreeMap;

use interop_evidence::PeerRecord;
use serde::Serialize;

use crate::family::{Family, counts};
use crate::look::{symbol, tone};
use crate::order::by_version;
use crate::text::{exact_version, one_line, peer_marks, version_tag};
use crate::{Counts, Matrix, Options};

/// A table: clients down, servers across.
#[derive(Serialize)]
pub(super) struct Grid {
    label: String,
    servers: Vec<Version>,
    rows: Vec<(Version, Vec<Option<Score>>)>,
}

#[derive(Serialize)]
struct Version {
    text: String,
    more: String,
}

/// One pair.
#[derive(Serialize)]
struct Score {
    column: usize,
    tone: &'static str,
    /// Sign, number, tone, word.
    counts: Vec<(&'static str, usize, &'static str, &'static str)>,
    label: String,
}

/// A grid for each family that has more than one pair.
pub(super) fn grids(matrix: &Matrix<'_>, options: Options<'_>) -> Vec<Grid> {
    let families = Family::all(matrix).into_iter().filter(|family| family.columns.len() > 1);
    families.map(|family| grid(matrix, &family, options)).collect()
}

fn grid(matrix: &Matrix<'_>, family: &Family<'_>, options: Options<'_>) -> Grid {
    let score = |client: &PeerRecord, server: &PeerRecord| {
        family.column(matrix, client, server).map(|column| Score::of(matrix, column, options))
    };
    let row = |client: &PeerRecord| {
        (Version::of(client), family.servers.iter().map(|server| score(client, server)).collect())
    };
    Grid {
        label: family.label(),
        servers: family.servers.iter().map(|server| Version::of(server)).collect(),
        rows: family.clients.iter().map(|client| row(client)).collect(),
    }
}

impl Version {
    fn of(peer: &PeerRecord) -> Self {
        let exact = peer.release.is_some().then(|| one_line(exact_version(peer), 40));
        Self { text: version_tag(peer), more: exact.unwrap_or_default() }
    }
}

impl Score {
    fn of(matrix: &Matrix<'_>, column: usize, options: Options<'_>) -> Self {
        let counts = counts(matrix, column);
        let signs = counts
            .iter()
            .map(|(verdict, count)| (symbol(verdict, true), count, tone(verdict).as_str(), verdict.as_str()))
            .collect();
        let label = format!("{}: {counts}", matrix.pairs[column]);
        Self { column, tone: worst(&counts, options), counts: signs, label }
    }
}

/// What one should feel about some cells together.
pub(super) fn worst(counts: &Counts, options: Options<'_>) -> &'static str {
    use interop_evidence::Verdict::{Degraded, KnownFail, Pass};
    if counts.unexpected(options.fail_on_degraded) > 0 {
        "bad"
    } else if counts.environment() > 0 {
        "environment"
    } else if counts.get(Degraded) > 0 {
        "warning"
    } else if counts.get(KnownFail) > 0 {
        "known"
    } else if counts.get(Pass) > 0 {
        "good"
    } else {
        "quiet"
    }
}

/// A peer in the legend.
#[derive(Serialize)]
pub(super) struct PeerView {
    name: String,
    roles: String,
    version: String,
    package: String,
    library: String,
}

/// Every peer of the run, by name and version.
pub(super) fn peers(matrix: &Matrix<'_>) -> Vec<PeerView> {
    let mut roles: BTreeMap<&PeerRecord, Vec<&str>> = BTreeMap::new();
    for pair in &matrix.pairs {
        for (role, peer) in [("client", pair.client), ("server", pair.server)] {
            let found = roles.entry(peer).or_default();
            if !found.contains(&role) {
                found.push(role);
            }
        }
    }
    let mut peers: Vec<_> = roles.into_iter().collect();
    peers.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id).then_with(|| by_version(a, b)));
    let text = |text: Option<&str>| one_line(text.unwrap_or_default(), 120);
    let view = |(peer, roles): (&PeerRecord, Vec<&str>)| PeerView {
        name: format!("{}{}", one_line(&peer.name(), 80), peer_marks(peer)),
        roles: roles.join(", "),
        version: text(Some(&peer.version)),
        package: text(peer.package.as_deref()),
        library: text(peer.library.as_deref()),
    };
    peers.into_iter().map(view).collect()
}
