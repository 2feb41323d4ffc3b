//! The one place through which every frame of every wire passes.
//!
//! One thread for all wires of a cell: it reads a frame at one end, shows it to the [`FrameSink`], asks the
//! [`Link`] what becomes of it, and writes it to the other end, at once or when its time has come.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use interop_evidence::WireStats;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::Sniffer;
use crate::link::{End, Fate, Link, Profile};
use crate::{LabError, Result};

/// Frames read from one end before the others get their turn.
const BATCH: usize = 64;
/// Longest Ethernet frame that a TAP device gives without offload, with room for large MTUs.
const FRAME_ROOM: usize = 65_600;
const COMMAND: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// Tokens from here on are sniffers; below are the ends of wires.
const FIRST_SNIFFER: u64 = 1 << 32;

/// Sees every frame that enters a wire, in one total order.
pub trait FrameSink: Send {
    /// `wire` is the position in the lab's list of wires, `at` the time since the start of the lab, `remark` what
    /// becomes of the frame if that is not a plain delivery.
    fn frame(&mut self, wire: usize, from: End, at: Duration, bytes: &[u8], remark: Option<&str>);

    /// A packet (from its IP header on) that a tunnel device of a node carried; `outgoing` if the node sent it.
    fn inner(&mut self, node: &str, interface: &str, outgoing: bool, at: Duration, bytes: &[u8]);
}

/// A wire to be carried.
#[derive(Debug)]
pub struct WireSpec {
    /// Name of the link.
    pub name: String,
    /// TAP device at the first end.
    pub a: File,
    /// TAP device at the second end.
    pub b: File,
    /// What it does to frames.
    pub link: Link,
}

enum Command {
    SetProfile { wire: usize, from: Option<End>, profile: Profile },
    Stats { reply: Sender<Vec<[WireStats; 2]>> },
    Stop,
}

/// The running wires of a lab; stopped when dropped.
#[derive(Debug)]
pub struct Wires {
    names: Vec<String>,
    commands: Sender<Command>,
    bell: Arc<EventFd>,
    thread: Option<JoinHandle<io::Result<Vec<[WireStats; 2]>>>>,
    last: Vec<[WireStats; 2]>,
}

