//! Figures from repetitions.

use serde::{Deserialize, Serialize};

/// Smallest, median and greatest of some values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub median: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
}

impl Summary {
    /// Of these values; `None` of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values.get(((values.len() - 1) as f64 * share).round() as usize).copied();
        if values.is_empty() {
            return None;
        }
        let median = (at(0.5)? + values[(values.len() - 1) / 2]) / 2.0;
        Some(Self { n: values.len(), min: values[0], median, p99: at(0.99)?, max: *values.last()? })
    }

    /// `min / median / max` with this many decimals.
    pub fn cells(&self, decimals: usize) -> String {
        let Self { min, median, max, .. } = self;
        format!("{min:.decimals$} / **{median:.decimals$}** / {max:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let odd = Summary::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.min, odd.median, odd.max, odd.n), (1.0, 2.0, 3.0, 3));
        assert_eq!(Summary::of([4.0, 1.0, 3.0, 2.0]).unwrap().median, 2.5);
        assert_eq!(Summary::of([7.0]).unwrap().p99, 7.0);
        assert_eq!(Summary::of([]), None);
        assert_eq!(odd.cells(1), "1.0 / **2.0** / 3.0");
    }
}
