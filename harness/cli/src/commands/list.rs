//! `list`

use std::process::ExitCode;

use interop_catalogue::Section;
use interop_evidence::Exit;

use super::print;
use crate::args::{CatalogueArgs, ListArgs};
use crate::load::{complain, load};

pub(crate) fn list(catalogue: &CatalogueArgs, args: &ListArgs) -> ExitCode {
    let catalogue = match load(catalogue) {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    let sections: Vec<Section> = match &args.section {
        None => Section::ALL.to_vec(),
        Some(name) => match Section::ALL.iter().find(|section| section.folder() == name) {
            Some(section) => vec![*section],
            None => {
                let known: Vec<&str> = Section::ALL.iter().map(|section| section.folder()).collect();
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
    if args.json {
        text = format!("{:#}\n", serde_json::Value::Object(json));
    }
    print(&text);
    ExitCode::SUCCESS
}
