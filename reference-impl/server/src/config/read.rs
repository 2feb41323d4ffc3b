//! From text to [`Config`], and from a reader's complaint to a line with place and advice.

use std::path::Path;

use serde_saphyr::Location;

use super::{Config, check, raw::Raw};
use crate::failure::{Exit, Failure};

/// Largest configuration file.
const LARGEST: u64 = 1 << 20;

/// Reads and checks a configuration file.
///
/// # Errors
///
/// A failure with status 66 when the file cannot be read, with 65 and the place when it has a mistake.
pub fn load(path: &Path) -> Result<Config, Failure> {
    let hint = "write `--config FILE`; `vpn-ref-server --help` shows an example";
    let meta = std::fs::metadata(path).map_err(|error| Failure::unreadable("configuration", path, error, hint))?;
    if meta.len() > LARGEST {
        return Err(Failure::unreadable("configuration", path, "larger than 1 MiB", hint));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::unreadable("configuration", path, error, hint))?;
    parse(path, &text)
}

/// Reads and checks the text of a configuration; relative paths in it begin at the folder of `path`.
///
/// # Errors
///
/// A failure with status 65 that names the place.
pub fn parse(path: &Path, text: &str) -> Result<Config, Failure> {
    let raw: Raw = serde_saphyr::from_str(text).map_err(|error| complaint(path, &error))?;
    check::check(path, raw).map_err(|mistake| mistake.into_failure(path))
}

/// A mistake in a value that could be read.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: Option<Location>,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Mistake {
    pub(super) fn new(at: impl Into<Option<Location>>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into(), hint: hint.into() }
    }

    fn into_failure(self, path: &Path) -> Failure {
        failure(path, self.at, &self.message, self.hint)
    }
}

fn failure(path: &Path, at: Option<Location>, message: &str, hint: String) -> Failure {
    let place = at.filter(|at| at.line() > 0).map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
    Failure::new(Exit::Config, format!("read configuration: {}{place}: {message}", path.display()), hint)
}

fn complaint(path: &Path, error: &serde_saphyr::Error) -> Failure {
    use serde_saphyr::Error;
    let at = error.location();
    let (message, hint) = match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown field `{field}`"), suggestion(field, expected, "field"))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("unknown value `{variant}`"), suggestion(variant, expected, "value"))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("the field `{field}` is missing"), format!("add `{field}:` to this block"))
        }
        Error::DuplicateMappingKey { .. } => {
            ("a field is written twice".to_owned(), "remove one of the two".to_owned())
        }
        other => {
            let whole = other.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let first = whole.lines().next().unwrap_or_default();
            (
                plain(strip_place(first)),
                "check the value, indentation, quotes and brackets at and above this line".to_owned(),
            )
        }
    };
    failure(path, at, &message, hint)
}

/// The rendered message begins or ends with the place, which is said already.
fn strip_place(line: &str) -> String {
    let line = line.trim_start_matches("error: ");
    let line = line.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map_or(line, |(_, message)| message);
    line.split(" at line ").next().unwrap_or(line).to_owned()
}

/// The reader names types of the program where a number does not fit.
fn plain(message: String) -> String {
    match message.strip_prefix("invalid ") {
        Some("u16") => "this is no whole number from 0 to 65535".to_owned(),
        Some("u32" | "u64" | "usize") => "this is no whole number from 0 on".to_owned(),
        _ => message,
    }
}

fn suggestion(written: &str, expected: &[&str], what: &str) -> String {
    let best = expected
        .iter()
        .map(|known| (strsim::jaro_winkler(written, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("every {what} known here: {}", expected.join(", ")),
    }
}
