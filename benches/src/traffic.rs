//! Packets through nodes in a row: how many, how fast, and whether the wire does what its profile says.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interop_evidence::WireStats;
use interop_lab::link::{End, Profile};
use interop_lab::{Lab, LinkKind};
use nix::sys::socket::{setsockopt, sockopt};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::cell::{Links, Unwatched, build, milliseconds, tell};
use crate::topology::{row, row_address, row_node};
use crate::{Result, Summary};

/// Bytes of UDP payload in every packet.
pub const PAYLOAD: usize = 1400;
/// What headers add to it on an Ethernet wire: UDP, IPv4, Ethernet.
pub const HEADERS: usize = 8 + 20 + 14;

/// Packets that may be under way: less than any queue on the path holds.
const WINDOW: u64 = 256;
/// Without any packet for this long, what is under way is lost.
const SILENCE: Duration = Duration::from_millis(100);
/// How long a single answer may take.
const ANSWER: Duration = Duration::from_secs(2);
const PORT: u16 = 9000;

/// What is sent, and what is told of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Traffic {
    /// As much as goes through; tells [`Throughput`].
    Throughput {
        /// Links.
        links: Links,
        /// Routers on the way.
        routers: u8,
        /// For how long.
        milliseconds: u64,
    },
    /// One packet there and back at a time; tells a [`Summary`] of round trips in microseconds.
    Latency {
        /// Links.
        links: Links,
        /// Routers on the way.
        routers: u8,
        /// How often.
        rounds: u32,
    },
    /// Packets through a wire that loses some; tells [`Loss`].
    Loss {
        /// Fraction.
        loss: f64,
        /// Packets.
        frames: u64,
        /// Source of chance.
        seed: u64,
    },
    /// Packets through a wire that delays them; tells [`Delay`].
    Delay {
        /// Milliseconds.
        delay: u64,
        /// Packets.
        frames: u32,
    },
}

/// What went through.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Throughput {
    /// Packets received.
    pub received: u64,
    /// Packets sent that were not received.
    pub lost: u64,
    /// Seconds.
    pub seconds: f64,
}

impl Throughput {
    /// Packets per second.
    pub fn rate(&self) -> f64 {
        self.received as f64 / self.seconds
    }

    /// Gigabits of Ethernet frames per second.
    pub fn gigabits(&self) -> f64 {
        self.rate() * ((PAYLOAD + HEADERS) * 8) as f64 / 1e9
    }
}

/// What a wire lost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Loss {
    /// Frames that entered the wire.
    pub offered: u64,
    /// Frames that it counted as lost.
    pub lost: u64,
    /// Packets that arrived.
    pub received: u64,
}

/// How well a wire kept its delay.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Delay {
    /// Milliseconds beyond the delay.
    pub error: Summary,
    /// Packets that came before their time.
    pub early: usize,
    /// Packets that came within a millisecond of it.
    pub within: usize,
}

/// In the cell: builds the row and sends.
pub(crate) fn carry_out(runtime: &Runtime, traffic: &Traffic) -> Result<()> {
    let lab = |links: Links, routers, seed| {
        build(runtime, &row(links.kind(), routers, Profile::default(), seed), Box::new(Unwatched))
    };
    match *traffic {
        Traffic::Throughput { links, routers, milliseconds } => {
            let lab = lab(links, routers, 1)?;
            tell(&throughput(&Ends::open(&lab, routers)?, Duration::from_millis(milliseconds))?)
        }
        Traffic::Latency { links, routers, rounds } => {
            let lab = lab(links, routers, 1)?;
            tell(&latency(&Ends::open(&lab, routers)?, rounds)?)
        }
        Traffic::Loss { loss, frames, seed } => {
            let lab = lab(Links::Wire, 0, seed)?;
            let ends = Ends::open(&lab, 0)?;
            change(&lab, Profile { loss, ..Profile::default() })?;
            tell(&count_losses(&lab, &ends, frames)?)
        }
        Traffic::Delay { delay, frames } => {
            let lab = lab(Links::Wire, 0, 1)?;
            let ends = Ends::open(&lab, 0)?;
            let delay = Duration::from_millis(delay);
            change(&lab, Profile { delay, ..Profile::default() })?;
            tell(&keep_delay(&ends, delay, frames)?)
        }
    }
}

