//! How two lists of lines differ, by membership: snapshots are sorted, so order says nothing.

use std::collections::BTreeMap;

use serde::Serialize;

/// A line that came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change(pub(super) &'static str, pub(super) &'static str, pub(super) String);

/// What is in `now` and not in `before` (`+`), and the reverse (`-`), each as often as it is missing.
pub(super) fn changes(what: &'static str, before: &[String], now: &[String]) -> Vec<Change> {
    let mut balance: BTreeMap<&str, isize> = BTreeMap::new();
    for line in before {
        *balance.entry(line).or_default() -= 1;
    }
    for line in now {
        *balance.entry(line).or_default() += 1;
    }
    let side = |sign: &'static str, wanted: isize| {
        let lines = balance.iter().filter(move |(_, count)| count.signum() == wanted);
        lines.flat_map(move |(line, count)| {
            std::iter::repeat_n(Change(what, sign, (*line).to_owned()), count.unsigned_abs())
        })
    };
    side("-", -1).chain(side("+", 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_number_does() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(changes("route", &lines("a b"), &lines("b a")), []);
        let found = changes("route", &lines("a b b"), &lines("b c"));
        let found: Vec<_> = found.iter().map(|Change(_, sign, line)| format!("{sign}{line}")).collect();
        assert_eq!(found, ["-a", "-b", "+c"]);
    }
}
