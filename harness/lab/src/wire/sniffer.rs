//! What tunnel devices of a node carry: the inner flow, in clear.
//!
//! A tunnel device appears when a peer makes it, so the socket listens on every interface of the node and a filter in
//! the kernel lets only devices without a link layer through.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd};

use crate::{LabError, Node, Result};

/// `SKF_AD_OFF + SKF_AD_HATYPE` (linux/filter.h): the hardware type of the device.
const HARDWARE_TYPE: u32 = (-0x1000_i32 + 28).cast_unsigned();
/// `ARPHRD_NONE` (linux/if_arp.h): a device without a link layer, as TUN devices are.
const ARPHRD_NONE: u32 = 0xfffe;
/// Whole packets.
const EVERYTHING: u32 = 0x0004_0000;

/// A packet socket in a node.
#[derive(Debug)]
pub(crate) struct Sniffer {
    socket: OwnedFd,
    /// Names by index; a name that was seen stays, also when the device has gone.
    names: BTreeMap<i32, String>,
}

/// A packet that a tunnel device carried.
pub(crate) struct InnerPacket {
    pub(crate) length: usize,
    pub(crate) interface: i32,
    /// Whether the node sent it into the tunnel.
    pub(crate) outgoing: bool,
}

impl Sniffer {
    pub(crate) fn open(node: &Node) -> Result<Self> {
        let socket = node.run(packet_socket)?;
        let socket =
            socket.map_err(|source| LabError::system(format!("listen to tunnels of `{}`", node.name()), source))?;
        Ok(Self { socket, names: BTreeMap::new() })
    }

    /// The next packet, or `None` when nothing waits.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<InnerPacket>> {
        // SAFETY: `sockaddr_ll` is plain data for which zero is a valid value.
        let mut from: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        let mut size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the buffer and the address are valid for writes of the lengths that are given.
        let length = unsafe {
            libc::recvfrom(
                self.socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
                (&raw mut from).cast(),
                &raw mut size,
            )
        };
        let Ok(length) = usize::try_from(length) else {
            let error = io::Error::last_os_error();
            // A device that goes down is told as an error on the socket, once.
            let quiet = error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENETDOWN);
            return if quiet { Ok(None) } else { Err(error) };
        };
        let outgoing = from.sll_pkttype == libc::PACKET_OUTGOING;
        Ok(Some(InnerPacket { length, interface: from.sll_ifindex, outgoing }))
    }

    /// Name of an interface, as it was when it was first seen.
    pub(crate) fn name(&mut self, index: i32) -> &str {
        let socket = self.socket.as_raw_fd();
        self.names.entry(index).or_insert_with(|| interface_name(socket, index))
    }
}

impl AsFd for Sniffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A packet socket in the network namespace of this thread, with the filter in place before it hears anything.
fn packet_socket() -> io::Result<OwnedFd> {
    let checked = |result: i32| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) };
    // SAFETY: no memory is involved; protocol 0 hears nothing yet.
    let socket = checked(unsafe {
        libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
    })?;
    // SAFETY: the descriptor was just made and belongs to nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let instruction = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut program = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, HARDWARE_TYPE),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, ARPHRD_NONE),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, EVERYTHING),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which lives until the call returns.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    })?;
    // SAFETY: `sockaddr_ll` is plain data for which zero is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: the address is valid and of the length that is given.
    checked(unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as libc::socklen_t)
    })?;
    Ok(socket)
}

/// `SIOCGIFNAME` on a socket of the node.
fn interface_name(socket: i32, index: i32) -> String {
    // SAFETY: `ifreq` is plain data for which zero is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_ifindex = index;
    // SAFETY: the descriptor is open and `request` is a valid interface request.
    if unsafe { libc::ioctl(socket, libc::SIOCGIFNAME, &raw mut request) } < 0 {
        return format!("if{index}");
    }
    // SAFETY: the kernel has written a NUL-terminated name.
    unsafe { CStr::from_ptr(request.ifr_name.as_ptr()) }.to_string_lossy().into_owned()
}
