//! One ordered set of deadlines, at most one for each session.

use std::collections::BTreeSet;
use std::time::Instant;

/// Deadlines by time and slot.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Instant, usize)>,
}

impl Timers {
    /// Makes sure that `slot` is looked at no later than `at`.
    ///
    /// `armed` is what the slot knows about its own entry. A deadline that moves away keeps its entry: looking too early
    /// is harmless, and each packet moves deadlines away.
    pub(super) fn arm(&mut self, slot: usize, armed: &mut Option<Instant>, at: Option<Instant>) {
        let Some(at) = at else { return };
        if armed.is_some_and(|armed| armed <= at) {
            return;
        }
        self.disarm(slot, armed);
        self.due.insert((at, slot));
        *armed = Some(at);
    }

    /// Forgets the entry of a slot.
    pub(super) fn disarm(&mut self, slot: usize, armed: &mut Option<Instant>) {
        if let Some(at) = armed.take() {
            self.due.remove(&(at, slot));
        }
    }

    /// Takes one slot that is due; its entry is gone then.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        let (at, slot) = *self.due.first()?;
        (at <= now).then(|| {
            self.due.pop_first();
            slot
        })
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn earlier_deadlines_replace_later_ones_and_later_ones_wait_for_the_earlier() {
        let (mut timers, start) = (Timers::default(), Instant::now());
        let (mut armed, second) = (None, Duration::from_secs(1));
        timers.arm(7, &mut armed, Some(start + 2 * second));
        timers.arm(7, &mut armed, Some(start + 3 * second));
        assert_eq!(timers.next(), Some(start + 2 * second));
        timers.arm(7, &mut armed, Some(start + second));
        assert_eq!((timers.next(), timers.take(start)), (Some(start + second), None));
        assert_eq!(timers.take(start + second), Some(7));
        assert_eq!(timers.next(), None, "one entry for each slot");
    }

    #[test]
    fn a_disarmed_slot_is_never_due() {
        let (mut timers, start, mut armed) = (Timers::default(), Instant::now(), None);
        timers.arm(1, &mut armed, Some(start));
        timers.disarm(1, &mut armed);
        assert_eq!((timers.take(start), armed), (None, None));
    }
}
