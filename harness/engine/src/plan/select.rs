//! What a user asked for, and which cells that makes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;

use interop_catalogue::{Catalogue, Glob, Peer, Scenario, Side, closest};

use super::cell::{CellFate, PlannedCell};
use interop_store::Store;

use crate::peer::{PeerChoice, find_peer, named_releases, peer_releases};

/// A peer as named on the command line: `openconnect`, `open*`, `openconnect@trixie`, `openconnect=./build/openconnect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerArgument {
    /// Id or glob.
    pub glob: String,
    /// Which of the releases in the store: what [`named_releases`] understands. The machine's own program without.
    pub at: Option<String>,
    /// The user's own program.
    pub build: Option<PathBuf>,
}

impl PeerArgument {
    /// The same, with alternatives in braces, as reports write them: `ocserv@{bookworm,sid}` is two.
    pub fn parse_all(text: &str) -> Vec<Self> {
        let braces = || {
            let (before, rest) = text.split_once('{')?;
            let (within, after) = rest.split_once('}')?;
            (!before.contains('=')).then_some((before, within, after))
        };
        match braces() {
            None => vec![Self::parse(text)],
            Some((before, within, after)) => {
                within.split(',').flat_map(|one| Self::parse_all(&format!("{before}{}{after}", one.trim()))).collect()
            }
        }
    }

    /// Splits `ID=PROGRAM` and `ID@RELEASE`.
    pub fn parse(text: &str) -> Self {
        if let Some((id, at)) = text.split_once('@').filter(|(id, _)| !id.contains('=')) {
            return Self { glob: id.to_owned(), at: Some(at.to_owned()), build: None };
        }
        match text.split_once('=') {
            Some((id, build)) => Self { glob: id.to_owned(), at: None, build: Some(PathBuf::from(build)) },
            None => Self { glob: text.to_owned(), at: None, build: None },
        }
    }
}

/// What is to be run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A suite; every scenario unless given.
    pub suite: Option<String>,
    /// Globs over scenario ids, beside or within the suite.
    pub scenarios: Vec<String>,
    /// Globs over areas.
    pub areas: Vec<String>,
    /// Clients; all unless given.
    pub clients: Vec<PeerArgument>,
    /// Servers; all unless given.
    pub servers: Vec<PeerArgument>,
    /// Folders with libraries of the user's own builds.
    pub libraries: Vec<PathBuf>,
    /// Values that axes must have: `dpd=3s`.
    pub params: Vec<(String, String)>,
    /// Whether the baseline of every pair gates its other cells.
    pub gate: bool,
    /// Whether the reference joins where several releases of a side are asked for: who is at fault is told by what it does.
    pub witness: bool,
    /// The defect with which the side that has it is started; only pairs with such a side run then, and nothing gates them.
    pub mutant: Option<String>,
}

/// A selection that cannot be; the message says what is known instead.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SelectionError(pub String);

/// The cells of a run, baselines first.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In planned order.
    pub cells: Vec<PlannedCell>,
}

/// Makes the plan.
///
/// # Errors
/// When a name or glob fits nothing, or a user's own program cannot be used.
pub fn plan(catalogue: &Catalogue, selection: &Selection) -> Result<Plan, SelectionError> {
    let mutant = selection.mutant.as_deref();
    if let Some(name) = mutant {
        let known = catalogue.mutants();
        if !known.contains_key(name) {
            return Err(unknown("mutant", name, known.keys()));
        }
    }
    let scenarios = scenarios(catalogue, selection)?;
    let clients = peers(catalogue, Side::Client, &selection.clients, selection)?;
    let servers = peers(catalogue, Side::Server, &selection.servers, selection)?;
    let asked_for = scenarios.iter().filter(|(_, asked)| *asked).map(|(scenario, _)| scenario.id.to_string()).collect();
    let mut cells = Vec::new();
    for (scenario, asked) in scenarios {
        for params in scenario.cells() {
            let axes = params.axis_texts();
            let fits = selection.params.iter().all(|(name, value)| axes.get(name).is_none_or(|seen| seen == value));
            if asked && !fits {
                continue;
            }
            for (client, client_choice) in &clients {
                for (server, server_choice) in &servers {
                    let concerned = mutant.is_none_or(|name| client.has_mutant(name) || server.has_mutant(name));
                    let takes_part = takes_part(scenario, Side::Client, client, &selection.clients)
                        && takes_part(scenario, Side::Server, server, &selection.servers);
                    if concerned && takes_part && client.shared_protocol(server).is_some() {
                        let (client, server) = ((&**client, client_choice), (&**server, server_choice));
                        cells.push(PlannedCell::new(scenario, &params, client, server, mutant));
                    }
                }
            }
        }
    }
    if !selection.params.is_empty() {
        check_params(&selection.params, &cells)?;
    }
    spare_baselines(&mut cells, &asked_for, selection);
    cells.sort_by_key(|cell| !cell.baseline);
    Ok(Plan { cells })
}

