//! Forgetting connection tracking state, as a router that restarts does.

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};

use super::Node;
use crate::{LabError, Result};

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE` (linux/netfilter/nfnetlink_conntrack.h).
const CT_DELETE: u16 = 1 << 8 | 2;
/// `NLM_F_REQUEST | NLM_F_ACK`
const REQUEST_ACK: u16 = 0x1 | 0x4;
/// `NLMSG_ERROR`, which also carries the acknowledgement.
const NLMSG_ERROR: u16 = 2;

impl Node {
    /// Removes every entry of the node's connection tracking table.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn flush_conntrack(&self) -> Result<()> {
        let failed = |source| LabError::system(format!("flush connection tracking in `{}`", self.name()), source);
        let reply = self
            .run(|| -> std::io::Result<Vec<u8>> {
                let mut socket = Socket::new(NETLINK_NETFILTER)?;
                socket.bind_auto()?;
                socket.connect(&SocketAddr::new(0, 0))?;
                let mut message = Vec::with_capacity(20);
                message.extend_from_slice(&20u32.to_ne_bytes());
                message.extend_from_slice(&CT_DELETE.to_ne_bytes());
                message.extend_from_slice(&REQUEST_ACK.to_ne_bytes());
                message.extend_from_slice(&1u32.to_ne_bytes());
                message.extend_from_slice(&0u32.to_ne_bytes());
                message.extend_from_slice(&[0, 0, 0, 0]); // family unspecified, version 0, resource 0
                socket.send(&message, 0)?;
                let mut reply = Vec::with_capacity(4096);
                socket.recv(&mut reply, 0)?;
                Ok(reply)
            })?
            .map_err(failed)?;
        match (reply.get(4..6), reply.get(16..20)) {
            (Some(kind), Some(error)) if kind == NLMSG_ERROR.to_ne_bytes() => {
                match i32::from_ne_bytes([error[0], error[1], error[2], error[3]]) {
                    0 => Ok(()),
                    errno => Err(failed(std::io::Error::from_raw_os_error(-errno))),
                }
            }
            _ => Err(failed(std::io::Error::other("an answer that is no acknowledgement"))),
        }
    }
}
