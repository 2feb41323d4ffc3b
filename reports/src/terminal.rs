//! The matrix for a terminal, and below it what needs attention.

mod attention;
mod compact;
mod grid;
mod since;
mod wrap;

use std::path::Path;

use interop_evidence::{RunResults, Verdict};

use crate::look::{Tone, symbol};
use crate::summary::state;
use crate::text::{duration, one_line, plural};
use crate::{Counts, Matrix, Options};

/// How the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour may be used.
    pub color: bool,
    /// Columns. Less than 40 is treated as 40.
    pub width: usize,
    /// Whether characters beyond ASCII may be used for symbols.
    pub unicode: bool,
}

impl Style {
    fn columns(self) -> usize {
        self.width.max(40)
    }

    fn paint(self, tone: Tone, text: &str) -> String {
        self.sgr(tone.sgr(), text)
    }

    fn bold(self, text: &str) -> String {
        self.sgr("1", text)
    }

    fn sgr(self, parameters: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{parameters}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn verdict(self, verdict: Verdict) -> String {
        format!("{} {verdict}", symbol(verdict, self.unicode))
    }

    /// The sign between client and server.
    fn times(self) -> &'static str {
        if self.unicode { "×" } else { "x" }
    }

    /// Replaces what this crate itself writes beyond ASCII.
    fn plain(self, text: &str) -> String {
        if self.unicode {
            text.to_owned()
        } else {
            text.replace('×', "x").replace('µ', "u").replace('…', "...").replace('→', "->")
        }
    }
}

/// Makes the report for a terminal.
///
/// No line is longer than [`Style::width`], except for commands and paths, which must stay in one piece to be copied.
/// `html` is the path of the HTML report, if there is one. Of many pairs each cell is one sign, and only rows in which something
/// is to be seen are shown, unless [`Options::full`] is set.
pub fn terminal(results: &RunResults, options: Options<'_>, style: Style, html: Option<&Path>) -> String {
    let mut lines = facts(results, style);
    let matrix = Matrix::of(results);
    let many = matrix.pairs.len() > compact::PAIRS;
    if many {
        lines.extend(compact::lines(&matrix, &Counts::of(&results.cells), style, options.full));
    } else {
        lines.extend(grid::lines(&matrix, style));
    }
    lines.extend(attention::lines(results, options, style, many));
    lines.extend(crate::stale::lines(results));
    if let Some(comparison) = options.since {
        lines.extend(since::lines(comparison, style));
    }
    lines.push(String::new());
    lines.extend(counts(results, options, style));
    if let Some(html) = html {
        lines.push(format!("report: {}", html.display()));
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn facts(results: &RunResults, style: Style) -> Vec<String> {
    let run = &results.run;
    let mut parts = vec![format!("run {}", one_line(&run.id, 60))];
    parts.extend(run.suite.as_ref().map(|suite| format!("suite {}", one_line(suite, 60))));
    parts.push(format!("seed {}", run.seed));
    parts.push(plural(Matrix::of(results).pairs.len(), "pair"));
    parts.push(duration(run.duration_ms));
    wrap::words(&style.plain(&parts.join(", ")), style.columns())
}

fn counts(results: &RunResults, options: Options<'_>, style: Style) -> Vec<String> {
    let text = format!("{}; {}", Counts::of(&results.cells), state(results, options));
    // A line may end after a comma and the like, but not between a number and its word.
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        let breaks = kept.ends_with([',', ';', ':']);
        kept.push(if c == ' ' && !breaks { wrap::NO_BREAK } else { c });
    }
    wrap::words(&kept, style.columns()).iter().map(|line| style.bold(line)).collect()
}
