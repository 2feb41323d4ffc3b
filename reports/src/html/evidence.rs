//! What a bundle shows of itself on the page.

use std::fs;
use std::path::Path;

use interop_evidence::Bundle;
use serde::Serialize;

use super::logs::{self, Log};
use super::snapshots::{self, Comparison};
use super::timeline::Timeline;
use super::{link, moments};
use crate::text::{one_line, size};

/// Files of a bundle that are linked.
const FILES: usize = 60;

/// How much of a bundle goes onto the page.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Events in the list.
    pub(super) events: usize,
    /// Last lines of each log.
    pub(super) log_lines: usize,
    /// Bytes of each log.
    pub(super) log_bytes: usize,
    /// Changed lines of each pair of snapshots.
    pub(super) changes: usize,
}

impl Limits {
    /// From generous to the least that still makes sense.
    pub(super) const ALL: [Self; 4] = [
        Self { events: 400, log_lines: 60, log_bytes: 12_000, changes: 200 },
        Self { events: 150, log_lines: 60, log_bytes: 4_000, changes: 80 },
        Self { events: 60, log_lines: 15, log_bytes: 1_200, changes: 30 },
        Self { events: 12, log_lines: 0, log_bytes: 0, changes: 8 },
    ];
}

/// The evidence of one cell.
#[derive(Serialize)]
pub(super) struct Evidence {
    /// Link to the folder.
    folder: String,
    files: Vec<File>,
    timeline: Timeline,
    logs: Vec<Log>,
    snapshots: Vec<Comparison>,
}

#[derive(Serialize)]
struct File {
    name: String,
    /// Left out if it is the folder and the name, as it mostly is: links are a large part of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    href: Option<String>,
    size: String,
}

impl Evidence {
    /// Reads a bundle; what is missing or broken becomes a note.
    pub(super) fn read(bundle: &str, folder: &Path, limits: Limits, notes: &mut Vec<String>) -> Option<Self> {
        let Some(link) = link::folder(bundle) else {
            notes.push(format!("the bundle {} is not below the report, so it is left alone", one_line(bundle, 200)));
            return None;
        };
        let bundle = Bundle::open(folder.join(bundle));
        if !bundle.folder().is_dir() {
            notes.push(format!("the bundle {link} is not here"));
            return None;
        }
        Some(Self {
            files: files(&bundle, &link, notes),
            timeline: Timeline::of(&moments::read(&bundle, notes), limits.events),
            logs: logs::read(&bundle, &link, limits, notes),
            snapshots: snapshots::compare(&bundle, limits.changes, notes),
            folder: link,
        })
    }
}

/// The files in a folder with their sizes, sorted by name. Links and special files are left alone.
pub(super) fn plain_files(folder: &Path) -> Vec<(String, u64)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((entry.file_name().into_string().ok()?, metadata.len()))
        })
        .collect();
    files.sort_unstable();
    files
}

fn files(bundle: &Bundle, link: &str, notes: &mut Vec<String>) -> Vec<File> {
    let below = |name: &str, folder: &Path| -> Vec<_> {
        plain_files(folder).into_iter().map(|(file, bytes)| (format!("{name}{file}"), bytes)).collect()
    };
    let mut all = below("", bundle.folder());
    // The capture is what one opens first.
    all.sort_by_key(|(name, _)| name != "capture.pcapng");
    all.extend(below("logs/", &bundle.logs()));
    all.extend(below("snapshots/", &bundle.snapshots()));
    if all.len() > FILES {
        notes.push(format!("{FILES} of {} files are linked", all.len()));
    }
    all.into_iter()
        .take(FILES)
        .map(|(name, bytes)| {
            let (href, shown) = (link::file(link, &name), one_line(&name, 120));
            File { href: (href != format!("{link}/{shown}")).then_some(href), name: shown, size: size(bytes) }
        })
        .collect()
}
