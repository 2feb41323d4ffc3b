//! As few files as can be.

use std::path::PathBuf;

use interop_evidence::View;
use interop_trace::{Cell, Goldens, Phase, Phases};

use super::lab::{apply, cell, read};

const VIEW: View = View::OuterFlow;

fn lines(line: &str) -> Phases {
    let phase = |name: &str, line: &str| Phase { name: name.into(), mark: None, lines: vec![(line.into(), 7)] };
    Phases { phases: vec![phase("before", "nothing"), phase("the client starts", line), phase("disconnect", "closed")] }
}

fn with(client: &str, server: &str, dpd: &str) -> Cell {
    Cell { params: vec![("dpd".into(), dpd.into())], ..cell(client, server) }
}

fn version(client: &str, of_client: &str) -> Cell {
    Cell { client_version: of_client.into(), ..cell(client, "ocserv") }
}

/// Accepts and gives what changed, as name, `for:` and cells.
fn accept(files: &mut Vec<(PathBuf, String)>, seen: &[(Cell, &str)]) -> Vec<(String, String)> {
    let seen: Vec<(Cell, Phases)> = seen.iter().map(|(cell, line)| (cell.clone(), lines(line))).collect();
    let accepted = read(files).accept(VIEW, &seen, "because");
    apply(files, &accepted);
    let goldens = read(files);
    for (cell, phases) in &seen {
        let golden = goldens.of(cell, VIEW).unwrap();
        let texts = |phases: &Phases| -> Vec<String> {
            phases.phases.iter().flat_map(|phase| phase.lines.iter().map(|(line, _)| line.clone())).collect()
        };
        assert_eq!(texts(&golden.phases), texts(phases), "{cell:?}");
    }
    assert_eq!(goldens.accept(VIEW, &seen, "again"), [], "accepting the same again changes nothing");
    let held = |text: &str| text.lines().find_map(|line| line.strip_prefix("for: ")).unwrap_or_default().to_owned();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().replace("outer-flow", "");
    accepted
        .iter()
        .map(|accepted| (name(&accepted.path), accepted.text.as_deref().map_or("gone".into(), held)))
        .collect()
}

fn changes(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, held)| ((*name).to_owned(), (*held).to_owned())).collect()
}

#[test]
fn the_base_is_what_most_share() {
    let mut files = Vec::new();
    let first = [
        (cell("a", "s"), "one"),
        (cell("a", "t"), "one"),
        (cell("b", "s"), "two"),
        (cell("b", "t"), "two"),
        (cell("c", "s"), "one"),
        (cell("c", "t"), "three"),
    ];
    assert_eq!(accept(&mut files, &first), changes(&[("", ""), ("@b", "b x *"), ("@c+t", "c x t")]));
    let overlay = &files.iter().find(|(path, _)| path.ends_with("outer-flow@b.golden")).unwrap().1;
    assert_eq!(
        overlay,
        "# golden trace: udp-blocked-mid-session, view outer-flow\nfor: b x *\ncells: b x s dpd=3s; b x t dpd=3s\n\
         reason: because\n--- the client starts\ntwo\n"
    );
    // Part of a run again: what was not seen keeps its golden.
    assert_eq!(accept(&mut files, &[(cell("b", "s"), "one")]), changes(&[("", ""), ("@b+t", "b x t"), ("@b", "gone")]));
    assert_eq!(read(&files).of(&cell("b", "t"), VIEW).unwrap().files.len(), 2);
    // All as one: overlays that nobody needs any more are taken away.
    let all = first.clone().map(|(cell, _)| (cell, "one"));
    assert_eq!(accept(&mut files, &all), changes(&[("", ""), ("@b+t", "gone"), ("@c+t", "gone")]));
    assert_eq!(files.len(), 1);
    // The base stays as long as somebody has it, and moves with the majority when nobody does.
    let new = first.clone().map(|(cell, line)| (cell.clone(), if cell.client == "a" { line } else { "new" }));
    assert_eq!(accept(&mut files, &new), changes(&[("", ""), ("@b", "b x *; c x *")]));
    let newer = first.map(|(cell, _)| (cell.clone(), if cell.client == "a" { "newer" } else { "new" }));
    assert_eq!(accept(&mut files, &newer), changes(&[("", ""), ("@a", "a x *"), ("@b", "gone")]));
}

