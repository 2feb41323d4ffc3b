//! The search itself, without anything that runs.

/// What a search ended with. Positions are those of the versions, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Both ends show the same.
    Same,
    /// An end cannot be judged.
    Unusable(usize),
    /// Where it changes.
    Change {
        /// The last version that is as the first end.
        last: usize,
        /// The first one that is not.
        first: usize,
        /// Those between that could not be judged.
        unknown: Vec<usize>,
    },
}

/// Finds the first version that does not show what the oldest one shows.
///
/// `look` says what a version shows, or nothing when it cannot be judged. Both ends are looked at, then halves: of n versions
/// no more than 2 + log2(n - 1), rounded up, unless some cannot be judged; then those next to them are looked at instead.
pub(super) fn search<L: PartialEq, E>(
    versions: usize,
    mut look: impl FnMut(usize) -> Result<Option<L>, E>,
) -> Result<Found, E> {
    let newest = versions.saturating_sub(1);
    let Some(before) = look(0)? else { return Ok(Found::Unusable(0)) };
    if newest == 0 {
        return Ok(Found::Same);
    }
    match look(newest)? {
        None => return Ok(Found::Unusable(newest)),
        Some(after) if after == before => return Ok(Found::Same),
        Some(_) => {}
    }
    let (mut last, mut first) = (0, newest);
    let mut unknown = Vec::new();
    while let Some(next) = middle(last, first, &unknown) {
        match look(next)? {
            None => unknown.push(next),
            Some(shown) if shown == before => last = next,
            Some(_) => first = next,
        }
    }
    unknown.retain(|at| (last..first).contains(at));
    unknown.sort_unstable();
    Ok(Found::Change { last, first, unknown })
}

/// The version closest to the middle between two, of those that may still be judged.
fn middle(last: usize, first: usize, unknown: &[usize]) -> Option<usize> {
    let candidates = (last + 1..first).filter(|at| !unknown.contains(at));
    candidates.min_by_key(|at| (2 * at).abs_diff(last + first))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Searches in what each version shows, and counts how many were looked at.
    fn find(shown: &str) -> (Found, usize) {
        let shown: Vec<char> = shown.chars().collect();
        let mut looks = Vec::new();
        let found = search(shown.len(), |at| -> Result<Option<char>, Infallible> {
            looks.push(at);
            Ok(Some(shown[at]).filter(|shown| *shown != '?'))
        })
        .unwrap();
        let mut once = looks.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), looks.len(), "no version is run twice");
        (found, looks.len())
    }

    #[test]
    fn every_border_is_found_with_few_looks() {
        for versions in 2_usize..40 {
            let most = 2 + (versions - 1).next_power_of_two().ilog2() as usize;
            for border in 1..versions {
                let shown: String = (0..versions).map(|at| if at < border { 'p' } else { 'f' }).collect();
                let (found, looks) = find(&shown);
                assert_eq!(found, Found::Change { last: border - 1, first: border, unknown: vec![] }, "{shown}");
                assert!(looks <= most, "{looks} looks at {versions} versions, {most} are enough");
            }
        }
    }

    #[test]
    fn ends_that_are_alike_or_cannot_be_judged_end_the_search() {
        assert_eq!(find("pfp"), (Found::Same, 2));
        assert_eq!(find("p"), (Found::Same, 1));
        assert_eq!(find("?ff"), (Found::Unusable(0), 1));
        assert_eq!(find("pf?"), (Found::Unusable(2), 2));
    }

    #[test]
    fn what_cannot_be_judged_is_gone_around_and_named() {
        assert_eq!(find("pp?ff").0, Found::Change { last: 1, first: 3, unknown: vec![2] });
        assert_eq!(find("p?pff").0, Found::Change { last: 2, first: 3, unknown: vec![] });
        assert_eq!(find("p???f").0, Found::Change { last: 0, first: 4, unknown: vec![1, 2, 3] });
    }

    #[test]
    fn a_third_result_is_a_change_as_well() {
        assert_eq!(find("ppdff").0, Found::Change { last: 1, first: 2, unknown: vec![] });
    }
}
