//! UDP sockets with segmentation offload, and batches of datagrams for them.

use std::cell::Cell;
use std::io;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBufForce, SndBufForce};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::SockRef;

use super::path::{know_the_path, path_mtu};

/// What is asked for as a receive buffer, in bytes; the kernel gives as much of it as it may.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// As [`RECEIVE_BUFFER`], for sending.
const SEND_BUFFER: usize = 2 * 1024 * 1024;
/// Datagrams in one batch: two such bursts fit the receive buffer that Linux gives by default.
const MAX_SEGMENTS: usize = 32;
/// Bytes in one batch; the kernel's limit is 65,507 with IPv4.
const MAX_BATCH: usize = 65_000;
/// Messages of one read; each may hold a coalesced burst.
pub(super) const MESSAGES: usize = 4;
/// Bytes of the buffer of one message.
pub(super) const MESSAGE: usize = 65_536;

/// Where a datagram goes to, and which of our addresses it leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) peer: SocketAddr,
    /// The address that the peer asked; `None` lets the kernel choose.
    pub(super) local: Option<IpAddr>,
}

/// One UDP socket.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    /// How many datagrams one call may send; 1 where segmentation offload does not work.
    segments: Cell<usize>,
}

impl Udp {
    /// Prepares a bound socket: non-blocking, no fragmentation, coalescing, destination addresses, large buffers.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        // A small buffer costs speed, not function. Who may make a TUN device may have more than the system's limit, too.
        if setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER).is_err() {
            let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        }
        if setsockopt(&socket, SndBufForce, &SEND_BUFFER).is_err() {
            let _ = SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER);
        }
        // Otherwise what is too long for the path would vanish there, again and again (AC-MTU-08).
        know_the_path(&socket)?;
        let segments = Cell::new(state.max_gso_segments().clamp(1, MAX_SEGMENTS));
        Ok(Self { socket, state, segments })
    }

    /// Makes a socket that can reach `remote`, with a port of its own.
    pub(super) fn towards(remote: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        Self::new(UdpSocket::bind((any, 0))?)
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends one datagram, or several of `segment` bytes each with a last one that may be shorter.
    ///
    /// A full send buffer is waited for, a few milliseconds at most: all that goes through this socket shares its queue.
    pub(super) fn send(&self, route: Route, contents: &[u8], segment: Option<usize>) -> io::Result<()> {
        let Route { peer: destination, local: src_ip } = route;
        let transmit = Transmit { destination, ecn: None, contents, segment_size: segment, src_ip };
        let mut result = self.state.try_send((&self.socket).into(), &transmit);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            let mut wait = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
            let _ = poll(&mut wait, PollTimeout::from(5_u8));
            result = self.state.try_send((&self.socket).into(), &transmit);
        }
        result
    }

    /// Reads up to [`MESSAGES`] messages into `buffer`, which is [`MESSAGES`] times [`MESSAGE`] bytes long.
    pub(super) fn receive(&self, buffer: &mut [u8], meta: &mut [RecvMeta; MESSAGES]) -> io::Result<usize> {
        let mut slices = [const { None }; MESSAGES];
        for (slice, chunk) in slices.iter_mut().zip(buffer.chunks_exact_mut(MESSAGE)) {
            *slice = Some(chunk);
        }
        let mut slices = slices.map(|chunk| IoSliceMut::new(chunk.unwrap_or_default()));
        self.state.recv((&self.socket).into(), &mut slices, meta)
    }

    /// The largest datagram that the path carries as far as the kernel knows, in bytes of payload.
    pub(super) fn largest(&self, route: Route) -> Option<usize> {
        path_mtu(route)
    }
}

impl AsRawFd for Udp {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Records for one peer that are sent together.
///
/// All have the size of the first; only the last may be shorter. The inner packets are remembered by where they lie, so
/// that they can go another way when the network does not take the datagrams.
#[derive(Debug, Default)]
pub(super) struct Batch {
    records: Vec<u8>,
    /// Bytes of each record but the last.
    segment: usize,
    packets: Vec<Range<usize>>,
}

impl Batch {
    /// Where the next record is appended.
    pub(super) fn records(&mut self) -> &mut Vec<u8> {
        &mut self.records
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Counts the record that was appended behind `start`, made of the inner packet at `packet`.
    ///
    /// `Some` is the part of the batch that has to be sent before: the new record does not fit it.
    pub(super) fn appended(&mut self, start: usize, packet: Range<usize>, udp: &Udp) -> Appended {
        let size = self.records.len() - start;
        if self.packets.is_empty() {
            self.segment = size;
            self.packets.push(packet);
            return if udp.segments.get() == 1 { Appended::Full } else { Appended::Open };
        }
        if size > self.segment || self.records.len() > MAX_BATCH {
            return Appended::DoesNotFit;
        }
        self.packets.push(packet);
        let full = size < self.segment || self.packets.len() >= udp.segments.get();
        if full { Appended::Full } else { Appended::Open }
    }

    /// Takes the record behind `start` away, to be the first of the next batch.
    pub(super) fn restart(&mut self, start: usize, packet: Range<usize>) {
        self.records.drain(..start);
        self.packets.clear();
        self.packets.push(packet);
        self.segment = self.records.len();
    }

    /// Sends the records in front of `end`, and hands each inner packet of a datagram that was too long to `too_long`.
    pub(super) fn send(&mut self, udp: &Udp, route: Route, end: usize, too_long: &mut dyn FnMut(Range<usize>)) -> u64 {
        let (records, segment) = (&self.records[..end], self.segment);
        let together = udp.send(route, records, (self.packets.len() > 1).then_some(segment));
        let Err(error) = together else { return 0 };
        if self.packets.len() == 1 {
            return Self::refused(&error, self.packets[0].clone(), too_long);
        }
        if error.kind() == io::ErrorKind::WouldBlock {
            return self.packets.len() as u64;
        }
        // Offload does not work here, or one of the sizes is too large: one by one tells. Kernels differ in what they say.
        let (mut lost, mut all_fit) = (0, true);
        for (record, packet) in records.chunks(segment).zip(&self.packets) {
            if let Err(error) = udp.send(route, record, None) {
                all_fit &= !is_too_long(&error);
                lost += Self::refused(&error, packet.clone(), too_long);
            }
        }
        if all_fit && matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EIO)) {
            udp.segments.set(1);
        }
        lost
    }

