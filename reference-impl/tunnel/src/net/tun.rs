//! The TUN device, by ioctl: layer 3, without packet information, non-blocking.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::NetError;

/// The driver's device node.
const DRIVER: &str = "/dev/net/tun";

/// The name when none was asked for: the first free number.
const DEFAULT_NAME: &str = "tun%d";

/// A TUN device; it disappears with its addresses and routes when the last descriptor is closed, also at `kill -9`.
#[derive(Debug)]
pub struct TunDevice {
    file: File,
    name: String,
    index: u32,
}

impl TunDevice {
    /// Makes a device, down and without addresses.
    ///
    /// `name` may hold one `%d`, for which the kernel puts the first free number (`vpns%d`); `None` is `tun%d`.
    /// `mtu` is in bytes of IP packet.
    ///
    /// # Errors
    /// [`NetError::NoPermission`] without the right, [`NetError::NoTun`] without the driver, [`NetError::NameInUse`],
    /// [`NetError::BadName`], or what the kernel says about the MTU.
    pub fn create(name: Option<&str>, mtu: u16) -> Result<Self, NetError> {
        let wanted = name.unwrap_or(DEFAULT_NAME);
        if !is_name(wanted) {
            return Err(NetError::BadName { name: wanted.to_owned() });
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(DRIVER)
            .map_err(|error| opening_failed(&error))?;
        let mut request = request(wanted);
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: the descriptor is open; TUNSETIFF reads and writes one `ifreq`, which outlives the call.
        let code = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
        Errno::result(code).map_err(|errno| making_failed(wanted, errno))?;
        let name = name_of(&request);
        let index = if_nametoindex(name.as_str()).map_err(|errno| NetError::system(format!("find `{name}`"), errno))?;
        let device = Self { file, name, index };
        device.set_mtu(mtu)?;
        Ok(device)
    }

    /// Returns the name that the kernel gave.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the interface index.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Sets the MTU, in bytes of IP packet. Below 1280 the kernel takes IPv6 away from the device.
    ///
    /// # Errors
    /// When the device is gone, the right is missing, or the value is out of range.
    pub fn set_mtu(&self, mtu: u16) -> Result<(), NetError> {
        let what = || format!("set the MTU of `{}` to {mtu}", self.name);
        let control = control_socket().map_err(|errno| NetError::system(what(), errno))?;
        let mut request = request(&self.name);
        request.ifr_ifru.ifru_mtu = libc::c_int::from(mtu);
        // SAFETY: the descriptor is open; SIOCSIFMTU reads one `ifreq`, which outlives the call.
        let code = unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCSIFMTU as _, &raw const request) };
        Errno::result(code).map_err(|errno| NetError::system(what(), errno))?;
        Ok(())
    }

    /// Reads one IP packet.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; a packet longer than `buffer` is cut by the kernel.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.file).read(buffer)
    }

    /// Writes one IP packet.
    ///
    /// # Errors
    /// `WouldBlock` when the queue is full, `InvalidInput` for what is no IP packet, an error while the device is down.
    pub fn write(&self, packet: &[u8]) -> io::Result<usize> {
        (&self.file).write(packet)
    }
}

impl AsFd for TunDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl std::os::fd::AsRawFd for TunDevice {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.file.as_raw_fd()
    }
}

/// Whether a name may go to the kernel, and unquoted into rules: no blanks, no quotes, at most one `%d`.
pub(super) fn is_name(name: &str) -> bool {
    let plain = name.replacen("%d", "", 1);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() < libc::IFNAMSIZ && plain.chars().all(allowed) && !matches!(name, "." | "..")
}

fn opening_failed(error: &io::Error) -> NetError {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
    match errno {
        Errno::EPERM | Errno::EACCES => NetError::NoPermission { what: format!("open {DRIVER}"), errno },
        Errno::ENOENT | Errno::ENODEV | Errno::ENXIO => NetError::NoTun { errno },
        _ => NetError::system(format!("open {DRIVER}"), errno),
    }
}

/// `EINVAL` is what the driver says about a name that an interface of another kind has.
fn making_failed(name: &str, errno: Errno) -> NetError {
    match errno {
        Errno::EPERM | Errno::EACCES => NetError::NoPermission { what: format!("make device `{name}`"), errno },
        Errno::EBUSY | Errno::EEXIST => NetError::NameInUse { name: name.to_owned() },
        Errno::EINVAL if if_nametoindex(name).is_ok() => NetError::NameInUse { name: name.to_owned() },
        _ => NetError::system(format!("make device `{name}`"), errno),
    }
}

fn control_socket() -> nix::Result<OwnedFd> {
    socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
}

/// A request for this name, which [`is_name`] or the kernel has found short enough.
fn request(name: &str) -> libc::ifreq {
    // SAFETY: `ifreq` is plain data, for which zeroes are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = from as libc::c_char;
    }
    request
}

fn name_of(request: &libc::ifreq) -> String {
    request.ifr_name.iter().take_while(|&&c| c != 0).map(|&c| char::from(c as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["tun0", "vpns%d", "a", "vpn-1.x_y", "fifteen-letters"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "sixteen-letters-", "a b", "a/b", "a%s", "%d%d", "\"", "..", "tun\u{e9}"] {
            assert!(!is_name(bad), "{bad}");
            assert!(matches!(TunDevice::create(Some(bad), 1400), Err(NetError::BadName { .. })), "{bad}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let open = |code| opening_failed(&io::Error::from_raw_os_error(code));
        assert!(open(libc::EACCES).is_permission());
        assert!(matches!(open(libc::ENOENT), NetError::NoTun { .. }));
        assert!(matches!(open(libc::EMFILE), NetError::System { .. }));
        assert!(matches!(making_failed("tun0", Errno::EBUSY), NetError::NameInUse { .. }));
        assert!(matches!(making_failed("lo", Errno::EINVAL), NetError::NameInUse { .. }));
        assert!(matches!(making_failed("no-such-one", Errno::EINVAL), NetError::System { .. }));
        assert!(matches!(making_failed("tun0", Errno::EPERM), NetError::NoPermission { .. }));
        let message = making_failed("tun0", Errno::EPERM).to_string();
        assert_eq!(message, "make device `tun0`: Operation not permitted (root or CAP_NET_ADMIN is needed)");
    }

    #[test]
    fn a_request_holds_the_name() {
        assert_eq!(name_of(&request("tun0")), "tun0");
        assert_eq!(name_of(&request("a-name-that-is-far-too-long")), "a-name-that-is-");
    }
}
