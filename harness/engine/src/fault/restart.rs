//! `restart`: a peer is stopped and started again. Proof: the old process ended and a new one runs.

use std::time::Duration;

use interop_catalogue::{RestartFault, Side};

use super::Evidence;
use crate::cell::Cell;
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Restart {
    peer: Side,
    down_for: Duration,
    kill: bool,
    pids: Option<(u32, u32)>,
}

impl Restart {
    pub(super) fn new(fault: &RestartFault) -> Self {
        Self { peer: fault.peer, down_for: fault.down_for, kill: fault.kill, pids: None }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        if self.peer == Side::Client {
            return Err(EngineError::plan("only the server can be restarted; a client connects again by `connect`"));
        }
        let old = cell.server_pid().ok_or_else(|| EngineError::plan("the server does not run"))?;
        cell.stop_server(self.kill).await?;
        tokio::time::sleep(self.down_for).await;
        if let Err(said) = cell.start_server().await? {
            return Err(EngineError::plan(format!("the server did not start again: {said}")));
        }
        let new = cell.server_pid().unwrap_or_default();
        self.pids = Some((old, new));
        let how = if self.kill { "killed" } else { "stopped" };
        Ok(format!("the server is {how}, is down for {:?} and starts again", self.down_for))
    }

    pub(super) async fn heal(&mut self, _: &mut Cell<'_>) -> Result<()> {
        Ok(())
    }

    pub(super) async fn prove(&mut self, _: &mut Cell<'_>) -> Evidence {
        Ok(match self.pids {
            Some((old, new)) if old != new => (true, format!("process {old} ended, process {new} took its place")),
            _ => (false, "the process is the same as before".to_owned()),
        })
    }
}
