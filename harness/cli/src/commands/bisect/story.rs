//! What a search found, for people and for programs.

use std::path::Path;

use interop_catalogue::Side;
use interop_evidence::{CellRecord, Exit, Verdict};
use interop_reports::{Comparison, Style, comparison_text};
use serde::Serialize;

/// A search from its first step to its end.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    pub(super) scenario: String,
    /// Values of its axes that were asked for.
    pub(super) params: Vec<(String, String)>,
    /// The peer of which versions were tried, as it was asked for: `openconnect@8.10..9.21`.
    pub(super) searched: String,
    /// The peer on the other side.
    pub(super) other: String,
    /// In the order in which they ran.
    pub(super) steps: Vec<Step>,
    pub(super) outcome: Outcome,
}

/// A version that was run.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    number: usize,
    /// `openconnect@trixie`.
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<String>,
    verdict: Verdict,
    reason: String,
    /// What was looked for in it; nothing when it could not be judged.
    shown: Option<String>,
    /// Folder of the run.
    run: String,
    /// Folder of the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<String>,
    reproduce: String,
}

/// How a search ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub(super) enum Outcome {
    /// The oldest and the newest version show the same.
    Same,
    /// One of the ends could not be judged.
    NotJudged { version: String },
    /// It changes here.
    Changed {
        /// The last version that is as the oldest one.
        last: String,
        /// The first that is not.
        first: String,
        /// Versions between the two that could not be judged.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        unknown: Vec<String>,
        /// The cells of the two beside each other.
        comparison: Option<Box<Comparison>>,
    },
}

impl Step {
    pub(super) fn of(
        number: usize,
        name: &str,
        side: Side,
        cell: &CellRecord,
        shown: Option<&str>,
        folder: &Path,
    ) -> Self {
        let peer = cell.peer(side.into());
        Self {
            number,
            name: name.to_owned(),
            version: peer.version.clone(),
            package: peer.package.clone(),
            verdict: cell.verdict,
            reason: cell.reason.clone(),
            shown: shown.map(str::to_owned),
            run: folder.display().to_string(),
            bundle: cell.bundle.as_ref().map(|bundle| folder.join(bundle).display().to_string()),
            reproduce: cell.reproduce.clone(),
        }
    }

    /// `step 3  openconnect@trixie 9.12  fail: why`
    pub(super) fn line(&self) -> String {
        let shown = match self.shown.as_deref() {
            None => " (cannot be judged)".to_owned(),
            Some(shown) if shown == self.verdict.as_str() => String::new(),
            Some(shown) => format!(" ({shown})"),
        };
        let reason: Vec<&str> = self.reason.split_whitespace().collect();
        let reason = if self.verdict == Verdict::Pass { String::new() } else { format!(": {}", reason.join(" ")) };
        format!("step {}  {} {}  {}{shown}{reason}", self.number, self.name, self.exact(), self.verdict)
    }

    /// The version of the package: several releases may have one version of the program.
    fn exact(&self) -> &str {
        self.package.as_ref().unwrap_or(&self.version)
    }
}

impl Story {
    pub(super) fn json(&self) -> String {
        // Every key is a string and every value a plain one: writing it cannot fail.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    pub(super) fn text(&self, style: Style) -> String {
        let params: Vec<String> = self.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let params = if params.is_empty() { String::new() } else { format!(" ({})", params.join(", ")) };
        let title = format!("{}{params}: {} against {}", self.scenario, self.searched, self.other);
        let mut lines = vec![title, String::new()];
        lines.extend(self.steps.iter().map(Step::line));
        lines.push(String::new());
        let shown = |name: &str| {
            let step = self.steps.iter().find(|step| step.name == name);
            step.map_or_else(String::new, |step| {
                format!("{} {} ({})", step.name, step.exact(), step.shown.as_deref().unwrap_or("cannot be judged"))
            })
        };
        match &self.outcome {
            Outcome::Same => {
                let ends: Vec<String> = self.steps.iter().take(2).map(|step| shown(&step.name)).collect();
                lines.push(format!("the ends do not differ: {}", ends.join(", ")));
            }
            Outcome::NotJudged { version } => {
                lines.push(format!("{} cannot be judged, so that there is nothing to compare with", shown(version)));
            }
            Outcome::Changed { last, first, unknown, comparison } => {
                lines.push(format!("{} is the first that differs; before it, {}", shown(first), shown(last)));
                if !unknown.is_empty() {
                    lines.push(format!("between them {} could not be judged", unknown.join(", ")));
                }
                if let Some(comparison) = comparison {
                    lines.push(String::new());
                    lines.push(comparison_text(comparison, style).trim_end().to_owned());
                }
            }
        }
        lines.join("\n") + "\n"
    }

    /// 0 when the version was found; 4 when there was nothing to find; 96 when an end could not be judged.
    pub(super) fn exit(&self) -> Exit {
        match &self.outcome {
            Outcome::Changed { .. } => Exit::Ok,
            Outcome::Same => Exit::NothingSelected,
            Outcome::NotJudged { .. } => Exit::Environment,
        }
    }
}
