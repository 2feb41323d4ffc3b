//! A measured number against a soft and a hard limit.

use interop_evidence::CheckOutcome;

/// Limits of a measurement, in its own unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Above this the cell is degraded.
    pub degraded_above: Option<f64>,
    /// Above this the cell fails.
    pub fail_above: Option<f64>,
}

/// Judges a measurement; `name` ends with the unit (`outage-ms`).
pub fn above(name: &str, value: f64, limits: Limits) -> CheckOutcome {
    let value_text = number(value);
    if let Some(limit) = limits.fail_above.filter(|limit| value > *limit) {
        return CheckOutcome::fail(format!("{name} is {value_text}, more than {}", number(limit)));
    }
    if let Some(limit) = limits.degraded_above.filter(|limit| value > *limit) {
        return CheckOutcome::degraded(format!("{name} is {value_text}, more than {}", number(limit)));
    }
    CheckOutcome::pass(format!("{name} is {value_text}"))
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use interop_evidence::Verdict;

    use super::*;

    #[test]
    fn limits_are_inclusive_and_the_hard_one_wins() {
        let limits = Limits { degraded_above: Some(10.0), fail_above: Some(20.0) };
        assert_eq!(above("x-ms", 10.0, limits).verdict, Verdict::Pass);
        assert_eq!(above("x-ms", 10.5, limits).verdict, Verdict::Degraded);
        assert_eq!(above("x-ms", 20.5, limits).verdict, Verdict::Fail);
        assert_eq!(above("x-ms", 1e9, Limits::default()).verdict, Verdict::Pass);
    }
}
