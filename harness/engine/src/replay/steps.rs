//! Steps, judged again by the events that they left.

use interop_catalogue::{Condition, Measure, Params, Side, Step};
use interop_checks::above;
use interop_evidence::{CheckOutcome, Event, EventKind, HandshakeSeen, Micros, PeerRole, Timeline, Verdict};

use super::Stored;
use crate::judge::{self, HandshakeEvidence};

/// What steps are judged by.
pub(super) struct Context<'c> {
    pub(super) stored: &'c Stored,
    pub(super) params: &'c Params,
    pub(super) handshakes: &'c [HandshakeSeen],
}

/// `SIGKILL`, with which a peer ends that did not end when it was asked.
const KILLED: i32 = 9;

impl Context<'_> {
    /// What a step comes to now; nothing if it left no numbers, or was never reached.
    pub(super) fn judge(&self, index: usize, step: &Step) -> Option<CheckOutcome> {
        let timeline = &self.stored.evidence.timeline;
        let events: Vec<&Event> = timeline.events.iter().filter(|event| event.step == Some(index)).collect();
        let span = Span {
            began: events.iter().find(|event| matches!(event.kind, EventKind::StepStarted { .. }))?.at,
            ended: events.iter().find(|event| matches!(event.kind, EventKind::StepEnded { .. }))?.at,
        };
        let last =
            |pick: fn(&EventKind) -> Option<CheckOutcome>| events.iter().rev().find_map(|event| pick(&event.kind));
        match step {
            Step::Connect(_) => last(|kind| match kind {
                EventKind::Attempt { outcome, detail } => Some(judge::connect(*outcome, detail)),
                _ => None,
            }),
            Step::Attempt(step) => events.iter().rev().find_map(|event| match &event.kind {
                EventKind::Attempt { outcome, detail } => Some(judge::attempt(step, *outcome, detail)),
                _ => None,
            }),
            Step::Expect(condition) => self.expect(condition, &events, span),
            Step::Measure(measure) => self.measure(measure, &events, span),
            Step::Transfer(step) => events.iter().rev().find_map(|event| match &event.kind {
                EventKind::Transfer { result } => Some(judge::transfer(step, result)),
                _ => None,
            }),
            Step::MtuSearch(step) => events.iter().rev().find_map(|event| match &event.kind {
                EventKind::Mtu { result } => Some(judge::mtu(step, result)),
                _ => None,
            }),
            Step::Throughput(_) => last(|kind| match kind {
                EventKind::Throughput { result } => Some(judge::throughput(result).1),
                _ => None,
            }),
            Step::Heal(_) => last(|kind| match kind {
                EventKind::FaultProven { proof } => Some(CheckOutcome::pass(proof.evidence.clone())),
                _ => None,
            }),
            Step::Disconnect(_) => last(|kind| match kind {
                EventKind::PeerExited { role: PeerRole::Client, signal, asked: true, .. } => {
                    Some(if *signal == Some(KILLED) {
                        CheckOutcome::fail("the client had to be killed")
                    } else {
                        CheckOutcome::pass("the client ended when asked")
                    })
                }
                _ => None,
            }),
            Step::Flow(_) | Step::Fault(_) | Step::Hold(_) | Step::Cleanup(_) => None,
        }
    }

    fn expect(&self, condition: &Condition, events: &[&Event], span: Span) -> Option<CheckOutcome> {
        let kinds = || events.iter().rev().map(|event| &event.kind);
        let outcome = match condition {
            Condition::Transport(expect) => kinds().find_map(|kind| match kind {
                EventKind::Transport { sample } => Some(judge::transport(expect.transport, sample)),
                _ => None,
            }),
            Condition::Reachable(_) => kinds().find_map(|kind| match kind {
                EventKind::Ping { result } => Some(judge::reachable(result)),
                _ => None,
            }),
            Condition::Unreachable(_) => {
                let pings = || {
                    kinds().filter_map(|kind| match kind {
                        EventKind::Ping { result } => Some(result),
                        _ => None,
                    })
                };
                pings().find_map(judge::answers_though_it_must_not).or_else(|| pings().next().map(judge::silent))
            }
            Condition::Resolves(expect) => kinds().find_map(|kind| match kind {
                EventKind::Dns { answer } => Some(judge::resolves(expect, answer)),
                _ => None,
            }),
            Condition::Said(expect) => Some(judge::said(&expect.said, expect.by, &self.until(span.ended))),
            Condition::Exits(expect) => Some(match self.has_ended(expect.exits, span.ended)? {
                true => CheckOutcome::pass(format!("the {} ended", expect.exits)),
                false => CheckOutcome::fail(format!("the {} still runs", expect.exits)),
            }),
            Condition::Runs(expect) => Some(match self.has_ended(expect.runs, span.ended)? {
                true => CheckOutcome::fail(format!("the {} ended", expect.runs)),
                false => CheckOutcome::pass(format!("the {} runs", expect.runs)),
            }),
            Condition::Stages(_)
            | Condition::Dtls(_)
            | Condition::DtlsAttempts(_)
            | Condition::Tls(_)
            | Condition::TlsSessions(_) => self.handshake(condition, span.ended),
            // Addresses, routes and MTU of that moment are not kept.
            Condition::Route(_) | Condition::TunnelAddress(_) | Condition::TunnelMtu(_) => None,
        }?;
        Some(match outcome.verdict {
            Verdict::Fail if condition.or_degraded() => CheckOutcome::degraded(outcome.message),
            _ => outcome,
        })
    }

    fn handshake(&self, condition: &Condition, ended: Micros) -> Option<CheckOutcome> {
        let timeline = self.until(ended);
        let last = |wanted: fn(&EventKind) -> bool| {
            timeline.events.iter().rev().find(|event| wanted(&event.kind)).map(|event| event.at).unwrap_or_default()
        };
        let seen: Vec<HandshakeSeen> = self.handshakes.iter().filter(|seen| seen.at <= ended).cloned().collect();
        let evidence = HandshakeEvidence {
            seen: &seen,
            started: last(|kind| matches!(kind, EventKind::PeerStarted { role: PeerRole::Client, .. })),
            connected: last(|kind| matches!(kind, EventKind::PeerReady { role: PeerRole::Client, .. })),
            timeline: &timeline,
        };
        judge::handshake(condition, self.params, &evidence).ok()
    }

    fn measure(&self, measure: &Measure, events: &[&Event], span: Span) -> Option<CheckOutcome> {
        let name = measure.name().to_string();
        let limits = judge::limits(measure, self.params).ok()?;
        let flow = |name: &str| {
            let records = self.stored.bundle.read_flow(name).ok()?;
            Some(judge::flow_until(name, &records, span.began))
        };
        let value = match measure {
            Measure::Outage(outage) => flow(&outage.outage)?.outage_ms as f64,
            Measure::Loss(loss) => judge::loss(&flow(&loss.loss)?),
            Measure::Rtt(_) => {
                return events.iter().rev().find_map(|event| match &event.kind {
                    EventKind::Ping { result } => Some(judge::rtt(&name, result, limits).1),
                    _ => None,
                });
            }
        };
        Some(above(&name, value, limits))
    }

    /// What had happened by then.
    fn until(&self, at: Micros) -> Timeline {
        let events = self.stored.evidence.timeline.events.iter();
        Timeline { events: events.filter(|event| event.at <= at).cloned().collect() }
    }

    /// Whether a peer had ended by then; nothing if it was never started, or of several clients one was.
    fn has_ended(&self, side: Side, at: Micros) -> Option<bool> {
        if side == Side::Client && self.stored.evidence.facts.clients.len() > 1 {
            return None;
        }
        let role = PeerRole::from(side);
        let timeline = self.until(at);
        timeline.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::PeerStarted { role: who, .. } if *who == role => Some(false),
            EventKind::PeerExited { role: who, .. } if *who == role => Some(true),
            _ => None,
        })
    }
}

/// From the beginning of a step to its end.
#[derive(Clone, Copy, Debug)]
struct Span {
    began: Micros,
    ended: Micros,
}
