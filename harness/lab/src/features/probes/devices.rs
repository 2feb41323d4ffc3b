//! Network devices, and what is done with them.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::net::UdpSocket;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::with_nodes;
use crate::features::Outcome;
use crate::{LabError, Node, Result};

/// How long a packet may take inside one machine.
const SOON: Duration = Duration::from_secs(2);
const MTU: u32 = 1500;

nix::ioctl_write_ptr_bad!(
    /// `TUNSETIFF` (linux/if_tun.h).
    tunsetiff,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);

/// As VPN programs do.
pub(in crate::features) fn tun() -> Outcome {
    Outcome::of(open_tun().map(|_| String::new()))
}

fn open_tun() -> Result<File> {
    const PATH: &str = "/dev/net/tun";
    let file = OpenOptions::new().read(true).write(true).open(PATH).map_err(|source| LabError::file(PATH, source))?;
    // SAFETY: `ifreq` is plain data for which zero is a valid value; without a name the kernel chooses one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the descriptor is open and `request` is a valid interface request.
    unsafe { tunsetiff(file.as_raw_fd(), &raw const request) }
        .map_err(|errno| LabError::system(format!("make a TUN device with {PATH}"), errno))?;
    Ok(file)
}

/// One end of a wire: a packet that a node sends comes out of the descriptor.
pub(in crate::features) fn tap() -> Outcome {
    with_nodes(["left"], async |[left]| Outcome::of(frame_comes(left).await))
}

async fn frame_comes(node: &Node) -> Result<String> {
    let (mut tap, index) = node.plug_tap("probe", false)?;
    node.configure_link("probe", index, [2, 0, 0, 0, 0, 1], MTU).await?;
    node.add_address("probe", "10.0.0.1/24".parse().map_err(impossible)?).await?;
    let socket = bind(node, "10.0.0.1:0")?;
    socket.send_to(b"x", "10.0.0.2:9").map_err(|source| LabError::system("send a packet", source))?;
    let deadline = Instant::now() + SOON;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut waiting = [PollFd::new(tap.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut waiting, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))
            .map_err(|errno| LabError::system("wait for a frame", errno))?;
        if ready == 0 {
            return Err(LabError::Deadline { what: "a frame".to_owned(), within: SOON });
        }
        let mut frame = [0; 2048];
        let length = tap.read(&mut frame).map_err(|source| LabError::system("read a frame", source))?;
        // EtherType ARP: the question for the neighbour's address.
        if length >= 14 && frame[12..14] == [0x08, 0x06] {
            return Ok(String::new());
        }
    }
}

/// Made in place, in two namespaces at once; a packet crosses it.
pub(in crate::features) fn veth() -> Outcome {
    with_nodes(["left", "right"], async |nodes| Outcome::of(crosses(nodes).await))
}

async fn crosses([left, right]: [&Node; 2]) -> Result<String> {
    let indexes = left.plug_veth("probe", right, [false, false]).await?;
    for (number, (node, index)) in [left, right].into_iter().zip(indexes).enumerate() {
        node.configure_link("probe", index, [2, 0, 0, 0, 0, number as u8], MTU).await?;
        node.add_address("probe", format!("10.0.0.{}/24", number + 1).parse().map_err(impossible)?).await?;
    }
    for (node, index) in [left, right].into_iter().zip(indexes) {
        node.wait_ready(&[index], &[], SOON).await?;
    }
    arrives(&bind(left, "10.0.0.1:0")?, &bind(right, "10.0.0.2:0")?)
}

/// An address is usable at once, without the wait for duplicates.
pub(in crate::features) fn ipv6() -> Outcome {
    with_nodes(["left"], async |[left]| Outcome::of(to_itself(left).await))
}

async fn to_itself(node: &Node) -> Result<String> {
    node.configure_loopback().await?;
    let (_tap, index) = node.plug_tap("probe", true)?;
    node.configure_link("probe", index, [2, 0, 0, 0, 0, 1], MTU).await?;
    node.add_address("probe", "fd00::1/64".parse().map_err(impossible)?).await?;
    let socket = bind(node, "[fd00::1]:0")?;
    arrives(&socket, &socket)
}

/// What a snapshot of a node lists: addresses, routes, policy rules, sockets.
pub(in crate::features) fn snapshot() -> Outcome {
    with_nodes(["left"], async |[left]| {
        Outcome::of(left.snapshot(interop_evidence::Micros::default()).await.map(|_| String::new()))
    })
}

fn bind(node: &Node, address: &str) -> Result<UdpSocket> {
    let open = || -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(SOON))?;
        Ok(socket)
    };
    node.run(open)?.map_err(|source| LabError::system(format!("bind a socket to {address}"), source))
}

fn arrives(from: &UdpSocket, to: &UdpSocket) -> Result<String> {
    let failed = |source| LabError::system("send a packet and receive it", source);
    from.send_to(b"x", to.local_addr().map_err(failed)?).map_err(failed)?;
    to.recv(&mut [0; 8]).map_err(failed)?;
    Ok(String::new())
}

fn impossible(error: ipnet::AddrParseError) -> LabError {
    LabError::system("read an address", std::io::Error::other(error))
}
