//! `link`: an interface goes down, or a link gets another MTU. Proof: the nodes' interfaces.

use interop_catalogue::{LinkChange, LinkFault, LinkState};

use super::Evidence;
use crate::cell::Cell;
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Link {
    link: String,
    /// One node, or both ends.
    node: Option<String>,
    change: Change,
}

#[derive(Debug)]
enum Change {
    State { up: bool },
    Mtu(u32),
}

impl Link {
    pub(super) fn new(fault: &LinkFault) -> Self {
        let change = match fault.change {
            LinkChange::State(state) => Change::State { up: state == LinkState::Up },
            LinkChange::Mtu(mtu) => Change::Mtu(mtu.0.into()),
        };
        Self { link: fault.link.to_string(), node: fault.node.as_ref().map(ToString::to_string), change }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        for node in self.ends(cell)? {
            let node = cell.lab.node(&node)?;
            match self.change {
                Change::State { up } => node.set_link(&self.link, up).await?,
                Change::Mtu(mtu) => node.set_mtu(&self.link, mtu).await?,
            }
        }
        let at = self.node.as_ref().map_or_else(|| "both ends".to_owned(), |node| format!("`{node}`"));
        Ok(match self.change {
            Change::State { up } => format!("`{}` goes {} at {at}", self.link, if up { "up" } else { "down" }),
            Change::Mtu(mtu) => format!("`{}` has an MTU of {mtu} at {at}", self.link),
        })
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        let mtu = cell.world.topology.links.get(self.link.as_str()).map_or(1500, |link| link.mtu.0.into());
        for name in self.ends(cell)? {
            let node = cell.lab.node(&name)?;
            match self.change {
                Change::State { up } => {
                    node.set_link(&self.link, !up).await?;
                    if !up {
                        // The kernel forgets the routes of an interface that goes down.
                        cell.restore_routes(&name).await?;
                    }
                }
                Change::Mtu(_) => node.set_mtu(&self.link, mtu).await?,
            }
        }
        Ok(())
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let mut words = Vec::new();
        let mut bit = true;
        for name in self.ends(cell)? {
            let interfaces = cell.lab.node(&name)?.interfaces().await?;
            let seen = interfaces.get(&self.link).copied();
            bit &= match self.change {
                Change::State { up } => seen.is_some() == up,
                Change::Mtu(mtu) => seen == Some(mtu),
            };
            words.push(match seen {
                Some(mtu) => format!("`{name}` has it up with MTU {mtu}"),
                None => format!("`{name}` has it down"),
            });
        }
        Ok((bit, format!("link `{}`: {}", self.link, words.join(", "))))
    }

    fn ends(&self, cell: &Cell<'_>) -> Result<Vec<String>> {
        if let Some(node) = &self.node {
            return Ok(vec![node.clone()]);
        }
        let link = cell.world.topology.links.get(self.link.as_str());
        let link = link.ok_or_else(|| EngineError::plan(format!("there is no link `{}`", self.link)))?;
        Ok(link.ends.keys().map(ToString::to_string).collect())
    }
}
