//! Durations.

use std::{fmt, time::Duration};

use super::number::{bad_unit, format_number, split_unit};
use crate::decode::{Parse, ParseError, words};

const UNITS: [(&str, f64); 7] =
    [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0), ("y", 31_536_000.0)];

/// Longest duration: a hundred years.
const MAX_SECONDS: f64 = 100.0 * 31_536_000.0;

pub(crate) fn parse_duration(text: &str) -> Result<Duration, ParseError> {
    let (number, unit) = split_unit(text, Duration::WHAT)?;
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(bad_unit(text, unit, &UNITS.map(|(name, _)| name), ["s", "ms"]));
    };
    let seconds = number * factor;
    if seconds > MAX_SECONDS {
        return Err(ParseError::new(format!("`{text}` is longer than a hundred years")));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| ParseError::new(format!("`{text}` is not a duration")))
}

/// The duration in the largest unit up to seconds that needs no more than three decimals: `50ms`, `3s`, `2.5s`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration >= Duration::from_secs(1) || duration.is_zero() {
        format!("{}s", format_number((seconds * 1e3).round() / 1e3))
    } else if duration >= Duration::from_millis(1) {
        format!("{}ms", format_number((seconds * 1e6).round() / 1e3))
    } else {
        format!("{}us", format_number(seconds * 1e6))
    }
}

impl Parse for Duration {
    const WHAT: &'static str = "a duration";
    const EXAMPLE: &'static str = "10s";
    const PATTERN: &'static str = r"^[0-9.]+ ?(us|ms|s|m|h|d|y)$";

    fn parse(text: &str) -> Result<Self, ParseError> {
        parse_duration(text)
    }
}

/// How far a clock is ahead, or behind when negative, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockOffset(pub i64);

impl Parse for ClockOffset {
    const WHAT: &'static str = "a clock offset";
    const EXAMPLE: &'static str = "-10y";
    const PATTERN: &'static str = r"^[+-]?[0-9.]+ ?(s|m|h|d|y)$";

    fn parse(text: &str) -> Result<Self, ParseError> {
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let seconds = i64::try_from(parse_duration(rest)?.as_secs())
            .map_err(|_| ParseError::new(format!("`{text}` is too far away")))?;
        Ok(Self(sign * seconds))
    }
}

impl fmt::Display for ClockOffset {
    /// `-3600s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

words!(Duration, ClockOffset);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!(parse_duration("50ms").unwrap(), Duration::from_millis(50));
        assert_eq!(parse_duration("1.5s").unwrap(), Duration::from_millis(1500));
        assert_eq!(parse_duration("2m").unwrap(), Duration::from_secs(120));
        assert_eq!(parse_duration("1h").unwrap(), Duration::from_secs(3600));
        assert_eq!(ClockOffset::parse("-10y").unwrap(), ClockOffset(-315_360_000));
        assert_eq!(ClockOffset::parse("+5d").unwrap(), ClockOffset(432_000));
    }

    #[test]
    fn a_missing_unit_is_explained() {
        let error = parse_duration("10").unwrap_err();
        assert_eq!(error.message, "`10` has no unit");
        assert_eq!(error.help.as_deref(), Some("write `10s` or `10ms`"));
        assert_eq!(parse_duration("10sec").unwrap_err().message, "`10sec` has an unknown unit `sec`");
        assert!(parse_duration("1.2.3s").is_err());
        assert!(parse_duration("s").is_err());
        assert!(parse_duration("999999y").is_err());
    }

    #[test]
    fn durations_are_printed_as_people_write_them() {
        assert_eq!(format_duration(Duration::from_millis(50)), "50ms");
        assert_eq!(format_duration(Duration::from_millis(2500)), "2.5s");
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }
}
