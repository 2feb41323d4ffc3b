//! Suites: what they name exists.

use crate::{Catalogue, Glob, Problem, Problems, Section, Spanned, Suite, load::Broken, suggest};

pub(super) fn check(suite: &Suite, catalogue: &Catalogue, broken: &Broken, problems: &mut Problems) {
    for glob in suite.scenarios.iter().chain(&suite.exclude) {
        let found = catalogue.scenarios.keys().any(|id| glob.matches(id));
        // A glob may be meant for a scenario that was reported as broken.
        if found || broken.any(Section::Cases) && (!glob.is_literal() || broken.has(Section::Cases, glob.as_str())) {
            continue;
        }
        problems.push(no_scenario(glob, catalogue));
    }
}

/// The mistake of a glob or id that no scenario fits.
pub(super) fn no_scenario(glob: &Spanned<Glob>, catalogue: &Catalogue) -> Problem {
    let help = suggest::help(glob.as_str(), catalogue.scenarios.keys().map(String::as_str));
    let message = if glob.is_literal() {
        format!("unknown scenario `{}`", glob.value)
    } else {
        format!("no scenario fits `{}`", glob.value)
    };
    Problem::new(message, &glob.at, "matches nothing").maybe_help(help)
}
