//! `signal`: a peer gets a signal that its user did not send. Proof: what the process does then.

use interop_catalogue::{Side, SignalFault};
use nix::sys::signal::Signal as Kernel;

use super::Evidence;
use crate::cell::Cell;
use crate::peer::kernel_signal;
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Signal {
    peer: Side,
    signal: Kernel,
}

impl Signal {
    pub(super) fn new(fault: &SignalFault) -> Self {
        Self { peer: fault.peer, signal: kernel_signal(fault.signal) }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        let process = cell.process(self.peer).ok_or_else(|| EngineError::plan("the peer does not run"))?;
        process.signal(self.signal);
        Ok(format!("the {} gets {}", self.peer, self.signal))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        if self.signal == Kernel::SIGSTOP
            && let Some(process) = cell.process(self.peer)
        {
            process.signal(Kernel::SIGCONT);
        }
        Ok(())
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let Some(process) = cell.process(self.peer) else { return Ok((false, "there is no process".to_owned())) };
        if let Some(exit) = process.exited() {
            return Ok((true, format!("the {} ended with {exit}", self.peer)));
        }
        let state = process.state().unwrap_or('?');
        // A stopped process shows it; any other signal that does not end a process was delivered while it ran.
        let bit = if self.signal == Kernel::SIGSTOP { state == 'T' } else { state != '?' && state != 'Z' };
        Ok((bit, format!("the process of the {} is in state {state}", self.peer)))
    }
}
