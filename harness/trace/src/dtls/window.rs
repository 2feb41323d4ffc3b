//! Numbers that were seen lately.

/// How many numbers below the highest are remembered; reordering spans fewer on any real line.
const SPAN: u64 = 1024;
const WORDS: usize = 16;

/// Tells a number that comes again from one that comes late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    highest: Option<u64>,
    /// A ring: the bit of a number is its remainder by [`SPAN`].
    seen: [u64; WORDS],
}

impl Window {
    /// Takes a number, and says whether it was there before. One that lies too far back is taken for new.
    pub(crate) fn is_again(&mut self, number: u64) -> bool {
        match self.highest {
            Some(highest) if number <= highest => {
                if highest - number >= SPAN {
                    return false;
                }
                let again = self.bit(number);
                self.set(number, true);
                again
            }
            highest => {
                let first = highest.map_or(number, |highest| highest.saturating_add(1));
                let first = first.max(number.saturating_sub(SPAN - 1));
                (first..number).for_each(|skipped| self.set(skipped, false));
                self.set(number, true);
                self.highest = Some(number);
                false
            }
        }
    }

    fn place(number: u64) -> (usize, u64) {
        let bit = number % SPAN;
        (usize::try_from(bit / 64).unwrap_or_default(), 1 << (bit % 64))
    }

    fn bit(&self, number: u64) -> bool {
        let (word, mask) = Self::place(number);
        self.seen.get(word).is_some_and(|bits| bits & mask != 0)
    }

    fn set(&mut self, number: u64, value: bool) {
        let (word, mask) = Self::place(number);
        if let Some(bits) = self.seen.get_mut(word) {
            *bits = if value { *bits | mask } else { *bits & !mask };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn late_is_not_again() {
        let mut window = Window::default();
        assert_eq!(
            [5, 3, 5, 3, 4, 2000, 5, 1999].map(|number| window.is_again(number)),
            [false, false, true, true, false, false, false, false]
        );
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let mut window = Window::default();
        assert_eq!([0, u64::MAX, u64::MAX, 0].map(|number| window.is_again(number)), [false, false, true, false]);
    }

    proptest! {
        #[test]
        fn within_the_span_it_is_a_set(numbers in prop::collection::vec(0u64..SPAN, 0..300)) {
            let mut window = Window::default();
            let mut all = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(window.is_again(number), !all.insert(number));
            }
        }
    }
}
