//! The heading of the matrix: clients, their versions, servers, their versions, each over the columns that it has.

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::text::{exact_version, one_line, peer_label, peer_marks, version_tag};
use crate::{Matrix, Pair};

/// Four rows of cells.
#[derive(Serialize)]
pub(super) struct Heading {
    rows: [Vec<Group>; 4],
    /// For each column a class that says what begins there.
    pub(super) edges: Vec<&'static str>,
}

/// A cell over `span` columns from `from`.
#[derive(Serialize)]
struct Group {
    text: String,
    /// What stands behind it in smaller letters.
    more: String,
    title: String,
    from: usize,
    span: usize,
    edge: &'static str,
    /// How many rows it takes.
    deep: usize,
    /// Written from below, as its columns are too narrow.
    upright: bool,
}

/// What the filters know of a column; the script reads it as JSON.
#[derive(Serialize)]
pub(super) struct Column {
    client: String,
    server: String,
    /// Ids, to tell families apart.
    family: (String, String),
    releases: Vec<String>,
    /// Both with their exact versions.
    label: String,
}

/// Something else begins: a client, a version of it, a server.
const EDGES: [&str; 3] = ["e1", "e2", "e3"];

impl Heading {
    pub(super) fn of(matrix: &Matrix<'_>) -> Self {
        let pairs = &matrix.pairs;
        // How many of the four levels a column has in common with the one before it.
        let same: Vec<usize> = (0..pairs.len())
            .map(|column| match column.checked_sub(1).map(|before| (pairs[before], pairs[column])) {
                None => 0,
                Some((a, b)) if a.client.id != b.client.id => 0,
                Some((a, b)) if a.client != b.client => 1,
                Some((a, b)) if a.server.id != b.server.id => 2,
                Some(_) => 3,
            })
            .collect();
        let edges: Vec<_> = same.iter().map(|same| EDGES.get(*same).copied().unwrap_or_default()).collect();
        let row = |level: usize| {
            let mut groups: Vec<Group> = Vec::new();
            for (column, pair) in pairs.iter().enumerate() {
                match groups.last_mut() {
                    Some(group) if same[column] > level => group.span += 1,
                    _ => groups.push(Group::of(pair, level, column, edges[column])),
                }
            }
            groups
        };
        let mut rows = [row(0), row(1), row(2), row(3)];
        for group in rows.iter_mut().flatten() {
            group.upright = group.span <= UPRIGHT && group.is_wide();
        }
        // A server in one version says so in one place.
        let [_, _, servers, versions] = &mut rows;
        for server in servers.iter_mut().filter(|server| server.span == 1) {
            if let Some(at) = versions.iter().position(|version| version.from == server.from) {
                let version = versions.remove(at);
                (server.more, server.title) = (version.text, version.title);
                (server.deep, server.upright) = (2, server.is_wide());
            }
        }
        // Written from below there is room for one line only; the legend has the exact versions.
        for group in versions.iter_mut().chain(servers).filter(|group| group.upright && group.deep == 1) {
            group.more.clear();
        }
        Self { rows, edges }
    }
}

/// Text over more columns than this is broken instead of written from below.
const UPRIGHT: usize = 2;
/// Pixels of a column and of a character.
const COLUMN: usize = 26;
const CHAR: usize = 7;

impl Group {
    /// Whether its text is wider than narrow columns.
    fn is_wide(&self) -> bool {
        self.text.width().max(self.more.width()) * CHAR + 8 > self.span * COLUMN
    }

    fn of(pair: &Pair<'_>, level: usize, from: usize, edge: &'static str) -> Self {
        let (text, more, title) = match level {
            0 => (one_line(&pair.client.id, 60), String::new(), String::new()),
            2 => (format!("× {}", one_line(&pair.server.id, 60)), String::new(), String::new()),
            level => {
                let peer = if level == 1 { pair.client } else { pair.server };
                let exact = if peer.release.is_some() { one_line(exact_version(peer), 40) } else { String::new() };
                (version_tag(peer), exact, peer_label(peer))
            }
        };
        Self { text, more, title, from, span: 1, edge, deep: 1, upright: false }
    }
}

/// What the filters know of each column.
pub(super) fn columns(matrix: &Matrix<'_>) -> Vec<Column> {
    let name = |peer: &interop_evidence::PeerRecord| format!("{}{}", one_line(&peer.name(), 80), peer_marks(peer));
    matrix
        .pairs
        .iter()
        .map(|pair| {
            let mut releases: Vec<_> = [pair.client, pair.server]
                .iter()
                .filter_map(|peer| Some(one_line(peer.release.as_ref()?, 60)))
                .collect();
            releases.dedup();
            Column {
                client: name(pair.client),
                server: name(pair.server),
                family: (one_line(&pair.client.id, 60), one_line(&pair.server.id, 60)),
                releases,
                label: pair.to_string(),
            }
        })
        .collect()
}
