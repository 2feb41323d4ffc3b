//! The TLS channel of a session on its TCP connection.

use std::io;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::Interest;
use reference_cstp::frame;
use reference_cstp::frame::{FrameError, PacketType, Reframer};
use reference_cstp::session::{Channel, LostReason, RekeyMethod, Role};
use socket2::SockRef;

use super::io::Io;
use super::live::{Core, Live};
use super::worker::{LANE, RETIRED, token};
use super::{PlaneEvent, inbound};
use crate::tls::{TlsChannel, TlsError};

/// Ciphertext that may wait for the peer, in bytes; packets are dropped beyond, like at the end of any queue.
const MAX_WAITING: usize = 256 * 1024;
/// Control frames have this much more.
const RESERVE: usize = 64 * 1024;
/// Unsent bytes that the kernel may hold.
const NOT_SENT: u32 = 128 * 1024;
/// How long a channel that was replaced still takes what was under way.
const RETIREMENT: Duration = Duration::from_secs(5);
/// Reads of one turn.
const READS: usize = 4;

/// What one turn of reading led to.
pub(super) enum Reading {
    /// There is nothing more.
    Drained,
    /// There may be more; others come first.
    More,
    /// The channel is gone.
    Lost(LostReason, String),
}

/// A TLS channel on its TCP connection.
pub(super) struct Lane {
    tcp: TcpStream,
    channel: TlsChannel,
    /// When the peer stopped taking what waits.
    waiting_since: Option<Instant>,
    /// Whether a renegotiation is under way.
    renegotiating: bool,
    /// For a peer that cuts its frames in another way than one for each record.
    reframer: Option<Box<Reframer>>,
}

impl Lane {
    /// Takes a connection over.
    pub(super) fn new(tcp: TcpStream, channel: TlsChannel, slot: usize, io: &Io) -> io::Result<Self> {
        tcp.set_nonblocking(true)?;
        let options = SockRef::from(&tcp);
        // Both only make it faster.
        let _ = options.set_tcp_nodelay(true);
        let _ = options.set_tcp_notsent_lowat(NOT_SENT);
        io.watch(tcp.as_raw_fd(), token(slot, LANE), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { tcp, channel, waiting_since: None, renegotiating: false, reframer: None })
    }

    /// Whether there is room for another packet.
    pub(super) fn has_room(&self) -> bool {
        self.channel.output().len() < MAX_WAITING
    }

    /// Whether there is room for all that one turn brings from the device.
    pub(super) fn has_room_for_turn(&self) -> bool {
        self.channel.output().len() < MAX_WAITING / 3
    }

    /// Puts one frame into one record; it leaves with [`flush`](Self::flush).
    pub(super) fn write_frame(&mut self, kind: PacketType, payload: &[u8], io: &mut Io) -> Result<(), TlsError> {
        if self.channel.output().len() > MAX_WAITING + RESERVE {
            return Err(TlsError::NotReady);
        }
        if self.channel.output().is_empty() {
            let mut buffer = io.buffer();
            self.channel.swap_empty_output(&mut buffer);
        }
        let header = frame::header(kind, payload.len()).map_err(|_| TlsError::PayloadTooLong(payload.len()))?;
        self.channel.write_record(&[&header, payload])
    }

