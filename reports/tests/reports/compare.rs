//! Two runs beside each other.

use interop_evidence::{CellRecord, CheckRecord, Exit, PeerRecord, RunResults, Verdict, View};
use interop_reports::{
    ChangeKind, CompareOptions, Comparison, MatchBy, Style, TraceChange, comparison_markdown, comparison_text,
};

use crate::common::{cell, peer, results, run};

const PLAIN: Style = Style { color: false, width: 120, unicode: true };

fn compare(old: &RunResults, new: &RunResults) -> Comparison {
    Comparison::of(old, new, &CompareOptions::default())
}

/// A peer from a release of the store.
fn release(id: &str, release: &str, version: &str) -> PeerRecord {
    PeerRecord { release: Some(release.to_owned()), package: Some(format!("{version}-1")), ..peer(id, version) }
}

fn one(verdict: Verdict) -> CellRecord {
    let mut cell = cell("story", peer("openconnect", "9.12"), peer("ocserv", "1.3.0"), verdict);
    // Only its verdict is told: checks are another matter.
    cell.checks.clear();
    cell
}

fn with_key(mut cell: CellRecord) -> CellRecord {
    cell.key = format!("{}+{}+{}", cell.scenario, cell.client.name(), cell.server.name());
    cell
}

#[test]
fn a_run_is_the_same_as_itself() {
    let results = results();
    let comparison = compare(&results, &results);
    assert!(comparison.is_empty(), "{:?}", comparison.changes);
    assert_eq!((comparison.matched, comparison.same), (results.cells.len(), results.cells.len()));
    assert_eq!(comparison.exit(), Exit::Ok);
    assert!(comparison_text(&comparison, PLAIN).ends_with("\nno cell changed: no worse\n"));
}

#[test]
fn verdicts_have_an_order() {
    use ChangeKind::{Better, NewFailure, NotJudged, Otherwise, Repaired, Worse};
    use Verdict::{
        Blocked, BrokenPromise, Degraded, EnvError, Fail, Flaky, KnownFail, Pass, Skipped, UnexpectedPass, Unsupported,
    };
    for (old, new, kind, is_worse) in [
        (Pass, Fail, NewFailure, true),
        (Pass, Flaky, NewFailure, true),
        (Degraded, BrokenPromise, NewFailure, true),
        (KnownFail, Fail, NewFailure, true),
        (Skipped, Fail, NewFailure, true),
        (EnvError, Flaky, NewFailure, true),
        (Pass, Degraded, Worse, true),
        (Pass, KnownFail, Worse, true),
        (Flaky, Fail, Worse, true),
        (Pass, Blocked, NotJudged, true),
        (Degraded, EnvError, NotJudged, true),
        (Fail, Skipped, NotJudged, false),
        (Fail, Pass, Repaired, false),
        (Flaky, Pass, Repaired, false),
        (KnownFail, UnexpectedPass, Repaired, false),
        (Fail, Degraded, Repaired, false),
        (Degraded, Pass, Better, false),
        (Fail, Flaky, Better, false),
        (Fail, KnownFail, Better, false),
        (Skipped, Pass, Better, false),
        (Fail, BrokenPromise, Otherwise, false),
        (Pass, UnexpectedPass, Otherwise, false),
        (Skipped, Unsupported, Otherwise, false),
    ] {
        let comparison = compare(&run(vec![one(old)]), &run(vec![one(new)]));
        let change = comparison.changes.first().unwrap_or_else(|| panic!("{old} to {new} is a change"));
        assert_eq!((change.kind, change.is_worse), (kind, is_worse), "{old} to {new}");
        assert_eq!(comparison.exit() == Exit::Unexpected, is_worse);
        assert_eq!(change.verdicts("->"), format!("{old} -> {new}"));
    }
    for verdict in Verdict::ALL {
        assert!(compare(&run(vec![one(verdict)]), &run(vec![one(verdict)])).is_empty(), "{verdict}");
    }
}

fn check(id: &str, verdict: Verdict) -> CheckRecord {
    CheckRecord { id: id.to_owned(), verdict, message: format!("{id} says {verdict}") }
}

#[test]
fn a_listing_that_expired_before_a_cell_that_fails_is_a_failure() {
    let mut expired = one(Verdict::UnexpectedPass);
    expired.checks.push(check("1 expect", Verdict::Fail));
    assert_eq!(compare(&run(vec![one(Verdict::Pass)]), &run(vec![expired])).changes[0].kind, ChangeKind::NewFailure);
}

#[test]
fn a_cell_that_fails_may_fail_more_than_before() {
    let failing = |ids: &[&str]| {
        let mut cell = one(Verdict::Fail);
        cell.checks = ["1 connect", "2 expect", "3 measure"]
            .iter()
            .map(|id| check(id, if ids.contains(id) { Verdict::Fail } else { Verdict::Pass }))
            .collect();
        run(vec![cell])
    };
    let comparison = compare(&failing(&["1 connect"]), &failing(&["1 connect", "3 measure"]));
    assert_eq!(comparison.changes[0].kind, ChangeKind::Worse);
    let ids: Vec<&str> = comparison.changes[0].checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["3 measure"], "what failed before is not told again");
    assert!(comparison.is_worse());
    let comparison = compare(&failing(&["1 connect", "3 measure"]), &failing(&["1 connect"]));
    assert_eq!((comparison.changes[0].kind, comparison.is_worse()), (ChangeKind::Better, false));
}

