//! TAP devices.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use crate::{LabError, Result};

nix::ioctl_write_ptr_bad!(
    /// `TUNSETIFF` (linux/if_tun.h).
    tunsetiff,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);

/// Makes a TAP device in the network namespace of this thread: Ethernet frames, no offload, non-blocking.
pub(crate) fn open_tap(name: &str) -> Result<File> {
    const PATH: &str = "/dev/net/tun";
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(PATH)
        .map_err(|source| LabError::file(PATH, source))?;
    // SAFETY: `ifreq` is plain data for which zero is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the descriptor is open and `request` is a valid, NUL-terminated interface request.
    unsafe { tunsetiff(file.as_raw_fd(), &raw const request) }
        .map_err(|errno| LabError::system(format!("make TAP device `{name}`"), errno))?;
    Ok(file)
}
