//! `expect` for handshakes, stages and the tunnel's MTU: judged by what the client's wire and the time line have so far.

use interop_catalogue::{Condition, ExpectTunnelMtu, MtuState};
use interop_evidence::CheckOutcome;

use super::state::Cell;
use crate::Result;
use crate::judge::{HandshakeEvidence, handshake};

impl Cell<'_> {
    /// One look at the handshakes since the client's last start.
    pub(super) fn handshakes(&self, condition: &Condition) -> Result<CheckOutcome> {
        let evidence = HandshakeEvidence {
            seen: &self.witness.handshakes(),
            timeline: &self.recorder.timeline(),
            started: self.client_started,
            connected: self.client_connected,
        };
        handshake(condition, &self.params, &evidence)
    }

    /// MTU of the tunnel's device of a client.
    pub(super) async fn tunnel_mtu_now(&self, client: &str) -> Result<Option<u32>> {
        let Some(running) = self.clients.get(client) else { return Ok(None) };
        Ok(self.lab.node(client)?.interfaces().await?.get(&running.tunnel_interface).copied())
    }

    pub(super) async fn tunnel_mtu(&mut self, expect: &ExpectTunnelMtu) -> Result<CheckOutcome> {
        let client = self.first_client().to_owned();
        let Some(mtu) = self.tunnel_mtu_now(&client).await? else {
            return Ok(CheckOutcome::fail("the tunnel has no device"));
        };
        self.measurements.insert("device-mtu-bytes".to_owned(), f64::from(mtu));
        let first = self.first_tunnel_mtu;
        let before = first.map_or_else(|| "unknown".to_owned(), |first| first.to_string());
        let said = format!("the MTU of the tunnel's device is {mtu} (it was {before} when the tunnel came up)");
        let as_wanted = match expect.tunnel_mtu {
            MtuState::Any => true,
            MtuState::Changed => first.is_some_and(|first| first != mtu),
            MtuState::Kept => first == Some(mtu),
            MtuState::Lowered => first.is_some_and(|first| mtu < first),
        };
        let too_small = expect.at_least.filter(|least| mtu < u32::from(least.0));
        let too_large = expect.at_most.filter(|most| mtu > u32::from(most.0));
        Ok(match (as_wanted, too_small, too_large) {
            (true, None, None) => CheckOutcome::pass(said),
            (false, ..) => CheckOutcome::fail(format!("{said}; expected it to be {}", expect.tunnel_mtu)),
            (_, Some(least), _) => CheckOutcome::fail(format!("{said}; expected at least {least}")),
            (.., Some(most)) => CheckOutcome::fail(format!("{said}; expected at most {most}")),
        })
    }
}
