//! How long a run will still take.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::queue::Unit;

/// Of its time limit, what a cell takes of which nothing is known, until other cells of the run have shown it.
const SHARE: f64 = 0.2;

/// Expectations of the units of a run, corrected by what the run shows.
#[derive(Debug)]
pub(super) struct Forecast {
    expected: BTreeMap<Unit, Expected>,
    running: BTreeMap<Unit, Instant>,
    /// Time limits of finished cells of which nothing was known, and what they took, in seconds.
    limits: f64,
    took: f64,
}

#[derive(Clone, Copy, Debug)]
enum Expected {
    Known(Duration),
    /// Only the time limit is.
    Limit(Duration),
}

impl Forecast {
    pub(super) fn new() -> Self {
        Self { expected: BTreeMap::new(), running: BTreeMap::new(), limits: 0.0, took: 0.0 }
    }

    /// Adds a unit; `known` is what it took before.
    pub(super) fn add(&mut self, unit: Unit, known: Option<Duration>, limit: Duration) {
        self.expected.insert(unit, known.map_or(Expected::Limit(limit), Expected::Known));
    }

    pub(super) fn started(&mut self, unit: Unit) {
        self.running.insert(unit, Instant::now());
    }

    pub(super) fn ended(&mut self, unit: Unit) {
        let expected = self.expected.remove(&unit);
        if let (Some(Expected::Limit(limit)), Some(since)) = (expected, self.running.remove(&unit)) {
            self.limits += limit.as_secs_f64();
            self.took += since.elapsed().as_secs_f64();
        }
    }

    /// Of a unit that will not run.
    pub(super) fn forget(&mut self, unit: Unit) {
        self.expected.remove(&unit);
    }

    /// How long the rest will take if as many run at a time as now.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn left(&self) -> Duration {
        let mut sum = Duration::ZERO;
        let mut longest = Duration::ZERO;
        for (unit, expected) in &self.expected {
            let spent = self.running.get(unit).map_or(Duration::ZERO, Instant::elapsed);
            // Of one that takes longer than expected nobody knows; the longer it has taken, the longer it may.
            let left = self.guess(*expected).checked_sub(spent).unwrap_or(spent / 4);
            sum += left;
            longest = longest.max(left);
        }
        sum.div_f64(self.running.len().max(1) as f64).max(longest)
    }

    fn guess(&self, expected: Expected) -> Duration {
        match expected {
            Expected::Known(known) => known,
            // The weight of one unknown cell, so that the first to end does not decide alone.
            Expected::Limit(limit) => limit.mul_f64((self.took + SHARE * 60.0) / (self.limits + 60.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(position: usize) -> Unit {
        Unit { position, repeat: 1 }
    }

    #[test]
    fn what_is_left_is_divided_among_those_that_run() {
        let mut forecast = Forecast::new();
        for position in 0..4 {
            forecast.add(unit(position), Some(Duration::from_secs(100)), Duration::from_secs(999));
        }
        forecast.started(unit(0));
        forecast.started(unit(1));
        let left = forecast.left().as_secs_f64();
        assert!((190.0..=200.0).contains(&left), "{left}");
        forecast.ended(unit(0));
        forecast.forget(unit(2));
        forecast.forget(unit(3));
        assert!(forecast.left() <= Duration::from_secs(100));
        forecast.ended(unit(1));
        assert_eq!(forecast.left(), Duration::ZERO);
    }

    #[test]
    fn a_cell_that_nobody_knows_takes_a_part_of_its_limit() {
        let mut forecast = Forecast::new();
        forecast.add(unit(0), None, Duration::from_secs(100));
        assert_eq!(forecast.left(), Duration::from_secs(20));
        forecast.add(unit(1), None, Duration::from_secs(1000));
        forecast.started(unit(1));
        forecast.ended(unit(1));
        assert!(forecast.left() < Duration::from_secs(3), "others took next to nothing: {:?}", forecast.left());
    }
}
