//! `clock`: a peer believes in another date (libfaketime). Proof: the date that a program sees in the peer's place.

use std::time::{SystemTime, UNIX_EPOCH};

use interop_catalogue::{ClockFault, ClockOffset, Side};
use interop_lab::Launch;

use super::Evidence;
use crate::cell::{Cell, faketime_environment};
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Clock {
    peer: Side,
    offset: ClockOffset,
}

/// How far the seen date may be from the wanted one, in seconds.
const SLACK: i64 = 60;

impl Clock {
    pub(super) fn new(fault: &ClockFault) -> Self {
        Self { peer: fault.peer, offset: fault.offset }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        faketime_environment(cell.choice(self.peer), self.offset.0)?;
        cell.setup.clock.insert(self.peer, self.offset.0);
        Ok(format!("the {} believes that it is {} from now", self.peer, self.offset))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        cell.setup.clock.shift_remove(&self.peer);
        Ok(())
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let name = cell.node_of(self.peer);
        let launch = Launch {
            program: "/bin/date".into(),
            args: vec!["+%s".into()],
            env: faketime_environment(cell.choice(self.peer), self.offset.0)?,
            piped: true,
        };
        let spawned = cell.lab.node(&name)?.spawn(&launch)?;
        let output = spawned.child.wait_with_output().await.map_err(|source| EngineError::file("/bin/date", source))?;
        let seen: i64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
        let off = seen - now;
        Ok((
            (off - self.offset.0).abs() <= SLACK,
            format!("a program in place of the {} sees a date that is {off} s from now", self.peer),
        ))
    }
}
