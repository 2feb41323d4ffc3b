//! `route`: a route appears, changes or goes. Proof: the node's routes.

use interop_catalogue::{RouteChange, RouteFault};
use interop_lab::RouteTarget;
use ipnet::IpNet;

use super::Evidence;
use crate::Result;
use crate::cell::Cell;

#[derive(Debug)]
pub(super) struct Route {
    node: String,
    delete: bool,
    to: IpNet,
    target: RouteTarget,
    before: Vec<interop_evidence::RouteEntry>,
}

impl Route {
    pub(super) fn new(fault: &RouteFault) -> Self {
        Self {
            node: fault.node.to_string(),
            delete: fault.action == RouteChange::Delete,
            to: fault.to.0,
            target: fault.via.map_or(RouteTarget::Blackhole, RouteTarget::Via),
            before: Vec::new(),
        }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        let node = cell.lab.node(&self.node)?;
        self.before = node.routes().await?;
        if self.delete {
            node.delete_route(self.to, &self.target).await?;
            return Ok(format!("`{}` loses its route to {}", self.node, self.to));
        }
        node.put_route(self.to, &self.target).await?;
        Ok(format!("`{}` routes {} to {:?}", self.node, self.to, self.target))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        let node = cell.lab.node(&self.node)?;
        let text = self.to.to_string();
        let old = self.before.iter().find(|route| route.to == text).and_then(|route| route.via);
        match old {
            Some(via) => Ok(node.put_route(self.to, &RouteTarget::Via(via)).await?),
            None if self.delete => Ok(node.put_route(self.to, &self.target).await?),
            None => Ok(node.delete_route(self.to, &self.target).await?),
        }
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let routes = cell.lab.node(&self.node)?.routes().await?;
        let changed = routes != self.before;
        let text = self.to.to_string();
        let now = routes.iter().find(|route| route.to == text).map_or_else(
            || format!("`{}` has no route to {text}", self.node),
            |route| format!("`{}` has {text} {} via {:?}", self.node, route.kind, route.via),
        );
        Ok((changed, now))
    }
}
