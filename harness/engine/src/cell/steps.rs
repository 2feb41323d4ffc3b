//! Carrying out the steps of a scenario.

use std::net::SocketAddr;
use std::time::Duration;

use interop_catalogue::{Attempt, Cleanup, Connect, Disconnect, FaultStep, Flow, Step};
use interop_evidence::{AttemptOutcome, CheckOutcome, EventKind, PeerRole, Phase};
use interop_services::{Clock, FlowSpec, NumberedFlow, sockets};

use super::internet::Internet;
use super::peers::ClientStart;
use super::state::Cell;
use crate::fault::Injected;
use crate::judge::{self, eval};
use crate::peer::within;
use crate::{EngineError, Result};

/// Whether the scenario goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    GoOn,
    /// What follows makes no sense any more: there is no tunnel, or a fault is missing.
    GiveUp,
}

impl Cell<'_> {
    /// Carries out one step and says what came of it.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(CheckOutcome, After)> {
        let outcome = match step {
            Step::Connect(connect) => return self.connect(connect).await,
            Step::Attempt(attempt) => self.attempt(attempt).await?,
            Step::Expect(condition) => self.expect(condition).await?,
            Step::Flow(flow) => self.flow(flow)?,
            Step::Fault(fault) => self.fault(fault).await?,
            Step::Heal(heal) => self.heal(&heal.0).await?,
            Step::Hold(hold) => {
                let time = eval(&hold.r#for, &self.params)?.min(self.time_left());
                tokio::time::sleep(time).await;
                CheckOutcome::pass(format!("held for {:.1} s", time.as_secs_f64()))
            }
            Step::Measure(measure) => self.measure(measure).await?,
            Step::Transfer(transfer) => self.transfer(transfer).await?,
            Step::MtuSearch(search) => self.mtu_search(search).await?,
            Step::Throughput(throughput) => self.throughput(throughput).await?,
            Step::Disconnect(disconnect) => self.disconnect(disconnect).await?,
            Step::Cleanup(cleanup) => self.cleanup(cleanup).await?,
        };
        Ok((outcome, After::GoOn))
    }

    async fn connect(&mut self, step: &Connect) -> Result<(CheckOutcome, After)> {
        let time = eval(&step.within, &self.params)?.min(self.time_left());
        let (outcome, detail) = self.start_pair(&step.client, time).await?;
        self.recorder.record(EventKind::Attempt { outcome, detail: detail.clone() });
        if outcome != AttemptOutcome::Connects {
            return Ok((judge::connect(outcome, &detail), After::GiveUp));
        }
        if !self.snapshots.contains_key(&Phase::Connected) {
            self.snapshot(Phase::Connected).await?;
            self.first_tunnel_address = self.tunnel_address_now(&step.client);
        }
        self.first_tunnel_mtu = self.tunnel_mtu_now(&step.client).await?;
        Ok((judge::connect(outcome, &detail), After::GoOn))
    }

    async fn attempt(&mut self, step: &Attempt) -> Result<CheckOutcome> {
        let time = eval(&step.within, &self.params)?.min(self.time_left());
        let (outcome, detail) = self.start_pair(&step.client, time).await?;
        self.recorder.record(EventKind::Attempt { outcome, detail: detail.clone() });
        if outcome == AttemptOutcome::Connects && !self.snapshots.contains_key(&Phase::Connected) {
            self.snapshot(Phase::Connected).await?;
        }
        Ok(judge::attempt(step, outcome, &detail))
    }

    /// Starts the server if need be, then a client.
    async fn start_pair(&mut self, client: &str, time: Duration) -> Result<(AttemptOutcome, String)> {
        if let Err(said) = self.start_server().await? {
            return Ok((AttemptOutcome::ServerRefusesToStart, said));
        }
        if !self.snapshots.contains_key(&Phase::Connected) {
            self.recorder.note(format!("frame {} is the last before the client starts", self.witness.frames()));
        }
        let start = self.start_client(client, within(time)).await?;
        Ok(match start {
            ClientStart::Connected => (AttemptOutcome::Connects, "the tunnel is up".to_owned()),
            ClientStart::Ended(said) => (AttemptOutcome::ClientRefuses, said),
            ClientStart::Refused(PeerRole::Client, why) => (AttemptOutcome::ClientRefuses, why),
            ClientStart::Refused(PeerRole::Server, why) => (AttemptOutcome::ServerRefuses, why),
            ClientStart::Silent => {
                (AttemptOutcome::HangsUntilDeadline, format!("no tunnel after {:.1} s", time.as_secs_f64()))
            }
        })
    }

    fn tunnel_address_now(&self, client: &str) -> Option<std::net::IpAddr> {
        let interface = &self.clients.get(client)?.tunnel_interface;
        let node = self.snapshots.get(&Phase::Connected)?.iter().find(|node| node.node == client)?;
        node.addresses.iter().find(|entry| entry.interface == *interface).map(|entry| entry.address)
    }

    fn flow(&mut self, step: &Flow) -> Result<CheckOutcome> {
        let target = self.world.address(&step.to.value, self.gateway_inside())?;
        let any: std::net::IpAddr = if target.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        let opened = self.lab.node(&step.from)?.run(|| sockets::udp(SocketAddr::new(any, 0)))?;
        let spec = FlowSpec {
            name: step.name.to_string(),
            flow: u32::try_from(self.flows.len()).unwrap_or(u32::MAX),
            target: SocketAddr::new(target, Internet::echo_port()),
            interval: Duration::from_secs_f64(1.0 / step.rate.0),
            size: usize::try_from(step.size.0).unwrap_or(usize::MAX),
        };
        let clock = Clock::since(self.recorder.start());
        let flow = opened
            .and_then(|socket| NumberedFlow::start(socket, spec, clock))
            .map_err(|error| EngineError::plan(format!("start flow `{}`: {error}", step.name)))?;
        self.flows.insert(step.name.to_string(), flow);
        Ok(CheckOutcome::pass(format!("packets at {} to {}", step.rate, step.to.value)))
    }

    async fn fault(&mut self, step: &FaultStep) -> Result<CheckOutcome> {
        let unknown = || EngineError::plan(format!("there is no fault `{}`", step.fault));
        let fault = self.catalogue.faults.get(step.fault.as_str()).ok_or_else(unknown)?;
        let action = fault
            .value
            .resolve(step, &self.params)
            .map_err(|errors| EngineError::Fault { name: step.name.to_string(), message: errors.to_string() })?;
        let (injected, detail) = Injected::inject(self, &step.name, &step.fault, action).await?;
        self.faults.insert(step.name.to_string(), injected);
        self.recorder.record(EventKind::FaultInjected {
            name: step.name.to_string(),
            fault: step.fault.to_string(),
            detail: detail.clone(),
        });
        if self.process(interop_catalogue::Side::Client).is_some() {
            self.snapshot(Phase::AfterFault(step.name.to_string())).await?;
        }
        Ok(CheckOutcome::pass(detail))
    }

    /// Takes the proof of a fault, then the fault away.
    pub(super) async fn heal(&mut self, name: &str) -> Result<CheckOutcome> {
        let Some(mut fault) = self.faults.shift_remove(name) else {
            return Err(EngineError::plan(format!("there is no fault `{name}` to heal")));
        };
        let proof = fault.prove(self).await;
        let healed = fault.heal(self).await;
        self.recorder.record(EventKind::FaultProven { proof: proof.clone() });
        self.recorder.record(EventKind::FaultHealed { name: name.to_owned() });
        let id = format!("fault {}", fault.name);
        let outcome = judge::proof(&fault.fault, &proof);
        self.check(id, outcome);
        healed?;
        Ok(CheckOutcome::pass(proof.evidence))
    }

    /// Runs the client's `cleanup`, as its user would after a crash.
    async fn cleanup(&mut self, step: &Cleanup) -> Result<CheckOutcome> {
        let Some(running) = self.clients.get(step.client.as_str()) else {
            return Ok(CheckOutcome::invalid(format!("there was no client in `{}`", step.client)));
        };
        if running.process.exited().is_none() {
            return Ok(CheckOutcome::invalid("the client still runs: there is nothing to clean up"));
        }
        let said = self.run_cleanup(&step.client).await?;
        self.snapshot(Phase::AfterDisconnect).await?;
        Ok(match said {
            None => CheckOutcome::invalid(format!("peer `{}` has no `cleanup`", self.client_peer.id)),
            Some(Ok(())) => CheckOutcome::pass("the clean-up ended well"),
            Some(Err(said)) => CheckOutcome::fail(said),
        })
    }

    async fn disconnect(&mut self, step: &Disconnect) -> Result<CheckOutcome> {
        let time = eval(&step.within, &self.params)?;
        self.finish_flows().await?;
        let running = self.clients.get(step.client.as_str());
        let Some(running) = running else {
            return Ok(CheckOutcome::fail(format!("there is no client in `{}` to disconnect", step.client)));
        };
        if let Some(exit) = running.process.exited() {
            return Ok(CheckOutcome::fail(format!("the client had ended by itself with {exit}")));
        }
        let gracefully = self.stop_client(&step.client, Some(time)).await;
        self.snapshot(Phase::AfterDisconnect).await?;
        Ok(if gracefully {
            CheckOutcome::pass("the client ended when asked")
        } else {
            CheckOutcome::fail(format!("the client had to be killed after {:.1} s", time.as_secs_f64()))
        })
    }
}
