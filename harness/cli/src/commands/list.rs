//! `list`

use std::process::ExitCode;

use interop_catalogue::{Catalogue, Section};
use interop_engine::stale;
use interop_evidence::Exit;

use super::print;
use crate::args::{CatalogueArgs, ListArgs};
use crate::load::{complain, load};

/// The folder of golden traces.
const GOLDENS: &str = "goldens";

pub(crate) fn list(catalogue: &CatalogueArgs, args: &ListArgs) -> ExitCode {
    let catalogue = match load(catalogue) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    let sections: Vec<Section> = match &args.section {
        None => Section::ALL.to_vec(),
        Some(name) if name == GOLDENS => Vec::new(),
        Some(name) => match Section::ALL.iter().find(|section| section.folder() == name) {
            Some(section) => vec![*section],
            None => {
                let known: Vec<&str> = Section::ALL.iter().map(|section| section.folder()).chain([GOLDENS]).collect();
                complain(&format!("there is no section `{name}`; known are {}", known.join(", ")));
                return crate::exit(Exit::Usage);
            }
        },
    };
    let mut text = String::new();
    let mut json = serde_json::Map::new();
    for section in sections {
        let entries = catalogue.list(section);
        if args.json {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| serde_json::json!({"id": entry.id, "title": entry.title, "file": entry.origin.file(), "builtin": entry.origin.builtin()}))
                .collect();
            json.insert(section.folder().to_owned(), entries.into());
            continue;
        }
        let width = entries.iter().map(|entry| entry.id.len()).max().unwrap_or(0);
        text.push_str(&format!("{}\n", section.folder()));
        for entry in entries {
            text.push_str(&format!("  {:width$}  {}\n", entry.id, entry.title));
        }
    }
    if args.section.as_ref().is_none_or(|name| name == GOLDENS) {
        let (lines, entries) = goldens(&catalogue);
        text.push_str(&lines);
        json.insert(GOLDENS.to_owned(), entries);
    }
    if args.json {
        text = format!("{:#}\n", serde_json::Value::Object(json));
    }
    print(&text);
    ExitCode::SUCCESS
}

/// Golden files, each with what is wrong with it, and the claims of scenarios that have none.
fn goldens(catalogue: &Catalogue) -> (String, serde_json::Value) {
    // Files that cannot be used were complained of when the catalogue was loaded.
    let stale = stale(catalogue).unwrap_or_default();
    let why = |path: &std::path::Path| stale.iter().find(|stale| stale.path == path).map(|stale| stale.why.as_str());
    let mut text = format!("{GOLDENS}\n");
    let mut entries = Vec::new();
    for (path, source) in &catalogue.goldens {
        let note = why(path).map_or_else(String::new, |why| format!("  stale: {why}"));
        text.push_str(&format!("  {}{note}\n", path.display()));
        entries.push(serde_json::json!({
            "path": path, "file": source.path, "builtin": source.builtin, "stale": why(path),
        }));
    }
    for scenario in catalogue.scenarios.values() {
        for view in &scenario.value.golden {
            let base = std::path::Path::new(scenario.value.id.as_str()).join(format!("{view}.golden"));
            if !catalogue.goldens.contains_key(&base) {
                text.push_str(&format!("  {}  missing: the scenario claims it\n", base.display()));
                entries.push(serde_json::json!({"path": base, "missing": true}));
            }
        }
    }
    (text, entries.into())
}
