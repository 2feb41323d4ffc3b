//! Golden files: readable text with a head that says for whom it holds.
//!
//! ```text
//! # golden trace: udp-blocked-mid-session, view outer-flow
//! for: openconnect >=9.0 x ocserv; reference x ocserv; dpd=3s
//! cells: openconnect x ocserv dpd=3s
//! reason: why this was accepted, who reviewed
//! --- before
//! --- the client starts
//! client>gateway TCP/443 #1
//!   > SYN
//! ```
//!
//! A base has no `for:`. An overlay has, and only the phases that differ from the base; `--- PHASE (absent)` takes one
//! away. `cells:` names the pairs whose golden this was when it was accepted, so that a later one knows of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use interop_evidence::View;

use super::overlay::Part;
use super::{Phases, Selector};

/// What a person has reviewed, for one view of one scenario and one cell: base and overlays put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Golden {
    /// The phases.
    pub phases: Phases,
    /// Files that it was made of, the base first.
    pub files: Vec<PathBuf>,
    /// Lines that this client or server may show besides.
    pub also: Phases,
}

/// A golden file that cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("understand {path}, line {line}: {detail}")]
pub struct GoldenError {
    /// Which file.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// Stands for every scenario: what certain versions of a peer show wherever they run is said once. Its files have a `for:`. A line may be seen, and
/// need not, in the phase below which it stands, and in those of its name with a number.
///
/// ```text
/// # golden trace: any-scenario, view routes
/// for: openconnect <9.1 x *
/// reason: its script adds a route for each DNS server
/// --- connected
/// + client route 10.20.0.10/32 on tun0
/// ```
pub(super) const ANY_SCENARIO: &str = "any-scenario";
/// Follows the name of a phase that the base has and an overlay has not.
pub(super) const ABSENT: &str = " (absent)";
/// Begins the first line.
const TITLE: &str = "# golden trace: ";
/// Stands between scenario and view in the first line.
const VIEW: &str = ", view ";
/// Begins a phase.
const PHASE: &str = "--- ";
/// How golden files end.
const EXTENSION: &str = "golden";

/// A golden file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Below `goldens/`.
    pub(super) path: PathBuf,
    pub(super) scenario: String,
    pub(super) view: View,
    /// For whom it holds; a base holds for all.
    pub(super) selectors: Vec<Selector>,
    /// The pairs whose golden this is, with their values of axes.
    pub(super) cells: Vec<Selector>,
    pub(super) reason: String,
    pub(super) parts: Vec<Part>,
}

/// The path of a base (`SCENARIO/VIEW.golden`) or of the overlay of this name (`SCENARIO/VIEW@NAME.golden`).
pub(super) fn path(scenario: &str, view: View, overlay: Option<&str>) -> PathBuf {
    let name = overlay.map(|name| format!("@{name}")).unwrap_or_default();
    Path::new(scenario).join(format!("{view}{name}.{EXTENSION}"))
}

/// Scenario, view and name of an overlay, as a path tells them.
fn of_path(path: &Path) -> Result<(String, View, Option<String>), String> {
    let how = "golden files are called SCENARIO/VIEW.golden or SCENARIO/VIEW@NAME.golden";
    let scenario = path.parent().and_then(Path::to_str).filter(|scenario| !scenario.is_empty());
    let name = path.file_name().and_then(|name| name.to_str());
    let stem = name.and_then(|name| name.strip_suffix(EXTENSION)?.strip_suffix('.'));
    let (Some(scenario), Some(stem)) = (scenario, stem) else { return Err(how.to_owned()) };
    let (view, overlay) = match stem.split_once('@') {
        Some((view, name)) if !name.is_empty() => (view, Some(name.to_owned())),
        Some(_) => return Err(how.to_owned()),
        None => (stem, None),
    };
    Ok((scenario.to_owned(), view_of(view)?, overlay))
}

fn view_of(name: &str) -> Result<View, String> {
    let views: Vec<&str> = View::ALL.iter().map(|view| view.as_str()).collect();
    View::ALL
        .into_iter()
        .find(|view| view.as_str() == name)
        .ok_or_else(|| format!("there is no view `{name}`; views are {}", views.join(", ")))
}

