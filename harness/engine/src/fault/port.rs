//! `port`: something else already listens where a peer wants to. Proof: the node's sockets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use interop_catalogue::{PortFault, Protocol};
use interop_services::sockets;

use super::Evidence;
use crate::cell::Cell;
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Port {
    node: String,
    tcp: bool,
    port: u16,
    held: Vec<OwnedFd>,
}

impl Port {
    pub(super) fn new(fault: &PortFault) -> Self {
        Self {
            node: fault.node.to_string(),
            tcp: fault.protocol == Protocol::Tcp,
            port: fault.port.0,
            held: Vec::new(),
        }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        let tcp = self.tcp;
        let open = |address: SocketAddr| -> std::io::Result<OwnedFd> {
            Ok(if tcp { sockets::tcp_listener(address)?.into() } else { sockets::udp(address)?.into() })
        };
        for address in [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()] {
            let address = SocketAddr::new(address, self.port);
            let socket = cell.lab.node(&self.node)?.run(|| open(address))?;
            self.held.push(socket.map_err(|source| EngineError::plan(format!("take {address}: {source}")))?);
        }
        Ok(format!("something else holds {} port {} of `{}`", self.protocol(), self.port, self.node))
    }

    pub(super) async fn heal(&mut self, _: &mut Cell<'_>) -> Result<()> {
        self.held.clear();
        Ok(())
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let sockets = cell.lab.node(&self.node)?.sockets()?;
        let count =
            sockets.iter().filter(|socket| socket.port == self.port && socket.protocol == self.protocol()).count();
        Ok((count > 0 && !self.held.is_empty(), format!("{count} sockets hold {} {}", self.protocol(), self.port)))
    }

    fn protocol(&self) -> &'static str {
        if self.tcp { "tcp" } else { "udp" }
    }
}
