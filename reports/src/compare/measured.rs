//! Numbers: when a difference is one, and not chance.

use indexmap::IndexMap;

use super::MeasuredChange;

/// Both must be exceeded for a measurement to count as changed.
///
/// The defaults do not cry wolf: timers of a few seconds and a busy machine make an outage of 6.7 s one of 8.2 s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// How many times larger or smaller.
    pub factor: f64,
    /// Durations: by how many milliseconds at least; connecting and transfers by five times that.
    pub time_ms: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { factor: 1.5, time_ms: 2000.0 }
    }
}

/// Durations of work, not of timers: a busy machine makes a transfer of 0.3 s one of 2.5 s.
const WORK: [&str; 3] = ["connect-ms", "download-ms", "upload-ms"];
/// How much more such a duration must differ, in multiples of [`Limits::time_ms`].
const WORK_TIMES: f64 = 5.0;
/// Throughput of a shared machine varies more than timers do.
const RATE_FACTOR: f64 = 2.0;
/// Percentage points of loss.
const LOSS_POINTS: f64 = 5.0;
/// Seconds of processor time for a gigabyte.
const COST_SECONDS: f64 = 1.0;
/// A header more or less; sizes are no matter of chance.
const SIZE_BYTES: f64 = 8.0;

/// What a unit means for a comparison.
struct Scale {
    more_is_worse: bool,
    factor: f64,
    at_least: f64,
}

fn scale(name: &str, limits: &Limits) -> Option<Scale> {
    let unit = name.rsplit('-').next().unwrap_or_default();
    let scale = |more_is_worse, factor, at_least| Some(Scale { more_is_worse, factor, at_least });
    match unit {
        _ if WORK.contains(&name) => scale(true, limits.factor, WORK_TIMES * limits.time_ms),
        "us" => scale(true, limits.factor, limits.time_ms * 1e3),
        "ms" => scale(true, limits.factor, limits.time_ms),
        "s" => scale(true, limits.factor, limits.time_ms / 1e3),
        "percent" => scale(true, limits.factor, LOSS_POINTS),
        "kbps" | "mbps" | "gbps" => scale(false, limits.factor.max(RATE_FACTOR), 0.0),
        "spgb" => scale(true, limits.factor.max(RATE_FACTOR), COST_SECONDS),
        "mtu" | "bytes" => scale(false, 1.0, SIZE_BYTES),
        // Of a plain number nobody knows which way is better.
        _ => None,
    }
}

/// The measurements that both have and that differ beyond the limits, the worse ones first.
pub(super) fn changes(
    old: &IndexMap<String, f64>,
    new: &IndexMap<String, f64>,
    limits: &Limits,
) -> Vec<MeasuredChange> {
    let mut found: Vec<MeasuredChange> = new
        .iter()
        .filter_map(|(name, after)| {
            let (before, after) = (*old.get(name)?, *after);
            let scale = scale(name, limits)?;
            let (small, large) = (before.min(after), before.max(after));
            let differs = large - small >= scale.at_least && large > small && large >= small * scale.factor;
            let is_worse = (after > before) == scale.more_is_worse;
            differs.then(|| MeasuredChange { name: name.clone(), old: before, new: after, is_worse })
        })
        .collect();
    found.sort_by_key(|change| !change.is_worse);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worse(name: &str, old: f64, new: f64) -> Option<bool> {
        let one = |value| IndexMap::from([(name.to_owned(), value)]);
        changes(&one(old), &one(new), &Limits::default()).first().map(|change| change.is_worse)
    }

    #[test]
    fn a_duration_must_exceed_both_limits() {
        assert_eq!(worse("outage-ms", 6700.0, 8200.0), None, "less than half as much again");
        assert_eq!(worse("outage-ms", 100.0, 1900.0), None, "less than two seconds");
        assert_eq!(worse("outage-ms", 6700.0, 21_200.0), Some(true));
        assert_eq!(worse("outage-ms", 21_200.0, 6700.0), Some(false));
        assert_eq!(worse("outage-ms", 0.0, 2000.0), Some(true), "from nothing to something");
        assert_eq!(worse("rtt-us", 1.0, 1_999_000.0), None, "microseconds are time");
        assert_eq!(worse("outage-s", 1.0, 3.0), Some(true));
    }

    #[test]
    fn work_takes_longer_on_a_busy_machine() {
        assert_eq!(worse("download-ms", 300.0, 9_000.0), None);
        assert_eq!(worse("connect-ms", 300.0, 13_900.0), Some(true), "a time-out was waited for");
    }

    #[test]
    fn of_rates_and_sizes_less_is_worse() {
        assert_eq!(worse("tunnel-mbps", 100.0, 51.0), None);
        assert_eq!(worse("tunnel-mbps", 100.0, 50.0), Some(true));
        assert_eq!(worse("tunnel-mtu", 1406.0, 1390.0), Some(true));
        assert_eq!(worse("device-mtu-bytes", 1390.0, 1406.0), Some(false));
        assert_eq!(worse("loss-percent", 1.0, 5.0), None);
        assert_eq!(worse("loss-percent", 1.0, 7.0), Some(true));
    }

    #[test]
    fn numbers_without_a_direction_and_broken_ones_say_nothing() {
        assert_eq!(worse("retries", 1.0, 100.0), None);
        assert_eq!(worse("outage-ms", f64::NAN, 100_000.0), None);
        assert_eq!(worse("outage-ms", 5000.0, 5000.0), None);
    }
}
