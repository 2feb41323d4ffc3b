//! Mutants: each that a peer has is claimed by a scenario, and a scenario claims none that no peer has.

use crate::{Catalogue, Mutant, Name, Problem, Problems, Section, load::Broken};

pub(super) fn check(catalogue: &Catalogue, broken: &Broken, problems: &mut Problems) {
    let declared: Vec<&Mutant> = catalogue.peers.values().flat_map(|peer| &peer.value.mutants).collect();
    let claimed: Vec<&Name> = catalogue.scenarios.values().flat_map(|scenario| &scenario.value.mutants).collect();
    if !broken.any(Section::Cases) {
        let mut told: Vec<&str> = Vec::new();
        for mutant in &declared {
            // A peer that extends another one has its mutants; one complaint is enough.
            if claimed.contains(&&mutant.name) || told.contains(&mutant.name.as_str()) {
                continue;
            }
            told.push(&mutant.name);
            if let Some(at) = mutant.name.span() {
                problems.push(
                    Problem::new(format!("no scenario catches the mutant `{}`", mutant.name), at, "could go unnoticed")
                        .help(format!("add `mutants: [{}]` to a scenario that notices it", mutant.name)),
                );
            }
        }
    }
    if broken.any(Section::Peers) {
        return;
    }
    for name in claimed {
        super::identifier(name, "mutant", problems);
        if !declared.iter().any(|mutant| mutant.name == *name) {
            problems.unknown("mutant", name, name.span(), declared.iter().map(|mutant| mutant.name.as_str()));
        }
    }
}
