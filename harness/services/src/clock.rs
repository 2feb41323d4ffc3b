//! The cell's clock.

use interop_evidence::Micros;
use tokio::time::Instant;

/// Turns the present into microseconds since the start of the cell. Follows tokio's virtual time in tests.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// A clock that started at this moment of the monotonic clock.
    pub fn since(start: std::time::Instant) -> Self {
        Self { start: Instant::from_std(start) }
    }

    /// The present.
    pub fn now(&self) -> Micros {
        self.start.elapsed().into()
    }
}