    /// Writes what waits, as much as the kernel takes.
    pub(super) fn flush(&mut self, io: &mut Io) -> io::Result<()> {
        while !self.channel.output().is_empty() {
            match self.tcp.write(self.channel.output()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.channel.consume_output(length);
                    self.waiting_since = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.waiting_since.get_or_insert(io.now);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let mut buffer = Vec::new();
        self.channel.swap_empty_output(&mut buffer);
        io.recycle(buffer);
        Ok(())
    }

    /// Whether everything was written.
    pub(super) fn is_flushed(&self) -> bool {
        self.channel.output().is_empty()
    }

    /// When the channel is given up because the peer takes nothing (AC-CSTP-17).
    pub(super) fn gives_up_at(&self, deadline: Duration) -> Option<Instant> {
        self.waiting_since.map(|since| since + deadline)
    }

    /// Handles what the channel holds, then what the socket has, within bounds.
    pub(super) fn read(&mut self, core: &mut Core, io: &mut Io, buffer: &mut [u8], plain: &mut Vec<u8>) -> Reading {
        if let Err(lost) = self.records(&[], core, io, plain) {
            return lost;
        }
        for _ in 0..READS {
            match self.tcp.read(buffer) {
                Ok(0) => return Reading::Lost(LostReason::Closed, "the peer closed the TCP connection".into()),
                Ok(length) => {
                    if let Err(lost) = self.records(&buffer[..length], core, io, plain) {
                        return lost;
                    }
                    if self.channel.peer_closed() {
                        return Reading::Lost(LostReason::Closed, "the peer closed the TLS connection".into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Reading::Drained,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Reading::Lost(LostReason::Broken, error.to_string()),
            }
        }
        Reading::More
    }

    /// Handles all records of `input`.
    fn records(&mut self, mut input: &[u8], core: &mut Core, io: &mut Io, plain: &mut Vec<u8>) -> Result<(), Reading> {
        loop {
            plain.clear();
            match self.channel.next_record_from(&mut input, plain) {
                Ok(true) => self.record(plain, core, io).map_err(|error| broken(&error))?,
                Ok(false) => break,
                Err(error) => return Err(broken(&error)),
            }
        }
        self.watch_renegotiation(core, io)
    }

    /// Handles plaintext that came behind the HTTP head (AC-CON-16).
    pub(super) fn early(&mut self, plain: &[u8], core: &mut Core, io: &mut Io) -> Result<(), Reading> {
        self.reframe(plain, core, io).map_err(|error| broken(&error))
    }

    /// Handles one record, which is one frame (AC-CSTP-01); other cuts are followed (AC-CSTP-03).
    fn record(&mut self, plain: &[u8], core: &mut Core, io: &mut Io) -> Result<(), FrameError> {
        if self.reframer.is_none() {
            match frame::parse(plain) {
                Ok((kind, payload)) => {
                    inbound::frame(core, io, Channel::Tls, kind, payload);
                    return Ok(());
                }
                Err(FrameError::Length { .. } | FrameError::Short(_)) => core.stats.odd_records += 1,
                Err(error) => return Err(error),
            }
        }
        self.reframe(plain, core, io)
    }

    fn reframe(&mut self, plain: &[u8], core: &mut Core, io: &mut Io) -> Result<(), FrameError> {
        let mut reframer = self.reframer.take().unwrap_or_default();
        reframer.push(plain);
        while let Some((kind, payload)) = reframer.next_frame()? {
            inbound::frame(core, io, Channel::Tls, kind, payload);
        }
        if reframer.pending() > 0 {
            self.reframer = Some(reframer);
        }
        Ok(())
    }

    /// Notices the beginning and the end of a renegotiation.
    fn watch_renegotiation(&mut self, core: &mut Core, io: &mut Io) -> Result<(), Reading> {
        match (self.renegotiating, self.channel.is_renegotiating()) {
            (false, true) if io.role == Role::Server && !core.session.allows_rehandshake(io.now) => {
                return Err(Reading::Lost(LostReason::Broken, "the client renegotiates too often".into()));
            }
            (false, true) => self.renegotiating = true,
            (true, false) => {
                self.renegotiating = false;
                core.session.on_tls_rekeyed(io.now);
                io.tell(PlaneEvent::Rekeyed { id: core.stats.id, method: RekeyMethod::Ssl });
            }
            _ => {}
        }
        Ok(())
    }

    /// Renews the keys within the connection: KeyUpdate with TLS 1.3, renegotiation before (AC-RKY-01, AC-RKY-02).
    pub(super) fn rekey(&mut self, core: &mut Core, io: &Io) -> Result<(), TlsError> {
        if self.channel.version() != "TLSv1.3" {
            self.channel.renegotiate()?;
            self.renegotiating = true;
            return Ok(());
        }
        self.channel.update_keys()?;
        core.session.on_tls_rekeyed(io.now);
        io.tell(PlaneEvent::Rekeyed { id: core.stats.id, method: RekeyMethod::Ssl });
        Ok(())
    }

    /// Says good-bye on the TLS layer; that leaves with [`flush`](Self::flush).
    pub(super) fn close_notify(&mut self) {
        self.channel.close_notify();
    }

    /// The socket.
    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}

/// A TLS channel that was replaced.
///
/// A client says good-bye on it and reads what is still under way. A server reads on until the client has done so: the
/// client learns about the new channel later than the server does, and is not to see its only channel closed.
pub(super) struct Retired {
    lane: Lane,
    pub(super) until: Instant,
    shut: bool,
}

impl Retired {
    /// Takes the old channel of the session in `slot` out of use.
    pub(super) fn new(mut lane: Lane, slot: usize, io: &mut Io) -> Self {
        if io.role == Role::Client {
            lane.close_notify();
        }
        // What follows finds out when this does not work.
        let _ = io.rename(lane.tcp.as_raw_fd(), token(slot, RETIRED));
        Self { lane, until: io.now + RETIREMENT, shut: false }
    }

    /// Writes what waits; false when the channel is of no use any more.
    fn flush(&mut self, io: &mut Io) -> bool {
        if io.now >= self.until || self.lane.flush(io).is_err() {
            return false;
        }
        if io.role == Role::Client && self.lane.is_flushed() && !self.shut {
            self.shut = true;
            return self.lane.tcp.shutdown(Shutdown::Write).is_ok();
        }
        true
    }

    /// The channel, to be closed in good order.
    pub(super) fn into_lane(self) -> Lane {
        self.lane
    }
}

impl Live {
    /// Reads the channel that was replaced; tells whether there may be more.
    pub(super) fn read_retired(&mut self, io: &mut Io, buffer: &mut [u8], plain: &mut Vec<u8>) -> bool {
        let Some(retired) = &mut self.retired else { return false };
        self.core.from_retired = true;
        let reading = retired.lane.read(&mut self.core, io, buffer, plain);
        self.core.from_retired = false;
        match reading {
            Reading::Drained => false,
            Reading::More => true,
            Reading::Lost(..) => {
                retired.lane.close_notify();
                let _ = retired.lane.flush(io);
                self.drop_retired(io);
                false
            }
        }
    }

    /// Goes on with the end of the channel that was replaced.
    pub(super) fn settle_retired(&mut self, io: &mut Io) {
        if self.retired.as_mut().is_some_and(|retired| !retired.flush(io)) {
            self.drop_retired(io);
        }
    }

    fn drop_retired(&mut self, io: &Io) {
        if let Some(retired) = self.retired.take() {
            io.forget(retired.lane.tcp.as_raw_fd());
        }
    }
}

fn broken(error: &dyn std::error::Error) -> Reading {
    Reading::Lost(LostReason::Broken, error.to_string())
}
