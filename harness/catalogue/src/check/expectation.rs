//! Known deviations: what they name exists and can meet, and the axes have the values that they ask for.

use crate::{
    Catalogue, Entry, ExpectationEntry, Expectations, Glob, Name, Peer, Problem, Problems, Scenario, Section, Side,
    Spanned, load::Broken, suggest,
};

pub(super) fn check(file: &Expectations, catalogue: &Catalogue, broken: &Broken, problems: &mut Problems) {
    for entry in &file.entries {
        let before = problems.len();
        let clients = peers(&entry.client, Side::Client, catalogue, broken, problems);
        let servers = peers(&entry.server, Side::Server, catalogue, broken, problems);
        let scenarios: Vec<_> =
            catalogue.scenarios.values().filter(|scenario| entry.scenario.matches(&scenario.id)).collect();
        if scenarios.is_empty() && !broken.any(Section::Cases) {
            problems.push(super::suite::no_scenario(&entry.scenario, catalogue));
        }
        if !scenarios.is_empty() {
            axes(entry, &scenarios, problems);
        }
        ranges(entry, problems);
        let is_whole = !clients.is_empty() && !servers.is_empty() && !broken.any(Section::Peers);
        if problems.len() == before && is_whole && !scenarios.is_empty() && !can_meet(&clients, &servers, &scenarios) {
            let message = "no cell fits this entry".to_owned();
            problems.push(Problem::new(message, &entry.client.at, "of these two no pair runs the scenario").help(
                "a client and a server are a pair when they share a protocol, and `only` of a scenario may leave them out; \
                 `vpn-interop run --dry-run` lists the cells that there are",
            ));
        }
    }
}

/// The peers that a glob names in a role; it is a mistake when there are none.
fn peers<'c>(
    glob: &Spanned<Glob>,
    side: Side,
    catalogue: &'c Catalogue,
    broken: &Broken,
    problems: &mut Problems,
) -> Vec<&'c Peer> {
    // What follows `@` is a release of the store, of which a catalogue knows nothing.
    let id = Glob::from(glob.as_str().split('@').next().unwrap_or_default());
    let of_side = || catalogue.peers.values().map(|entry| &entry.value).filter(|peer| peer.can_be(side));
    let found: Vec<&Peer> = of_side().filter(|peer| id.matches(peer.name())).collect();
    // A catalogue that has only one side is a part of another one.
    if found.is_empty() && of_side().next().is_some() && !broken.any(Section::Peers) {
        let kind = if side == Side::Client { "client" } else { "server" };
        problems.unknown(kind, id.as_str(), Some(&glob.at), of_side().map(|peer| peer.name().as_str()));
    }
    found
}

/// Values of axes that no scenario has.
fn axes(entry: &ExpectationEntry, scenarios: &[&Entry<Scenario>], problems: &mut Problems) {
    for (axis, value) in &entry.params {
        let axes: Vec<_> = scenarios.iter().filter_map(|scenario| scenario.axes.get(axis.as_str())).collect();
        if axes.is_empty() {
            let known: Vec<&str> = scenarios.iter().flat_map(|s| s.axes.keys().map(Name::as_str)).collect();
            problems.unknown("axis", axis, axis.span(), known);
        } else if !axes.iter().any(|axis| axis.0.iter().any(|known| known.text == value.text))
            && let Some(at) = axis.span()
        {
            let mut known: Vec<&str> = axes.iter().flat_map(|axis| axis.0.iter().map(|v| v.text.as_str())).collect();
            known.dedup();
            let message = format!("the axis `{axis}` never has the value `{value}`");
            problems.push(
                Problem::new(message, at, "matches nothing").help(format!("its values: {}", suggest::list(&known))),
            );
        }
    }
}

/// Ranges in which no version lies.
fn ranges(entry: &ExpectationEntry, problems: &mut Problems) {
    for (range, glob) in [(&entry.client_versions, &entry.client), (&entry.server_versions, &entry.server)] {
        let Some(range) = range.as_ref().filter(|range| range.is_empty()) else { continue };
        let message = format!("no version is in the range `{range}`");
        problems.push(Problem::new(message, &glob.at, "never in this range").help("all bounds must hold at once"));
    }
}

/// Whether some pair speaks one protocol and takes part in some scenario.
fn can_meet(clients: &[&Peer], servers: &[&Peer], scenarios: &[&Entry<Scenario>]) -> bool {
    let allowed = |scenario: &Scenario, side: Side, peer: &Peer| {
        let only = scenario.only.of(side);
        only.is_empty() || only.iter().any(|glob| glob.matches(peer.name()))
    };
    scenarios.iter().any(|scenario| {
        clients.iter().filter(|client| allowed(scenario, Side::Client, client)).any(|client| {
            let mut servers = servers.iter().filter(|server| allowed(scenario, Side::Server, server));
            servers.any(|server| client.shared_protocol(server).is_some())
        })
    })
}
