//! The order of peers: a version before a later one, as a distribution orders them.

use std::cmp::Ordering;

use interop_evidence::PeerRecord;

use crate::text::exact_version;

/// Older versions first; of one version, the machine's own program first, and the healthy one before one with a defect.
pub(crate) fn by_version(a: &PeerRecord, b: &PeerRecord) -> Ordering {
    let rest = |peer: &PeerRecord| (peer.release.clone(), peer.mutant.clone(), peer.emulates.clone());
    compare(exact_version(a), exact_version(b)).then_with(|| rest(a).cmp(&rest(b)))
}

/// Compares versions piece by piece: numbers by value, the rest by character, `~` before everything, even the end. What
/// stands before the first number says nothing.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (after_words(a).as_bytes(), after_words(b).as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (left, right) = (number(&mut a), number(&mut b));
        if left != right {
            return left.cmp(&right);
        }
        let (left, right) = (weight(a), weight(b));
        if left != right {
            return left.cmp(&right);
        }
        if weight(a) != END {
            (a, b) = (&a[1..], &b[1..]);
        }
    }
    Ordering::Equal
}

fn after_words(version: &str) -> &str {
    version.find(|c: char| c.is_ascii_digit()).map_or(version, |first| &version[first..])
}

/// Takes the number at the beginning, 0 if there is none.
fn number(text: &mut &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    *text = rest;
    number.iter().fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

/// Where a version ends, or a number begins.
const END: u16 = 1;

fn weight(text: &[u8]) -> u16 {
    match text.first() {
        Some(b'~') => 0,
        None => END,
        Some(byte) if byte.is_ascii_digit() => END,
        Some(byte) => END + 1 + u16::from(*byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_a_distribution_does() {
        let ordered = ["v8.10-2+b1", "8.20-1", "9.01", "9.01-3", "9.12~rc1-1", "9.12", "9.12-3", "9.12-3+b1", "10.0"];
        for (at, older) in ordered.iter().enumerate() {
            assert_eq!(compare(older, older), Ordering::Equal);
            for newer in &ordered[at + 1..] {
                assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
                assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
            }
        }
        assert_eq!(compare("", ""), Ordering::Equal);
        assert_eq!(compare("99999999999999999999999", "99999999999999999999998"), Ordering::Equal);
    }
}
