//! `nat`: a router changes its mind about address translation. Proof: the ports that the outside sees, or the rules.

use interop_catalogue::{NatChange, NatFault};

use super::Evidence;
use crate::cell::{Cell, lab_nat};
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Nat {
    node: String,
    change: NatChange,
    before: Option<interop_lab::Nat>,
}

impl Nat {
    pub(super) fn new(fault: &NatFault) -> Self {
        Self { node: fault.node.to_string(), change: fault.change, before: None }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        let node = self.node.clone();
        let router = cell.lab.node(&node)?;
        let nat = cell
            .nats
            .get_mut(&node)
            .ok_or_else(|| EngineError::plan(format!("node `{node}` translates no addresses")))?;
        self.before = Some(nat.clone());
        match self.change {
            NatChange::Rebind => nat.rebind(router)?,
            NatChange::Kind(kind) => {
                nat.kind = lab_nat(kind);
                nat.install(router)?;
                router.flush_conntrack()?;
            }
            NatChange::UdpTimeout(timeout) => {
                nat.udp_timeout = Some(timeout);
                nat.install(router)?;
            }
        }
        Ok(match self.change {
            NatChange::Rebind => format!("`{node}` forgets its mappings and gives new public ports"),
            NatChange::Kind(kind) => format!("the NAT of `{node}` is {kind} now"),
            NatChange::UdpTimeout(timeout) => format!("idle UDP mappings of `{node}` live {timeout:?} now"),
        })
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        // A router does not take back a port that it gave away: rebinding stays.
        if let (false, Some(before)) = (self.change == NatChange::Rebind, self.before.take()) {
            before.install(cell.lab.node(&self.node)?)?;
            cell.nats.insert(self.node.clone(), before);
        }
        Ok(())
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let Some(nat) = cell.nats.get(&self.node) else { return Ok((false, "no NAT is left".to_owned())) };
        if self.change != NatChange::Rebind {
            let seen = cell.lab.node(&self.node)?.nft_listing("inet", "nat")?;
            let rule = seen.lines().find(|line| line.contains("masquerade")).unwrap_or("no rule").trim();
            return Ok((seen.contains("masquerade"), format!("`{}` has: {rule}", self.node)));
        }
        let range = nat.rebound_ports();
        let outside: Vec<std::net::IpAddr> = cell.world.topology.addresses(&self.node).collect();
        let moved = cell.witness.flows().into_iter().find(|flow| {
            flow.wire == nat.outside
                && outside.contains(&flow.from)
                && flow.protocol == "udp"
                && flow.source_port.is_some_and(|port| range.contains(&port))
        });
        Ok(match moved {
            Some(flow) => {
                let port = flow.source_port.unwrap_or_default();
                (true, format!("from frame {} on the client's UDP comes from port {port}", flow.first_frame))
            }
            None => (false, format!("no UDP packet came from the new ports {}..={}", range.start(), range.end())),
        })
    }
}
