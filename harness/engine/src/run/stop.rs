//! A run that ends before everything has run.

use std::collections::HashMap;

use super::queue::Unit;
use super::runner::Runner;
use super::{Early, RunEvent};

impl Runner<'_> {
    pub(super) fn no_space(&mut self) {
        if self.early.is_none() {
            let message = self.room.complaint();
            self.tell(RunEvent::NoSpace { message: message.clone() });
            self.end_early(Early::NoSpace(message));
        }
    }

    /// Starts nothing more; after a failure only what completes cells of which a repeat has begun.
    pub(super) fn end_early(&mut self, why: Early) {
        let begun: HashMap<usize, u32> = match why {
            Early::FailFast => self.begun(),
            Early::Interrupted | Early::NoSpace(_) => HashMap::new(),
        };
        let dropped: Vec<Unit> = self.queue.waiting().filter(|unit| !begun.contains_key(&unit.position)).collect();
        for unit in dropped {
            self.forecast.forget(unit);
        }
        self.queue.retain(|unit| begun.contains_key(&unit.position));
        self.early = Some(why);
    }

    /// Cells of which some repeats wait and others do not.
    fn begun(&self) -> HashMap<usize, u32> {
        let mut waiting: HashMap<usize, u32> = HashMap::new();
        for unit in self.queue.waiting() {
            *waiting.entry(unit.position).or_default() += 1;
        }
        waiting.retain(|_, count| *count < self.options.repeat);
        waiting
    }
}