    /// Empties the batch; its memory stays.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.packets.clear();
    }

    fn refused(error: &io::Error, packet: Range<usize>, too_long: &mut dyn FnMut(Range<usize>)) -> u64 {
        if is_too_long(error) {
            too_long(packet);
            0
        } else {
            1
        }
    }
}

/// What became of a record that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// More may follow.
    Open,
    /// The batch has to be sent now.
    Full,
    /// What was there before has to be sent now; then [`Batch::restart`].
    DoesNotFit,
}

/// Tells whether the kernel refused a datagram for its size.
pub(super) fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMSGSIZE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pair() -> (Udp, UdpSocket, Route) {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let route = Route { peer: receiver.local_addr().unwrap(), local: None };
        (Udp::towards(route.peer).unwrap(), receiver, route)
    }

    fn append(batch: &mut Batch, udp: &Udp, size: usize, number: usize) -> (usize, Appended) {
        let start = batch.records().len();
        let byte = u8::try_from(number).unwrap();
        batch.records().resize(start + size, byte);
        (start, batch.appended(start, number..number + 1, udp))
    }

    #[test]
    fn the_receive_buffer_is_as_large_as_this_process_may_have() {
        let (udp, ..) = pair();
        let size = SockRef::from(&udp.socket).recv_buffer_size().unwrap();
        let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
        // Linux tells twice what was asked for.
        let wanted = if setsockopt(&plain, RcvBufForce, &RECEIVE_BUFFER).is_ok() {
            2 * RECEIVE_BUFFER
        } else {
            SockRef::from(&plain).set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
            SockRef::from(&plain).recv_buffer_size().unwrap()
        };
        assert_eq!(size, wanted);
    }

    #[test]
    fn equal_datagrams_leave_together_and_arrive_apart() {
        let (udp, receiver, route) = pair();
        let mut batch = Batch::default();
        let mut ends = Vec::new();
        for (number, size) in [100, 100, 100, 60].into_iter().enumerate() {
            ends.push(append(&mut batch, &udp, size, number).1);
        }
        assert_eq!(ends.last(), Some(&Appended::Full), "a shorter one is the last");
        let end = batch.records().len();
        assert_eq!(batch.send(&udp, route, end, &mut |_| panic!("too long")), 0);
        let mut buffer = [0; 2000];
        for (number, size) in [100, 100, 100, 60].into_iter().enumerate() {
            assert_eq!(receiver.recv(&mut buffer).unwrap(), size);
            assert_eq!(usize::from(buffer[0]), number);
        }
    }

    #[test]
    fn a_longer_datagram_begins_the_next_batch() {
        let (udp, receiver, route) = pair();
        let mut batch = Batch::default();
        append(&mut batch, &udp, 50, 1);
        let (start, end) = append(&mut batch, &udp, 80, 2);
        assert_eq!(end, Appended::DoesNotFit);
        batch.send(&udp, route, start, &mut |_| panic!("too long"));
        batch.restart(start, 2..3);
        let end = batch.records().len();
        batch.send(&udp, route, end, &mut |_| panic!("too long"));
        let mut buffer = [0; 2000];
        let sizes = [(); 2].map(|()| receiver.recv(&mut buffer).unwrap());
        assert_eq!((sizes, buffer[0]), ([50, 80], 2));
    }

    #[test]
    fn packets_that_are_too_long_come_back_and_the_others_arrive() {
        let (udp, receiver, route) = pair();
        let mut batch = Batch::default();
        // The loopback device carries 65,536 bytes at most, headers included.
        append(&mut batch, &udp, 65_530, 9);
        let mut back = Vec::new();
        let end = batch.records().len();
        assert_eq!(batch.send(&udp, route, end, &mut |packet| back.push(packet)), 0);
        assert_eq!(back, vec![9..10; 1]);
        batch.clear();
        append(&mut batch, &udp, 10, 3);
        batch.send(&udp, route, 10, &mut |_| panic!("too long"));
        assert_eq!(receiver.recv(&mut [0; 100]).unwrap(), 10);
    }
}
