//! nftables rules of a node, as text for `nft -f -`, one batch each.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

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
        let output = self.nft_run(&["-f", "-"], ruleset)?;
        if output.status.success() { Ok(()) } else { Err(self.nft_error(&output)) }
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
        let failed = |source| LabError::system("run nft (package nftables)", source);
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
            child.wait_with_output()
        })?
        .map_err(failed)
    }

    fn nft_error(&self, output: &Output) -> LabError {
        LabError::Nft {
            node: self.name().to_owned(),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }
    }
}
