//! What the user wants while the program runs, by signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// SIGINT, SIGTERM: log out and end.
    Stop,
    /// SIGHUP: end, and leave the session at the gateway.
    Detach,
    /// SIGUSR1: report the state.
    Status,
    /// SIGUSR2: reconnect now.
    Reconnect,
}

/// The signals that are listened to.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next wish; nothing is lost when the call is cancelled.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.hangup.recv() => Wish::Detach,
            _ = self.user1.recv() => Wish::Status,
            _ = self.user2.recv() => Wish::Reconnect,
        }
    }

    /// Waits until the user wants the end.
    pub(crate) async fn end(&mut self) {
        while !matches!(self.next().await, Wish::Stop | Wish::Detach) {}
    }
}
