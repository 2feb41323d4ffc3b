//! What a probe is, and what it finds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::place::Place;

/// Something that the harness needs of the machine, and how it is tried out.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Unique name: words and hyphens.
    pub id: &'static str,
    /// Heading under which it is shown.
    pub group: Group,
    /// What it is, in a few words.
    pub what: &'static str,
    /// Why it matters: which scenarios or commands need it.
    pub why: &'static str,
    /// How to get it: package, module, flag of the container, setting.
    pub how_to_get: &'static str,
    /// Who needs it.
    pub need: Need,
    pub(super) place: Place,
    pub(super) run: fn() -> Outcome,
}

/// Headings, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Features of the kernel.
    Kernel,
    /// What this user may do.
    Privileges,
    /// Resources.
    Machine,
    /// Programs and libraries.
    Programs,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::Kernel, Self::Privileges, Self::Machine, Self::Programs];
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kernel => "kernel",
            Self::Privileges => "privileges",
            Self::Machine => "machine",
            Self::Programs => "programs",
        })
    }
}

/// Who needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Every run.
    Always,
    /// Runs as root; others do without.
    AsRoot,
    /// Runs as an ordinary user; root does without.
    WithoutRoot,
    /// Some scenarios or commands.
    Optional,
}

impl Need {
    /// What it means for this user.
    pub const fn severity(self, root: bool) -> Severity {
        match (self, root) {
            (Self::Always, _) | (Self::AsRoot, true) | (Self::WithoutRoot, false) => Severity::Needed,
            (Self::AsRoot, false) | (Self::WithoutRoot, true) | (Self::Optional, _) => Severity::Optional,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Always => "always",
            Self::AsRoot => "as root",
            Self::WithoutRoot => "without root",
            Self::Optional => "optional",
        })
    }
}

/// Whether a run is possible without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No run without it.
    Needed,
    /// Some scenarios or commands need it.
    Optional,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It works; the text is a fact worth showing, or empty.
    Found(String),
    /// It does not work, and why.
    Missing(String),
    /// It could not be tried, and why.
    Untried(String),
}

impl Outcome {
    /// [`Self::Found`] with the fact, or [`Self::Missing`] with the error.
    pub(super) fn of(result: crate::Result<String>) -> Self {
        match result {
            Ok(fact) => Self::Found(fact),
            Err(error) => Self::Missing(format!("failed to {}", one_line(&error.to_string()))),
        }
    }
}

/// A probe and what it found: one row of the report, and one object of its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the probe.
    pub id: String,
    /// Its heading.
    pub group: Group,
    /// What it is.
    pub what: String,
    /// Whether a run is possible without it.
    pub severity: Severity,
    /// Whether it is there.
    pub status: Status,
    /// A fact if it is there, else the reason; may be empty.
    pub detail: String,
    /// Why it matters.
    pub why: String,
    /// How to get it.
    pub how_to_get: String,
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It works.
    Found,
    /// It does not.
    Missing,
    /// It could not be tried.
    Untried,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Found => "found",
            Self::Missing => "missing",
            Self::Untried => "untried",
        })
    }
}

impl Finding {
    /// What a probe found; `root` says whether this user is root.
    pub fn new(probe: &Probe, outcome: Outcome, root: bool) -> Self {
        let (status, detail) = match outcome {
            Outcome::Found(fact) => (Status::Found, fact),
            Outcome::Missing(reason) => (Status::Missing, reason),
            Outcome::Untried(reason) => (Status::Untried, reason),
        };
        Self {
            id: probe.id.to_owned(),
            group: probe.group,
            what: probe.what.to_owned(),
            severity: probe.need.severity(root),
            status,
            detail,
            why: probe.why.to_owned(),
            how_to_get: probe.how_to_get.to_owned(),
        }
    }

    /// Whether no run is possible for want of it.
    pub fn prevents_runs(&self) -> bool {
        self.severity == Severity::Needed && self.status != Status::Found
    }
}

/// The first line that says something.
pub(super) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
