//! The ends of the peers' logs.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use interop_evidence::Bundle;
use serde::Serialize;

use super::evidence::{Limits, plain_files};
use super::link;
use crate::text::{one_line, printable, size};

/// Logs of one cell that are shown.
const LOGS: usize = 12;
/// A longer line is cut.
const LINE: usize = 400;

/// The end of one log.
#[derive(Serialize)]
pub(super) struct Log {
    name: String,
    href: String,
    /// How much of the file this is.
    note: String,
    text: String,
}

/// Reads the end of each file in `logs/`. Bytes that are not UTF-8 are replaced.
pub(super) fn read(bundle: &Bundle, folder: &str, limits: Limits, notes: &mut Vec<String>) -> Vec<Log> {
    let files = plain_files(&bundle.logs());
    if files.len() > LOGS {
        notes.push(format!("{LOGS} of {} logs are shown", files.len()));
    }
    let mut logs = Vec::new();
    for (name, bytes) in files.into_iter().take(LOGS) {
        match tail(&bundle.logs().join(&name), bytes, limits) {
            Ok((text, note)) => {
                let href = link::file(folder, &format!("logs/{name}"));
                logs.push(Log { name: one_line(&name, 120), href, note, text });
            }
            Err(error) => notes.push(format!("logs/{} cannot be read: {error}", one_line(&name, 120))),
        }
    }
    logs
}

/// The end of a file, and how much of it that is.
fn tail(path: &Path, bytes: u64, limits: Limits) -> io::Result<(String, String)> {
    let mut file = File::open(path)?;
    // One byte more, to see whether the first line is whole.
    let window = limits.log_bytes as u64 + 1;
    let skipped = bytes.saturating_sub(window);
    file.seek(SeekFrom::Start(skipped))?;
    let mut raw = Vec::new();
    file.take(window).read_to_end(&mut raw)?;
    let text = String::from_utf8_lossy(&raw);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let mut lines: Vec<_> = text.lines().collect();
    if skipped > 0 && lines.len() > 1 {
        lines.remove(0);
    }
    let all = lines.len();
    let shown = &lines[all.saturating_sub(limits.log_lines)..];
    let note = match (skipped, all == shown.len()) {
        (0, true) if raw.is_empty() => "empty".to_owned(),
        (0, true) => "whole file".to_owned(),
        (0, false) => format!("last {} of {all} lines", shown.len()),
        _ => format!("last {} lines of {}", shown.len(), size(bytes)),
    };
    let shown: Vec<_> = shown.iter().map(|line| cut(line)).collect();
    Ok((shown.join("\n"), note))
}

fn cut(line: &str) -> String {
    let head: String = line.chars().take(LINE).collect();
    let mark = if head.len() < line.len() { " … (line cut)" } else { "" };
    format!("{}{mark}", printable(&head))
}
