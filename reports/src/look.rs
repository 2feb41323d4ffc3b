//! How a verdict looks: a symbol and a tone, the same in every report.

use interop_evidence::Verdict;

use crate::ChangeKind;

/// What a reader should feel about a verdict; each format has its own colour for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Warning,
    Bad,
    Known,
    Quiet,
    Environment,
}

impl Tone {
    /// Suffix of the class in the style sheet.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Known => "known",
            Self::Quiet => "quiet",
            Self::Environment => "environment",
        }
    }

    /// SGR parameters for a terminal with eight colours.
    pub(crate) const fn sgr(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "1;31",
            Self::Known => "36",
            Self::Quiet => "2",
            Self::Environment => "35",
        }
    }
}

/// The tone of a verdict.
pub(crate) const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Degraded => Tone::Warning,
        Verdict::Fail | Verdict::UnexpectedPass | Verdict::Flaky | Verdict::BrokenPromise => Tone::Bad,
        Verdict::KnownFail => Tone::Known,
        Verdict::Unsupported | Verdict::Blocked | Verdict::Skipped => Tone::Quiet,
        Verdict::Invalid | Verdict::EnvError => Tone::Environment,
    }
}

/// How a kind of change is felt.
pub(crate) const fn change_tone(kind: ChangeKind) -> Tone {
    match kind {
        ChangeKind::NewFailure => Tone::Bad,
        ChangeKind::Worse | ChangeKind::MeasuredWorse => Tone::Warning,
        ChangeKind::NotJudged => Tone::Environment,
        ChangeKind::Repaired | ChangeKind::Better | ChangeKind::MeasuredBetter => Tone::Good,
        ChangeKind::Trace | ChangeKind::Otherwise => Tone::Known,
        ChangeKind::Appeared | ChangeKind::Gone => Tone::Quiet,
    }
}

/// One character for a verdict, one column wide and distinct, so that colour is never the only sign.
pub(crate) const fn symbol(verdict: Verdict, unicode: bool) -> &'static str {
    let (fancy, plain) = match verdict {
        Verdict::Pass => ("✓", "+"),
        Verdict::Degraded => ("↓", "v"),
        Verdict::Fail => ("✗", "X"),
        Verdict::KnownFail => ("≈", "k"),
        Verdict::UnexpectedPass => ("↑", "^"),
        Verdict::Flaky => ("~", "~"),
        Verdict::BrokenPromise => ("≠", "#"),
        Verdict::Unsupported => ("–", "-"),
        Verdict::Blocked => ("‖", "|"),
        Verdict::Skipped => ("·", "."),
        Verdict::Invalid => ("?", "?"),
        Verdict::EnvError => ("!", "!"),
    };
    if unicode { fancy } else { plain }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn symbols_are_distinct_and_one_column_wide() {
        for unicode in [false, true] {
            let symbols: BTreeSet<_> = Verdict::ALL.iter().map(|verdict| symbol(*verdict, unicode)).collect();
            assert_eq!(symbols.len(), Verdict::ALL.len());
            assert!(symbols.iter().all(|symbol| symbol.width() == 1));
        }
        assert!(Verdict::ALL.iter().all(|verdict| symbol(*verdict, false).is_ascii()));
    }
}
