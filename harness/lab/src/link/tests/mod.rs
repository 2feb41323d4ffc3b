//! The link model in virtual time. Frames carry their number, so that what comes out can be told apart.

mod chance;
mod profile_change;
mod timing;

use std::num::NonZeroU64;
use std::time::Duration;

use super::profile::ETHERNET_HEADER;
use super::{Direction, Fate, Profile};

const SEED: u64 = 20_240_607;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn rate(bits: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(bits)
}

/// A frame of `length` bytes with `number` behind the Ethernet header.
fn frame(number: u32, length: usize) -> Vec<u8> {
    let mut frame = vec![0x55; length];
    frame[ETHERNET_HEADER..ETHERNET_HEADER + 4].copy_from_slice(&number.to_be_bytes());
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[ETHERNET_HEADER..ETHERNET_HEADER + 4].try_into().unwrap())
}

/// Offers `count` frames, one every `gap`; returns their fates and what came out with its time.
fn run(direction: &mut Direction, count: u32, gap: Duration) -> (Vec<Fate>, Vec<(Duration, Vec<u8>)>) {
    let mut fates = Vec::new();
    let mut out = Vec::new();
    for index in 0..count {
        let now = gap * index;
        drain(direction, now, &mut out);
        let sent = frame(index, 100);
        let fate = direction.offer(now, &sent);
        if fate == Fate::Pass {
            out.push((now, sent));
        }
        fates.push(fate);
    }
    drain(direction, Duration::MAX, &mut out);
    (fates, out)
}

/// Takes out all that is due by `until`, each at its own time.
fn drain(direction: &mut Direction, until: Duration, out: &mut Vec<(Duration, Vec<u8>)>) {
    while let Some(due) = direction.next_due().filter(|due| *due <= until) {
        assert_eq!(due.checked_sub(Duration::from_nanos(1)).and_then(|early| direction.pop_due(early)), None);
        out.push((due, direction.pop_due(due).unwrap()));
    }
}

/// Whether `count` of `trials` is what `probability` makes likely: within three standard deviations.
fn is_likely(count: u64, trials: u64, probability: f64) -> bool {
    let mean = trials as f64 * probability;
    let sigma = (mean * (1.0 - probability)).sqrt();
    (count as f64 - mean).abs() <= 3.0 * sigma
}
