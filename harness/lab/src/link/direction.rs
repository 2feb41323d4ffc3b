//! One direction of a wire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use interop_evidence::WireStats;

use super::chance::Chance;
use super::fate::{Delivery, Fate};
use super::profile::Profile;
use super::shaper::Shaper;

/// EtherType of ARP (RFC 826).
const ARP: [u8; 2] = [0x08, 0x06];

/// Bytes in flight above which frames are dropped as if a queue were full, whatever the profile says.
const MOST_IN_FLIGHT: usize = 64 * 1024 * 1024;

/// Buffers kept for reuse.
const MOST_SPARE: usize = 256;

/// One direction of a wire: takes frames at one end and gives them out at the other, at the time that its
/// [`Profile`] says.
#[derive(Clone, Debug)]
pub struct Direction {
    profile: Profile,
    clear: bool,
    chance: Chance,
    shaper: Shaper,
    in_flight: BinaryHeap<Reverse<InFlight>>,
    bytes_in_flight: usize,
    /// When the last frame that was not held back arrives; none may arrive earlier, whatever the jitter.
    last_due: Duration,
    sequence: u64,
    stats: WireStats,
    spare: Vec<Vec<u8>>,
}

/// Ordered by arrival, then by the order in which frames were offered; no two are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct InFlight {
    due: Duration,
    sequence: u64,
    frame: Vec<u8>,
}

impl Direction {
    /// A direction with `profile`, whose random choices come from `seed`.
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self::with_stream(profile, seed, 0)
    }

    /// The same seed with another `stream` gives independent choices.
    pub(super) fn with_stream(profile: Profile, seed: u64, stream: u64) -> Self {
        Self {
            clear: profile.is_clear(),
            profile,
            chance: Chance::new(seed, stream),
            shaper: Shaper::default(),
            in_flight: BinaryHeap::new(),
            bytes_in_flight: 0,
            last_due: Duration::ZERO,
            sequence: 0,
            stats: WireStats::default(),
            spare: Vec::new(),
        }
    }

    /// The profile in force.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Changes the profile for frames that are offered from now on; frames in flight keep their times, and later
    /// ones do not overtake them.
    pub fn set_profile(&mut self, profile: Profile) {
        self.clear = profile.is_clear();
        self.profile = profile;
        self.chance.restart();
        self.shaper.restart();
    }

    /// Takes a frame and says what becomes of it. Of [`Fate::Pass`] nothing is kept; of any other fate that arrives
    /// the link keeps a copy, which [`Self::pop_due`] gives out, perhaps at once.
    pub fn offer(&mut self, now: Duration, frame: &[u8]) -> Fate {
        let index = self.stats.offered;
        self.stats.offered += 1;
        if self.clear && self.last_due <= now && self.next_due().is_none_or(|due| due > now) {
            self.stats.delivered += 1;
            return Fate::Pass;
        }
        // Decided for every frame, also for those that the queue or a cut takes: those depend on the time.
        let luck = self.chance.decide(index, frame.len(), &self.profile);
        if self.profile.cut {
            self.stats.dropped_cut += 1;
            return Fate::Cut;
        }
        if self.profile.is_too_long(frame.len()) {
            self.stats.dropped_mtu += 1;
            return Fate::Mtu;
        }
        if self.bytes_in_flight + frame.len() > MOST_IN_FLIGHT {
            self.stats.dropped_queue += 1;
            return Fate::Queue;
        }
        let Some(left) = self.shaper.admit(now, frame.len(), self.profile.rate, self.profile.queue) else {
            self.stats.dropped_queue += 1;
            return Fate::Queue;
        };
        if luck.lost {
            self.stats.lost += 1;
            return Fate::Lost;
        }
        let mut due = (left + self.profile.delay + luck.jitter).max(self.last_due);
        if luck.reordered {
            due += self.profile.hold_back();
            self.stats.reordered += 1;
        } else {
            self.last_due = due;
        }
        self.stats.delayed += u64::from(due > now);
        let mut copy = self.copy_of(frame);
        let corrupted = luck.corrupted.filter(|_| !is_arp(frame));
        if let Some(flip) = corrupted {
            copy[flip.byte] ^= flip.mask;
            self.stats.corrupted += 1;
        }
        if luck.duplicated {
            let second = self.copy_of(&copy);
            self.stats.duplicated += 1;
            self.send(due, copy);
            self.send(due, second);
        } else {
            self.send(due, copy);
        }
        Fate::Delivered(Delivery {
            at: due,
            after: due.saturating_sub(now),
            reordered: luck.reordered,
            duplicated: luck.duplicated,
            corrupted: corrupted.map(|flip| flip.byte),
        })
    }

    /// When the next frame arrives.
    pub fn next_due(&self) -> Option<Duration> {
        self.in_flight.peek().map(|Reverse(first)| first.due)
    }

    /// The next frame that has arrived by `now`; give its buffer back with [`Self::recycle`].
    pub fn pop_due(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(first) = self.in_flight.pop()?;
        self.bytes_in_flight -= first.frame.len();
        self.stats.delivered += 1;
        Some(first.frame)
    }

    /// Takes a buffer for reuse, so that carrying frames needs no allocation.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < MOST_SPARE {
            self.spare.push(buffer);
        }
    }

    /// Counters since the start. `delivered` counts what came out, copies included; so once nothing is in flight,
    /// `offered + duplicated` equals `delivered + lost + dropped_*`.
    pub fn stats(&self) -> WireStats {
        self.stats
    }

    fn copy_of(&mut self, frame: &[u8]) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(frame);
        buffer
    }

    fn send(&mut self, due: Duration, frame: Vec<u8>) {
        self.bytes_in_flight += frame.len();
        self.in_flight.push(Reverse(InFlight { due, sequence: self.sequence, frame }));
        self.sequence += 1;
    }
}

/// ARP has no checksum of its own and relies on the line's (IEEE 802.3, 3.2.9), which a real line has and a flipped bit would not pass. A
/// wrong address in an answer would make the neighbour unreachable for a second, which is another fault than the one asked for.
fn is_arp(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&ARP)
}
