//! One run of several shares: nothing is lost, nothing is counted twice, and what does not fit is said.

use interop_evidence::{Confidence, PartitionRecord, RunResults, StaleExpectation, Suspect, Verdict};
use interop_reports::{Merged, Part, attribute, merge};

use crate::common::{cell, peer, results};

/// The share of the made-up run that a `--partition index/count` would leave: every so-manieth cell.
fn share(index: u32, count: u32) -> Part {
    let whole = results();
    let planned = whole.cells.iter().map(|cell| cell.key.clone()).collect();
    let cells = whole.cells.into_iter().skip(index as usize - 1).step_by(count as usize).collect();
    let mut run = whole.run;
    run.partition = Some(PartitionRecord { index, count });
    run.planned = planned;
    run.command.extend(["--partition".to_owned(), format!("{index}/{count}")]);
    Part {
        name: format!("share-{index}"),
        way: format!("../share-{index}/"),
        results: RunResults { version: 1, run, cells },
    }
}

fn shares(count: u32) -> Vec<Part> {
    (1..=count).map(|index| share(index, count)).collect()
}

fn merged(parts: Vec<Part>) -> Merged {
    merge(parts).expect("there are shares")
}

#[test]
fn all_shares_make_the_undivided_run() {
    let mut whole = results();
    attribute(&mut whole);
    // The order in which shares are named does not matter.
    let mut parts = shares(4);
    parts.rotate_left(1);
    parts.swap(0, 2);
    let made = merged(parts);
    assert!(made.is_whole() && made.missing.is_empty() && made.doubles.is_empty());
    assert_eq!(made.warnings, Vec::<String>::new());
    let mut cells = made.results.cells.clone();
    for cell in &mut cells {
        let (way, rest) = match cell.bundle.take() {
            Some(bundle) => {
                let rest = bundle.split_once("/cells/").map(|(way, rest)| (way.to_owned(), format!("cells/{rest}")));
                rest.expect("a way to the share")
            }
            None => continue,
        };
        assert!(way.starts_with("../share-"), "{way}");
        cell.bundle = Some(rest);
    }
    assert_eq!(cells, whole.cells, "the same cells, order, and suspects");
    assert_eq!(made.results.run.command, whole.run.command, "the command of the undivided run");
    assert_eq!((made.results.run.partition, made.results.run.interrupted), (None, false));
    assert_eq!(made.results.run.planned.len(), whole.cells.len());
    for (cell, source) in made.results.cells.iter().zip(&made.sources) {
        assert!(
            cell.bundle.as_ref().is_none_or(|bundle| *source < 4 && bundle.starts_with("../share-")),
            "{bundle:?}",
            bundle = cell.bundle
        );
    }
}

#[test]
fn suspects_are_found_over_the_whole_matrix() {
    let fails = cell("story", peer("a", "1"), peer("s", "1"), Verdict::Fail);
    let passes = cell("story", peer("b", "1"), peer("s", "1"), Verdict::Pass);
    let also = cell("story", peer("a", "1"), peer("t", "1"), Verdict::Fail);
    let of = |index: u32, cell| {
        let mut part = share(index, 3);
        part.results.cells = vec![cell];
        attribute(&mut part.results);
        part
    };
    let parts = vec![of(1, fails), of(2, passes), of(3, also)];
    let guess = parts[0].results.cells[0].suspect.clone().expect("a guess");
    assert_eq!((guess.who, guess.confidence), (Suspect::Both, Confidence::Low), "nothing to compare in one share");
    let made = merged(parts);
    let suspect = made.results.cells.iter().find(|cell| cell.server.id == "s" && cell.client.id == "a").unwrap();
    assert_eq!(suspect.suspect.as_ref().map(|suspect| suspect.who), Some(Suspect::Client));
}

#[test]
fn missing_cells_are_named_and_so_is_the_share() {
    let whole = results();
    let mut parts = shares(4);
    let absent = parts.remove(2);
    let made = merged(parts);
    let wanted: Vec<String> = absent.results.cells.iter().map(|cell| cell.key.clone()).collect();
    assert_eq!(made.missing, wanted);
    assert!(!made.is_whole());
    assert_eq!(made.results.cells.len() + made.missing.len(), whole.cells.len());
    assert!(made.results.run.interrupted, "every report says that the rest never ran");
    assert!(made.warnings.contains(&"share 3 of 4 is not here".to_owned()), "{:?}", made.warnings);
}

#[test]
fn a_cell_that_is_there_twice_is_told_and_nothing_bad_gets_lost() {
    let mut parts = shares(2);
    let good = parts[0].results.cells[0].clone();
    assert_eq!(good.verdict, Verdict::Pass);
    parts[1].results.cells.push(good.clone());
    let made = merged(parts.clone());
    assert_eq!(made.doubles.len(), 1);
    assert!(made.doubles[0].agrees() && made.is_whole(), "two equal verdicts contradict nothing");
    assert_eq!(made.results.cells.len(), results().cells.len());
    assert_eq!(made.results.cells[0].bundle, Some(format!("../share-1/cells/{}", good.key)), "the first of equals");

    parts[1].results.cells.last_mut().unwrap().verdict = Verdict::Fail;
    for turned in [false, true] {
        let mut parts = parts.clone();
        if turned {
            parts.reverse();
        }
        let made = merged(parts);
        assert!(!made.doubles[0].agrees() && !made.is_whole());
        assert_eq!(made.doubles[0].seen.len(), 2);
        let kept = made.results.cells.iter().find(|cell| cell.key == good.key).unwrap();
        assert_eq!(kept.verdict, Verdict::Fail);
        assert_eq!(kept.bundle, Some(format!("../share-2/cells/{}", good.key)), "with its own evidence");
    }
}

