//! Badges: one line on how a run, or a pair, did; as a picture, and in the format of the endpoint badge of shields.io.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use interop_evidence::{PeerRecord, RunResults, Verdict};
use serde::Serialize;

use crate::family::{braces, counts};
use crate::file::{file_name, write_unsynced};
use crate::text::one_line;
use crate::{Counts, Matrix, Options, ReportError};

/// A run has some dozens of pairs; of more than this, the rest gets no badge.
const PAIRS: usize = 1000;

/// One line and its colour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Badge {
    schema_version: u8,
    label: String,
    message: String,
    color: &'static str,
}

impl Badge {
    fn of(label: &str, counts: &Counts, interrupted: bool, options: Options<'_>) -> Self {
        let (failing, environment) = (counts.unexpected(options.fail_on_degraded), counts.environment());
        let only_failures = failing == counts.get(Verdict::Fail) + counts.get(Verdict::BrokenPromise);
        let notable = [Verdict::Pass, Verdict::Degraded, Verdict::KnownFail];
        let notable: Vec<_> = notable
            .into_iter()
            .filter(|verdict| counts.get(*verdict) > 0)
            .map(|verdict| format!("{} {verdict}", counts.get(verdict)))
            .collect();
        let (mut message, color) = match (failing, environment) {
            (0, 0) if notable.is_empty() => ("nothing ran".to_owned(), "lightgrey"),
            (0, 0) if notable.len() == 1 && counts.get(Verdict::Pass) > 0 => (notable.concat(), "brightgreen"),
            (0, 0) => (notable.join(", "), "yellowgreen"),
            (0, broken) => (format!("lab failed in {broken}"), "orange"),
            (failing, _) if only_failures => (format!("{failing} failing"), "red"),
            (unexpected, _) => (format!("{unexpected} unexpected"), "red"),
        };
        if interrupted {
            message.push_str(", interrupted");
        }
        Self { schema_version: 1, label: one_line(label, 120), message, color }
    }

    /// The badge as a picture that asks nobody for anything.
    fn svg(&self) -> String {
        let fill = match self.color {
            "brightgreen" => "#2f8f4e",
            "yellowgreen" => "#75802a",
            "orange" => "#b4591c",
            "red" => "#b3312b",
            _ => "#71777d",
        };
        let (label, message) = (width(&self.label), width(&self.message));
        let (left, right) = (label + 2 * PAD, message + 2 * PAD);
        let all = left + right;
        let (label_text, message_text) = (escape(&self.label), escape(&self.message));
        let mut out = String::new();
        let _ = writeln!(
            out,
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{all}" height="20" role="img" aria-label="{label_text}: {message_text}">
<title>{label_text}: {message_text}</title>
<clipPath id="edge"><rect width="{all}" height="20" rx="3"/></clipPath>
<g clip-path="url(#edge)"><rect width="{left}" height="20" fill="#454b52"/><rect x="{left}" width="{right}" height="20" fill="{fill}"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Liberation Sans,sans-serif" font-size="11">
<text x="{PAD}" y="14" textLength="{label}" lengthAdjust="spacingAndGlyphs">{label_text}</text>
<text x="{}" y="14" textLength="{message}" lengthAdjust="spacingAndGlyphs">{message_text}</text>
</g>
</svg>"##,
            left + PAD
        );
        out
    }
}

/// Room beside a text.
const PAD: usize = 6;

/// How wide a text is at 11 pixels, about; it is drawn exactly as wide as this says.
fn width(text: &str) -> usize {
    let tenths = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' => 34,
        ' ' | 'f' | 't' | 'r' | '(' | ')' | '-' | '[' | ']' => 42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 98,
        c if c.is_ascii_uppercase() => 76,
        c if c.is_ascii() => 68,
        _ => 90,
    };
    text.chars().map(tenths).sum::<usize>().div_ceil(10)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Writes `badge.svg` and `badge.json` of the run, and `badges/CLIENT+SERVER.svg` and `.json` of each pair.
