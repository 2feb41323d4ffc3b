//! Between which versions is searched: the releases of the store that an argument names.

use interop_catalogue::{Catalogue, Peer, Side, closest, compare_versions};
use interop_engine::{PeerArgument, PeerRelease, named_releases, peer_releases};
use interop_store::Store;

/// The side of which versions are tried, and the argument for the other side.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) side: Side,
    /// Name of the peer of which versions are tried.
    pub(super) peer: String,
    /// The oldest first.
    pub(super) versions: Vec<PeerRelease>,
    /// The peer on the other side, which stays as it is.
    pub(super) other: PeerArgument,
}

/// Finds out which of the two arguments names several versions.
pub(super) fn sides(catalogue: &Catalogue, client: &str, server: &str) -> Result<Sides, String> {
    let named = [(Side::Client, client, server), (Side::Server, server, client)];
    let several = |text: &str| text.split_once('@').is_some_and(|(id, at)| !id.contains('=') && is_range(at));
    let mut ranges = named.into_iter().filter(|(_, text, _)| several(text));
    let (Some((side, text, other)), None) = (ranges.next(), ranges.next()) else {
        return Err(format!(
            "one side must name several versions and the other one, like --client openconnect@8.10..9.21 --server ocserv, \
             not `{client}` and `{server}`"
        ));
    };
    let (id, at) = text.split_once('@').unwrap_or((text, "*"));
    let peer = find(catalogue, side, id)?;
    let store = Store::of_user().ok_or("there is no store of peers: neither HOME nor VPN_INTEROP_STORE is set")?;
    let all = peer_releases(peer, &store).map_err(|error| format!("failed to {error}"))?;
    let versions = between(peer, at, &all)?;
    if versions.len() < 2 {
        return Err(format!(
            "`{text}` names only {}: two versions or more are needed; the store has {}; `vpn-interop peers install \
             '{id}@*'` puts more there",
            list(peer, &versions),
            list(peer, &all),
        ));
    }
    Ok(Sides { side, peer: id.to_owned(), versions, other: PeerArgument::parse(other) })
}

fn is_range(at: &str) -> bool {
    at.contains("..") || at.contains(['*', '?', '<', '>'])
}

fn find<'c>(catalogue: &'c Catalogue, side: Side, id: &str) -> Result<&'c Peer, String> {
    let names: Vec<&str> =
        catalogue.peers.values().filter(|peer| peer.can_be(side)).map(|peer| peer.value.name().as_str()).collect();
    match catalogue.peer(side, id) {
        Some(peer) => Ok(&peer.value),
        None => Err(match closest(id, names.iter().copied()) {
            Some(near) => format!("there is no {side} `{id}`; did you mean `{near}`?"),
            None => format!("there is no {side} `{id}`; known are {}", names.join(", ")),
        }),
    }
}

/// `FROM..TO`, where an end is a version or a release and may be left out, or what else names releases.
fn between(peer: &Peer, at: &str, all: &[PeerRelease]) -> Result<Vec<PeerRelease>, String> {
    let Some((from, to)) = at.split_once("..") else { return named_releases(peer, at, all) };
    // The position behind the last version is that of the end.
    let place = |end: &str, is_from: bool| -> Result<usize, String> {
        if let Some(at) = all.iter().position(|one| one.release == end) {
            return Ok(if is_from { at } else { at + 1 });
        }
        if !end.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!(
                "`{end}` is neither a version nor a release of `{}` in the store, which has {}",
                peer.name(),
                list(peer, all)
            ));
        }
        // Versions in between are meant, whether or not the ends themselves are there.
        let order = |one: &&PeerRelease| compare_versions(&one.version, end);
        Ok(all.iter().filter(|one| if is_from { order(one).is_lt() } else { order(one).is_le() }).count())
    };
    let from = if from.is_empty() { 0 } else { place(from, true)? };
    let to = if to.is_empty() { all.len() } else { place(to, false)? };
    if from > to {
        return Err(format!("`{at}` has nothing in it: the older version comes first, as in 8.10..9.21"));
    }
    Ok(all.get(from..to).unwrap_or_default().to_vec())
}

fn list(peer: &Peer, releases: &[PeerRelease]) -> String {
    let names = releases.iter().map(|one| format!("{}@{} ({})", peer.name(), one.release, one.version));
    match names.collect::<Vec<_>>().as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}
