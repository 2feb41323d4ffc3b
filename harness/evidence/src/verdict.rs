//! The verdict of a cell and the exit code of a run (design section 7; the table there is fixed).

use serde::{Deserialize, Serialize};

/// The verdict of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every check holds.
    Pass,
    /// The pair works, but worse than it should: TLS only, wrong MTU, an outage over the soft limit.
    Degraded,
    /// A check does not hold.
    Fail,
    /// Fails as listed in the expectations, with reason, link and expiry.
    KnownFail,
    /// Listed in the expectations but holds, or the listing has expired or matches nothing.
    UnexpectedPass,
    /// Verdicts differ between repeats of one seed.
    Flaky,
    /// A declared capability was refused.
    BrokenPromise,
    /// A needed capability is not declared; decided before the cell starts.
    Unsupported,
    /// Not run, because the baseline of the pair failed.
    Blocked,
    /// Not runnable here, with the reason.
    Skipped,
    /// The scenario did not take place: a fault did not bite, a probe could not be sent.
    Invalid,
    /// The lab, not a peer, failed.
    EnvError,
}

impl Verdict {
    /// Every verdict, in the order of the design's table.
    pub const ALL: [Self; 12] = [
        Self::Pass,
        Self::Degraded,
        Self::Fail,
        Self::KnownFail,
        Self::UnexpectedPass,
        Self::Flaky,
        Self::BrokenPromise,
        Self::Unsupported,
        Self::Blocked,
        Self::Skipped,
        Self::Invalid,
        Self::EnvError,
    ];

    /// The name used in YAML, JSON and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Degraded => "degraded",
            Self::Fail => "fail",
            Self::KnownFail => "known-fail",
            Self::UnexpectedPass => "unexpected-pass",
            Self::Flaky => "flaky",
            Self::BrokenPromise => "broken-promise",
            Self::Unsupported => "unsupported",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
            Self::Invalid => "invalid",
            Self::EnvError => "env-error",
        }
    }

    /// One sentence for legends.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Pass => "every check holds",
            Self::Degraded => "works, but worse than it should",
            Self::Fail => "a check does not hold",
            Self::KnownFail => "fails as listed in the expectations",
            Self::UnexpectedPass => "listed as failing, but holds, or the listing is stale",
            Self::Flaky => "verdicts differ between repeats of one seed",
            Self::BrokenPromise => "a declared capability was refused",
            Self::Unsupported => "a needed capability is not declared",
            Self::Blocked => "not run, because the baseline of the pair failed",
            Self::Skipped => "not runnable here",
            Self::Invalid => "the scenario did not take place",
            Self::EnvError => "the lab failed, not a peer",
        }
    }

    /// Whether this verdict makes `run` end with 100.
    pub const fn is_unexpected(self, fail_on_degraded: bool) -> bool {
        match self {
            Self::Fail | Self::UnexpectedPass | Self::Flaky | Self::BrokenPromise => true,
            Self::Degraded => fail_on_degraded,
            _ => false,
        }
    }

    /// Whether this verdict makes `run` end with 96: the environment, not a peer, is at fault.
    pub const fn is_environment(self) -> bool {
        matches!(self, Self::Invalid | Self::EnvError)
    }

    /// Whether the cell's peers were really started.
    pub const fn took_place(self) -> bool {
        !matches!(self, Self::Unsupported | Self::Blocked | Self::Skipped)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Exit codes of `run` (design section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every result is expected.
    Ok = 0,
    /// Nothing was selected.
    NothingSelected = 4,
    /// Wrong usage, or a broken catalogue.
    Usage = 64,
    /// At least one environment verdict and no unexpected result.
    Environment = 96,
    /// At least one unexpected result.
    Unexpected = 100,
    /// Interrupted; partial results are kept.
    Interrupted = 130,
}

impl Exit {
    /// The exit code for a finished, uninterrupted run with these verdicts.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>, fail_on_degraded: bool) -> Self {
        let mut exit = Self::Ok;
        for verdict in verdicts {
            if verdict.is_unexpected(fail_on_degraded) {
                return Self::Unexpected;
            }
            if verdict.is_environment() {
                exit = Self::Environment;
            }
        }
        exit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpected_outranks_environment() {
        assert_eq!(Exit::of([Verdict::Invalid, Verdict::Fail], false), Exit::Unexpected);
        assert_eq!(Exit::of([Verdict::Invalid, Verdict::Pass], false), Exit::Environment);
        assert_eq!(Exit::of([Verdict::Blocked, Verdict::Degraded], false), Exit::Ok);
        assert_eq!(Exit::of([Verdict::Degraded], true), Exit::Unexpected);
    }

    #[test]
    fn name_and_serde_agree() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.as_str());
        }
    }
}
