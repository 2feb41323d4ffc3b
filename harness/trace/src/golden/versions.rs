//! Ranges of versions, as the catalogue writes them: `>=9.0 <9.2`.

use std::cmp::Ordering;

/// Comparisons, the longer ones first.
const COMPARISONS: [&str; 6] = ["<=", ">=", "==", "<", ">", "="];

/// Bounds that a version must meet, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range(Vec<(&'static str, Vec<u64>)>);

impl Range {
    /// Reads `>=9.0 <9.2`; a bare number is that version alone.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut bounds = Vec::new();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let sign = COMPARISONS.into_iter().find(|sign| word.starts_with(sign));
            let limit = word.get(sign.unwrap_or_default().len()..).unwrap_or_default();
            if !limit.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(format!("`{word}` is no bound of a version; write `>=1.1`, `<1.3` or both"));
            }
            bounds.push((sign.unwrap_or("="), numbers(limit)));
        }
        if bounds.is_empty() { Err("a range of versions is empty".to_owned()) } else { Ok(Self(bounds)) }
    }

    /// Whether a version is in the range.
    pub(super) fn contains(&self, version: &str) -> bool {
        self.has(&numbers(version))
    }

    fn has(&self, version: &[u64]) -> bool {
        self.0.iter().all(|(sign, limit)| match (*sign, compare(version, limit)) {
            ("<", order) => order == Ordering::Less,
            ("<=", order) => order != Ordering::Greater,
            (">=", order) => order != Ordering::Less,
            (">", order) => order == Ordering::Greater,
            (_, order) => order == Ordering::Equal,
        })
    }

    /// Whether some version is in both: then zero is, or a bound of one, or what comes right behind one.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let bounds = self.0.iter().chain(&other.0).map(|(_, limit)| limit.clone());
        let behind = bounds.clone().map(|mut limit| {
            limit.extend([0, 0, 0, 1]);
            limit
        });
        std::iter::once(vec![0]).chain(bounds).chain(behind).any(|version| self.has(&version) && other.has(&version))
    }
}

/// Whether a word is a bound.
pub(super) fn is_bound(word: &str) -> bool {
    word.starts_with(['<', '>', '=']) || word.starts_with(|c: char| c.is_ascii_digit())
}

/// Compares versions number by number; 9.12 equals 9.12.0.
pub(super) fn by_number(one: &str, other: &str) -> Ordering {
    compare(&numbers(one), &numbers(other))
}

/// The dotted numbers at the front as they are written in a range: `9.12` of `v9.12-3`.
pub(super) fn plain(version: &str) -> Option<String> {
    let numbers = numbers(version);
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    (!texts.is_empty()).then(|| texts.join("."))
}

fn compare(one: &[u64], other: &[u64]) -> Ordering {
    let length = one.len().max(other.len());
    let at = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or_default();
    (0..length)
        .map(|index| at(one, index).cmp(&at(other, index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn numbers(version: &str) -> Vec<u64> {
    let version = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version.get(..end).unwrap_or_default().split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let range = Range::parse(">=9.0 <9.20").unwrap();
        assert!(range.contains("v9.12-3.1") && range.contains("9"));
        assert!(!range.contains("9.20") && !range.contains("8.20"));
        assert!(Range::parse("1.3").unwrap().contains("1.3.0"));
        for bad in ["", "~1", "<>1", ">=", "1 or 2"] {
            assert!(Range::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(plain("v9.12-3").as_deref(), Some("9.12"));
        assert_eq!(by_number("9.9", "9.12"), Ordering::Less);
    }

    #[test]
    fn ranges_that_meet() {
        let meet = |one, other| Range::parse(one).unwrap().meets(&Range::parse(other).unwrap());
        assert!(
            meet("<9.1", ">9.0") && meet("<=9", ">=9") && meet(">1 <3", "2") && meet("<2", "<1") && meet(">2", ">3")
        );
        assert!(!meet("<9", ">=9") && !meet("<=9", ">9") && !meet("1", "2") && !meet(">=1 <2", ">=2 <3"));
    }
}
