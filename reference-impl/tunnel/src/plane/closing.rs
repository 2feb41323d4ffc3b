//! The orderly end of a TLS channel: what waits is written, then the peer's end is waited for, briefly.
//!
//! Closing a TCP connection with unread data makes the kernel send RST, which can overtake the DISCONNECT that was
//! written last; therefore reading goes on until the peer has closed too (AC-CSTP-08).

use std::io;
use std::io::Read;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::io::Io;
use super::lane::Lane;

/// How long the peer has for its own end.
const PATIENCE: Duration = Duration::from_secs(1);
/// Reads of one turn.
const READS: usize = 16;

/// A TLS channel that is being closed.
pub(super) struct Closing {
    lane: Lane,
    pub(super) until: Instant,
    /// The entry in the set of timers.
    pub(super) armed: Option<Instant>,
    shut: bool,
}

impl Closing {
    /// Begins the end.
    pub(super) fn new(mut lane: Lane, io: &Io) -> Self {
        lane.close_notify();
        Self { lane, until: io.now + PATIENCE, armed: None, shut: false }
    }

    /// Goes on; false when it is over.
    pub(super) fn goes_on(&mut self, io: &mut Io, buffer: &mut [u8]) -> bool {
        if io.now >= self.until || self.lane.flush(io).is_err() {
            return false;
        }
        if self.lane.is_flushed() && !self.shut {
            self.shut = true;
            if self.lane.tcp().shutdown(Shutdown::Write).is_err() {
                return false;
            }
        }
        for _ in 0..READS {
            match self.lane.tcp().read(buffer) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        // Somebody who talks on without end is cut off.
        false
    }

    /// Lets the socket go.
    pub(super) fn close(self, io: &Io) {
        io.forget(self.lane.tcp().as_raw_fd());
    }
}
