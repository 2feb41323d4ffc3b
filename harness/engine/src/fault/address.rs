//! `address`: a node gets another address and another way out, as a telephone that changes networks. Proof: its
//! addresses.

use std::net::IpAddr;

use interop_catalogue::AddressFault;
use interop_lab::RouteTarget;
use ipnet::IpNet;

use super::Evidence;
use crate::Result;
use crate::cell::Cell;

#[derive(Debug)]
pub(super) struct Address {
    node: String,
    link: String,
    address: IpNet,
    via: Option<IpAddr>,
}

impl Address {
    pub(super) fn new(fault: &AddressFault) -> Self {
        let (node, link) = (fault.node.to_string(), fault.link.to_string());
        Self { node, link, address: fault.address, via: fault.via }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        let node = cell.lab.node(&self.node)?;
        node.clear_addresses(&self.link, self.address.addr().is_ipv6()).await?;
        node.add_address(&self.link, self.address).await?;
        if let Some(via) = self.via {
            node.put_route(default_of(self.address), &RouteTarget::Via(via)).await?;
        }
        Ok(format!("`{}` has address {} on `{}` now", self.node, self.address, self.link))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        let node = cell.lab.node(&self.node)?;
        node.clear_addresses(&self.link, self.address.addr().is_ipv6()).await?;
        let own: Vec<IpNet> = cell
            .world
            .topology
            .interfaces(&self.node)
            .filter(|(name, ..)| name.as_str() == self.link)
            .flat_map(|(_, _, addresses)| addresses.iter().map(|address| address.value))
            .filter(|address| address.addr().is_ipv6() == self.address.addr().is_ipv6())
            .collect();
        for address in own {
            node.add_address(&self.link, address).await?;
        }
        cell.restore_routes(&self.node).await
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let addresses = cell.lab.node(&self.node)?.addresses().await?;
        let there = addresses.iter().any(|entry| entry.interface == self.link && entry.address == self.address.addr());
        let used = cell.witness.flows().into_iter().find(|flow| flow.from == self.address.addr());
        let frame = used.as_ref().map_or(0, |flow| flow.first_frame);
        Ok((
            there && used.is_some(),
            format!("`{}` has {}: {there}; first packet from it is frame {frame}", self.node, self.address),
        ))
    }
}

fn default_of(address: IpNet) -> IpNet {
    match address {
        IpNet::V4(_) => IpNet::V4(ipnet::Ipv4Net::default()),
        IpNet::V6(_) => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}
