//! The report: sections of Markdown, and their place in `benches/README.md`.

mod accuracy;
mod cells;
mod frames;
mod sessions;
mod set_up;
mod traces;
mod tunnels;
mod wires;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Result, machine};

/// What is measured, and how often.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Few repetitions.
    pub quick: bool,
    /// Whether the figures go into the README as well.
    pub write: bool,
    /// The `vpn-interop` to run, if not the one that was built here.
    pub program: Option<PathBuf>,
    /// Sections by name; all if empty.
    pub sections: Vec<String>,
}

impl Options {
    fn times(&self, usual: usize) -> usize {
        if self.quick { usual.min(3) } else { usual }
    }
}

/// Measures a part and tells it in Markdown.
pub type Section = fn(&Options) -> Result<String>;

/// The sections in order, by name.
pub const SECTIONS: &[(&str, Section)] = &[
    ("set-up", set_up::report),
    ("wires", wires::report),
    ("accuracy", accuracy::report),
    ("frames", frames::report),
    ("cells", cells::report),
    ("traces", traces::report),
    ("tunnels", tunnels::report),
    ("sessions", sessions::report),
];

/// The figures stand between these lines.
const BEGIN: &str = "<!-- figures: written by `bench-report --write`, not by hand -->";
const END: &str = "<!-- end of figures -->";

/// Measures what is asked for.
///
/// # Errors
/// When the README cannot be written. A section that fails says so in its place.
pub fn report(options: &Options) -> Result<String> {
    let before = machine::load();
    let mut sections = String::new();
    for (name, section) in SECTIONS {
        if !options.sections.is_empty() && !options.sections.iter().any(|wanted| wanted == name) {
            continue;
        }
        sections.push_str(&section(options).unwrap_or_else(|error| format!("### {name}\n\nNot measured: {error}.\n")));
        sections.push('\n');
    }
    let facts = machine::facts().join("; ");
    let when = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let load = format!("load of the last minute {before} before, {} after", machine::load());
    let measured = format!("Measured on: {facts}. {load}. Unix time {when}.");
    if options.write {
        write(&measured, &sections, options.sections.is_empty())?;
    }
    Ok(format!("{measured}\n\n{sections}"))
}

/// Puts figures into the file: instead of all that are there, or only of those sections that were measured now.
fn write(measured: &str, sections: &str, is_whole: bool) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let words = |error: std::io::Error| format!("failed to use {}: {error}", path.display());
    let old = fs::read_to_string(&path).map_err(words)?;
    let parts = old.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?)));
    let (head, (figures, tail)) = parts.ok_or_else(|| format!("{} has no place for the figures", path.display()))?;
    let figures = match is_whole {
        true => format!("{measured}\n\n{sections}"),
        false => merged(figures.trim_start(), measured, sections),
    };
    fs::write(&path, format!("{head}{BEGIN}\n\n{figures}{END}{tail}")).map_err(words)
}

/// The figures with the sections that were measured again, each of which says on what and when.
fn merged(figures: &str, measured: &str, sections: &str) -> String {
    const TITLE: &str = "### ";
    let titled = |text: &str| -> Vec<(String, String)> {
        let parts = text.split(TITLE).skip(1).filter_map(|part| part.split_once('\n'));
        parts.map(|(title, body)| (title.to_owned(), body.to_owned())).collect()
    };
    let head = figures.split(TITLE).next().unwrap_or_default();
    let mut all: indexmap::IndexMap<String, String> = titled(figures).into_iter().collect();
    all.extend(titled(sections).into_iter().map(|(title, body)| (title, format!("\n{measured}\n{body}"))));
    let all: String = all.into_iter().map(|(title, body)| format!("{TITLE}{title}\n{body}")).collect();
    format!("{head}{all}")
}

/// Gives the kernel time to clean up after one lab before the next is measured.
fn settle() {
    std::thread::sleep(Duration::from_millis(100));
}

/// A table; every row has as many cells as the heading.
fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&heading.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    text.push_str(&line(&vec!["---".to_owned(); heading.len()]));
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_is_measured_again_takes_its_own_place() {
        let old = "Measured on: old.\n\n### One\n\n1\n\n### Two\n\n2\n\n";
        let new = merged(old, "Measured on: new.", "### Two\n\n22\n\n### Three\n\n3\n\n");
        let expected = "Measured on: old.\n\n### One\n\n1\n\n### Two\n\nMeasured on: new.\n\n22\n\n\
                        ### Three\n\nMeasured on: new.\n\n3\n\n";
        assert_eq!(new, expected);
        assert_eq!(merged(&new, "Measured on: new.", "### Two\n\n22\n\n"), expected);
    }
}
