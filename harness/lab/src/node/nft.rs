//! nftables rules of a node, as text for `nft -f -`, one batch each.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use super::Node;
use crate::{LabError, Result};

/// What a rule's counter says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounter {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Node {
    /// Loads a ruleset in one transaction.
    ///
    /// # Errors
    /// With what `nft` says about it.
    pub fn nft(&self, ruleset: &str) -> Result<()> {
        self.nft_begin(ruleset)?.wait()
    }

    /// Begins to load a ruleset; it is in force when [`PendingRules::wait`] returns.
    ///
    /// # Errors
    /// When `nft` cannot be run.
    pub(crate) fn nft_begin(&self, ruleset: &str) -> Result<PendingRules<'_>> {
        Ok(PendingRules { node: self, child: self.nft_spawn(&["-f", "-"], ruleset)? })
    }

    /// Sum of the named counters of a table (`counter hit { }`).
    ///
    /// # Errors
    /// When the table does not exist.
    pub fn nft_counters(&self, family: &str, table: &str) -> Result<RuleCounter> {
        let output = self.nft_run(&["-j", "list", "counters", "table", family, table], "")?;
        if !output.status.success() {
            return Err(self.nft_error(&output));
        }
        let listing: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| LabError::Nft {
            node: self.name().to_owned(),
            message: format!("its listing is not JSON: {error}"),
        })?;
        let mut sum = RuleCounter::default();
        for object in listing["nftables"].as_array().into_iter().flatten() {
            sum.packets += object["counter"]["packets"].as_u64().unwrap_or(0);
            sum.bytes += object["counter"]["bytes"].as_u64().unwrap_or(0);
        }
        Ok(sum)
    }

    /// A table as `nft` prints it.
    ///
    /// # Errors
    /// When there is none.
    pub fn nft_listing(&self, family: &str, table: &str) -> Result<String> {
        let output = self.nft_run(&["list", "table", family, table], "")?;
        if !output.status.success() {
            return Err(self.nft_error(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Removes a table.
    ///
    /// # Errors
    /// When there is none.
    pub fn nft_delete(&self, family: &str, table: &str) -> Result<()> {
        self.nft(&format!("delete table {family} {table}\n"))
    }

    fn nft_run(&self, args: &[&str], input: &str) -> Result<Output> {
        self.nft_spawn(args, input)?.wait_with_output().map_err(cannot_run)
    }

    fn nft_spawn(&self, args: &[&str], input: &str) -> Result<Child> {
        self.run(|| {
            let mut child = Command::new("nft")
                .args(args)
                .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // nft that ends before it read everything has said why on its standard error.
                let _ = stdin.write_all(input.as_bytes());
            }
            Ok(child)
        })?
        .map_err(cannot_run)
    }

    fn nft_error(&self, output: &Output) -> LabError {
        LabError::Nft {
            node: self.name().to_owned(),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }
    }
}

/// A ruleset that is being loaded by a process of its own.
#[derive(Debug)]
pub(crate) struct PendingRules<'a> {
    node: &'a Node,
    child: Child,
}

impl PendingRules<'_> {
    /// Waits until the rules are in force.
    ///
    /// # Errors
    /// With what `nft` says about them.
    pub(crate) fn wait(self) -> Result<()> {
        let output = self.child.wait_with_output().map_err(cannot_run)?;
        if output.status.success() { Ok(()) } else { Err(self.node.nft_error(&output)) }
    }
}

fn cannot_run(source: std::io::Error) -> LabError {
    LabError::system("run nft (package nftables)", source)
}
