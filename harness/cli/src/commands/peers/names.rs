//! Names of peers with releases: `openconnect@trixie`, `ocserv@*`, `*@sid`.

use std::collections::{BTreeMap, BTreeSet};

use interop_catalogue::{Catalogue, Glob, Peer, closest};
use interop_engine::{PeerRelease, named_releases, peer_releases};
use interop_evidence::Exit;
use interop_store::{KNOWN_RELEASES, Store};

use super::Failure;

/// Kind of distribution of which the store holds releases.
const KIND: &str = "debian";
/// Names that mean another release every two years.
const MOVING: [(&str, &str); 5] = [
    ("unstable", "sid"),
    ("stable", "the name of a release"),
    ("oldstable", "the name of a release"),
    ("oldoldstable", "the name of a release"),
    ("testing", "the name of a release"),
];

/// The package of a peer, for those that come from one.
pub(super) fn package(peer: &Peer) -> Option<&str> {
    peer.binary.package.get(KIND).map(String::as_str)
}

/// Every package, with the peers that are run from it; the first one is what the package is called for.
pub(super) fn packages(catalogue: &Catalogue) -> BTreeMap<&str, Vec<&Peer>> {
    let mut found: BTreeMap<&str, Vec<&Peer>> = BTreeMap::new();
    for entry in catalogue.peers.values() {
        if let Some(package) = package(&entry.value) {
            found.entry(package).or_default().push(&entry.value);
        }
    }
    for (package, peers) in &mut found {
        peers.sort_by_key(|peer| *peer.name().as_str() != **package);
    }
    found
}

/// The packages, each with its peers, that a glob over peers names.
fn named<'c>(catalogue: &'c Catalogue, text: &str) -> Result<BTreeMap<&'c str, Vec<&'c Peer>>, Failure> {
    let glob = Glob::from(text);
    let mut all = packages(catalogue);
    let names: Vec<&str> = all.values().flatten().map(|peer| peer.name().as_str()).collect();
    let hint = closest(text, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    all.retain(|_, peers| {
        peers.retain(|peer| glob.matches(peer.name().as_str()));
        !peers.is_empty()
    });
    if all.is_empty() {
        let hint = hint.unwrap_or_else(|| format!("; there are {}", names.join(", ")));
        return Err((Exit::Usage, format!("no peer `{text}` comes from a package{hint}")));
    }
    Ok(all)
}

/// What to install: packages by release.
pub(super) fn to_install(
    catalogue: &Catalogue,
    store: &Store,
    texts: &[String],
) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for text in texts {
        let (peer, release) = text.split_once('@').ok_or_else(|| {
            let known = KNOWN_RELEASES.join(", ");
            let message = format!("`{text}` names no release; `{text}@trixie` does, and '{text}@*' means {known}");
            (Exit::Usage, message)
        })?;
        for (package, peers) in named(catalogue, peer)? {
            for release in releases_to_install(store, peers[0], release)? {
                wanted.entry(release).or_default().insert(package.to_owned());
            }
        }
    }
    Ok(wanted)
}

/// Every package in every known release.
pub(super) fn everything(catalogue: &Catalogue) -> BTreeMap<String, BTreeSet<String>> {
    let all: BTreeSet<String> = packages(catalogue).into_keys().map(str::to_owned).collect();
    KNOWN_RELEASES.iter().map(|release| ((*release).to_owned(), all.clone())).collect()
}

fn releases_to_install(store: &Store, peer: &Peer, text: &str) -> Result<Vec<String>, Failure> {
    let known = KNOWN_RELEASES.join(", ");
    let glob = Glob::from(text);
    if !glob.is_literal() {
        let found: Vec<String> = KNOWN_RELEASES
            .iter()
            .filter(|release| glob.matches(release))
            .map(|release| (*release).to_owned())
            .collect();
        return match found.as_slice() {
            [] => Err((Exit::Usage, format!("no known release fits `{text}`; known are {known}"))),
            _ => Ok(found),
        };
    }
    if text.contains(|c: char| c.is_ascii_digit() || "<>=".contains(c)) {
        // Which release has which version is known of what was installed once.
        let installed = releases_of(store, peer)?;
        return match named_releases(peer, text, &installed) {
            Ok(found) if !found.is_empty() => Ok(found.into_iter().map(|one| one.release).collect()),
            _ => Err((
                Exit::Usage,
                format!(
                    "`{text}` is a version, and of {} only those are known that are in the store; install takes a release ({known})",
                    peer.name()
                ),
            )),
        };
    }
    if let Some((_, instead)) = MOVING.iter().find(|(moving, _)| *moving == text) {
        return Err((
            Exit::Usage,
            format!("`{text}` is another release every few years; take {instead} (known are {known})"),
        ));
    }
    if !KNOWN_RELEASES.contains(&text)
        && let Some(near) = closest(text, KNOWN_RELEASES)
    {
        return Err((
            Exit::Usage,
            format!("there is no known release `{text}`; did you mean `{near}`? Known are {known}"),
        ));
    }
    Ok(vec![text.to_owned()])
}