impl File {
    /// Reads a file.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, GoldenError> {
        let error = |line: usize, detail: String| GoldenError { path: path.to_owned(), line, detail };
        let (scenario, view, overlay) = of_path(path).map_err(|detail| error(1, detail))?;
        let mut this = Self {
            path: path.to_owned(),
            scenario,
            view,
            selectors: Vec::new(),
            cells: Vec::new(),
            reason: String::new(),
            parts: Vec::new(),
        };
        let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_end).zip(1..);
        let (title, at) = lines.by_ref().find(|(line, _)| !line.is_empty()).unwrap_or(("", 1));
        this.check_title(title).map_err(|detail| error(at, detail))?;
        let mut begun: Option<Part> = None;
        for (line, at) in lines {
            if line.is_empty() {
                continue;
            }
            if let Some(name) = line.strip_prefix(PHASE) {
                this.parts.extend(begun.take());
                let part = match name.strip_suffix(ABSENT) {
                    Some(name) if overlay.is_some() => Part { name: name.trim().to_owned(), lines: None },
                    _ => Part { name: name.trim().to_owned(), lines: Some(Vec::new()) },
                };
                if part.name.is_empty() {
                    return Err(error(at, "a phase has no name; write `--- before` or the text of its mark".into()));
                }
                if this.parts.iter().any(|other| other.name == part.name) {
                    let name = &part.name;
                    return Err(error(at, format!("there is a phase `{name}` already; the second is `{name} (2)`")));
                }
                begun = Some(part);
                continue;
            }
            match &mut begun {
                None => this.head(line).map_err(|detail| error(at, detail))?,
                Some(Part { lines: Some(lines), .. }) => lines.push(line.to_owned()),
                Some(Part { name, lines: None }) => {
                    return Err(error(
                        at,
                        format!("phase `{name}` is absent and has lines; take away one or the other"),
                    ));
                }
            }
        }
        this.parts.extend(begun);
        match (&overlay, this.selectors.is_empty()) {
            (None, _) if this.scenario == ANY_SCENARIO => Err(error(
                at,
                format!(
                    "what everybody shows belongs into the goldens of the scenarios; call the file {view}@NAME.{EXTENSION} and say \
                     with `for:` who shows this in any scenario"
                ),
            )),
            (Some(_), true) => Err(error(
                at,
                "an overlay must say for whom it holds; add `for: CLIENT x SERVER` below the first line".into(),
            )),
            (None, false) => Err(error(
                at,
                format!("a base holds for all; take away `for:` or call the file {view}@NAME.{EXTENSION}"),
            )),
            _ => Ok(this),
        }
    }

    fn check_title(&self, title: &str) -> Result<(), String> {
        let Self { scenario, view, .. } = self;
        let wanted = format!("{TITLE}{scenario}{VIEW}{view}");
        if title == wanted { Ok(()) } else { Err(format!("the first line of this file must be `{wanted}`")) }
    }

    /// A line of the head.
    fn head(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with('#') {
            return Ok(());
        }
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        match key.trim() {
            "for" => self.selectors.extend(Selector::parse_all(value)?),
            "cells" => self.cells.extend(Selector::parse_all(value)?),
            "reason" => {
                let more = if self.reason.is_empty() { "" } else { " " };
                self.reason.push_str(more);
                self.reason.push_str(value.trim());
            }
            _ => {
                return Err(format!(
                    "`{line}` is none of `for:`, `cells:` and `reason:`; phases begin with `--- NAME`, lines of a \
                     trace stand below one"
                ));
            }
        }
        Ok(())
    }

    /// The file as text.
    pub(super) fn text(&self) -> String {
        let Self { scenario, view, selectors, cells, reason, parts, .. } = self;
        let mut text = format!("{TITLE}{scenario}{VIEW}{view}\n");
        let listed = |selectors: &[&Selector]| selectors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        // Writing to a string cannot fail.
        if !selectors.is_empty() {
            _ = writeln!(text, "for: {}", listed(&selectors.iter().collect::<Vec<_>>()));
        }
        let mut rest: &[Selector] = cells;
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|cell| cell.client == first.client).count();
            let (line, behind) = rest.split_at(same);
            _ = writeln!(text, "cells: {}", listed(&line.iter().collect::<Vec<_>>()));
            rest = behind;
        }
        let reason: Vec<&str> = reason.split_whitespace().collect();
        _ = writeln!(text, "reason: {}", reason.join(" "));
        for Part { name, lines } in parts {
            _ = writeln!(text, "{PHASE}{name}{}", if lines.is_none() { ABSENT } else { "" });
            for line in lines.iter().flatten() {
                _ = writeln!(text, "{line}");
            }
        }
        text
    }
}
