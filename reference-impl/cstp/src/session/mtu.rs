//! The search for the largest packet that the DTLS path carries, by DPD-REQ of the candidate's size (AC-MTU-05, AC-MTU-06).

use std::time::{Duration, Instant};

use super::output::Role;

/// The whole search.
const LIMIT: Duration = Duration::from_secs(10);

/// Waits for the answers to one size; each wait follows one probe. A size is refuted after the last.
const WAITS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];

/// A request that is older is taken for lost where answers do not tell what they answer.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// What is looked for at least, in bytes: smaller paths are too rare to spend time on.
pub(super) const LEAST: u16 = 576;

/// One search: sizes are inner packets, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// The largest size that was answered; zero before the first answer.
    confirmed: u16,
    /// The first size that is looked at when the ceiling is refuted.
    floor: u16,
    ceiling: u16,
    /// Sizes that were not answered in time, or that the system refused. A late answer takes them back.
    refuted: Vec<u16>,
    /// Sizes that were asked for and not answered yet, one entry for each request, with the time.
    open: Vec<(u16, Instant)>,
    /// Whether an answer of another size than its request counts.
    any_size: bool,
    /// Whether the system refused a size and nobody knows yet which one it would take.
    refused: bool,
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
    ///
    /// A client wants its requests back in full, which tests both directions. A server knows that the client looks after its own
    /// direction, and that some clients answer with an empty packet whatever they are sent.
    pub(super) fn new(floor: u16, ceiling: u16, role: Role, now: Instant) -> Option<Self> {
        (ceiling > LEAST).then(|| Self {
            confirmed: 0,
            floor: floor.max(LEAST).min(ceiling),
            ceiling,
            refuted: Vec::new(),
            open: Vec::new(),
            any_size: role == Role::Server,
            refused: false,
            candidate: ceiling,
            tries: 0,
            next: now,
            until: now + LIMIT,
        })
    }

    pub(super) fn next(&self) -> Instant {
        self.next.min(self.until)
    }

    /// The largest size that was answered; zero before the first answer.
    pub(super) fn confirmed(&self) -> u16 {
        self.confirmed
    }

    /// The size that the search began with, or that the system allowed since.
    pub(super) fn ceiling(&self) -> u16 {
        self.ceiling
    }

    /// The largest size that is still possible.
    fn possible(&self) -> u16 {
        self.refuted.iter().map(|size| size - 1).min().unwrap_or(self.ceiling)
    }

    /// A DPD-REQ of this size leaves, for the search or for another reason.
    pub(super) fn asked(&mut self, size: usize, now: Instant) {
        if let Ok(size) = u16::try_from(size) {
            self.open.push((size, now));
        }
    }

    /// An answer of this size came; what it says does not matter (AC-MTU-07).
    ///
    /// When its size tells nothing, it is taken for the answer to the smallest request that is open: at least that one passed.
    pub(super) fn answered(&mut self, size: usize, now: Instant) -> Option<Step> {
        let exact = self.open.iter().position(|(open, _)| usize::from(*open) == size);
        if exact.is_none() {
            self.open.retain(|(_, at)| now < *at + FORGOTTEN);
        }
        let smallest = || self.open.iter().enumerate().filter(|_| self.any_size).min_by_key(|(_, open)| **open);
        let at = exact.or_else(|| smallest().map(|(at, _)| at))?;
        let (size, _) = self.open.swap_remove(at);
        if size <= self.confirmed || size > self.ceiling {
            return None;
        }
        let first = self.confirmed == 0;
        self.confirmed = size;
        self.refuted.retain(|refuted| *refuted > size);
        if first && self.any_size && size < self.ceiling && !self.refused {
            // A client that measures its own direction hears nothing else meanwhile: what went unanswered so far is asked again.
            self.refuted.clear();
            self.try_next(self.ceiling, now);
            return None;
        }
        self.choose(now)
    }

    /// The system refused to send this size.
    pub(super) fn refused(&mut self, size: u16, now: Instant) -> Option<Step> {
        self.open.retain(|(open, _)| *open != size);
        if size > self.floor && size > self.confirmed && size <= self.possible() {
            self.refused = true;
            self.refuted.push(size);
            return self.choose(now);
        }
        None
    }

    /// The system knows that nothing larger than this passes, which is [`LEAST`] or more.
    pub(super) fn narrowed(&mut self, ceiling: u16, now: Instant) -> Option<Step> {
        if ceiling >= self.ceiling {
            return None;
        }
        self.refused = false;
        self.ceiling = ceiling;
        self.floor = self.floor.min(ceiling);
        self.confirmed = self.confirmed.min(ceiling);
        self.refuted.retain(|refuted| *refuted <= ceiling);
        self.open.retain(|(open, _)| *open <= ceiling);
        if self.refuted.is_empty() && self.confirmed < ceiling {
            // What the system knows is most probably what passes.
            self.try_next(ceiling, now);
            return None;
        }
        self.choose(now)
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
        if self.candidate <= LEAST {
            // Not even that was answered: packets get lost, or the peer does not take part. The limit ends it.
            self.next = now + WAITS[WAITS.len() - 1];
            return Some(Step::Probe(self.candidate));
        }
        if self.candidate == self.floor {
            self.floor = LEAST;
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
        // Rounded up, so that it lies above what is confirmed.
        let middle = self.confirmed + (possible - self.confirmed).div_ceil(2);
        self.try_next(if self.confirmed == 0 { self.floor.min(possible) } else { middle }, now);
        None
    }

    fn try_next(&mut self, candidate: u16, now: Instant) {
        (self.candidate, self.tries, self.next) = (candidate, 0, now);
    }
}
