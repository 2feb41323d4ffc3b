//! Steps as a person would say them.

use std::fmt;

use super::{Condition, FaultStep, Measure, Step};
use crate::{Name, format_duration};

impl Step {
    /// The verb, as it is written in YAML.
    pub const fn verb(&self) -> &'static str {
        self.word()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(step) => write!(f, "connect{} within {}", of(&step.client), step.within),
            Self::Attempt(step) => {
                let list = |outcomes: &[super::Outcome]| {
                    outcomes.iter().map(|outcome| outcome.0.as_str()).collect::<Vec<_>>().join(" or ")
                };
                write!(
                    f,
                    "attempt to connect{} within {}: right is {}",
                    of(&step.client),
                    step.within,
                    list(&step.right)
                )?;
                if step.degraded.is_empty() { Ok(()) } else { write!(f, "; tolerable is {}", list(&step.degraded)) }
            }
            Self::Expect(condition) => write!(f, "expect {condition}"),
            Self::Flow(step) => write!(
                f,
                "start flow {}: {} of {} at {} from {} to {}",
                step.name, step.kind, step.size, step.rate, step.from, step.to.value
            ),
            Self::Fault(step) => step.fmt(f),
            Self::Heal(step) => write!(f, "heal {}", step.0),
            Self::Hold(step) => write!(f, "hold for {}", step.r#for),
            Self::Measure(measure) => measure.fmt(f),
            Self::Transfer(step) => {
                write!(f, "{} {} from {} within {}", step.direction, step.bytes, step.from.value, step.within)?;
                degraded(f, step.or_degraded)
            }
            Self::MtuSearch(step) => {
                write!(f, "search the largest packet to {} as {}", step.to.value, step.r#as)?;
                if let Some(limit) = step.at_least {
                    write!(f, ", at least {limit}")?;
                }
                if let Some(limit) = step.at_most {
                    write!(f, ", at most {limit}")?;
                }
                degraded(f, step.or_degraded)
            }
            Self::Throughput(step) => {
                write!(
                    f,
                    "measure the throughput of one connection to {} ({}) for {}",
                    step.to.value, step.direction, step.r#for
                )
            }
            Self::Cleanup(step) => write!(f, "clean up after the killed client{}", of(&step.client)),
            Self::Disconnect(step) => write!(f, "disconnect{} within {}", of(&step.client), step.within),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(expect) => write!(f, "transport {} within {}", expect.transport, expect.within)?,
            Self::Reachable(expect) => {
                write!(f, "{} reachable{} within {}", expect.reachable.value, from(&expect.from), expect.within)?;
            }
            Self::Unreachable(expect) => {
                write!(f, "{} unreachable{} for {}", expect.unreachable.value, from(&expect.from), expect.r#for)?;
            }
            Self::Resolves(expect) => write!(
                f,
                "{} to resolve to {}{} within {}",
                expect.resolves,
                expect.to,
                from(&expect.from),
                expect.within
            )?,
            Self::Route(expect) => {
                let through = match expect.through {
                    super::Passage::None => "to be absent",
                    super::Passage::Outside => "to lead outside",
                    super::Passage::Tunnel => "to lead through the tunnel",
                };
                write!(f, "the route {} {through} within {}", expect.route, expect.within)?;
            }
            Self::Said(expect) => write!(f, "the {} to say {} within {}", expect.by, expect.said, expect.within)?,
            Self::Exits(expect) => write!(f, "the {} to exit within {}", expect.exits, expect.within)?,
            Self::Runs(expect) => write!(f, "the {} to run", expect.runs)?,
            Self::TunnelAddress(expect) => {
                let what = match expect.tunnel_address {
                    super::TunnelAddress::Ipv6 => "an IPv6 address in the tunnel",
                    super::TunnelAddress::Kept => "the tunnel's address to be kept",
                    super::TunnelAddress::Present => "an address in the tunnel",
                };
                f.write_str(what)?;
            }
            Self::Stages(expect) => {
                let stages: Vec<String> = expect.stages.iter().map(ToString::to_string).collect();
                write!(f, "the stages {} within {}", stages.join(", "), expect.within)?;
            }
            Self::Dtls(expect) => write!(f, "DTLS of the family {} within {}", expect.dtls, expect.within)?,
            Self::DtlsAttempts(expect) => {
                let pauses: Vec<String> = expect.dtls_attempts.iter().map(|pause| format_duration(*pause)).collect();
                write!(f, "new attempts at DTLS after {} within {}", pauses.join(", "), expect.within)?;
            }
            Self::Tls(expect) => write!(f, "TLS {} within {}", expect.tls, expect.within)?,
            Self::TlsSessions(expect) => {
                let since = match expect.since {
                    super::Since::Start => "since the client's start",
                    super::Since::Connected => "since the tunnel came up",
                };
                write!(f, "{} TLS sessions {since}", expect.tls_sessions)?;
            }
            Self::TunnelMtu(expect) => tunnel_mtu(f, expect)?,
        }
        degraded(f, self.or_degraded())
    }
}

fn tunnel_mtu(f: &mut fmt::Formatter<'_>, expect: &super::ExpectTunnelMtu) -> fmt::Result {
    f.write_str("the MTU of the tunnel's device")?;
    match expect.tunnel_mtu {
        super::MtuState::Any => {}
        state => write!(f, " to be {state}")?,
    }
    if let Some(limit) = expect.at_least {
        write!(f, ", at least {limit}")?;
    }
    if let Some(limit) = expect.at_most {
        write!(f, ", at most {limit}")?;
    }
    write!(f, " within {}", expect.within)
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (soft, hard) = match self {
            Self::Outage(measure) => {
                write!(f, "measure the outage of {} as {}", measure.outage, measure.r#as)?;
                (text(measure.degraded_above.as_ref()), text(measure.fail_above.as_ref()))
            }
            Self::Loss(measure) => {
                write!(f, "measure the loss of {} as {}", measure.loss, measure.r#as)?;
                (text(measure.degraded_above.as_ref()), text(measure.fail_above.as_ref()))
            }
            Self::Rtt(measure) => {
                write!(f, "measure the round trip to {} as {}", measure.rtt.value, measure.r#as)?;
                (text(measure.degraded_above.as_ref()), text(measure.fail_above.as_ref()))
            }
        };
        if let Some(limit) = soft {
            write!(f, ", degraded above {limit}")?;
        }
        if let Some(limit) = hard {
            write!(f, ", fail above {limit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FaultStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inject {}", self.fault)?;
        for (index, (name, value)) in self.args.iter().enumerate() {
            write!(f, "{}{name} {}", if index == 0 { " with " } else { ", " }, value.value)?;
        }
        if self.name == self.fault { Ok(()) } else { write!(f, ", called {}", self.name) }
    }
}

fn text<T>(expression: Option<&crate::Expr<T>>) -> Option<String> {
    expression.map(ToString::to_string)
}

fn of(client: &Name) -> String {
    if client == "client" { String::new() } else { format!(" {client}") }
}

fn from(node: &Name) -> String {
    if node == "client" { String::new() } else { format!(" from {node}") }
}

fn degraded(f: &mut fmt::Formatter<'_>, or_degraded: bool) -> fmt::Result {
    f.write_str(if or_degraded { ", else degraded" } else { "" })
}