/// What is in the store of these names, each with its peer; everything for none. A name may lack its release.
pub(super) fn installed<'c>(
    catalogue: &'c Catalogue,
    store: &Store,
    texts: &[String],
) -> Result<Vec<(&'c Peer, PeerRelease)>, Failure> {
    let all = ["*".to_owned()];
    let mut found: Vec<(&Peer, PeerRelease)> = Vec::new();
    for text in if texts.is_empty() { &all } else { texts } {
        let (glob, release) = text.split_once('@').unwrap_or((text, "*"));
        let mut any = Vec::new();
        let mut said: Vec<String> = Vec::new();
        for peer in named(catalogue, glob)?.into_values().map(|peers| peers[0]) {
            let installed = releases_of(store, peer)?;
            match named_releases(peer, release, &installed) {
                Ok(releases) => any.extend(releases.into_iter().map(|release| (peer, release))),
                Err(message) => said.push(message),
            }
        }
        if any.is_empty() && !texts.is_empty() {
            // One peer has a reason of its own; that of several would be as many lines.
            let nothing = || format!("nothing in the store is `{text}`; `vpn-interop peers list` shows what is there");
            let message = said.pop().filter(|_| said.is_empty()).unwrap_or_else(nothing);
            return Err((Exit::Usage, message));
        }
        for (peer, release) in any {
            if !found.iter().any(|(other, one)| one.release == release.release && package(other) == package(peer)) {
                found.push((peer, release));
            }
        }
    }
    found.sort_by_key(|(peer, one)| (position(&one.release), one.release.clone(), peer.name().to_string()));
    Ok(found)
}

fn releases_of(store: &Store, peer: &Peer) -> Result<Vec<PeerRelease>, Failure> {
    peer_releases(peer, store).map_err(|error| (Exit::Environment, format!("failed to {error}")))
}

/// The oldest release first, unknown ones last.
pub(super) fn position(release: &str) -> usize {
    KNOWN_RELEASES.iter().position(|known| *known == release).unwrap_or(KNOWN_RELEASES.len())
}

#[cfg(test)]
mod tests {
    use interop_catalogue::LoadOptions;
    use tempfile::TempDir;

    use super::*;

    fn wanted(catalogue: &Catalogue, text: &str) -> Result<Vec<String>, String> {
        let folder = TempDir::new().unwrap();
        let store = Store::at(folder.path().to_path_buf());
        let found = to_install(catalogue, &store, &[text.to_owned()]).map_err(|(_, message)| message)?;
        Ok(found
            .into_iter()
            .flat_map(|(release, names)| names.into_iter().map(move |name| format!("{name}@{release}")))
            .collect())
    }

    #[test]
    fn names_become_packages() {
        let catalogue = Catalogue::load(&LoadOptions::default()).unwrap();
        let wanted = |text: &str| wanted(&catalogue, text);
        assert_eq!(wanted("openconnect@trixie").unwrap(), ["openconnect@trixie"]);
        assert_eq!(wanted("openvpn-tcp-server@sid").unwrap(), ["openvpn@sid"], "several peers are one package");
        assert_eq!(wanted("ocserv@*").unwrap(), ["ocserv@bookworm", "ocserv@bullseye", "ocserv@sid", "ocserv@trixie"]);
        assert_eq!(wanted("*@sid").unwrap(), ["ocserv@sid", "openconnect@sid", "openvpn@sid"]);
        assert_eq!(wanted("ocserv@some-day").unwrap(), ["ocserv@some-day"], "the mirror may know it");
    }

    #[test]
    fn what_names_nothing_has_a_hint() {
        let catalogue = Catalogue::load(&LoadOptions::default()).unwrap();
        let said = |text: &str| wanted(&catalogue, text).unwrap_err();
        assert!(said("openconnect").contains("`openconnect@trixie`"), "{}", said("openconnect"));
        assert!(said("openconect@trixie").contains("did you mean `openconnect`?"), "{}", said("openconect@trixie"));
        assert!(said("reference@trixie").contains("no peer `reference` comes from a package"));
        assert!(said("ocserv@trixy").contains("did you mean `trixie`?"), "{}", said("ocserv@trixy"));
        assert!(said("ocserv@9.12").contains("install takes a release"), "{}", said("ocserv@9.12"));
        assert!(said("ocserv@unstable").contains("take sid"), "{}", said("ocserv@unstable"));
        assert!(said("ocserv@x*").contains("no known release fits"), "{}", said("ocserv@x*"));
    }
}
