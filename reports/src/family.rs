//! Families: every version of one client with every version of one server; and pairs named in few words.

use indexmap::{IndexMap, IndexSet};
use interop_evidence::PeerRecord;

use crate::text::{one_line, peer_label, version_tag};
use crate::{Counts, Matrix, Pair};

/// The columns of one client and one server, in all their versions.
#[derive(Clone, Debug)]
pub(crate) struct Family<'a> {
    /// Id of the client.
    pub(crate) client: &'a str,
    /// Id of the server.
    pub(crate) server: &'a str,
    /// The versions of the client, in the order of the matrix.
    pub(crate) clients: IndexSet<&'a PeerRecord>,
    /// The versions of the server.
    pub(crate) servers: IndexSet<&'a PeerRecord>,
    /// Columns of the matrix.
    pub(crate) columns: Vec<usize>,
}

impl<'a> Family<'a> {
    /// The families of a matrix, in its order.
    pub(crate) fn all(matrix: &Matrix<'a>) -> Vec<Self> {
        let mut families: IndexMap<(&str, &str), Self> = IndexMap::new();
        for (column, pair) in matrix.pairs.iter().enumerate() {
            let (client, server) = (pair.client.id.as_str(), pair.server.id.as_str());
            let family = families.entry((client, server)).or_insert_with(|| Self {
                client,
                server,
                clients: IndexSet::new(),
                servers: IndexSet::new(),
                columns: Vec::new(),
            });
            family.clients.insert(pair.client);
            family.servers.insert(pair.server);
            family.columns.push(column);
        }
        families.into_values().collect()
    }

    /// The column of two of its versions, if they are a pair of the run.
    pub(crate) fn column(&self, matrix: &Matrix<'_>, client: &PeerRecord, server: &PeerRecord) -> Option<usize> {
        self.columns.iter().copied().find(|column| matrix.pairs[*column] == Pair { client, server })
    }

    /// `openconnect × ocserv`.
    pub(crate) fn label(&self) -> String {
        format!("{} × {}", one_line(self.client, 60), one_line(self.server, 60))
    }
}

/// The verdicts in one column of the matrix.
pub(crate) fn counts(matrix: &Matrix<'_>, column: usize) -> Counts {
    let rows = matrix.areas.iter().flat_map(|area| &area.rows);
    Counts::of(rows.filter_map(|row| row.slots[column].map(|slot| slot.cell)))
}

/// Pairs in few words: `openconnect@{trixie,sid} × ocserv@{bullseye,bookworm}`. Exactly these pairs, no more.
pub(crate) fn compact<'a>(pairs: impl IntoIterator<Item = Pair<'a>>) -> Vec<String> {
    // Which servers, of one id, each client has; clients that have the same ones stand together.
    let mut servers: IndexMap<(&PeerRecord, &str), IndexSet<&PeerRecord>> = IndexMap::new();
    for Pair { client, server } in pairs {
        servers.entry((client, &server.id)).or_default().insert(server);
    }
    let mut together: IndexMap<(&str, Vec<&PeerRecord>), Vec<&PeerRecord>> = IndexMap::new();
    for ((client, _), servers) in servers {
        let mut servers: Vec<_> = servers.into_iter().collect();
        servers.sort_by(|a, b| crate::order::by_version(a, b));
        together.entry((&client.id, servers)).or_default().push(client);
    }
    let text = |((_, servers), mut clients): ((&str, Vec<&PeerRecord>), Vec<&PeerRecord>)| {
        clients.sort_by(|a, b| crate::order::by_version(a, b));
        format!("{} × {}", braces(&clients), braces(&servers))
    };
    together.into_iter().map(text).collect()
}

/// Versions of one peer: `ocserv@{bullseye,bookworm}`.
pub(crate) fn braces(peers: &[&PeerRecord]) -> String {
    match peers {
        [] => String::new(),
        [peer] if peer.release.is_some() => format!("{}@{}", one_line(&peer.id, 60), version_tag(peer)),
        [peer] => peer_label(peer),
        [first, ..] => {
            let tags: Vec<_> = peers.iter().map(|peer| version_tag(peer)).collect();
            format!("{}@{{{}}}", one_line(&first.id, 60), tags.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: &str, release: &str, version: &str) -> PeerRecord {
        PeerRecord { release: Some(release.into()), ..PeerRecord::new(id, version) }
    }

    #[test]
    fn pairs_are_named_exactly_and_in_few_words() {
        let clients = [peer("oc", "bookworm", "9.01"), peer("oc", "trixie", "9.12"), peer("oc", "sid", "9.13")];
        let servers = [peer("os", "bookworm", "1.1"), peer("os", "trixie", "1.3"), PeerRecord::new("ref", "0.1")];
        let pair = |client: usize, server: usize| Pair { client: &clients[client], server: &servers[server] };
        assert_eq!(compact([pair(0, 0)]), ["oc@bookworm × os@bookworm"]);
        assert_eq!(
            compact([pair(1, 1), pair(1, 0), pair(2, 0), pair(2, 1), pair(0, 1)]),
            ["oc@{trixie,sid} × os@{bookworm,trixie}", "oc@bookworm × os@trixie"]
        );
        assert_eq!(
            compact([pair(0, 2), pair(1, 2), pair(0, 0)]),
            ["oc@{bookworm,trixie} × ref 0.1", "oc@bookworm × os@bookworm"]
        );
        assert_eq!(compact([]), [""; 0]);
    }
}
