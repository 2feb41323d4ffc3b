//! Both directions of a wire.

use std::time::Duration;

use interop_evidence::WireStats;

use super::direction::Direction;
use super::fate::Fate;
use super::profile::Profile;

/// One of the two ends of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The first.
    A,
    /// The second.
    B,
}

impl End {
    /// The opposite end.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A wire: carries Ethernet frames between end A and end B, each direction with its own profile.
#[derive(Clone, Debug)]
pub struct Link {
    from_a: Direction,
    from_b: Direction,
}

impl Link {
    /// A wire that treats both directions alike, with independent choices from one seed.
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self {
            from_a: Direction::with_stream(profile.clone(), seed, 0),
            from_b: Direction::with_stream(profile, seed, 1),
        }
    }

    /// The direction that starts at `end`.
    pub fn from(&self, end: End) -> &Direction {
        match end {
            End::A => &self.from_a,
            End::B => &self.from_b,
        }
    }

    /// The direction that starts at `end`, to change its profile or give buffers back.
    pub fn from_mut(&mut self, end: End) -> &mut Direction {
        match end {
            End::A => &mut self.from_a,
            End::B => &mut self.from_b,
        }
    }

    /// Changes the profile of both directions; see [`Direction::set_profile`].
    pub fn set_profile(&mut self, profile: Profile) {
        self.from_a.set_profile(profile.clone());
        self.from_b.set_profile(profile);
    }

    /// Takes a frame that entered at `end`; see [`Direction::offer`].
    pub fn offer(&mut self, now: Duration, end: End, frame: &[u8]) -> Fate {
        self.from_mut(end).offer(now, frame)
    }

    /// When the next frame arrives at either end.
    pub fn next_due(&self) -> Option<Duration> {
        [self.from_a.next_due(), self.from_b.next_due()].into_iter().flatten().min()
    }

    /// The next frame that has arrived by `now`, earliest first, and the end at which it comes out.
    pub fn pop_due(&mut self, now: Duration) -> Option<(End, Vec<u8>)> {
        let end = match (self.from_a.next_due(), self.from_b.next_due()) {
            (Some(a), Some(b)) if b < a => End::B,
            (Some(_), _) => End::A,
            (None, _) => End::B,
        };
        self.from_mut(end).pop_due(now).map(|frame| (end.other(), frame))
    }

    /// Counters of both directions together.
    pub fn stats(&self) -> WireStats {
        self.from_a.stats() + self.from_b.stats()
    }
}
