//! nftables, as text for one `nft -f -` batch.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::NetError;

/// How long `nft` may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What it says about a table that is not there.
const NO_TABLE: &str = "Could not process rule: No such file or directory";

/// Loads a ruleset in one transaction.
pub(super) async fn load(what: &str, ruleset: &str) -> Result<(), NetError> {
    run(what, ruleset).await
}

/// Removes a table. Returns whether it was there.
pub(super) async fn delete_table(name: &str) -> Result<bool, NetError> {
    let what = format!("delete table {name}");
    let damaged = !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' '));
    if damaged {
        return Err(NetError::Nft { what, message: "this is no name of a table".to_owned() });
    }
    match run(&what, &format!("delete table {name}\n")).await {
        Ok(()) => Ok(true),
        Err(NetError::Nft { message, .. }) if message.contains(NO_TABLE) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn run(what: &str, input: &str) -> Result<(), NetError> {
    let failed = |message: String| NetError::Nft { what: what.to_owned(), message };
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    let talk = async {
        if let Some(mut stdin) = child.stdin.take() {
            // nft that ends before it has read everything says why on its standard error.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(LIMIT, talk)
        .await
        .map_err(|_| failed(format!("it took more than {LIMIT:?}")))?
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let first = words.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    Err(failed(first.trim().to_owned()))
}
