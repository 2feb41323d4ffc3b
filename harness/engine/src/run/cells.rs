//! The process of one cell, seen from the runner.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use interop_evidence::{Bundle, CellRecord, Verdict};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::cell::{CellJob, blank_record};
use crate::peer::EVIDENCE_INCOMPLETE;

/// Time beyond a scenario's limit after which a cell's process is killed.
const PATIENCE: Duration = Duration::from_secs(90);
/// Lines of a lost cell's own log that stand in its reason.
const LAST_WORDS: usize = 3;
/// Bytes at the end of that log that are looked at.
const LAST_BYTES: u64 = 4096;

/// How a cell's process is started.
#[derive(Debug)]
pub(super) struct CellCommand {
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
}

/// Runs a cell to its record. Whatever becomes of the process, there is a record.
pub(super) async fn run_cell_process(
    command: &CellCommand,
    job: &CellJob,
    limit: u64,
    keep: Option<&Keep>,
) -> CellRecord {
    match try_run(command, job, limit, keep).await {
        Ok(record) => record,
        Err(reason) => CellRecord { verdict: Verdict::EnvError, reason, ..blank_record(job, None) },
    }
}

/// Lets a kept cell go on, and tells that it waits.
pub(super) struct Keep {
    pub(super) release: tokio::sync::watch::Receiver<bool>,
}

async fn try_run(command: &CellCommand, job: &CellJob, limit: u64, keep: Option<&Keep>) -> Result<CellRecord, String> {
    if job.bundle.exists() {
        // Evidence of an earlier run in the same folder must not be taken for this one's.
        fs::remove_dir_all(&job.bundle)
            .map_err(|error| format!("failed to replace {}: {error}", job.bundle.display()))?;
    }
    let bundle = Bundle::create(&job.bundle).map_err(|error| format!("failed to {error}"))?;
    let own_log = bundle.logs().join("harness.log");
    let log = fs::File::create(&own_log).map_err(|error| format!("failed to write {}: {error}", own_log.display()))?;
    let mut child = Command::new(&command.program)
        .args(&command.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("failed to start the cell: {error}"))?;
    let stdin = hand_over(&mut child, job).await?;
    let pid_file = job.bundle.join("warden.pid");
    let pid = child.id().unwrap_or_default();
    fs::write(&pid_file, format!("{pid}\n"))
        .map_err(|error| format!("failed to write {}: {error}", pid_file.display()))?;
    let ended = match keep {
        None => {
            drop(stdin);
            timeout(Duration::from_secs(limit) + PATIENCE, child.wait()).await
        }
        Some(keep) => {
            let mut release = keep.release.clone();
            tokio::select! {
                status = child.wait() => Ok(status),
                () = async { release.wait_for(|release| *release).await.ok(); } => {
                    drop(stdin);
                    timeout(PATIENCE, child.wait()).await
                }
            }
        }
    };
    // Without the process there is nobody to attach to.
    let _ = fs::remove_file(&pid_file);
    let how = match ended {
        Ok(Ok(status)) if status.code() == Some(EVIDENCE_INCOMPLETE.into()) => {
            return Err(format!("the evidence could not be written{}", last_words(&own_log)));
        }
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(error)) => format!("an unknown end: {error}"),
        Err(_) => {
            let _ = child.kill().await;
            format!("no end after {} s; it was killed", limit + PATIENCE.as_secs())
        }
    };
    bundle.read_cell().map_err(|_| format!("the cell was lost with {how}{}", last_words(&own_log)))
}

/// Gives the job to the process, as one line, and leaves its input open.
async fn hand_over(child: &mut Child, job: &CellJob) -> Result<ChildStdin, String> {
    let mut text = serde_json::to_vec(job).map_err(|error| format!("failed to write the job: {error}"))?;
    text.push(b'\n');
    let mut stdin = child.stdin.take().ok_or("the cell has no input")?;
    stdin.write_all(&text).await.map_err(|error| format!("failed to hand over the job: {error}"))?;
    Ok(stdin)
}

fn last_words(log: &Path) -> String {
    let text = end_of(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LAST_WORDS)..];
    if last.is_empty() { String::new() } else { format!("; it said: {}", last.join(" | ")) }
}

fn end_of(log: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = fs::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
