//! What all sessions share: the clock of the turn, the device, sockets, buffers, the way to the program.

use std::fs::{File, OpenOptions};
use std::io;
use std::io::Write;
use std::os::fd::RawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use reference_cstp::compress::Scratch;
use reference_cstp::defects::Defects;
use reference_cstp::session::Role;
use tokio::sync::mpsc::UnboundedSender;

use super::too_big;
use super::too_big::Allowance;
use super::udp::{Batch, Udp};
use super::{Device, PlaneEvent, PlaneStats};

/// Spare buffers that are kept for the next batch.
const SPARES: usize = 16;
/// A larger spare buffer is given back to the system.
const MAX_SPARE: usize = 512 * 1024;

/// Shared things; sessions borrow it for as long as they work.
pub(super) struct Io {
    pub(super) role: Role,
    pub(super) defects: Defects,
    pub(super) send_deadline: Duration,
    /// The time of this turn.
    pub(super) now: Instant,
    pub(super) registry: Registry,
    pub(super) device: Device,
    /// The server's sockets. With the defect that answers from elsewhere, the last one is that elsewhere.
    pub(super) sockets: Vec<Udp>,
    /// The socket that answers leave from, when it is another one than they came to.
    pub(super) answers: Option<usize>,
    pub(super) counters: PlaneStats,
    /// What a packet is decompressed or changed into.
    pub(super) inflated: Vec<u8>,
    /// What a packet is compressed into.
    pub(super) deflated: Vec<u8>,
    pub(super) compressor: Scratch,
    complaints: Allowance,
    complaint: Vec<u8>,
    events: UnboundedSender<PlaneEvent>,
    key_log: Option<File>,
    spares: Vec<Vec<u8>>,
    #[expect(clippy::vec_box, reason = "they move to sessions and back as boxes")]
    batches: Vec<Box<Batch>>,
}

impl Io {
    pub(super) fn new(role: Role, defects: Defects, registry: Registry, events: UnboundedSender<PlaneEvent>) -> Self {
        let now = Instant::now();
        Self {
            role,
            defects,
            send_deadline: Duration::from_secs(30),
            now,
            registry,
            device: Device::None,
            sockets: Vec::new(),
            answers: None,
            counters: PlaneStats::default(),
            inflated: Vec::new(),
            deflated: Vec::new(),
            compressor: Scratch::new(),
            complaints: Allowance::new(now),
            complaint: Vec::new(),
            events,
            key_log: None,
            spares: Vec::new(),
            batches: Vec::new(),
        }
    }

    /// Opens the key log; only its owner can read a new one.
    pub(super) fn log_keys_to(&mut self, path: &Path) -> io::Result<()> {
        self.key_log = Some(OpenOptions::new().create(true).append(true).mode(0o600).open(path)?);
        Ok(())
    }

    pub(super) fn log_keys(&mut self, line: Option<String>) {
        if let (Some(file), Some(mut line)) = (&mut self.key_log, line) {
            line.push('\n');
            // A full disk must not end a session.
            let _ = file.write_all(line.as_bytes());
        }
    }

    /// Tells the sender of a packet from the device that packets of `mtu` bytes are better (AC-MTU-10).
    pub(super) fn complain(&mut self, packet: &[u8], mtu: u16) {
        if too_big::message(packet, mtu, &mut self.complaint) && self.complaints.take(self.now) {
            // It is repeated when the sender does not change its ways.
            let _ = self.device.write(&self.complaint);
        }
    }

    pub(super) fn tell(&self, event: PlaneEvent) {
        // A program that is on its way out no longer listens.
        let _ = self.events.send(event);
    }

    pub(super) fn watch(&self, fd: RawFd, token: Token, interest: Interest) -> io::Result<()> {
        self.registry.register(&mut SourceFd(&fd), token, interest)
    }

    /// Gives a TCP connection that is watched already another token.
    pub(super) fn rename(&self, fd: RawFd, token: Token) -> io::Result<()> {
        self.registry.reregister(&mut SourceFd(&fd), token, Interest::READABLE | Interest::WRITABLE)
    }

    pub(super) fn forget(&self, fd: RawFd) {
        // Closing the descriptor, which follows, would do it as well.
        let _ = self.registry.deregister(&mut SourceFd(&fd));
    }

    /// An empty buffer, perhaps with memory.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    /// Takes an empty buffer back.
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        if self.spares.len() < SPARES && (1..=MAX_SPARE).contains(&buffer.capacity()) {
            self.spares.push(buffer);
        }
    }

    pub(super) fn batch(&mut self) -> Box<Batch> {
        self.batches.pop().unwrap_or_default()
    }

    pub(super) fn recycle_batch(&mut self, mut batch: Box<Batch>) {
        batch.clear();
        if self.batches.len() < SPARES {
            self.batches.push(batch);
        }
    }
}