pub(crate) fn write(
    results: &RunResults,
    matrix: &Matrix<'_>,
    folder: &Path,
    options: Options<'_>,
) -> Result<(), ReportError> {
    let interrupted = results.run.interrupted;
    let label = match &results.run.suite {
        Some(suite) => format!("vpn-interop {suite}"),
        None => "vpn-interop".to_owned(),
    };
    let put = |badge: &Badge, stem: &Path| -> Result<(), ReportError> {
        write_unsynced(&with(stem, ".svg"), badge.svg().as_bytes())?;
        write_unsynced(&with(stem, ".json"), &serde_json::to_vec(badge)?)
    };
    put(&Badge::of(&label, &Counts::of(&results.cells), interrupted, options), &folder.join("badge"))?;
    let pairs = folder.join("badges");
    if !matrix.pairs.is_empty() {
        fs::create_dir_all(&pairs).map_err(|source| ReportError::Write { path: pairs.clone(), source })?;
    }
    for (column, pair) in matrix.pairs.iter().enumerate().take(PAIRS) {
        let badge = Badge::of(
            &format!("{} × {}", braces(&[pair.client]), braces(&[pair.server])),
            &counts(matrix, column),
            interrupted,
            options,
        );
        put(&badge, &pairs.join(file_name(&format!("{}+{}", name(pair.client), name(pair.server)))))?;
    }
    Ok(())
}

/// As in keys.
fn name(peer: &PeerRecord) -> String {
    match &peer.mutant {
        Some(mutant) => format!("{},mutant={mutant}", peer.name()),
        None => peer.name(),
    }
}

fn with(stem: &Path, ending: &str) -> std::path::PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

#[cfg(test)]
mod tests {
    use interop_evidence::CellRecord;

    use super::*;

    fn badge(verdicts: &[(usize, Verdict)]) -> Badge {
        let cell = |verdict| CellRecord {
            key: String::new(),
            scenario: String::new(),
            title: String::new(),
            area: String::new(),
            params: Default::default(),
            client: PeerRecord::new("a", "1"),
            server: PeerRecord::new("b", "1"),
            verdict,
            reason: String::new(),
            suspect: None,
            duration_ms: 0,
            measurements: Default::default(),
            checks: Vec::new(),
            bundle: None,
            repeats: Vec::new(),
            reproduce: String::new(),
        };
        let cells: Vec<_> =
            verdicts.iter().flat_map(|(count, verdict)| std::iter::repeat_n(cell(*verdict), *count)).collect();
        Badge::of("a <b> & c", &Counts::of(&cells), false, Options::default())
    }

    #[test]
    fn messages_say_the_worst() {
        let said = |verdicts: &[(usize, Verdict)]| {
            let badge = badge(verdicts);
            (badge.message, badge.color)
        };
        let is = |message: &str, color| (message.to_owned(), color);
        assert_eq!(said(&[]), is("nothing ran", "lightgrey"));
        assert_eq!(said(&[(9, Verdict::Unsupported)]), is("nothing ran", "lightgrey"));
        assert_eq!(said(&[(58, Verdict::Pass), (3, Verdict::Skipped)]), is("58 pass", "brightgreen"));
        let known = [(58, Verdict::Pass), (2, Verdict::KnownFail)];
        assert_eq!(said(&known), is("58 pass, 2 known-fail", "yellowgreen"));
        assert_eq!(said(&[(58, Verdict::Pass), (1, Verdict::EnvError)]), is("lab failed in 1", "orange"));
        assert_eq!(said(&[(1, Verdict::EnvError), (3, Verdict::Fail)]), is("3 failing", "red"));
        assert_eq!(said(&[(1, Verdict::Flaky), (3, Verdict::Fail)]), is("4 unexpected", "red"));
    }

    #[test]
    fn an_endpoint_badge_has_the_four_fields() {
        let json = serde_json::to_value(badge(&[(1, Verdict::Pass)])).unwrap();
        let wanted = serde_json::json!({
            "schemaVersion": 1, "label": "a <b> & c", "message": "1 pass", "color": "brightgreen",
        });
        assert_eq!(json, wanted);
        let svg = badge(&[(1, Verdict::Pass)]).svg();
        assert!(svg.contains("a &lt;b&gt; &amp; c: 1 pass") && !svg.contains("<b>"), "{svg}");
    }
}