#[test]
fn differences_between_shares_are_told() {
    let told = |change: fn(&mut RunResults), part: &str| {
        let mut parts = shares(2);
        change(&mut parts[1].results);
        let made = merged(parts);
        assert!(made.warnings.iter().any(|warning| warning.contains(part)), "{part}: {:?}", made.warnings);
    };
    told(|share| share.run.seed = 43, "different seeds: 42 (share-1), 43 (share-2)");
    told(|share| share.run.host.kernel = "6.1".into(), "different kernels: 6.1 (share-2), 6.12.41 (share-1)");
    told(|share| share.run.host.harness = "0.2.0".into(), "different versions of the harness");
    told(|share| share.run.suite = None, "different suites");
    told(|share| share.run.host.rootless = false, "different privileges");
    told(|share| share.run.planned.push("new".into()), "share-1 planned fewer cells");
    told(|share| share.run.partition = Some(PartitionRecord { index: 2, count: 3 }), "different numbers: 2, 3");
    told(|share| share.run.partition = Some(PartitionRecord { index: 1, count: 2 }), "share 1 of 2 is here 2 times");
    told(
        |share| share.cells.iter_mut().for_each(|cell| cell.server.version = "1.1.7".into()),
        "the server ocserv is not the same in all shares: 1.1.6 (share-1); 1.1.7 (share-2)",
    );
    told(
        |share| share.cells.iter_mut().for_each(|cell| cell.client.library = Some("GnuTLS 3.8".into())),
        "the client openconnect is not the same in all shares: 9.01 (share-1); 9.01, GnuTLS 3.8 (share-2)",
    );
    let undivided = |name: &str| Part { name: name.into(), way: format!("../{name}/"), results: results() };
    assert_eq!(merged(vec![undivided("a")]).warnings, Vec::<String>::new());
    let two = merged(vec![undivided("a"), undivided("b")]);
    assert!(two.warnings[0].contains("none of a, b is a share of a divided run"), "{:?}", two.warnings);
}

#[test]
fn a_gate_that_failed_elsewhere_is_told() {
    let mut parts = shares(2);
    let (client, server) = (peer("x", "1"), peer("y", "1"));
    parts[0].results.cells.push(cell("baseline", client.clone(), server.clone(), Verdict::Pass));
    parts[1].results.cells.push(cell("story", client, server, Verdict::Blocked));
    let made = merged(parts);
    let told = made
        .warnings
        .iter()
        .any(|warning| warning.contains("x x y: the baseline is good, but had failed when share-2"));
    assert!(told, "{:?}", made.warnings);
}

#[test]
fn expectations_are_stale_only_if_no_share_needs_them() {
    let stale = |place: &str| StaleExpectation { place: place.into(), entry: "x".into(), reason: "y".into() };
    let mut parts = shares(2);
    parts[0].results.run.stale = vec![stale("a:1"), stale("a:2")];
    parts[1].results.run.stale = vec![stale("a:2")];
    parts[1].results.run.needed = vec!["a:1".into()];
    let made = merged(parts.clone());
    assert_eq!(made.results.run.stale, [stale("a:2")]);
    parts[1].results.cells.pop();
    assert!(merged(parts).results.run.stale.is_empty(), "a cell that is missing may need it");
}

#[test]
fn a_bundle_never_leads_out_of_its_share() {
    for outside in ["../../etc", "/etc", "cells/../../x", ""] {
        let mut parts = shares(1);
        parts[0].results.cells[0].bundle = Some(outside.into());
        let made = merged(parts);
        assert_eq!(made.results.cells[0].bundle, None, "{outside}");
        assert!(made.warnings.iter().any(|warning| warning.contains("outside of its folder")), "{:?}", made.warnings);
    }
}

#[test]
fn what_was_merged_can_be_merged_again() {
    let mut all = shares(4);
    let last = all.split_off(2);
    let first = Part { name: "half".into(), way: "../half/".into(), results: merged(all).results };
    let made = merged(last.into_iter().chain([first]).collect());
    assert!(made.is_whole());
    assert_eq!(made.results.cells.len(), results().cells.len());
    assert!(made.results.cells[0].bundle.as_ref().unwrap().starts_with("../half/../share-1/cells/"));
}

#[test]
fn the_time_is_from_the_first_start_to_the_last_end() {
    let mut parts = shares(2);
    parts[0].results.run.started = "2026-08-04T09:31:00Z".into();
    parts[0].results.run.duration_ms = 60_000;
    parts[1].results.run.started = "2026-08-04T09:30:00+00:00".into();
    parts[1].results.run.duration_ms = 90_000;
    let run = merged(parts).results.run;
    assert_eq!((run.started.as_str(), run.duration_ms), ("2026-08-04T09:30:00+00:00", 120_000));
    assert!(merge(Vec::new()).is_none());
}
