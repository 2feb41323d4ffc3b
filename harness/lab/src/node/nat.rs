//! NAT behaviours of a router.
//!
//! Names as in RFC 4787: the mapping of a *port-restricted* or *full-cone* NAT keeps the source port, that of a
//! *symmetric* one is random for each destination. A full-cone NAT lets anybody in through an existing mapping.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Node, PendingRules};
use crate::{LabError, Result};

/// How a NAT maps and filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatKind {
    /// One public port for one inside socket; only addresses that were written to may answer.
    PortRestricted,
    /// One public port for one inside socket; anybody may send to it.
    FullCone,
    /// A random public port for each destination.
    Symmetric,
}

/// The NAT of a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    /// Behaviour.
    pub kind: NatKind,
    /// Interface towards the public side.
    pub outside: String,
    /// Lifetime of an idle UDP mapping, if not the kernel's.
    pub udp_timeout: Option<Duration>,
    /// How often the mapping was moved; each value uses a port range of its own. 0 keeps ports.
    pub generation: u16,
}

/// First port of the ranges that rebinding moves to, and the size of one range.
const REBIND_BASE: u16 = 40_000;
const REBIND_SIZE: u16 = 500;

impl Nat {
    /// Installs the NAT in a router, replacing one that is there.
    ///
    /// # Errors
    /// When nft or the kernel refuses.
    pub fn install(&self, router: &Node) -> Result<()> {
        router.nft(&self.ruleset())?;
        self.finish(router)
    }

    /// Begins to load the rules into a new router; [`Self::finish`] must follow when they are in force.
    ///
    /// Nothing is replaced: removing a table makes `nft` wait 15 ms for the kernel when it closes its socket.
    pub(crate) fn begin<'a>(&self, router: &'a Node) -> Result<PendingRules<'a>> {
        router.nft_begin(&self.table())
    }

    /// Sets the life time of mappings, which the kernel knows once there are rules.
    pub(crate) fn finish(&self, router: &Node) -> Result<()> {
        if let Some(timeout) = self.udp_timeout {
            let seconds = timeout.as_secs().max(1).to_string();
            router.sysctl("netfilter/nf_conntrack_udp_timeout", &seconds)?;
            router.sysctl("netfilter/nf_conntrack_udp_timeout_stream", &seconds)?;
        }
        Ok(())
    }

    /// Moves every mapping to a new public port, as a router does after a restart or an idle time-out. TCP flows go
    /// on: their next packet from inside makes a new state with the same port.
    ///
    /// # Errors
    /// When nft or the kernel refuses, or after 40 moves.
    pub fn rebind(&mut self, router: &Node) -> Result<()> {
        self.generation += 1;
        if self.generation > 40 {
            return Err(LabError::system("rebind", std::io::Error::other("no port range left after 40 moves")));
        }
        router.nft(&self.ruleset())?;
        router.flush_conntrack()
    }

    /// The public UDP ports since the last move.
    pub fn rebound_ports(&self) -> std::ops::RangeInclusive<u16> {
        let first = REBIND_BASE + self.generation.saturating_sub(1) * REBIND_SIZE;
        first..=first + (REBIND_SIZE - 1)
    }

    /// The ruleset as text; it replaces one that is there.
    pub fn ruleset(&self) -> String {
        format!("table inet nat\ndelete table inet nat\n{}", self.table())
    }

    fn table(&self) -> String {
        let outside = &self.outside;
        let mut text = String::from("table inet nat {\n");
        let map = match self.kind {
            NatKind::PortRestricted => "masquerade",
            NatKind::Symmetric => "masquerade fully-random",
            NatKind::FullCone => {
                // Remembers which inside socket uses a port, and sends whatever comes to that port there.
                let _ = writeln!(
                    text,
                    "  map cone {{ type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 5m; }}\n  \
                     chain remember {{ type filter hook forward priority 0;\n    \
                     oifname \"{outside}\" meta nfproto ipv4 meta l4proto udp update @cone {{ udp sport : ip saddr . udp sport }}\n  }}\n  \
                     chain inbound {{ type nat hook prerouting priority dstnat;\n    \
                     iifname \"{outside}\" meta nfproto ipv4 meta l4proto udp dnat ip to udp dport map @cone\n  }}"
                );
                "masquerade"
            }
        };
        let _ = writeln!(text, "  chain outbound {{ type nat hook postrouting priority srcnat;");
        if self.generation > 0 {
            let ports = self.rebound_ports();
            let _ = writeln!(
                text,
                "    oifname \"{outside}\" meta l4proto udp masquerade to :{}-{} random",
                ports.start(),
                ports.end()
            );
        }
        let _ = writeln!(text, "    oifname \"{outside}\" {map}\n  }}");
        // A packet from outside that belongs to no mapping is not the router's own business: no RST, no ICMP.
        let _ = writeln!(
            text,
            "  chain input {{ type filter hook input priority filter;\n    \
             iifname \"{outside}\" ct state new meta l4proto {{ tcp, udp }} drop\n  }}\n}}"
        );
        text
    }
}