impl Wires {
    /// Starts to carry frames. Times are counted from `start`.
    ///
    /// # Errors
    /// When the kernel refuses the descriptors that the thread needs.
    pub(crate) fn start(
        wires: Vec<WireSpec>,
        sniffers: Vec<(String, Sniffer)>,
        start: Instant,
        sink: Box<dyn FrameSink>,
    ) -> Result<Self> {
        let failed = |errno: nix::Error| LabError::system("start the wires", errno);
        let names = wires.iter().map(|wire| wire.name.clone()).collect();
        let bell = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(failed)?);
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)
            .map_err(failed)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(failed)?;
        epoll.add(bell.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, COMMAND)).map_err(failed)?;
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER)).map_err(failed)?;
        for (index, wire) in wires.iter().enumerate() {
            for (end, file) in [(0, &wire.a), (1, &wire.b)] {
                let token = index as u64 * 2 + end;
                epoll.add(file.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, token)).map_err(failed)?;
            }
        }
        for (index, (_, sniffer)) in sniffers.iter().enumerate() {
            let token = FIRST_SNIFFER + index as u64;
            epoll.add(sniffer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, token)).map_err(failed)?;
        }
        let (commands, inbox) = mpsc::channel();
        let pump = Pump { wires, sniffers, start, sink, inbox, bell: bell.clone(), timer, epoll, armed: None };
        let thread = std::thread::Builder::new()
            .name("wires".to_owned())
            .spawn(move || pump.run())
            .map_err(|source| LabError::system("start the thread of the wires", source))?;
        Ok(Self { names, commands, bell, thread: Some(thread), last: Vec::new() })
    }

    /// Names of the wires in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Position of a wire.
    ///
    /// # Errors
    /// When there is none of this name (veth links are no wires).
    pub fn position(&self, name: &str) -> Result<usize> {
        self.names
            .iter()
            .position(|known| known == name)
            .ok_or_else(|| LabError::Unknown { kind: "wire", name: name.to_owned() })
    }

    /// Changes what a wire does from now on, in both directions or only for frames that enter at `from`.
    ///
    /// # Errors
    /// When there is no such wire, or the wires have stopped.
    pub fn set_profile(&self, name: &str, from: Option<End>, profile: Profile) -> Result<()> {
        self.tell(Command::SetProfile { wire: self.position(name)?, from, profile })
    }

    /// Counters of every wire since the start, for frames that entered at the first and at the second end.
    ///
    /// # Errors
    /// When the wires have stopped.
    pub fn stats(&self) -> Result<Vec<[WireStats; 2]>> {
        let (reply, answer) = mpsc::channel();
        self.tell(Command::Stats { reply })?;
        answer.recv_timeout(Duration::from_secs(5)).map_err(|_| stopped())
    }

    /// Stops carrying; the sink has seen every frame that was counted.
    ///
    /// # Errors
    /// When the thread had failed.
    pub fn stop(&mut self) -> Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // A thread that has ended by an error has no ears; the error itself comes from `join`.
        let _ = self.tell(Command::Stop);
        match thread.join() {
            Ok(Ok(stats)) => {
                self.last = stats;
                Ok(())
            }
            Ok(Err(source)) => Err(LabError::system("carry frames", source)),
            Err(_) => Err(stopped()),
        }
    }

    /// Counters at the moment at which the wires were stopped.
    pub fn final_stats(&self) -> Vec<[WireStats; 2]> {
        self.last.clone()
    }

    fn tell(&self, command: Command) -> Result<()> {
        self.commands.send(command).map_err(|_| stopped())?;
        self.bell.write(1).map(|_| ()).map_err(|errno| LabError::system("wake the wires", errno))
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

fn stopped() -> LabError {
    LabError::system("reach the wires", io::Error::other("their thread has ended"))
}

struct Pump {
    wires: Vec<WireSpec>,
    sniffers: Vec<(String, Sniffer)>,
    start: Instant,
    sink: Box<dyn FrameSink>,
    inbox: Receiver<Command>,
    bell: Arc<EventFd>,
    timer: TimerFd,
    epoll: Epoll,
    armed: Option<Duration>,
}

impl Pump {
    fn run(mut self) -> io::Result<Vec<[WireStats; 2]>> {
        let mut events = [EpollEvent::empty(); 32];
        let mut buffer = vec![0; FRAME_ROOM];
        loop {
            self.deliver_due();
            self.arm_timer()?;
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => count,
                Err(nix::errno::Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            for event in &events[..count] {
                match event.data() {
                    COMMAND => {
                        let _ = self.bell.read();
                        if !self.obey(&mut buffer)? {
                            return Ok(self.stats());
                        }
                    }
                    TIMER => {
                        // The timer is read only to make it quiet; what is due is looked up in the links.
                        let _ = nix::unistd::read(self.timer.as_fd(), &mut [0; 8]);
                        self.armed = None;
                    }
                    token if token >= FIRST_SNIFFER => self.sniff((token - FIRST_SNIFFER) as usize, &mut buffer)?,
                    token => self.carry(token, &mut buffer)?,
                }
            }
        }
    }

    /// Carries out what was asked for; `false` ends the thread.
    fn obey(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        while let Ok(command) = self.inbox.try_recv() {
            match command {
                Command::SetProfile { wire, from: Some(end), profile } => {
                    self.wires[wire].link.from_mut(end).set_profile(profile);
                }
                Command::SetProfile { wire, from: None, profile } => self.wires[wire].link.set_profile(profile),
                Command::Stats { reply } => {
                    // Who asked may have given up.
                    let _ = reply.send(self.stats());
                }
                Command::Stop => {
                    for token in 0..self.wires.len() as u64 * 2 {
                        self.carry(token, buffer)?;
                    }
                    for index in 0..self.sniffers.len() {
                        self.sniff(index, buffer)?;
                    }
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn stats(&self) -> Vec<[WireStats; 2]> {
        self.wires.iter().map(|wire| [End::A, End::B].map(|end| wire.link.from(end).stats())).collect()
    }

    /// Reads what waits at one end of one wire.
    fn carry(&mut self, token: u64, buffer: &mut [u8]) -> io::Result<()> {
        let Self { wires, sink, start, .. } = self;
        let index = (token / 2) as usize;
        let wire = &mut wires[index];
        let (from, mut source, mut sink_file) =
            if token.is_multiple_of(2) { (End::A, &wire.a, &wire.b) } else { (End::B, &wire.b, &wire.a) };
        for _ in 0..BATCH {
            let length = match source.read(buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if would_wait(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            let frame = &buffer[..length];
            let now = start.elapsed();
            let fate = wire.link.offer(now, from, frame);
            sink.frame(index, from, now, frame, fate.remark().as_deref());
            if fate == Fate::Pass {
                // A device that is down takes nothing: as with a real cable, the frame is gone.
                let _ = sink_file.write(frame);
            }
        }
        Ok(())
    }

    /// Reads what waits at the tunnels of one node.
    fn sniff(&mut self, index: usize, buffer: &mut [u8]) -> io::Result<()> {
        let (node, sniffer) = &mut self.sniffers[index];
        for _ in 0..BATCH {
            let Some(packet) = sniffer.read(buffer)? else { return Ok(()) };
            let interface = sniffer.name(packet.interface);
            self.sink.inner(node, interface, packet.outgoing, self.start.elapsed(), &buffer[..packet.length]);
        }
        Ok(())
    }

    fn deliver_due(&mut self) {
        let now = self.start.elapsed();
        for wire in &mut self.wires {
            while let Some((to, frame)) = wire.link.pop_due(now) {
                let mut file = if to == End::A { &wire.a } else { &wire.b };
                let _ = file.write(&frame);
                wire.link.from_mut(to.other()).recycle(frame);
            }
        }
    }

    fn arm_timer(&mut self) -> io::Result<()> {
        let due = self.wires.iter().filter_map(|wire| wire.link.next_due()).min();
        if due == self.armed {
            return Ok(());
        }
        self.armed = due;
        match due {
            None => self.timer.unset()?,
            Some(due) => {
                let wait = due.saturating_sub(self.start.elapsed()).max(Duration::from_nanos(1));
                self.timer.set(Expiration::OneShot(TimeSpec::from(wait)), TimerSetTimeFlags::empty())?;
            }
        }
        Ok(())
    }
}

/// Nothing to read: no frame, or the device is down.
fn would_wait(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::EIO)
}
