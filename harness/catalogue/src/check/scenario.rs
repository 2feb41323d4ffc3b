//! Scenarios: everything that they name exists, and every expression has a value in every cell.

use super::{capabilities, identifier, steps};
use crate::{Always, Catalogue, LeakWatch, Name, Problem, Problems, Scenario, Section, Side, load::Broken};

/// Most cells of one scenario.
const MAX_CELLS: usize = 1000;

pub(super) fn check(scenario: &Scenario, catalogue: &Catalogue, broken: &Broken, problems: &mut Problems) {
    scenario.requirements.iter().for_each(|requirement| check_requirement(requirement, problems));
    capabilities(&scenario.needs.client, &[Side::Client], catalogue, problems);
    capabilities(&scenario.needs.server, &[Side::Server], catalogue, problems);
    identifier(&scenario.area, "area", problems);
    check_only(scenario, catalogue, broken, problems);
    for name in scenario.axes.keys().chain(scenario.settings.keys()) {
        check_parameter_name(name, problems);
    }
    if scenario.steps.is_empty()
        && let Some(at) = scenario.id.span()
    {
        problems.push(Problem::new("the scenario has no steps", at, "nothing happens").help("add `steps: [...]`"));
    }
    if let (Some(always), LeakWatch::Off) =
        (scenario.always.iter().find(|always| always.value == Always::NoLeak), scenario.leak_watch)
    {
        problems.push(
            Problem::new("`no-leak` watches nothing", &always.at, "`leak-watch` is `off`")
                .help("add `leak-watch: full` or `leak-watch: split`, or remove `no-leak`"),
        );
    }
    // Saturating: the product of many long axes would overflow.
    let count = scenario.axes.values().fold(1_usize, |count, axis| count.saturating_mul(axis.0.len()));
    if count > MAX_CELLS {
        if let Some(at) = scenario.axes.keys().next().and_then(Name::span) {
            problems.push(
                Problem::new(format!("the axes make {count} cells"), at, "this axis and the others")
                    .help(format!("at most {MAX_CELLS} are allowed; split the scenario, or drop values")),
            );
        }
        return;
    }
    let Some(topology) = catalogue.topologies.get(scenario.topology.as_str()) else {
        if !broken.has(Section::Topologies, &scenario.topology) {
            let known = catalogue.topologies.keys().map(String::as_str);
            problems.unknown("topology", &scenario.topology, scenario.topology.span(), known);
        }
        return;
    };
    steps::check(scenario, topology, catalogue, broken, problems);
}

/// A scenario for peers that do not exist never runs.
fn check_only(scenario: &Scenario, catalogue: &Catalogue, broken: &Broken, problems: &mut Problems) {
    if broken.any(Section::Peers) {
        return;
    }
    for side in [Side::Client, Side::Server] {
        let known = || catalogue.peers.values().filter(|peer| peer.can_be(side)).map(|peer| peer.name().as_str());
        for glob in scenario.only.of(side) {
            if !known().any(|name| glob.matches(name)) {
                problems.unknown(side.as_str(), glob.as_str(), Some(&glob.at), known());
            }
        }
    }
}

/// `AC-DTLS-19`: two letters, a group, a number.
fn check_requirement(id: &Name, problems: &mut Problems) {
    let upper = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase());
    let fine = match id.split('-').collect::<Vec<_>>().as_slice() {
        [system, group, number] => {
            system.len() == 2
                && upper(system)
                && !group.is_empty()
                && group.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    if let (false, Some(at)) = (fine, id.span()) {
        problems.push(
            Problem::new(format!("`{id}` is not the id of a requirement"), at, "not of the form")
                .help("write two capitals, a group and a number, like `AC-DTLS-19`"),
        );
    }
}

fn check_parameter_name(name: &Name, problems: &mut Problems) {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    if let (false, Some(at)) = (plain, name.span()) {
        problems.push(
            Problem::new(format!("`{name}` is not fit as the name of a parameter"), at, "not a name")
                .help("names begin with a letter and have lower-case letters, digits, hyphens and underscores"),
        );
    }
}
