//! The captures beside the goldens of the repository show what the goldens say.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;

use interop_catalogue::{Catalogue, LoadOptions};
use interop_engine::{Compared, Exemplar, compare_trace, goldens};
use interop_evidence::{Verdict, View};

/// Bytes of one exemplar, and of all.
const MOST: u64 = 200 * 1024;
const MOST_OF_ALL: u64 = 20 * 1024 * 1024;

/// Every `exemplar.pcapng` of the repository.
fn exemplars() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/goldens");
    let of_scenarios = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("exemplar.pcapng"));
    let mut found: Vec<PathBuf> = of_scenarios.filter(|path| path.is_file()).collect();
    found.sort();
    found
}

#[test]
fn every_exemplar_decodes_to_the_golden_of_its_pair() {
    let catalogue = Catalogue::load(&LoadOptions::default()).unwrap();
    let goldens = goldens(&catalogue).unwrap();
    let mut wrong = Vec::new();
    for path in exemplars() {
        let exemplar = Exemplar::read(&path.with_extension("json")).unwrap();
        let Some(scenario) = catalogue.scenarios.get(&exemplar.scenario) else {
            wrong.push(format!("{}: there is no scenario `{}`", path.display(), exemplar.scenario));
            continue;
        };
        let decoded = interop_trace::decode_file(&path, exemplar.setup()).unwrap();
        assert_eq!(decoded.broken, None, "{}", path.display());
        let compared = compare_trace(&goldens, &scenario.value, &exemplar.cell(), &decoded.trace);
        for (view, compared) in &compared {
            match compared {
                Compared::Judged(outcome) if outcome.verdict == Verdict::Pass => {}
                Compared::Judged(outcome) => wrong.push(format!("{}: {view}: {}", path.display(), outcome.message)),
                Compared::Missing => wrong.push(format!("{}: {view} has no golden", path.display())),
            }
        }
        if scenario.value.golden.contains(&View::OuterFlow) && compared.is_empty() {
            wrong.push(format!("{}: nothing was compared", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn exemplars_are_small() {
    let sizes: Vec<(PathBuf, u64)> =
        exemplars().into_iter().map(|path| (path.clone(), path.metadata().unwrap().len())).collect();
    let large: Vec<_> = sizes.iter().filter(|(_, size)| *size > MOST).collect();
    assert!(large.is_empty(), "{large:?}");
    let all: u64 = sizes.iter().map(|(_, size)| size).sum();
    assert!(all < MOST_OF_ALL, "{all} bytes");
}
