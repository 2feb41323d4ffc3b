//! `results.json` and its errors.

use std::fs;

use interop_reports::{Options, read_results, write_all, write_results};

use crate::common::results;

#[test]
fn what_was_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    fs::write(&path, "an older file").unwrap();
    write_results(&results(), &path).unwrap();
    assert_eq!(read_results(&path).unwrap(), results());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn fields_of_a_later_program_are_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let mut value = serde_json::to_value(results()).unwrap();
    value["cells"][0]["mood"] = "good".into();
    fs::write(&path, value.to_string()).unwrap();
    assert_eq!(read_results(&path).unwrap(), results());
}

#[test]
fn errors_say_which_file_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let error = |text: &str| {
        let path = folder.path().join("results.json");
        fs::write(&path, text).unwrap();
        let error = read_results(&path).unwrap_err().to_string();
        error.replace(&folder.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(error("{\"version\": 1,\n \"run\": }"), @"understand DIR/results.json: expected value at line 2 column 9");
    insta::assert_snapshot!(error("{\"version\": 1, \"run\": {},\n \"cells\": []}"), @"understand DIR/results.json: missing field `id` at line 1 column 24");
    insta::assert_snapshot!(error("{}"), @r#"understand DIR/results.json: it has no "version", so it is not the results of a run"#);
    insta::assert_snapshot!(error("{\"version\": 7, \"run\": {\"host\": {\"harness\": \"3.2.0\"}}, \"cells\": 1}"), @"understand DIR/results.json: written by a newer version: needs format 7, this program knows up to 1 (the writer was 3.2.0)");
    insta::assert_snapshot!(error("{\"version\": 2, \"run\": []}"), @"understand DIR/results.json: written by a newer version: needs format 2, this program knows up to 1");
    let missing = read_results(&folder.path().join("missing.json")).unwrap_err().to_string();
    insta::assert_snapshot!(missing.replace(&folder.path().display().to_string(), "DIR"), @"read DIR/missing.json: No such file or directory (os error 2)");
}

#[test]
fn all_files_are_written_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/folder");
    let written = write_all(&results(), &out, Options::default()).unwrap();
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let wanted =
        ["badge.json", "badge.svg", "badges", "junit.xml", "pages", "report.html", "report.md", "results.json"];
    assert_eq!(names, wanted);
    let badge = fs::read_to_string(out.join("badges/openconnect@trixie+ocserv.json")).unwrap();
    insta::assert_snapshot!(badge, @r#"{"schemaVersion":1,"label":"openconnect@trixie × ocserv 1.1.6","message":"1 unexpected","color":"red"}"#);
    insta::assert_snapshot!("badge", fs::read_to_string(&written.badge).unwrap());
    assert_eq!(read_results(&written.results).unwrap(), results());
}

#[cfg(unix)]
#[test]
fn a_report_is_as_readable_as_any_other_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let written = write_all(&results(), folder.path(), Options::default()).unwrap();
    assert_eq!(mode(&written.html), mode(&plain));
}
