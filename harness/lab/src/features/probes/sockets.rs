//! Special sockets and timers.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeSpec, TimeVal};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::with_nodes;
use crate::features::Outcome;
use crate::{LabError, Node, Result};

const SOON: TimeVal = TimeVal::new(2, 0);
/// Packets looked at before giving up: a new namespace has none but our own.
const MOST_PACKETS: usize = 16;

/// An echo to the own host and back, through a raw ICMP socket.
pub(in crate::features) fn raw_icmp() -> Outcome {
    with_nodes(["left"], async |[left]| Outcome::of(on_loopback(left, echo).await))
}

fn echo() -> io::Result<()> {
    let socket = open(AddressFamily::Inet, SockProtocol::Icmp)?;
    // Type 8, code 0, checksum, identifier 1, sequence 1 (RFC 792).
    let request = [8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
    let to = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
    sendto(socket.as_raw_fd(), &request, &to, MsgFlags::empty())?;
    // Behind the IP header stands the type; 0 is the reply.
    until(&socket, |packet| packet.len() >= 28 && packet[20] == 0 && packet[24..28] == request[4..])
}

/// Sees what passes through an interface.
pub(in crate::features) fn packet() -> Outcome {
    with_nodes(["left"], async |[left]| Outcome::of(on_loopback(left, watch).await))
}

fn watch() -> io::Result<()> {
    const MARK: &[u8] = b"packet of the probe";
    let socket = open(AddressFamily::Packet, SockProtocol::EthAll)?;
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    sender.send_to(MARK, sender.local_addr()?)?;
    until(&socket, |frame| frame.ends_with(MARK))
}

/// What carries the wires: how late a timer is told that ran out.
pub(in crate::features) fn timers() -> Outcome {
    const ROUNDS: u32 = 20;
    const WAIT: Duration = Duration::from_millis(2);
    let late = || -> nix::Result<Duration> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        let mut all = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            timer.set(Expiration::OneShot(TimeSpec::from(WAIT)), TimerSetTimeFlags::empty())?;
            if epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::from(1000u16))? == 0 {
                return Err(nix::errno::Errno::ETIMEDOUT);
            }
            all.push(start.elapsed().saturating_sub(WAIT));
            nix::unistd::read(timer.as_fd(), &mut [0; 8])?;
        }
        all.sort();
        Ok(all[all.len() / 2])
    };
    let late = late().map_err(|errno| LabError::system("wait for a timer", errno));
    Outcome::of(late.map(|median| format!("{} µs late (median)", median.as_micros())))
}

async fn on_loopback(node: &Node, work: fn() -> io::Result<()>) -> Result<String> {
    node.configure_loopback().await?;
    node.run(work)?.map(|()| String::new()).map_err(|source| LabError::system("use the socket", source))
}

fn open(family: AddressFamily, protocol: SockProtocol) -> io::Result<OwnedFd> {
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &SOON)?;
    Ok(socket)
}

/// Receives until a packet is the one that was waited for.
fn until(socket: &OwnedFd, is_it: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    for _ in 0..MOST_PACKETS {
        let mut packet = [0; 2048];
        let length = recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty())?;
        if is_it(&packet[..length]) {
            return Ok(());
        }
    }
    Err(io::Error::other("other packets came, the expected one did not"))
}