fn change(lab: &Lab, profile: Profile) -> Result<()> {
    lab.wires().set_profile("hop0", Some(End::A), profile).map_err(|error| format!("failed to {error}"))
}

/// Sockets at both ends of a row, connected with each other; addresses are resolved.
struct Ends {
    near: UdpSocket,
    far: UdpSocket,
}

impl Ends {
    fn open(lab: &Lab, routers: u8) -> Result<Self> {
        let near = bind(lab, &row_node(0), &row_address(0, 1))?;
        let far = bind(lab, &row_node(routers + 1), &row_address(routers, 2))?;
        let words = |error: std::io::Error| format!("failed to connect sockets: {error}");
        near.connect((row_address(routers, 2), PORT)).map_err(words)?;
        far.connect((row_address(0, 1), PORT)).map_err(words)?;
        let ends = Self { near, far };
        // The first packets resolve the addresses on the way.
        for _ in 0..2 {
            send(&ends.near, &[1; PAYLOAD])?;
            receive(&ends.far)?;
            send(&ends.far, &[1; PAYLOAD])?;
            receive(&ends.near)?;
        }
        Ok(ends)
    }
}

fn bind(lab: &Lab, node: &str, address: &str) -> Result<UdpSocket> {
    let node = lab.node(node).map_err(|error| format!("failed to {error}"))?;
    let open = || -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind((address, PORT))?;
        setsockopt(&socket, sockopt::RcvBuf, &(4 << 20))?;
        socket.set_read_timeout(Some(ANSWER))?;
        Ok(socket)
    };
    let opened = node.run(open).map_err(|error| format!("failed to {error}"))?;
    opened.map_err(|error| format!("failed to open a socket: {error}"))
}

fn send(socket: &UdpSocket, packet: &[u8]) -> Result<()> {
    socket.send(packet).map(|_| ()).map_err(|error| format!("failed to send: {error}"))
}

fn receive(socket: &UdpSocket) -> Result<[u8; PAYLOAD]> {
    let mut packet = [0; PAYLOAD];
    socket.recv(&mut packet).map_err(|error| format!("failed to receive: {error}"))?;
    Ok(packet)
}

/// A window is kept full, so that neither queues overflow nor the receiver waits.
fn throughput(ends: &Ends, time: Duration) -> Result<Throughput> {
    let (received, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| count_until(&ends.far, &received, &ended));
        let start = Instant::now();
        let packet = [7; PAYLOAD];
        let (mut sent, mut lost) = (0_u64, 0_u64);
        let (mut last, mut news) = (0, start);
        let sending = loop {
            let seen = received.load(Ordering::Relaxed);
            let now = Instant::now();
            if now - start > time {
                break send_all_counted(&received, sent - lost);
            }
            if seen != last {
                (last, news) = (seen, now);
            } else if now - news > SILENCE {
                lost = sent - seen;
                news = now;
            }
            if sent - lost - seen < WINDOW {
                if let Err(error) = send(&ends.near, &packet) {
                    break Err(error);
                }
                sent += 1;
            } else {
                thread::yield_now();
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        let received = received.load(Ordering::Relaxed);
        sending.map(|()| Throughput { received, lost: sent - received, seconds })
    })
}

/// Waits for what is still under way.
fn send_all_counted(received: &AtomicU64, expected: u64) -> Result<()> {
    let start = Instant::now();
    while received.load(Ordering::Relaxed) < expected && start.elapsed() < SILENCE {
        thread::yield_now();
    }
    Ok(())
}

