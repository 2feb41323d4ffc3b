//! What the user wants while the program runs, by signals.

use std::future::pending;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

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

impl Wish {
    /// Whether the program is to end.
    const fn is_end(self) -> bool {
        matches!(self, Self::Stop | Self::Detach)
    }
}

/// The wishes in their order.
pub(crate) struct Signals {
    wishes: UnboundedReceiver<Wish>,
    ending: Ending,
}

/// Whether the end is wanted, for those who wait for something else; how often it was wished for is counted.
#[derive(Clone)]
pub(crate) struct Ending(watch::Receiver<u32>);

impl Signals {
    /// Listens from now on, in a task of its own.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut sources = Sources {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        };
        let (tell, wishes) = unbounded_channel();
        let (ends, ending) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let wish = sources.next().await;
                if wish.is_end() {
                    ends.send_modify(|count| *count += 1);
                }
                if tell.send(wish).is_err() {
                    return;
                }
            }
        });
        Ok(Self { wishes, ending: Ending(ending) })
    }

    /// Waits for the next wish; nothing is lost when the call is cancelled.
    pub(crate) async fn next(&mut self) -> Wish {
        match self.wishes.recv().await {
            Some(wish) => wish,
            // The task lives as long as the runtime.
            None => pending().await,
        }
    }

    /// Waits until the user wants the end.
    pub(crate) async fn end(&mut self) {
        while !self.next().await.is_end() {}
    }

    /// Tells of the end in other places.
    pub(crate) fn ending(&self) -> Ending {
        self.ending.clone()
    }
}

impl Ending {
    /// Whether the end was wished for.
    pub(crate) fn is_wanted(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until the end is wished for once more than by now.
    pub(crate) async fn wanted_again(&self) {
        let mut counter = self.0.clone();
        counter.mark_unchanged();
        if counter.changed().await.is_err() {
            pending().await
        }
    }
}

/// The signals that are listened to.
struct Sources {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
}

impl Sources {
    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.hangup.recv() => Wish::Detach,
            _ = self.user1.recv() => Wish::Status,
            _ = self.user2.recv() => Wish::Reconnect,
        }
    }
}
