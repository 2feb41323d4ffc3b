//! The program's side: starting the thread, giving it orders, stopping it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::worker::Worker;
use super::{Attach, Farewell, PlaneConfig, PlaneEvent, PlaneStats, SessionId};

/// An order to the thread.
pub(super) enum Command {
    Attach(Box<Attach>),
    Detach(SessionId, Farewell),
    Stats(oneshot::Sender<PlaneStats>),
    Stop,
}

/// Orders that wait; `None` once the thread is gone.
pub(super) type Mailbox = Arc<Mutex<Option<VecDeque<Command>>>>;

/// Locks a mailbox. A panic elsewhere leaves a queue that is as good as before.
pub(super) fn lock(mailbox: &Mailbox) -> MutexGuard<'_, Option<VecDeque<Command>>> {
    mailbox.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The data plane; see the module documentation.
pub struct Plane;

impl Plane {
    /// Starts the thread. It works in the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// When the key log cannot be opened, a socket or the device cannot be prepared, or no thread can be made.
    pub fn start(config: PlaneConfig) -> io::Result<(PlaneHandle, UnboundedReceiver<PlaneEvent>)> {
        let (events, receiver) = unbounded_channel();
        let mailbox = Mailbox::new(Mutex::new(Some(VecDeque::new())));
        let worker = Worker::new(config, events.clone(), Arc::clone(&mailbox))?;
        let waker = worker.waker()?;
        let orders = Arc::clone(&mailbox);
        let thread = thread::Builder::new().name("data-plane".into()).spawn(move || run(worker, &orders, &events))?;
        let shared = Shared { mailbox, waker, thread: Mutex::new(Some(thread)) };
        Ok((PlaneHandle { shared: Arc::new(shared) }, receiver))
    }
}

/// The whole life of the thread. Whatever happens, orders that can no longer be carried out are dropped, so that nobody
/// waits for an answer, and an end that nobody asked for is told.
fn run(worker: Worker, mailbox: &Mailbox, events: &UnboundedSender<PlaneEvent>) {
    let mut worker = worker;
    let message = match catch_unwind(AssertUnwindSafe(|| worker.run())) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => {
            let text =
                panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Some(format!("the data plane panicked: {}", text.unwrap_or("no message")))
        }
    };
    *lock(mailbox) = None;
    if let Some(message) = message {
        // Nobody listens when the program is on its way out.
        let _ = events.send(PlaneEvent::Fault { message });
    }
}

struct Shared {
    mailbox: Mailbox,
    waker: mio::Waker,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Shared {
    fn post(&self, command: Command) {
        if let Some(queue) = lock(&self.mailbox).as_mut() {
            queue.push_back(command);
        }
        // It fails only when the thread is gone, and then there is nobody to wake.
        let _ = self.waker.wake();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.post(Command::Stop);
    }
}

/// The handle of a running data plane; when the last one is dropped, the plane stops.
#[derive(Clone)]
pub struct PlaneHandle {
    shared: Arc<Shared>,
}

impl PlaneHandle {
    /// Hands a session over, or a new TLS channel for one that lives.
    pub fn attach(&self, attach: Attach) {
        self.shared.post(Command::Attach(Box::new(attach)));
    }

    /// Ends a session, with [`PlaneEvent::Ended`]; nothing happens when the id is unknown.
    pub fn detach(&self, id: SessionId, farewell: Farewell) {
        self.shared.post(Command::Detach(id, farewell));
    }

    /// Asks for all counters; the receiver fails when the plane is gone.
    pub fn stats(&self) -> oneshot::Receiver<PlaneStats> {
        let (sender, receiver) = oneshot::channel();
        self.shared.post(Command::Stats(sender));
        receiver
    }

    /// Ends all sessions with a farewell (DISCONNECT by a client, TERMINATE by a server) and waits for the thread.
    ///
    /// Blocks the calling thread for at most half a second or so.
    pub fn stop(self) {
        self.shared.post(Command::Stop);
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the thread was caught inside it.
            let _ = thread.join();
        }
    }
}
