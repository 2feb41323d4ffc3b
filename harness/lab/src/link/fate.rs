//! What becomes of one frame.

use std::fmt;
use std::time::Duration;

/// What becomes of a frame that was offered; decided at once, even if it arrives later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Passes at once and unchanged: the caller writes its own buffer through, the link keeps no copy.
    Pass,
    /// Comes out of `pop_due`, perhaps later, twice, or changed.
    Delivered(Delivery),
    /// Lost by chance.
    Lost,
    /// Dropped because the queue was full.
    Queue,
    /// Dropped because the packet was longer than the wire's MTU.
    Mtu,
    /// Dropped because the wire is cut.
    Cut,
}

/// How a frame that went into the link comes out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// When, on the caller's clock.
    pub at: Duration,
    /// How long after it was offered.
    pub after: Duration,
    /// Whether it was held back, so that later frames overtake it.
    pub reordered: bool,
    /// Whether a second copy follows.
    pub duplicated: bool,
    /// Offset in the frame of the byte in which a bit was flipped.
    pub corrupted: Option<usize>,
}

impl Fate {
    /// Whether the frame reaches the other end.
    pub const fn arrives(&self) -> bool {
        matches!(self, Self::Pass | Self::Delivered(_))
    }

    /// What is worth a packet comment: anything but an undisturbed delivery, however late.
    pub fn remark(&self) -> Option<String> {
        match self {
            Self::Pass => None,
            Self::Delivered(it) if !it.reordered && !it.duplicated && it.corrupted.is_none() => None,
            other => Some(other.to_string()),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("passed"),
            Self::Delivered(delivery) => delivery.fmt(f),
            Self::Lost => f.write_str("lost on the wire"),
            Self::Queue => f.write_str("dropped: queue full"),
            Self::Mtu => f.write_str("dropped: longer than the MTU of the wire"),
            Self::Cut => f.write_str("dropped: wire cut"),
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.after.as_micros();
        write!(f, "delivered after {}.{:03} ms", micros / 1000, micros % 1000)?;
        if self.reordered {
            f.write_str(", held back")?;
        }
        if self.duplicated {
            f.write_str(", duplicated")?;
        }
        if let Some(byte) = self.corrupted {
            write!(f, ", bit flipped in byte {byte}")?;
        }
        Ok(())
    }
}
