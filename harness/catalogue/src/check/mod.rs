//! What one file says of another: names that must exist, limits that must fit, in every cell.

mod expectation;
mod fault;
mod mutant;
mod peer;
mod scenario;
mod steps;
mod suite;
mod topology;

use crate::{Catalogue, Name, Problem, Problems, Side, load::Broken, model::is_identifier};

pub(crate) fn all(catalogue: &Catalogue, broken: &Broken, problems: &mut Problems) {
    for entry in catalogue.topologies.values() {
        topology::check(entry, problems);
    }
    for entry in catalogue.faults.values() {
        fault::check(entry, problems);
    }
    for entry in catalogue.peers.values() {
        peer::check(entry, catalogue, problems);
    }
    mutant::check(catalogue, broken, problems);
    for entry in catalogue.scenarios.values() {
        scenario::check(entry, catalogue, broken, problems);
    }
    for entry in catalogue.suites.values() {
        suite::check(entry, catalogue, broken, problems);
    }
    for entry in catalogue.expectations.values() {
        expectation::check(entry, catalogue, broken, problems);
    }
}

/// Reports capabilities that `capabilities.yaml` does not have, if there is such a file at all, and those that none of
/// these roles can have.
fn capabilities(names: &[Name], roles: &[Side], catalogue: &Catalogue, problems: &mut Problems) {
    if catalogue.capabilities.is_empty() {
        return;
    }
    for name in names {
        let Some(capability) = catalogue.capabilities.get(name.as_str()) else {
            problems.unknown("capability", name, name.span(), catalogue.capabilities.keys().map(String::as_str));
            continue;
        };
        if let (false, [side, ..], Some(at)) = (roles.iter().any(|side| capability.fits(*side)), roles, name.span()) {
            problems.push(
                Problem::new(format!("a {side} cannot have the capability `{name}`"), at, "of the other side")
                    .help(format!("`{name}` means: {}", capability.means)),
            );
        }
    }
}

/// Reports a declared name that is not made of lower-case letters, digits and hyphens.
fn identifier(name: &Name, what: &str, problems: &mut Problems) -> bool {
    let fine = is_identifier(name);
    if let (false, Some(at)) = (fine, name.span()) {
        problems.push(
            Problem::new(format!("`{name}` is not fit as the name of a {what}"), at, "not a name")
                .help("names have lower-case letters, digits and hyphens"),
        );
    }
    fine
}
