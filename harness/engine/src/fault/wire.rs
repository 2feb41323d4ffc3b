//! `wire`: what a wire does to frames. Proof: the wire's own counters, one for each effect that was asked for.

use std::num::NonZeroU64;

use interop_catalogue::{Percent, WireFault};
use interop_evidence::WireStats;
use interop_lab::link::{End, Profile};

use super::Evidence;
use crate::cell::Cell;
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Wire {
    link: String,
    towards: Option<String>,
    profile: Profile,
    before: Option<WireStats>,
}

/// An effect, whether a profile has it, and the counter that shows it.
type Effect = (&'static str, fn(&Profile) -> bool, fn(&WireStats) -> u64);

const EFFECTS: &[Effect] = &[
    ("corrupted", |profile| profile.corrupt > 0.0, |stats| stats.corrupted),
    ("cut", |profile| profile.cut, |stats| stats.dropped_cut),
    ("delayed", |profile| !profile.delay.is_zero() || !profile.jitter.is_zero(), |stats| stats.delayed),
    ("duplicated", |profile| profile.duplicate > 0.0, |stats| stats.duplicated),
    ("lost", |profile| profile.loss > 0.0, |stats| stats.lost),
    ("longer than the MTU", |profile| profile.mtu.is_some(), |stats| stats.dropped_mtu),
    ("queued or dropped by the rate", |profile| profile.rate.is_some(), |stats| stats.delayed + stats.dropped_queue),
    ("reordered", |profile| profile.reorder > 0.0, |stats| stats.reordered),
];

impl Wire {
    pub(super) fn new(fault: &WireFault) -> Self {
        let share = |percent: Option<Percent>| percent.map_or(0.0, Percent::fraction);
        let profile = Profile {
            delay: fault.delay.unwrap_or_default(),
            jitter: fault.jitter.unwrap_or_default(),
            loss: share(fault.loss),
            burst: fault.burst.map(f64::from),
            duplicate: share(fault.duplicate),
            reorder: share(fault.reorder),
            corrupt: share(fault.corrupt),
            rate: fault.rate.and_then(|rate| NonZeroU64::new(rate.0)),
            queue: fault.queue.map_or(Profile::DEFAULT_QUEUE, |size| usize::try_from(size.0).unwrap_or(usize::MAX)),
            mtu: fault.mtu.map(|mtu| mtu.0.into()),
            cut: fault.cut.unwrap_or(false),
            ..Profile::default()
        };
        let towards = fault.towards.as_ref().map(ToString::to_string);
        Self { link: fault.link.to_string(), towards, profile, before: None }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        if !EFFECTS.iter().any(|(_, has, _)| has(&self.profile)) {
            return Err(EngineError::plan(format!("wire `{}` is asked for no effect", self.link)));
        }
        self.before = Some(self.stats(cell)?);
        cell.lab.wires().set_profile(&self.link, self.end(cell), self.profile.clone())?;
        let effects: Vec<&str> =
            EFFECTS.iter().filter(|(_, has, _)| has(&self.profile)).map(|(name, ..)| *name).collect();
        let towards = self.towards.as_ref().map_or_else(String::new, |node| format!(" towards `{node}`"));
        Ok(format!("wire `{}`{towards}: frames are {}", self.link, effects.join(", ")))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        Ok(cell.lab.wires().set_profile(&self.link, self.end(cell), Profile::default())?)
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let (now, before) = (self.stats(cell)?, self.before.unwrap_or_default());
        let offered = now.offered - before.offered;
        let counts: Vec<(&str, u64)> = EFFECTS
            .iter()
            .filter(|(_, has, _)| has(&self.profile))
            .map(|(name, _, count)| (*name, count(&now) - count(&before)))
            .collect();
        let words: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let bit = counts.iter().all(|(_, count)| *count > 0);
        Ok((bit, format!("wire `{}`: of {offered} frames {}", self.link, words.join(", "))))
    }

    fn end(&self, cell: &Cell<'_>) -> Option<End> {
        self.towards.as_ref().and_then(|node| cell.world.end_towards(&self.link, node))
    }

    fn stats(&self, cell: &Cell<'_>) -> Result<WireStats> {
        let wires = cell.lab.wires();
        let [a, b] = wires.stats()?[wires.position(&self.link)?];
        Ok(match self.end(cell) {
            Some(End::A) => a,
            Some(End::B) => b,
            None => a + b,
        })
    }
}
