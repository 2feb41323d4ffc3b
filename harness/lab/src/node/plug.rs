//! Putting the ends of links into nodes.

use std::fs::File;
use std::os::fd::{AsRawFd as _, RawFd};

use netlink_packet_route::link::{InfoData, InfoVeth};
use nix::net::if_::if_nametoindex;
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::Node;
use super::sysctl::set_if_known;
use crate::wire::open_tap;
use crate::{LabError, Result};

nix::ioctl_write_int_bad!(
    /// `TUNSETPERSIST` (linux/if_tun.h).
    tunsetpersist,
    nix::request_code_write!(b'T', 203, size_of::<libc::c_int>())
);

impl Node {
    /// Makes a TAP device, and says its index. Without `ipv6` it has no link-local address and no neighbour
    /// discovery: an IPv4 link stays quiet.
    pub(crate) fn plug_tap(&self, interface: &str, ipv6: bool) -> Result<(File, u32)> {
        self.run(|| {
            let tap = open_tap(interface)?;
            // The device outlives its descriptor and goes with the namespace, in the background and all at once: a
            // device that goes with its descriptor holds up the end of the cell for 17 ms.
            // SAFETY: the descriptor is an open TAP device; the argument is a number.
            unsafe { tunsetpersist(tap.as_raw_fd(), 1) }
                .map_err(|errno| LabError::system(format!("keep TAP device `{interface}`"), errno))?;
            Ok((tap, settle(interface, ipv6)?))
        })?
    }

    /// Makes a veth pair directly in place: this end here, the other end in `other`; both with one name. Says the
    /// indexes of both.
    pub(crate) async fn plug_veth(&self, interface: &str, other: &Self, ipv6: [bool; 2]) -> Result<[u32; 2]> {
        let far: RawFd = other.namespace().file().as_raw_fd();
        let peer = LinkMessageBuilder::<LinkUnspec>::new().name(interface).setns_by_fd(far).build();
        let message = LinkVeth::new(interface, interface).set_info_data(InfoData::Veth(InfoVeth::Peer(peer))).build();
        self.netlink()
            .link()
            .add(message)
            .execute()
            .await
            .map_err(self.netlink_error(&format!("make veth pair `{interface}`")))?;
        Ok([self.run(|| settle(interface, ipv6[0]))??, other.run(|| settle(interface, ipv6[1]))??])
    }
}

/// Finds a new interface in the namespace of this thread.
fn settle(interface: &str, ipv6: bool) -> Result<u32> {
    if !ipv6 {
        set_if_known(&format!("ipv6/conf/{interface}/disable_ipv6"), "1")?;
    }
    if_nametoindex(interface).map_err(|errno| LabError::system(format!("find interface `{interface}`"), errno))
}
