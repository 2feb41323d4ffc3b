//! Rate and queue.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Duration;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A transmitter with a fixed rate and a drop-tail queue in front of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shaper {
    /// When the last admitted frame has left.
    busy_until: Duration,
    /// The part of a nanosecond by which `busy_until` is too early, in units of `1 / rate` nanoseconds: without it a
    /// long train of frames would arrive too soon.
    remainder: u128,
    /// When each frame that has not left yet will have left, and its length.
    waiting: VecDeque<(Duration, usize)>,
    backlog: usize,
}

impl Shaper {
    /// Begins a new rate; frames that wait keep their times.
    pub(super) fn restart(&mut self) {
        self.remainder = 0;
    }

    /// When the last bit of the frame has left, or `None` if the queue is full. An idle transmitter takes any frame.
    pub(super) fn admit(
        &mut self,
        now: Duration,
        length: usize,
        rate: Option<NonZeroU64>,
        queue: usize,
    ) -> Option<Duration> {
        let Some(rate) = rate else { return Some(now) };
        while let Some((_, length)) = self.waiting.pop_front_if(|(left, _)| *left <= now) {
            self.backlog -= length;
        }
        if self.backlog > 0 && self.backlog + length > queue {
            return None;
        }
        if self.busy_until < now {
            self.busy_until = now;
            self.remainder = 0;
        }
        let rate = u128::from(rate.get());
        let work = length as u128 * 8 * NANOS_PER_SECOND + self.remainder;
        self.remainder = work % rate;
        self.busy_until += Duration::from_nanos(u64::try_from(work / rate).unwrap_or(u64::MAX));
        self.waiting.push_back((self.busy_until, length));
        self.backlog += length;
        Some(self.busy_until)
    }
}