/// Four clients with one server, in a release.
fn with_server(server: &PeerRecord, verdict: impl Fn(&str) -> Verdict) -> RunResults {
    let clients = [("bullseye", "8.10"), ("bookworm", "9.01"), ("trixie", "9.12"), ("sid", "9.21")];
    let cells = clients.map(|(name, version)| {
        let cell = cell("story", release("openconnect", name, version), server.clone(), verdict(name));
        with_key(cell)
    });
    run(cells.to_vec())
}

#[test]
fn one_server_version_in_the_place_of_another_is_compared_client_by_client() {
    let old = with_server(&release("ocserv", "bookworm", "1.1.6"), |_| Verdict::Pass);
    let new =
        with_server(
            &release("ocserv", "trixie", "1.3.0"),
            |client| {
                if client == "sid" { Verdict::Fail } else { Verdict::Pass }
            },
        );
    let comparison = compare(&old, &new);
    assert_eq!((comparison.matched, comparison.same), (4, 3));
    let changed: Vec<_> = comparison.changes.iter().map(|c| (c.kind, c.side().unwrap().key.as_str())).collect();
    assert_eq!(changed, [(ChangeKind::NewFailure, "story+openconnect@sid+ocserv@trixie")]);
    assert_eq!(comparison.peers.len(), 1, "the clients are the same");
    let text = comparison_text(&comparison, PLAIN);
    assert!(text.contains("server ocserv@bookworm 1.1.6-1 → ocserv@trixie 1.3.0-1"), "{text}");
    let by_key = Comparison::of(&old, &new, &CompareOptions { by: MatchBy::Key, ..CompareOptions::default() });
    assert_eq!(by_key.matched, 0);
    assert_eq!(by_key.of_kind(ChangeKind::Appeared).count(), 4);
    assert_eq!(by_key.of_kind(ChangeKind::Gone).count(), 4);
    assert!(by_key.is_worse(), "what appeared and fails is worse than its not being there");
}

#[test]
fn one_of_several_versions_may_be_replaced_but_not_two() {
    let cell = |name: &str| with_key(cell("story", peer("c", "1"), release("ocserv", name, "1"), Verdict::Pass));
    let of = |names: &[&str]| run(names.iter().map(|name| cell(name)).collect());
    let comparison = compare(&of(&["a", "b", "c"]), &of(&["a", "b", "d"]));
    assert_eq!((comparison.matched, comparison.changes.len()), (3, 0), "c became d");
    let comparison = compare(&of(&["a", "b", "c"]), &of(&["a", "d", "e"]));
    assert_eq!(comparison.matched, 1, "who became whom cannot be told");
    assert_eq!(comparison.changes.len(), 4);
    let comparison = compare(&of(&["a", "b"]), &of(&["a"]));
    assert_eq!((comparison.matched, comparison.of_kind(ChangeKind::Gone).count()), (1, 1));
    assert!(!comparison.is_worse(), "a smaller selection is no worse");
}

#[test]
fn a_mutant_takes_the_place_of_the_healthy_program() {
    let healthy = || with_key(one(Verdict::Pass));
    let mut sick = healthy();
    sick.verdict = Verdict::Fail;
    sick.client.mutant = Some("leaks-dns".into());
    sick.key = "story+openconnect,mutant=leaks-dns+ocserv".into();
    let comparison = compare(&run(vec![healthy()]), &run(vec![sick]));
    assert_eq!(comparison.changes[0].kind, ChangeKind::NewFailure);
    assert!(comparison_text(&comparison, PLAIN).contains("[mutant leaks-dns]"));
}

#[test]
fn an_outage_counts_where_verdicts_are_the_same() {
    let with = |outage: f64| {
        let mut cell = one(Verdict::Pass);
        cell.measurements.insert("outage-ms".into(), outage);
        run(vec![cell])
    };
    let slower = compare(&with(6700.0), &with(21_200.0));
    assert_eq!(slower.changes[0].kind, ChangeKind::MeasuredWorse);
    assert!(slower.is_worse());
    assert!(comparison_text(&slower, PLAIN).contains("outage 6.7 s → 21.2 s, 3.2 times"));
    let ignored = CompareOptions { limits: None, ..CompareOptions::default() };
    assert!(Comparison::of(&with(6700.0), &with(21_200.0), &ignored).is_empty());
    let faster = compare(&with(21_200.0), &with(6700.0));
    assert_eq!((faster.changes[0].kind, faster.is_worse()), (ChangeKind::MeasuredBetter, false));
}

