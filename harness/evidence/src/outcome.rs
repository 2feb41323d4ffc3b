//! What a check says.

use serde::{Deserialize, Serialize};

use crate::Verdict;

/// The result of a pure check over evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    /// [`Verdict::Pass`], [`Verdict::Degraded`], [`Verdict::Fail`] or [`Verdict::Invalid`].
    pub verdict: Verdict,
    /// What was expected and what was seen, in one line.
    pub message: String,
}

impl CheckOutcome {
    /// The check holds.
    pub fn pass(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, message: message.into() }
    }

    /// It works, but worse than it should.
    pub fn degraded(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Degraded, message: message.into() }
    }

    /// The check does not hold.
    pub fn fail(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, message: message.into() }
    }

    /// The evidence does not allow an answer.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Invalid, message: message.into() }
    }

    /// Gives the outcome the identity of a check.
    pub fn record(self, id: impl Into<String>) -> CheckRecord {
        CheckRecord { id: id.into(), verdict: self.verdict, message: self.message }
    }
}

/// One check of a cell, as it stands in `results.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// Step number and verb (`3 expect transport`), or the name of an `always` check.
    pub id: String,
    /// The verdict of this check alone.
    pub verdict: Verdict,
    /// What was expected and what was seen.
    pub message: String,
}
