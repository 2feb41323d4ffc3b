//! What a direction of a wire does to frames.

use std::num::NonZeroU64;
use std::time::Duration;

/// Bytes of an Ethernet II header, which no effect touches or counts.
pub(super) const ETHERNET_HEADER: usize = 14;

/// What one direction of a wire does to the frames it carries. The default does nothing.
///
/// Fractions are probabilities per frame, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Time that every frame needs.
    pub delay: Duration,
    /// The most that is added to `delay`, uniformly from zero. Order is kept.
    pub jitter: Duration,
    /// Long-run fraction of frames that are lost.
    pub loss: f64,
    /// Mean number of consecutive frames lost together (Gilbert-Elliott); `None` loses each frame independently.
    ///
    /// Above a loss of `burst / (burst + 1)` the bursts get longer than asked, so that the loss holds.
    pub burst: Option<f64>,
    /// Fraction of frames that arrive twice.
    pub duplicate: f64,
    /// Fraction of frames that are held back by `reorder_by`, so that later ones overtake them.
    pub reorder: f64,
    /// How long a frame is held back; by default half of `delay`, or 5 ms where there is no delay.
    pub reorder_by: Option<Duration>,
    /// Fraction of frames in which one random bit beyond the Ethernet header is flipped; never in ARP, which no checksum protects.
    pub corrupt: f64,
    /// Bits per second, counted over whole Ethernet frames.
    pub rate: Option<NonZeroU64>,
    /// Bytes that wait for the rate before the next frame is dropped; without a rate it has no meaning.
    pub queue: usize,
    /// Longest IP packet (without the Ethernet header) that passes; longer ones vanish silently.
    pub mtu: Option<u32>,
    /// Nothing passes.
    pub cut: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            burst: None,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: None,
            corrupt: 0.0,
            rate: None,
            queue: Self::DEFAULT_QUEUE,
            mtu: None,
            cut: false,
        }
    }
}

impl Profile {
    /// Bytes that wait for the rate, unless the profile says otherwise.
    pub const DEFAULT_QUEUE: usize = 256 * 1024;

    /// How long a frame is held back.
    pub fn hold_back(&self) -> Duration {
        match self.reorder_by {
            Some(by) => by,
            None if self.delay.is_zero() => Duration::from_millis(5),
            None => self.delay / 2,
        }
    }

    /// Whether every frame passes at once and unchanged.
    pub fn is_clear(&self) -> bool {
        !self.is_random() && self.delay.is_zero() && self.rate.is_none() && self.mtu.is_none() && !self.cut
    }

    /// Whether chance has a say.
    pub(super) fn is_random(&self) -> bool {
        !self.jitter.is_zero() || [self.loss, self.duplicate, self.reorder, self.corrupt].iter().any(|p| *p > 0.0)
    }

    /// Whether the packet in a frame of `length` bytes is longer than the wire takes.
    pub(super) fn is_too_long(&self, length: usize) -> bool {
        self.mtu.is_some_and(|mtu| length.saturating_sub(ETHERNET_HEADER) > mtu as usize)
    }
}
