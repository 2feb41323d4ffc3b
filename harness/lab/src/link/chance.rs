//! The random choices of one direction.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::profile::{ETHERNET_HEADER, Profile};

/// Words of the key stream that belong to one frame, used or not: frame `n` owns words `8n` to `8n + 7`.
const WORDS: u128 = 8;

/// Chooses from the seed and the position of a frame, so that the fate of a frame does not depend on how many frames
/// before it needed a choice, or when they came.
#[derive(Clone, Debug)]
pub(super) struct Chance {
    stream: ChaCha8Rng,
    burst: Burst,
}

/// What chance has decided for one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Luck {
    pub(super) lost: bool,
    pub(super) duplicated: bool,
    pub(super) reordered: bool,
    pub(super) corrupted: Option<Flip>,
    pub(super) jitter: Duration,
}

/// One bit of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flip {
    pub(super) byte: usize,
    pub(super) mask: u8,
}

/// State of the Gilbert-Elliott chain: every frame is lost in the bad state and none in the good one.
#[derive(Clone, Copy, Debug)]
enum Burst {
    /// The first frame draws from the long-run distribution.
    Unborn,
    Good,
    Bad,
}

impl Chance {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut words = ChaCha8Rng::seed_from_u64(seed);
        words.set_stream(stream);
        Self { stream: words, burst: Burst::Unborn }
    }

    /// Begins a new profile; its bursts owe nothing to those of the old one.
    pub(super) fn restart(&mut self) {
        self.burst = Burst::Unborn;
    }

    /// Decides for frame number `index` (from 0) of `length` bytes.
    pub(super) fn decide(&mut self, index: u64, length: usize, profile: &Profile) -> Luck {
        if !profile.is_random() {
            return Luck::default();
        }
        let position = u128::from(index) * WORDS;
        if self.stream.get_word_pos() != position {
            self.stream.set_word_pos(position);
        }
        let [loss, duplicate, reorder, corrupt, bit, jitter_high, jitter_low, _] =
            std::array::from_fn(|_| self.stream.next_u32());
        Luck {
            lost: self.is_lost(loss, profile),
            duplicated: hits(duplicate, profile.duplicate),
            reordered: hits(reorder, profile.reorder),
            corrupted: hits(corrupt, profile.corrupt).then(|| Flip::pick(bit, length)).flatten(),
            jitter: part_of(profile.jitter, (u64::from(jitter_high) << 32) | u64::from(jitter_low)),
        }
    }

    fn is_lost(&mut self, word: u32, profile: &Profile) -> bool {
        let Some(mean) = profile.burst else { return hits(word, profile.loss) };
        if profile.loss <= 0.0 || profile.loss >= 1.0 {
            return profile.loss >= 1.0;
        }
        // Long-run loss = enter / (enter + leave), mean burst = 1 / leave.
        let mut leave = 1.0 / mean.max(1.0);
        let mut enter = leave * profile.loss / (1.0 - profile.loss);
        if enter > 1.0 {
            enter = 1.0;
            leave = (1.0 - profile.loss) / profile.loss;
        }
        let bad = match self.burst {
            Burst::Unborn => hits(word, profile.loss),
            Burst::Good => hits(word, enter),
            Burst::Bad => !hits(word, leave),
        };
        self.burst = if bad { Burst::Bad } else { Burst::Good };
        bad
    }
}

impl Flip {
    /// A bit beyond the Ethernet header, if there is one.
    fn pick(word: u32, length: usize) -> Option<Self> {
        let bits = u64::try_from(length.checked_sub(ETHERNET_HEADER)?).ok()? * 8;
        let bit = usize::try_from((u64::from(word) * bits) >> 32).ok()?;
        (bits > 0).then_some(Self { byte: ETHERNET_HEADER + bit / 8, mask: 1 << (bit % 8) })
    }
}

/// Whether a uniform word falls below `probability`: 0 never, 1 always.
fn hits(word: u32, probability: f64) -> bool {
    f64::from(word) < probability * 4_294_967_296.0
}

/// Scales a uniform word to zero ..= `most`.
fn part_of(most: Duration, word: u64) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX - 1);
    let part = (u128::from(word) * (u128::from(nanos) + 1)) >> 64;
    Duration::from_nanos(u64::try_from(part).unwrap_or(nanos))
}
