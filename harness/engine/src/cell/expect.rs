//! `expect`: something must hold, now or before a deadline.

use std::net::IpAddr;
use std::time::Duration;

use interop_catalogue::{Answer, Condition, Passage, Side, TunnelAddress};
use interop_checks::{Through, route_through};
use interop_evidence::{CheckOutcome, EventKind, Verdict};
use tokio::time::Instant;

use super::state::Cell;
use crate::judge::{self, eval};
use crate::{EngineError, Result};

/// Pause between two looks at something that tells no events.
const PAUSE: Duration = Duration::from_millis(100);

impl Cell<'_> {
    /// Looks until the condition holds or its deadline has passed.
    pub(super) async fn expect(&mut self, condition: &Condition) -> Result<CheckOutcome> {
        let time = match condition.duration() {
            Some(duration) => eval(duration, &self.params)?,
            None => Duration::ZERO,
        };
        let start = Instant::now();
        let deadline = start + time.min(self.time_left());
        let outcome = match condition {
            Condition::Unreachable(expect) => {
                let target = self.world.address(&expect.unreachable.value, self.gateway_inside())?;
                self.stays_unreachable(&expect.from, &expect.unreachable.value.to_string(), target, deadline).await?
            }
            Condition::Said(expect) => self.said(&expect.said, expect.by, deadline).await,
            Condition::Exits(expect) => self.exits(expect.exits, deadline).await,
            other => loop {
                let outcome = self.look(other).await?;
                if outcome.verdict == Verdict::Pass || Instant::now() >= deadline || self.time_left().is_zero() {
                    break outcome;
                }
                tokio::time::sleep(PAUSE).await;
            },
        };
        let took = start.elapsed();
        let outcome = match outcome.verdict {
            Verdict::Pass if took > PAUSE => {
                CheckOutcome::pass(format!("{} after {:.1} s", outcome.message, took.as_secs_f64()))
            }
            Verdict::Fail if !time.is_zero() => {
                let message = format!("{} (waited {:.1} s)", outcome.message, took.as_secs_f64());
                if condition.or_degraded() { CheckOutcome::degraded(message) } else { CheckOutcome::fail(message) }
            }
            Verdict::Fail if condition.or_degraded() => CheckOutcome::degraded(outcome.message),
            _ => outcome,
        };
        Ok(outcome)
    }

    /// One look.
    async fn look(&mut self, condition: &Condition) -> Result<CheckOutcome> {
        match condition {
            Condition::Transport(expect) => {
                let sample = self.probe_transport().await?;
                let outcome = judge::transport(expect.transport, &sample);
                self.recorder.record(EventKind::Transport { sample });
                Ok(outcome)
            }
            Condition::Reachable(expect) => {
                let to = expect.reachable.value.to_string();
                let target = self.world.address(&expect.reachable.value, self.gateway_inside())?;
                let result = self.probe_ping(&expect.from, &to, target, 1).await?;
                let outcome = judge::reachable(&result);
                self.recorder.record(EventKind::Ping { result });
                Ok(outcome)
            }
            Condition::Resolves(expect) => {
                let v6 = matches!(expect.to, Answer::Address(IpAddr::V6(_)));
                let answer = self.probe_dns(&expect.from, &expect.resolves, v6).await?;
                let outcome = judge::resolves(expect, &answer);
                self.recorder.record(EventKind::Dns { answer });
                Ok(outcome)
            }
            Condition::Route(expect) => {
                let client = self.first_client().to_owned();
                let interface =
                    self.clients.get(&client).map_or("tun0", |running| &running.tunnel_interface).to_owned();
                let routes = self.lab.node(&client)?.routes().await?;
                let through = match expect.through {
                    Passage::None => Through::None,
                    Passage::Outside => Through::Outside,
                    Passage::Tunnel => Through::Tunnel,
                };
                Ok(route_through(&routes, expect.route.0, &interface, through))
            }
            Condition::Runs(expect) => Ok(match self.process(expect.runs).map(|process| process.exited()) {
                Some(None) => CheckOutcome::pass(format!("the {} runs", expect.runs)),
                Some(Some(exit)) => CheckOutcome::fail(format!("the {} ended with {exit}", expect.runs)),
                None => CheckOutcome::fail(format!("the {} was never started", expect.runs)),
            }),
            Condition::TunnelAddress(expect) => self.tunnel_address(expect.tunnel_address).await,
            Condition::TunnelMtu(expect) => self.tunnel_mtu(expect).await,
            Condition::Stages(_)
            | Condition::Dtls(_)
            | Condition::DtlsAttempts(_)
            | Condition::Tls(_)
            | Condition::TlsSessions(_) => self.handshakes(condition),
            Condition::Unreachable(_) | Condition::Said(_) | Condition::Exits(_) => {
                Err(EngineError::plan("this condition is not looked at repeatedly"))
            }
        }
    }

    async fn stays_unreachable(
        &mut self,
        from: &str,
        to: &str,
        target: IpAddr,
        deadline: Instant,
    ) -> Result<CheckOutcome> {
        loop {
            let result = self.probe_ping(from, to, target, 1).await?;
            let wrong = judge::answers_though_it_must_not(&result);
            let silent = judge::silent(&result);
            self.recorder.record(EventKind::Ping { result });
            if let Some(wrong) = wrong {
                return Ok(wrong);
            }
            if Instant::now() >= deadline {
                return Ok(silent);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn said(&self, event: &str, by: Side, deadline: Instant) -> CheckOutcome {
        loop {
            let outcome = judge::said(event, by, &self.recorder.timeline());
            if outcome.verdict == Verdict::Pass || Instant::now() >= deadline {
                return outcome;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn exits(&self, side: Side, deadline: Instant) -> CheckOutcome {
        let Some(process) = self.process(side) else {
            return CheckOutcome::fail(format!("the {side} was never started"));
        };
        match tokio::time::timeout_at(deadline, process.wait()).await {
            Ok(exit) => CheckOutcome::pass(format!("the {side} ended with {exit}")),
            Err(_) => CheckOutcome::fail(format!("the {side} still runs")),
        }
    }

    async fn tunnel_address(&mut self, wanted: TunnelAddress) -> Result<CheckOutcome> {
        let client = self.first_client().to_owned();
        let interface = self.clients.get(&client).map_or("tun0", |running| &running.tunnel_interface).to_owned();
        let all = self.lab.node(&client)?.addresses().await?;
        let addresses: Vec<IpAddr> =
            all.iter().filter(|entry| entry.interface == interface).map(|entry| entry.address).collect();
        let global_v6 = |address: &&IpAddr| matches!(address, IpAddr::V6(v6) if !v6.is_unicast_link_local());
        let found = match wanted {
            TunnelAddress::Present => addresses.first(),
            TunnelAddress::Ipv6 => addresses.iter().find(global_v6),
            TunnelAddress::Kept => addresses.iter().find(|address| Some(**address) == self.first_tunnel_address),
        };
        let list = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Ok(match found {
            Some(address) => CheckOutcome::pass(format!("`{interface}` has {address}")),
            None => {
                let first = self.first_tunnel_address.map_or_else(String::new, |first| format!("; it had {first}"));
                CheckOutcome::fail(format!("`{interface}` has no such address, but: {list}{first}"))
            }
        })
    }
}
