//! What a bundle shows of itself on the page of its cell.

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

/// How much of a bundle goes onto a page.
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
    /// What is looked at gets more room.
    pub(super) const fn of(wanting: bool) -> Self {
        if wanting {
            Self { events: 600, log_lines: 200, log_bytes: 30_000, changes: 400 }
        } else {
            Self { events: 200, log_lines: 60, log_bytes: 6_000, changes: 120 }
        }
    }
}

/// The evidence of one cell.
#[derive(Serialize)]
pub(super) struct Evidence {
    files: Vec<File>,
    timeline: Timeline,
    logs: Vec<Log>,
    snapshots: Vec<Comparison>,
}

#[derive(Serialize)]
struct File {
    name: String,
    href: String,
    size: String,
}

impl Evidence {
    /// Reads a bundle; what is missing or broken becomes a note. `link` leads to it from the page.
    pub(super) fn read(bundle: &Path, link: &str, limits: Limits, notes: &mut Vec<String>) -> Self {
        let bundle = Bundle::open(bundle);
        Self {
            files: files(&bundle, link, notes),
            timeline: Timeline::of(&moments::read(&bundle, notes), limits.events),
            logs: logs::read(&bundle, link, limits, notes),
            snapshots: snapshots::compare(&bundle, limits.changes, notes),
        }
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
    all.retain(|(name, _)| name != "index.html");
    // The capture is what one opens first.
    all.sort_by_key(|(name, _)| name != "capture.pcapng");
    all.extend(below("logs/", &bundle.logs()));
    all.extend(below("snapshots/", &bundle.snapshots()));
    if all.len() > FILES {
        notes.push(format!("{FILES} of {} files are linked", all.len()));
    }
    all.into_iter()
        .take(FILES)
        .map(|(name, bytes)| File { href: link::file(link, &name), name: one_line(&name, 120), size: size(bytes) })
        .collect()
}
