//! The search for the largest packet that the DTLS path carries, by DPD-REQ of the candidate's size (AC-MTU-05, AC-MTU-06).

use std::time::{Duration, Instant};

/// The whole search.
const LIMIT: Duration = Duration::from_secs(10);

/// Waits for the answers to one size; each wait follows one probe. A size is refuted after the last.
const WAITS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];

/// One search: sizes are inner packets, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// The largest size that was answered; zero before the first answer.
    confirmed: u16,
    floor: u16,
    ceiling: u16,
    /// Sizes that were not answered in time, or that the system refused. A late answer takes them back.
    refuted: Vec<u16>,
    candidate: u16,
    tries: usize,
    next: Instant,
    until: Instant,
}

/// What a search says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send a probe of this size.
    Probe(u16),
    /// The search is over: this size is known to pass, or nothing is known.
    Done(Option<u16>),
}

impl Search {
    /// Begins with the ceiling, which passes most of the time. `None` when there is nothing to find.
    pub(super) fn new(floor: u16, ceiling: u16, now: Instant) -> Option<Self> {
        (ceiling > floor && floor > 0).then(|| Self {
            confirmed: 0,
            floor,
            ceiling,
            refuted: Vec::new(),
            candidate: ceiling,
            tries: 0,
            next: now,
            until: now + LIMIT,
        })
    }

    pub(super) fn next(&self) -> Instant {
        self.next.min(self.until)
    }

    /// The largest size that is still possible.
    fn possible(&self) -> u16 {
        self.refuted.iter().map(|size| size - 1).min().unwrap_or(self.ceiling)
    }

    /// An answer of this size came; what it says does not matter (AC-MTU-07).
    pub(super) fn answered(&mut self, size: usize, now: Instant) -> Option<Step> {
        let size = u16::try_from(size).ok().filter(|size| *size >= self.floor && *size <= self.ceiling)?;
        if size <= self.confirmed {
            return None;
        }
        self.confirmed = size;
        self.refuted.retain(|refuted| *refuted > size);
        self.choose(now)
    }

    /// The system refused to send this size.
    pub(super) fn refused(&mut self, size: u16, now: Instant) -> Option<Step> {
        if size > self.floor && size > self.confirmed && size <= self.possible() {
            self.refuted.push(size);
            return self.choose(now);
        }
        None
    }

    pub(super) fn on_timeout(&mut self, now: Instant) -> Option<Step> {
        if now >= self.until {
            return Some(Step::Done((self.confirmed > 0).then_some(self.confirmed)));
        }
        if now < self.next {
            return None;
        }
        if let Some(wait) = WAITS.get(self.tries) {
            self.tries += 1;
            self.next = now + *wait;
            return Some(Step::Probe(self.candidate));
        }
        if self.candidate <= self.floor {
            // Not even the floor was answered: packets get lost, or the peer does not take part. The limit ends it.
            self.next = now + WAITS[WAITS.len() - 1];
            return Some(Step::Probe(self.candidate));
        }
        self.refuted.push(self.candidate);
        // A new candidate is due at once; it has tries left, so this goes no deeper.
        self.choose(now).or_else(|| self.on_timeout(now))
    }

    /// Takes the middle of what is possible, after a first look at the floor: an answer there proves that the peer takes part.
    fn choose(&mut self, now: Instant) -> Option<Step> {
        let possible = self.possible();
        if self.confirmed >= possible {
            return Some(Step::Done(Some(self.confirmed)));
        }
        self.candidate = if self.confirmed == 0 {
            self.floor
        } else {
            // Rounded up, so that it lies above what is confirmed.
            self.confirmed + (possible - self.confirmed).div_ceil(2)
        };
        self.tries = 0;
        self.next = now;
        None
    }
}
