//! Known deviations: what they name exists, and the axes have the values that they ask for.

use crate::{Catalogue, Expectations, Glob, Name, Problem, Problems, Section, load::Broken, suggest};

pub(super) fn check(file: &Expectations, catalogue: &Catalogue, broken: &Broken, problems: &mut Problems) {
    for entry in &file.entries {
        let peers: Vec<&str> = catalogue.peers.values().map(|peer| peer.name().as_str()).collect();
        for peer in [&entry.client, &entry.server] {
            let id = Glob::from(peer.as_str().split('@').next().unwrap_or_default());
            if !peers.iter().any(|known| id.matches(known)) && !broken.any(Section::Peers) {
                problems.unknown("peer", id.as_str(), Some(&peer.at), peers.iter().copied());
            }
        }
        let scenarios: Vec<_> =
            catalogue.scenarios.iter().filter(|(id, _)| entry.scenario.matches(id)).map(|(_, entry)| entry).collect();
        if scenarios.is_empty() {
            if !broken.any(Section::Cases) {
                problems.push(super::suite::no_scenario(&entry.scenario, catalogue));
            }
            continue;
        }
        for (axis, value) in &entry.params {
            let axes: Vec<_> = scenarios.iter().filter_map(|scenario| scenario.axes.get(axis.as_str())).collect();
            if axes.is_empty() {
                let known: Vec<&str> = scenarios.iter().flat_map(|s| s.axes.keys().map(Name::as_str)).collect();
                problems.unknown("axis", axis, axis.span(), known);
            } else if !axes.iter().any(|axis| axis.0.iter().any(|known| known.text == value.text))
                && let Some(at) = axis.span()
            {
                let mut known: Vec<&str> =
                    axes.iter().flat_map(|axis| axis.0.iter().map(|v| v.text.as_str())).collect();
                known.dedup();
                let message = format!("the axis `{axis}` never has the value `{value}`");
                problems.push(
                    Problem::new(message, at, "matches nothing").help(format!("its values: {}", suggest::list(&known))),
                );
            }
        }
    }
}
