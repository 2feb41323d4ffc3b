//! When a lost connection is tried again.

use std::time::{Duration, Instant};

/// The rhythm of the attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// openconnect: at once, then after 10 s, 20 s and so on up to 100 s (AC-RC-02).
    Openconnect,
    /// AnyConnect: at once, then after 1, 2, 4 and then every 5 s.
    Anyconnect,
}

impl Rhythm {
    /// The wait before an attempt, which counts from 1.
    const fn wait(self, attempt: u32) -> Duration {
        let seconds = match (self, attempt) {
            (_, 0 | 1) => 0,
            (Self::Openconnect, 2..=10) => (attempt as u64 - 1) * 10,
            (Self::Openconnect, _) => 100,
            (Self::Anyconnect, 2..=4) => 1 << (attempt - 2),
            (Self::Anyconnect, _) => 5,
        };
        Duration::from_secs(seconds)
    }
}

/// One loss of the connection: the attempts and their limit. The clock is an argument.
#[derive(Clone, Debug)]
pub(crate) struct BackOff {
    rhythm: Rhythm,
    deadline: Instant,
    attempt: u32,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait until then and try.
    Attempt {
        /// Counts from 1.
        number: u32,
        /// The wait.
        after: Duration,
    },
    /// The limit would be passed.
    GiveUp,
}

impl BackOff {
    /// Begins at the loss; no attempt begins later than `limit` after it.
    pub(crate) fn new(rhythm: Rhythm, limit: Duration, now: Instant) -> Self {
        Self { rhythm, deadline: now + limit, attempt: 0 }
    }

    /// The next attempt.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        let after = self.rhythm.wait(self.attempt + 1);
        if self.attempt > 0 && now + after > self.deadline {
            return Next::GiveUp;
        }
        self.attempt += 1;
        Next::Attempt { number: self.attempt, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begin of each attempt in seconds after the loss, when an attempt takes `each` seconds.
    fn run(rhythm: Rhythm, limit: u64, each: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut now = start;
        let mut back_off = BackOff::new(rhythm, Duration::from_secs(limit), now);
        let mut begins = Vec::new();
        while let Next::Attempt { number, after } = back_off.next(now) {
            now += after;
            begins.push(now.duration_since(start).as_secs());
            assert_eq!(number as usize, begins.len());
            now += Duration::from_secs(each);
        }
        begins
    }

    #[test]
    fn openconnect_waits_ten_seconds_more_each_time() {
        assert_eq!(run(Rhythm::Openconnect, 300, 0), [0, 10, 30, 60, 100, 150, 210, 280]);
        assert_eq!(run(Rhythm::Openconnect, 300, 10), [0, 20, 50, 90, 140, 200, 270]);
        let waits: Vec<u64> = run(Rhythm::Openconnect, 2000, 0).windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits[8..12], [90, 100, 100, 100]);
    }

    #[test]
    fn anyconnect_is_quicker() {
        assert_eq!(run(Rhythm::Anyconnect, 30, 0), [0, 1, 3, 7, 12, 17, 22, 27]);
    }

    #[test]
    fn the_first_attempt_is_made_whatever_the_limit() {
        assert_eq!(run(Rhythm::Openconnect, 0, 5), [0]);
    }
}
