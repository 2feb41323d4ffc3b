//! How many cells run at a time.
//!
//! A cell begins and ends with a burst of work (namespaces, TLS, decoding its capture) and waits for timers in between. So many
//! cells can run side by side, but too many at once starve each other, and a peer that times out for that reason is a false
//! result. Cells are therefore started a few at a time, and only while the processors are seen to have room.

use std::collections::VecDeque;
use std::time::Duration;

/// Between two looks at the machine.
pub(super) const TICK: Duration = Duration::from_millis(200);
/// Looks of which the mean counts.
const LOOKS: usize = 3;
/// Up to this busy share of the processors more cells are started.
const BUSY: f64 = 0.75;
/// Cells for each processor that run however busy the machine is.
const FLOOR_PER_CPU: usize = 4;
/// Cells for each processor that are never exceeded.
const BOUND_PER_CPU: usize = 16;
/// Memory of a cell with its peers.
const CELL_MEMORY: u64 = 40 << 20;
/// Memory that is left to others.
const MEMORY_RESERVE: u64 = 256 << 20;

/// Decides whether another cell may start.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Cells at a time, if the user has said it.
    fixed: Option<usize>,
    floor: usize,
    bound: usize,
    /// Cells that may still be started before the next look.
    credit: usize,
    /// Cells for which there is memory, beside those that run.
    fit: usize,
    looks: VecDeque<f64>,
    cpus: usize,
}

impl Pace {
    /// `fixed` is what the user wants, if anything.
    pub(super) fn new(fixed: Option<usize>, cpus: usize) -> Self {
        let floor = cpus * FLOOR_PER_CPU;
        let bound = cpus * BOUND_PER_CPU;
        Self { fixed: fixed.map(|jobs| jobs.max(1)), floor, bound, credit: 0, fit: bound, looks: VecDeque::new(), cpus }
    }

    /// Cells that are never exceeded.
    pub(super) const fn at_most(&self) -> usize {
        match self.fixed {
            Some(jobs) => jobs,
            None => self.bound,
        }
    }

    /// Whether the user has said how many.
    pub(super) const fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// Takes in how busy the processors were since the last look, and how many bytes are free; what is unknown sets no bound
    /// (memory) or allows no more than the least (processors).
    pub(super) fn observe(&mut self, busy: Option<f64>, free: Option<u64>) {
        self.looks.push_back(busy.unwrap_or(1.0));
        if self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
        self.credit = if self.busy() < BUSY { self.cpus } else { 0 };
        let fit = |free: u64| usize::try_from(free.saturating_sub(MEMORY_RESERVE) / CELL_MEMORY).unwrap_or(usize::MAX);
        self.fit = free.map_or(usize::MAX, fit);
    }

    /// Whether another one may start beside those that run.
    pub(super) fn allows(&self, running: usize) -> bool {
        if let Some(jobs) = self.fixed {
            return running < jobs;
        }
        running == 0 || (self.fit > 0 && (running < self.floor || (running < self.bound && self.credit > 0)))
    }

    /// One was started beside those that run.
    pub(super) fn started(&mut self, running: usize) {
        self.fit = self.fit.saturating_sub(1);
        if running >= self.floor {
            self.credit = self.credit.saturating_sub(1);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a handful of looks")]
    fn busy(&self) -> f64 {
        self.looks.iter().sum::<f64>() / (self.looks.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUCH: Option<u64> = Some(64 << 30);

    /// Starts as many as it may; gives how many run then.
    fn fill(pace: &mut Pace, mut running: usize) -> usize {
        while pace.allows(running) {
            pace.started(running);
            running += 1;
        }
        running
    }

    #[test]
    fn an_idle_machine_fills_step_by_step_up_to_the_bound() {
        let mut pace = Pace::new(None, 2);
        let mut running = fill(&mut pace, 0);
        assert_eq!(running, 8, "before the first look only the least");
        let mut steps = 0;
        while running < pace.at_most() {
            pace.observe(Some(0.1), MUCH);
            let before = running;
            running = fill(&mut pace, running);
            assert!(running - before <= 2, "no more than one for each processor at once");
            steps += 1;
            assert!(steps < 100);
        }
        pace.observe(Some(0.0), MUCH);
        assert_eq!(fill(&mut pace, running), running);
    }

    #[test]
    fn a_busy_machine_gets_the_least() {
        let mut pace = Pace::new(None, 2);
        for _ in 0..LOOKS {
            pace.observe(Some(0.9), MUCH);
        }
        assert_eq!(fill(&mut pace, 0), 8);
        assert!(!pace.allows(10), "what runs beyond it ends, and is not replaced");
        pace.observe(None, MUCH);
        assert!(!pace.allows(10), "nothing known of the processors");
    }

    #[test]
    fn memory_bounds_all_but_the_first() {
        let mut pace = Pace::new(None, 8);
        pace.observe(Some(0.0), Some(MEMORY_RESERVE + 3 * CELL_MEMORY));
        assert_eq!(fill(&mut pace, 0), 3);
        pace.observe(Some(0.0), Some(0));
        assert_eq!(fill(&mut pace, 0), 1, "never none at all");
    }

    #[test]
    fn what_the_user_says_is_done() {
        let mut pace = Pace::new(Some(7), 2);
        pace.observe(Some(1.0), Some(0));
        assert_eq!(fill(&mut pace, 0), 7);
    }
}
