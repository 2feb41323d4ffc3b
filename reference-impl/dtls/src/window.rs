//! Protection against replay (RFC 6347, 4.1.2.6; AC-SEC-03).

const WORDS: u64 = 16;
const WORD_BITS: u64 = 64;

/// Number of sequence numbers behind the newest that are still accepted. Wide, because packets of one tunnel may
/// overtake each other by whole batches.
pub(crate) const WINDOW: u64 = (WORDS - 1) * WORD_BITS;

/// Remembers which records were received: a ring of bits in which whole words are forgotten (RFC 6479).
#[derive(Debug, Default)]
pub(crate) struct ReplayWindow {
    bits: [u64; WORDS as usize],
    /// One more than the newest sequence number seen.
    end: u64,
}

impl ReplayWindow {
    /// Tells whether a record with this number may be new.
    pub(crate) fn is_new(&self, sequence: u64) -> bool {
        if sequence >= self.end {
            return true;
        }
        if self.end - sequence > WINDOW {
            return false;
        }
        let (word, bit) = place(sequence);
        self.bits[word] & bit == 0
    }

    /// Notes a record that authenticated.
    pub(crate) fn mark(&mut self, sequence: u64) {
        if sequence >= self.end {
            let newest = self.end.checked_sub(1).map_or(0, |last| last / WORD_BITS + 1);
            let target = sequence / WORD_BITS;
            let first = newest.max(target.saturating_sub(WORDS - 1));
            for word in first..=target {
                self.bits[(word % WORDS) as usize] = 0;
            }
            self.end = sequence + 1;
        } else if self.end - sequence > WINDOW {
            return;
        }
        let (word, bit) = place(sequence);
        self.bits[word] |= bit;
    }
}

fn place(sequence: u64) -> (usize, u64) {
    (((sequence / WORD_BITS) % WORDS) as usize, 1 << (sequence % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edges_of_the_window() {
        let mut window = ReplayWindow::default();
        assert!(window.is_new(0));
        window.mark(0);
        assert!(!window.is_new(0));
        window.mark(WINDOW);
        assert!(!window.is_new(0), "exactly one too old");
        assert!(window.is_new(1), "oldest that still counts");
        window.mark(1);
        assert!(!window.is_new(1));
        window.mark((1 << 48) - 1);
        assert!(!window.is_new(2));
        assert!(!window.is_new((1 << 48) - 1));
        assert!(window.is_new((1 << 48) - 2));
    }

    #[test]
    fn the_numbers_of_the_openssl_stress_test() {
        let mut window = ReplayWindow::default();
        for (number, new) in [(1, true), (3, true), (2, true), (0x1234, true), (0x1230, true), (0x1230, false)] {
            assert_eq!(window.is_new(number), new, "{number:#x}");
            window.mark(number);
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(steps in prop::collection::vec(0u64..4000, 1..400)) {
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            for sequence in steps {
                let newest: Option<u64> = seen.last().copied();
                let expected = !seen.contains(&sequence) && newest.is_none_or(|newest| sequence + WINDOW > newest);
                prop_assert_eq!(window.is_new(sequence), expected, "{} after {:?}", sequence, newest);
                if expected {
                    window.mark(sequence);
                    seen.insert(sequence);
                }
            }
        }
    }
}