#[test]
fn all_of_a_server_and_values_of_axes() {
    let mut files = Vec::new();
    let seen = [
        (cell("a", "s"), "one"),
        (cell("b", "s"), "one"),
        (cell("c", "s"), "one"),
        (cell("a", "t"), "two"),
        (cell("b", "t"), "two"),
    ];
    assert_eq!(accept(&mut files, &seen), changes(&[("", ""), ("@any+t", "* x t")]));
    let mut files = Vec::new();
    let seen = ["a", "b"].into_iter().flat_map(|client| {
        [(with(client, "s", "3s"), "one"), (with(client, "s", "10s"), "two"), (with(client, "s", "5s"), "one")]
    });
    assert_eq!(accept(&mut files, &seen.collect::<Vec<_>>()), changes(&[("", ""), ("@dpd=10s", "dpd=10s")]));
    let mut files = Vec::new();
    let seen = [(with("a", "s", "3s"), "one"), (with("a", "s", "10s"), "two"), (with("b", "s", "10s"), "one")];
    assert_eq!(accept(&mut files, &seen), changes(&[("", ""), ("@a,dpd=10s", "a x * dpd=10s")]));
}

#[test]
fn selectors_never_clash() {
    // Nobody has seen `b x t`; both `b x *` and `* x t` would hold for it.
    let mut files = Vec::new();
    let seen = [(cell("a", "s"), "one"), (cell("c", "s"), "one"), (cell("b", "s"), "two"), (cell("a", "t"), "three")];
    let changed = accept(&mut files, &seen);
    assert_eq!(changed.len(), 3);
    read(&files);
}

#[test]
fn versions_are_named_only_where_they_differ() {
    let mut files = Vec::new();
    accept(&mut files, &[(version("a", "9.0"), "one"), (cell("b", "ocserv"), "one"), (cell("c", "ocserv"), "two")]);
    // A new version that does something else takes the place of the old one.
    let changed = accept(&mut files, &[(version("a", "9.20"), "new")]);
    assert_eq!(changed, changes(&[("", ""), ("@a", "a x *")]));
    // Both at once are told apart.
    let changed = accept(&mut files, &[(version("a", "9.0"), "one"), (version("a", "9.20"), "new")]);
    assert_eq!(changed, changes(&[("", ""), ("@a-from-9.20+ocserv", "a >=9.20 x ocserv"), ("@a", "gone")]));
    // What holds for another version stays.
    let changed = accept(&mut files, &[(version("a", "9.1"), "one"), (cell("b", "ocserv"), "one")]);
    assert_eq!(changed, []);
    assert!(files.iter().any(|(path, _)| path.ends_with("outer-flow@a-from-9.20+ocserv.golden")));
}

#[test]
fn what_changes_for_whom_is_told() {
    let goldens = Goldens::default();
    let seen = [(cell("a", "s"), lines("one")), (cell("b", "s"), lines("one")), (cell("c", "s"), lines("two"))];
    let accepted = goldens.accept(VIEW, &seen, "because");
    let cells: Vec<Vec<String>> = accepted.into_iter().map(|accepted| accepted.cells).collect();
    assert_eq!(cells, [vec!["a × s", "b × s"], vec!["c × s"]]);
    assert_eq!(goldens.accept(VIEW, &[], "because"), []);
    assert_eq!(goldens.of(&cell("a", "s"), VIEW), None);
}

#[test]
fn who_reviewed_what_stays() {
    let mut files = Vec::new();
    accept(&mut files, &[(cell("a", "s"), "one"), (cell("b", "s"), "one"), (cell("c", "s"), "two")]);
    let seen = [(cell("a", "s"), lines("one")), (cell("b", "s"), lines("one")), (cell("c", "s"), lines("three"))];
    let accepted = read(&files).accept(VIEW, &seen, "another reason");
    assert_eq!(accepted.len(), 1);
    assert!(accepted[0].text.as_ref().unwrap().contains("reason: another reason"));
    // The base changes only in who has it.
    let seen = [(cell("d", "s"), lines("one"))];
    let accepted = read(&files).accept(VIEW, &seen, "another reason");
    assert!(accepted[0].text.as_ref().unwrap().contains("reason: because"));
}