/// Counts packets until told to end.
fn count_until(socket: &UdpSocket, received: &AtomicU64, ended: &AtomicBool) {
    // A socket of this process that is open takes a time-out of this length.
    let _ = socket.set_read_timeout(Some(Duration::from_millis(20)));
    let mut packet = [0; PAYLOAD];
    while !ended.load(Ordering::Relaxed) {
        match socket.recv(&mut packet) {
            Ok(_) => {
                received.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

fn latency(ends: &Ends, rounds: u32) -> Result<Summary> {
    thread::scope(|scope| {
        let echo = scope.spawn(|| -> Result<()> {
            for _ in 0..rounds {
                send(&ends.far, &receive(&ends.far)?)?;
            }
            Ok(())
        });
        let mut times = Vec::with_capacity(rounds as usize);
        for _ in 0..rounds {
            let start = Instant::now();
            send(&ends.near, &[7; PAYLOAD])?;
            receive(&ends.near)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        echo.join().map_err(|_| "the echo ended".to_owned())??;
        Summary::of(times).ok_or_else(|| "no rounds".to_owned())
    })
}

fn count_losses(lab: &Lab, ends: &Ends, frames: u64) -> Result<Loss> {
    const BATCH: u64 = 128;
    let stats = || -> Result<WireStats> {
        let all = lab.wires().stats().map_err(|error| format!("failed to {error}"))?;
        all.first().map(|[from_near, _]| *from_near).ok_or_else(|| "there is no wire".to_owned())
    };
    let (received, ended) = (AtomicU64::new(0), AtomicBool::new(false));
    let before = stats()?;
    thread::scope(|scope| {
        scope.spawn(|| count_until(&ends.far, &received, &ended));
        let sending = || -> Result<WireStats> {
            let mut sent = 0;
            while sent < frames {
                let batch = BATCH.min(frames - sent);
                for _ in 0..batch {
                    send(&ends.near, &[7; PAYLOAD])?;
                }
                sent += batch;
                let start = Instant::now();
                while stats()?.offered < before.offered + sent {
                    if start.elapsed() > ANSWER {
                        return Err(format!("the wire did not see {sent} frames"));
                    }
                    thread::yield_now();
                }
            }
            stats()
        };
        let sent = sending();
        let result = sent.and_then(|after| {
            let (offered, lost) = (after.offered - before.offered, after.lost - before.lost);
            send_all_counted(&received, offered - lost)?;
            Ok(Loss { offered, lost, received: received.load(Ordering::Relaxed) })
        });
        ended.store(true, Ordering::Relaxed);
        result
    })
}

fn keep_delay(ends: &Ends, delay: Duration, frames: u32) -> Result<Delay> {
    const PACE: Duration = Duration::from_millis(2);
    let origin = Instant::now();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| -> Result<Vec<f64>> {
            let mut errors = Vec::new();
            for _ in 0..frames {
                let packet = receive(&ends.far)?;
                let now = origin.elapsed();
                let mut sent = [0; 8];
                sent.copy_from_slice(&packet[..8]);
                let sent = Duration::from_nanos(u64::from_be_bytes(sent));
                errors.push(milliseconds(now - sent) - milliseconds(delay));
            }
            Ok(errors)
        });
        for _ in 0..frames {
            let mut packet = [7; PAYLOAD];
            packet[..8].copy_from_slice(&(origin.elapsed().as_nanos() as u64).to_be_bytes());
            send(&ends.near, &packet)?;
            thread::sleep(PACE);
        }
        let errors = receiver.join().map_err(|_| "the receiver ended".to_owned())??;
        let early = errors.iter().filter(|error| **error < 0.0).count();
        let within = errors.iter().filter(|error| (0.0..=1.0).contains(*error)).count();
        Ok(Delay { error: Summary::of(errors).ok_or_else(|| "no packets".to_owned())?, early, within })
    })
}

/// Links of a kind, for headings.
impl std::fmt::Display for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self.kind() {
            LinkKind::Wire => "TAP wire",
            LinkKind::Veth => "veth",
        })
    }
}
