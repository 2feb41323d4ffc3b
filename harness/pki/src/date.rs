//! Points in time as certificates have them: whole seconds, UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// Seconds since 1970-01-01 00:00:00 UTC; shown as `2026-10-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i64);

impl Date {
    /// This many days later, or earlier if negative.
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days * DAY)
    }

    /// The form in which OpenSSL wants it.
    pub(crate) fn to_asn1(self) -> Result<Asn1Time, ErrorStack> {
        Asn1Time::from_unix(self.0)
    }

    /// Reads a time of a certificate.
    pub(crate) fn from_asn1(time: &Asn1TimeRef) -> Result<Self, ErrorStack> {
        let diff = Asn1Time::from_unix(0)?.diff(time)?;
        Ok(Self(i64::from(diff.days) * DAY + i64::from(diff.secs)))
    }
}

impl From<SystemTime> for Date {
    fn from(time: SystemTime) -> Self {
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(seconds(after)),
            Err(before) => Self(-seconds(before.duration())),
        }
    }
}

impl std::fmt::Display for Date {
    /// The day in the proleptic Gregorian calendar, from the days since 1970 by whole eras of 400 years.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = self.0.div_euclid(DAY) + 719_468; // since 0000-03-01
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153; // March is 0
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (1_709_251_199, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Date(seconds).to_string(), text);
        }
    }

    #[test]
    fn survives_asn1() {
        let date = Date(1_795_000_123);
        assert_eq!(Date::from_asn1(&date.to_asn1().unwrap()).unwrap(), date);
    }
}
