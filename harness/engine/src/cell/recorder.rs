//! The time line of a running cell, written by many and read once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use interop_evidence::{Event, EventKind, Micros, Timeline};

/// Collects events; clones write to the same time line.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    start: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    step: Option<usize>,
    events: Vec<Event>,
}

/// Events that are kept; a peer that talks without end cannot fill the memory.
const MOST_EVENTS: usize = 20_000;

impl Recorder {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, state: Arc::default() }
    }

    /// Now, on the cell's clock.
    pub(crate) fn now(&self) -> Micros {
        self.start.elapsed().into()
    }

    /// When the cell's clock was zero.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Says which step runs from now on.
    pub(crate) fn set_step(&self, step: Option<usize>) {
        self.lock().step = step;
    }

    /// Writes an event down.
    pub(crate) fn record(&self, kind: EventKind) {
        self.record_at(self.now(), kind);
    }

    /// Writes down an event that happened a moment ago; the time line stays in the order of time.
    pub(crate) fn record_at(&self, at: Micros, kind: EventKind) {
        let mut state = self.lock();
        if state.events.len() < MOST_EVENTS {
            let step = state.step;
            let behind = state.events.partition_point(|event| event.at <= at);
            state.events.insert(behind, Event { at, step, kind });
        }
    }

    /// A remark of the harness.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.record(EventKind::Note { text: text.into() });
    }

    /// Everything so far.
    pub(crate) fn timeline(&self) -> Timeline {
        Timeline { events: self.lock().events.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