/// Whether a peer is planned for a scenario: one that was asked for by name always is, an emulated one else only where
/// the scenario names it, and any other unless the scenario is about others.
fn takes_part(scenario: &Scenario, side: Side, peer: &Peer, asked_for: &[PeerArgument]) -> bool {
    let only = scenario.only.of(side);
    let named = only.iter().any(|glob| glob.matches(peer.name()));
    if !asked_for.is_empty() || named {
        return true;
    }
    // The baseline of an emulated peer is planned as well; `spare_baselines` drops it where it gates nothing.
    only.is_empty() && (peer.emulates.is_none() || scenario.baseline)
}

/// Drops baselines that would gate nothing and that nobody asked for: neither for the scenario nor, of emulated peers, for
/// the peer.
fn spare_baselines(cells: &mut Vec<PlannedCell>, asked_for: &BTreeSet<String>, selection: &Selection) {
    let runs = |cell: &&PlannedCell| !cell.baseline && cell.fate == CellFate::Run;
    let pairs: BTreeSet<(String, String)> = cells.iter().filter(runs).map(PlannedCell::pair).collect();
    let spare = |cell: &PlannedCell| {
        let unasked = |choice: &PeerChoice, named: &[PeerArgument]| choice.emulates.is_some() && named.is_empty();
        cell.baseline
            && (!asked_for.contains(&cell.scenario)
                || unasked(&cell.client, &selection.clients)
                || unasked(&cell.server, &selection.servers))
    };
    cells.retain(|cell| !spare(cell) || pairs.contains(&cell.pair()));
}

impl Plan {
    /// Cells that will really run.
    pub fn to_run(&self) -> usize {
        self.cells.iter().filter(|cell| cell.fate == CellFate::Run).count()
    }
}

/// The scenarios asked for, and the baselines that gate them (`false`).
fn scenarios<'c>(catalogue: &'c Catalogue, selection: &Selection) -> Result<Vec<(&'c Scenario, bool)>, SelectionError> {
    let suite = match &selection.suite {
        None => None,
        Some(id) => Some(&catalogue.suites.get(id).ok_or_else(|| unknown("suite", id, catalogue.suites.keys()))?.value),
    };
    for glob in &selection.scenarios {
        fits_something("scenario", glob, catalogue.scenarios.keys().map(String::as_str))?;
    }
    for glob in &selection.areas {
        fits_something("area", glob, catalogue.scenarios.values().map(|entry| entry.value.area.as_str()))?;
    }
    let any = |globs: &[String], name: &str| {
        globs.is_empty() || globs.iter().any(|glob| Glob::from(glob.as_str()).matches(name))
    };
    let asked = |scenario: &Scenario| {
        suite.is_none_or(|suite| suite.contains(&scenario.id))
            && any(&selection.scenarios, &scenario.id)
            && any(&selection.areas, &scenario.area)
    };
    Ok(catalogue
        .scenarios
        .values()
        .map(|entry| (&entry.value, asked(&entry.value)))
        .filter(|(scenario, asked)| *asked || (selection.gate && selection.mutant.is_none() && scenario.baseline))
        .collect())
}

type Chosen<'c> = (Cow<'c, Peer>, Result<PeerChoice, String>);

fn peers<'c>(
    catalogue: &'c Catalogue,
    side: Side,
    arguments: &[PeerArgument],
    selection: &Selection,
) -> Result<Vec<Chosen<'c>>, SelectionError> {
    let all: Vec<&Peer> = catalogue.peers.values().map(|entry| &entry.value).filter(|peer| peer.can_be(side)).collect();
    if arguments.is_empty() {
        return Ok(all.into_iter().map(|peer| chosen(peer, find_peer(peer, None, &[]))).collect());
    }
    let mut found: Vec<Chosen<'c>> = Vec::new();
    for argument in arguments {
        fits_something(&side.to_string(), &argument.glob, all.iter().map(|peer| peer.name().as_str()))?;
        let glob = Glob::from(argument.glob.as_str());
        let fitting: Vec<&Peer> = all.iter().copied().filter(|peer| glob.matches(peer.name())).collect();
        let Some(at) = &argument.at else {
            for peer in fitting {
                let choice = find_peer(peer, argument.build.as_deref(), &selection.libraries);
                if let (Some(_), Err(error)) = (&argument.build, &choice) {
                    return Err(SelectionError(format!("failed to {error}")));
                }
                found.push(chosen(peer, choice));
            }
            continue;
        };
        let of_store = from_store(&fitting, at)?;
        let several = of_store.len() > 1;
        found.extend(of_store);
        if several && selection.witness {
            let partners = |peer: &Peer| fitting.iter().any(|other| other.shared_protocol(peer).is_some());
            let witnesses = all.iter().filter(|peer| is_witness(peer) && partners(peer));
            found.extend(witnesses.map(|peer| chosen(peer, find_peer(peer, None, &[]))));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|(peer, choice)| {
        let release =
            choice.as_ref().ok().and_then(|choice| choice.origin.as_ref()).map(|origin| origin.release.clone());
        seen.insert((peer.id.to_string(), release))
    });
    Ok(found)
}

