//! `nft`: rules in a router. Proof: the counter that the rules name `hit`.

use interop_catalogue::NftFault;
use interop_lab::RuleCounter;

use super::Evidence;
use crate::Result;
use crate::cell::Cell;

#[derive(Debug)]
pub(super) struct Nft {
    node: String,
    table: String,
    rules: String,
}

impl Nft {
    pub(super) fn new(name: &str, fault: NftFault) -> Self {
        let table = format!("fault_{}", name.replace('-', "_"));
        Self { node: fault.node.to_string(), table, rules: fault.rules }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        let Self { node, table, rules, .. } = self;
        cell.lab.node(node)?.nft(&format!("table inet {table} {{\ncounter hit {{ }}\n{rules}\n}}\n"))?;
        Ok(format!("rules in `{node}`: {}", rules.split_whitespace().collect::<Vec<_>>().join(" ")))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        Ok(cell.lab.node(&self.node)?.nft_delete("inet", &self.table)?)
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let counter = cell.lab.node(&self.node)?.nft_counters("inet", &self.table)?;
        let RuleCounter { packets, bytes } = counter;
        Ok((packets > 0, format!("the rule in `{}` counted {packets} packets, {bytes} bytes", self.node)))
    }
}