#[test]
fn traces_are_asked_for_where_cells_took_place_and_are_no_worse_by_themselves() {
    let cells = |verdicts: [Verdict; 2]| {
        let cell = |name: &str, verdict| CellRecord { key: name.into(), scenario: name.into(), ..one(verdict) };
        run(vec![cell("first", verdicts[0]), cell("second", verdicts[1])])
    };
    let mut asked = Vec::new();
    let comparison = Comparison::with_traces(
        &cells([Verdict::Pass, Verdict::Skipped]),
        &cells([Verdict::Pass, Verdict::Skipped]),
        &CompareOptions::default(),
        &mut |_, cell| {
            asked.push(cell.key.clone());
            vec![TraceChange { view: View::Dns, message: "in phase `x`: a line came\n  + a line".into() }]
        },
    );
    assert_eq!(asked, ["first"], "a cell that never ran has no trace");
    assert_eq!(comparison.changes.len(), 1);
    assert_eq!((comparison.changes[0].kind, comparison.exit()), (ChangeKind::Trace, Exit::Ok));
    let text = comparison_text(&comparison, PLAIN);
    assert!(text.contains("dns: in phase `x`: a line came") && text.contains("  + a line"), "{text}");
}

/// A run, and one in which some of everything changed.
fn before_and_after() -> (RunResults, RunResults) {
    let (old, mut new) = (results(), results());
    new.run.id = "2026-08-05-1".into();
    new.run.interrupted = true;
    for cell in &mut new.cells {
        cell.server = PeerRecord { library: Some("GnuTLS 3.8.9".into()), ..peer("ocserv", "1.3.0") };
    }
    let verdicts = |new: &mut RunResults, at: usize, verdict: Verdict| {
        new.cells[at].verdict = verdict;
        new.cells[at].reason = "it is otherwise now".into();
    };
    verdicts(&mut new, 0, Verdict::Fail);
    new.cells[0].checks[1] = check("2 expect transport", Verdict::Fail);
    verdicts(&mut new, 1, Verdict::Flaky);
    verdicts(&mut new, 6, Verdict::Pass);
    new.cells[7].measurements.insert("outage-ms".into(), 30_000.0);
    verdicts(&mut new, 15, Verdict::Skipped);
    let appeared = cell("brand-new", new.cells[0].client.clone(), new.cells[0].server.clone(), Verdict::Pass);
    new.cells.push(appeared);
    new.cells.remove(20);
    (old, new)
}

#[test]
fn the_text_shows_what_matters_first() {
    let (old, new) = before_and_after();
    let mut comparison = compare(&old, &new);
    comparison.old.folder = Some("monday".into());
    comparison.new.folder = Some("tuesday/".into());
    insta::assert_snapshot!("compare-text", comparison_text(&comparison, PLAIN));
    let colored = comparison_text(&comparison, Style { color: true, unicode: false, width: 80 });
    assert!(colored.contains("\u{1b}[1mnew failures (2)\u{1b}[0m"));
    let plain = comparison_text(&comparison, Style { color: false, unicode: false, width: 80 });
    assert!(plain.is_ascii(), "{plain}");
}

#[test]
fn the_markdown_is_fit_for_a_summary() {
    let (old, new) = before_and_after();
    insta::assert_snapshot!("compare-markdown", comparison_markdown(&compare(&old, &new)));
}

#[test]
fn what_strangers_say_is_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut hostile = crate::common::hostile_results(folder.path());
    let old = hostile.clone();
    hostile.cells[0].verdict = Verdict::Flaky;
    hostile.cells[0].server.version = "</details><script>".into();
    let comparison = compare(&old, &hostile);
    let text = comparison_text(&comparison, PLAIN);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    let markdown = comparison_markdown(&comparison);
    let outside_code = markdown.lines().filter(|line| !line.contains('`')).collect::<Vec<_>>().join("\n");
    assert!(!outside_code.contains("<script>"), "{outside_code}");
}

#[test]
fn json_has_everything_by_name() {
    let (old, new) = before_and_after();
    let json = serde_json::to_value(compare(&old, &new)).unwrap();
    assert_eq!(json["changes"][0]["kind"], "new-failure");
    assert_eq!(json["changes"][0]["old"]["verdict"], "pass");
    assert_eq!(json["peers"][0]["role"], "server");
    assert_eq!(json["new"]["interrupted"], true);
}

#[test]
fn the_same_story_is_told_once() {
    let old = with_server(&release("ocserv", "bookworm", "1.1.6"), |_| Verdict::Pass);
    let mut new = with_server(&release("ocserv", "trixie", "1.3.0"), |_| Verdict::Fail);
    for (number, cell) in new.cells.iter_mut().enumerate() {
        cell.reason = format!("frame {number} on `lan` was not expected");
    }
    new.cells[3].reason = "something else".into();
    let comparison = compare(&old, &new);
    let text = comparison_text(&comparison, PLAIN);
    assert_eq!(text.matches("      reason ").count(), 2, "{text}");
    assert_eq!(text.matches("the same as above; cells/").count(), 2, "{text}");
    assert_eq!(comparison_markdown(&comparison).matches("the same as above").count(), 2);
}
