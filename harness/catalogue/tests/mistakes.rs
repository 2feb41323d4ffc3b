//! Mistakes that people make, and what they are told: file, line, caret and hint.

use std::{fs, path::PathBuf};

use interop_catalogue::{Catalogue, CatalogueErrors, LoadOptions};
use miette::{GraphicalReportHandler, GraphicalTheme};

fn load(overlays: impl IntoIterator<Item = PathBuf>) -> Result<Catalogue, CatalogueErrors> {
    let good = PathBuf::from("tests/good");
    Catalogue::load(&LoadOptions { builtin: false, overlays: std::iter::once(good).chain(overlays).collect() })
}

fn render(errors: &CatalogueErrors) -> String {
    let mut text = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut text, errors)
        .expect("a rendered report");
    text
}

macro_rules! mistakes {
    ($($test:ident = $folder:literal,)*) => {$(
        #[test]
        fn $test() {
            let errors = load([PathBuf::from(concat!("tests/mistakes/", $folder))]).unwrap_err();
            insta::assert_snapshot!($folder, render(&errors));
        }
    )*};
}

mistakes! {
    an_unknown_field_is_shown = "unknown-field",
    a_wrong_unit_is_shown = "wrong-unit",
    an_unknown_fault_is_shown = "unknown-fault",
    a_missing_topology_is_shown = "missing-topology",
    a_cycle_of_includes_is_shown = "include-cycle",
    a_wrong_type_is_shown = "wrong-type",
    an_empty_file_is_shown = "empty-file",
    invalid_utf8_is_shown = "invalid-utf8",
    a_duplicate_of_a_lower_layer_is_shown = "duplicate-id",
    a_duplicate_in_one_layer_is_shown = "duplicate-in-layer",
    a_cycle_of_extends_is_shown = "extends-cycle",
    expressions_are_checked_in_every_cell = "expressions",
    an_open_parenthesis_is_shown = "expression-syntax",
    references_are_checked = "references",
    a_topology_must_fit_together = "topology",
    an_included_node_cannot_be_declared_again = "topology-twice",
    a_fault_must_fit_its_primitive = "templates",
    templates_and_patterns_are_compiled = "template-syntax",
    a_suite_must_name_scenarios = "suite",
    an_expectation_must_be_able_to_match = "expectations",
    mutants_and_names_of_peers_must_fit = "mutants",
    stages_must_be_known = "stages",
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    fs::create_dir(&cases).unwrap();
    let line = "id: huge # and so on and on\n";
    fs::write(cases.join("huge.yaml"), line.repeat(10 * 1024 * 1024 / line.len())).unwrap();
    let errors = load([folder.path().to_owned()]).unwrap_err();
    let shown = render(&errors).replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!("huge-file", shown);
}

#[test]
fn a_folder_that_is_no_catalogue_is_refused() {
    let errors = load([PathBuf::from("src")]).unwrap_err();
    insta::assert_snapshot!("no-catalogue", render(&errors));
    assert!(load([PathBuf::from("does/not/exist")]).is_err());
}

#[test]
fn an_entry_replaces_a_lower_one_only_when_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("peers")).unwrap();
    let path = folder.path().join("peers/ocserv.yaml");
    fs::write(&path, "id: ocserv\ntitle: Mine\n").unwrap();
    assert!(load([folder.path().to_owned()]).is_err());
    fs::write(&path, "id: ocserv\ntitle: Mine\nreplaces: true\nextends: ocserv\ndefaults: {dpd: 5}\n").unwrap();
    let catalogue = load([folder.path().to_owned()]).unwrap();
    let ocserv = &catalogue.peers["ocserv"];
    assert_eq!(ocserv.title, "Mine");
    assert_eq!(ocserv.defaults["dpd"].text, "5");
    assert_eq!(ocserv.origin.file(), path);
    assert_eq!(ocserv.binary.name.as_str(), "ocserv");
}

#[test]
fn links_are_followed_and_strange_files_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("suites")).unwrap();
    let elsewhere = folder.path().join("elsewhere.txt");
    fs::write(&elsewhere, "id: mine\ntitle: Mine\nscenarios: [bad-certificate]\n").unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.path().join("suites/mine.yaml")).unwrap();
    fs::write(folder.path().join("suites/.hidden.yaml"), "???").unwrap();
    fs::write(folder.path().join("suites/README.md"), "???").unwrap();
    std::os::unix::fs::symlink(folder.path().join("suites"), folder.path().join("suites/loop")).unwrap();
    let catalogue = load([folder.path().to_owned()]).unwrap();
    assert_eq!(catalogue.suites["mine"].title, "Mine");

    std::os::unix::fs::symlink("/dev/zero", folder.path().join("suites/endless.yaml")).unwrap();
    let errors = load([folder.path().to_owned()]).unwrap_err();
    assert!(errors.problems.iter().any(|problem| problem.message().ends_with("is not a regular file")));
}
