//! Known deviations.

use std::{cmp::Ordering, fmt};

use indexmap::IndexMap;

use super::{Glob, Scalar};
use crate::{
    Name, Spanned,
    decode::{Parse, ParseError, keywords, record, words},
};

record! {
    /// Known deviations of real programs.
    pub struct Expectations {
        /// Names the file, if at all; the file's stem is free.
        pub id: Option<Name> = None,
        /// Whether it replaces the built-in file of the same name.
        pub replaces: bool = false,
        /// The deviations.
        pub entries: Vec<Spanned<ExpectationEntry>>,
    }
}

record! {
    /// A known deviation.
    pub struct ExpectationEntry {
        /// Scenario, or glob.
        pub scenario: Spanned<Glob>,
        /// Values that the axes must have; the others are free.
        pub params: IndexMap<Name, Scalar> = IndexMap::new(),
        /// Client peer, or glob.
        pub client: Spanned<Glob>,
        /// Server peer, or glob.
        pub server: Spanned<Glob>,
        /// Versions of the client, like `<9.20`.
        pub client_versions: Option<VersionRange> = None,
        /// Versions of the server, like `>=1.1 <1.3`.
        pub server_versions: Option<VersionRange> = None,
        /// The verdict that is known.
        pub verdict: KnownVerdict,
        /// Part of the id or message of the failing check; any check unless given.
        pub check: Option<String> = None,
        /// Why.
        pub reason: String,
        /// Where it is tracked.
        pub link: String,
        /// Last day on which it is believed.
        pub expires: ExpiryDate,
    }
}

keywords! {
    /// A verdict that can be known in advance.
    pub enum KnownVerdict: "verdict" {
        /// A check does not hold.
        Fail = "fail",
        /// Works, but worse than it should.
        Degraded = "degraded",
    }
}

/// A day, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ExpiryDate {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

impl Parse for ExpiryDate {
    const WHAT: &'static str = "a date";
    const EXAMPLE: &'static str = "2027-06-30";
    const PATTERN: &'static str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

    fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new(format!("`{text}` is not a date")).help("write `YYYY-MM-DD`");
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(bad()) };
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return Err(bad());
        }
        let date = Self {
            year: year.parse().map_err(|_| bad())?,
            month: month.parse().map_err(|_| bad())?,
            day: day.parse().map_err(|_| bad())?,
        };
        let leap = date.year.is_multiple_of(4) && (!date.year.is_multiple_of(100) || date.year.is_multiple_of(400));
        let days = match date.month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return Err(bad()),
        };
        if (1..=days).contains(&date.day) { Ok(date) } else { Err(bad()) }
    }
}

impl fmt::Display for ExpiryDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Bounds that a version must meet, all of them: `>=1.1 <1.3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    bounds: Vec<(Bound, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Below,
    AtMost,
    Exactly,
    AtLeast,
    Above,
}

impl VersionRange {
    /// Reads a range; none if the text is not one.
    pub fn of(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    /// Whether a version is in the range. Versions are compared number by number; text after the numbers counts last.
    pub fn contains(&self, version: &str) -> bool {
        self.bounds.iter().all(|(bound, limit)| {
            let order = compare_versions(version, limit);
            match bound {
                Bound::Below => order == Ordering::Less,
                Bound::AtMost => order != Ordering::Greater,
                Bound::Exactly => order == Ordering::Equal,
                Bound::AtLeast => order != Ordering::Less,
                Bound::Above => order == Ordering::Greater,
            }
        })
    }

    /// Whether no version is in the range: then neither zero is, nor a limit, nor what comes right behind one.
    pub fn is_empty(&self) -> bool {
        let limits = self.bounds.iter().map(|(_, limit)| limit.clone());
        let behind = limits.clone().map(|limit| {
            let numbers: Vec<String> = numbers(&limit).iter().map(u64::to_string).collect();
            format!("{}.0.0.0.1", numbers.join("."))
        });
        !std::iter::once("0".to_owned()).chain(limits).chain(behind).any(|version| self.contains(&version))
    }
}

/// Compares the dotted numbers at the front; `v9.12-1` is 9.12, and 9.12 equals 9.12.0.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (a, b) = (numbers(a), numbers(b));
    let length = a.len().max(b.len());
    let at = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or_default();
    (0..length).map(|index| at(&a, index).cmp(&at(&b, index))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn numbers(version: &str) -> Vec<u64> {
    let version = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version[..end].split('.').filter_map(|part| part.parse().ok()).collect()
}

impl Parse for VersionRange {
    const WHAT: &'static str = "a range of versions";
    const EXAMPLE: &'static str = ">=1.1 <1.3";
    const NUMERIC: bool = true;

    fn parse(text: &str) -> Result<Self, ParseError> {
        let mut bounds = Vec::new();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let digits = word.trim_start_matches(['<', '>', '=']);
            let bound = match &word[..word.len() - digits.len()] {
                "<" => Bound::Below,
                "<=" => Bound::AtMost,
                "" | "=" | "==" => Bound::Exactly,
                ">=" => Bound::AtLeast,
                ">" => Bound::Above,
                other => return Err(ParseError::new(format!("`{other}` is not a comparison"))),
            };
            if !digits.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(ParseError::new(format!("`{word}` has no version number")));
            }
            bounds.push((bound, digits.to_owned()));
        }
        if bounds.is_empty() {
            return Err(ParseError::new("the range is empty"));
        }
        Ok(Self { text: text.to_owned(), bounds })
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

words!(ExpiryDate, VersionRange);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let range = VersionRange::parse("<9.20").unwrap();
        assert!(range.contains("9.12"));
        assert!(range.contains("v9.12-3.1"));
        assert!(!range.contains("9.20"));
        assert!(!range.contains("10.1"));
        assert!(VersionRange::parse(">=1.1 <1.3").unwrap().contains("1.2.4"));
        assert!(VersionRange::parse("1.3").unwrap().contains("1.3.0"));
        assert!(VersionRange::parse("~1").is_err());
        assert!(VersionRange::parse("<>1").is_err());
    }

    #[test]
    fn a_range_may_have_no_version() {
        let is_empty = |text| VersionRange::parse(text).unwrap().is_empty();
        assert!(is_empty(">9.1 <9.0") && is_empty("<9.1 9.1") && is_empty(">=2 <2") && is_empty("<0"));
        assert!(!is_empty(">9.0 <9.1") && !is_empty("<=9.1 >=9.1") && !is_empty("1.3") && !is_empty(">2"));
    }

    #[test]
    fn dates_are_real() {
        assert_eq!(ExpiryDate::parse("2028-02-29").unwrap().to_string(), "2028-02-29");
        for bad in ["2027-02-29", "2027-13-01", "2027-1-1", "soon", "2027-00-10"] {
            assert!(ExpiryDate::parse(bad).is_err(), "{bad}");
        }
    }
}