/// A peer with its choice, as it is in the version that was chosen.
fn chosen(peer: &Peer, choice: crate::Result<PeerChoice>) -> Chosen<'_> {
    match choice {
        Ok(choice) if !peer.by_version.is_empty() => (Cow::Owned(peer.at_version(&choice.version)), Ok(choice)),
        Ok(choice) => (Cow::Borrowed(peer), Ok(choice)),
        Err(error) => (Cow::Borrowed(peer), Err(not_found(&error))),
    }
}

/// The reference: what was built with this program and imitates nobody.
fn is_witness(peer: &Peer) -> bool {
    peer.binary.beside && peer.emulates.is_none()
}

/// The releases that the text after `@` names, of those peers that come from packages.
fn from_store<'c>(peers: &[&'c Peer], at: &str) -> Result<Vec<Chosen<'c>>, SelectionError> {
    let store = Store::of_user().ok_or_else(|| {
        SelectionError("there is no store of peers: neither HOME nor VPN_INTEROP_STORE is set".to_owned())
    })?;
    let mut found = Vec::new();
    for peer in peers {
        if peer.binary.package.is_empty() {
            if let [one] = peers {
                return Err(SelectionError(format!(
                    "`{}` comes from no package, so that it has no releases",
                    one.name()
                )));
            }
            continue;
        }
        let damaged = |error: crate::EngineError| SelectionError(format!("failed to {error}"));
        let all = peer_releases(peer, &store).map_err(damaged)?;
        for release in named_releases(peer, at, &all).map_err(SelectionError)? {
            found.push(chosen(peer, release.choose(peer)));
        }
    }
    Ok(found)
}

fn not_found(error: &crate::EngineError) -> String {
    format!("failed to {error}")
}

fn fits_something<'n>(
    kind: &str,
    glob: &str,
    mut names: impl Iterator<Item = &'n str> + Clone,
) -> Result<(), SelectionError> {
    let pattern = Glob::from(glob);
    if names.clone().any(|name| pattern.matches(name)) {
        return Ok(());
    }
    Err(unknown(kind, glob, &mut names))
}

fn unknown<S: AsRef<str>>(kind: &str, name: &str, known: impl IntoIterator<Item = S>) -> SelectionError {
    let known: BTreeSet<String> = known.into_iter().map(|name| name.as_ref().to_owned()).collect();
    let hint = match closest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    SelectionError(format!("there is no {kind} `{name}`; {hint}"))
}

fn check_params(params: &[(String, String)], cells: &[PlannedCell]) -> Result<(), SelectionError> {
    for (name, value) in params {
        let used = cells.iter().any(|cell| cell.params.get(name).is_some_and(|seen| seen == value));
        if !used {
            return Err(SelectionError(format!("no selected scenario has an axis `{name}` with the value `{value}`")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_arguments() {
        assert_eq!(PeerArgument::parse("ocserv"), PeerArgument { glob: "ocserv".into(), at: None, build: None });
        let own = PeerArgument::parse("openconnect=./build/x=y");
        assert_eq!(own.glob, "openconnect");
        assert_eq!(own.build.unwrap(), PathBuf::from("./build/x=y"));
        let at = PeerArgument::parse("open*@<9.12");
        assert_eq!((at.glob.as_str(), at.at.as_deref()), ("open*", Some("<9.12")));
        assert_eq!(PeerArgument::parse("ocserv=/x@y").build.unwrap(), PathBuf::from("/x@y"));
    }

    #[test]
    fn braces_hold_alternatives() {
        let names = |text: &str| -> Vec<String> {
            let all = PeerArgument::parse_all(text);
            all.iter().map(|one| format!("{}@{}", one.glob, one.at.as_deref().unwrap_or("-"))).collect()
        };
        assert_eq!(names("{openconnect,reference}@{bookworm, sid}").len(), 4);
        assert_eq!(names("ocserv@{bookworm, sid}"), ["ocserv@bookworm", "ocserv@sid"]);
        assert_eq!(names("ocserv"), ["ocserv@-"]);
        assert_eq!(names("ocserv@{sid"), ["ocserv@{sid"], "left for the message that says what there is");
        assert_eq!(PeerArgument::parse_all("ocserv=./{a,b}").len(), 1, "a path is a path");
    }
}
