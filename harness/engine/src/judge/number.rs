//! Numbers, and whether they are good enough.

use std::time::Duration;

use interop_catalogue::{Expr, Measure, MtuSearchStep, Params, Percent, TransferStep};
use interop_checks::{Limits, above};
use interop_evidence::{CheckOutcome, FlowRecord, FlowSummary, Micros, MtuSearch, PingResult, Throughput, Transfer};
use interop_services::summarise;

use super::eval;
use crate::Result;

/// Limits of a measurement, in its own unit.
pub(crate) fn limits(measure: &Measure, params: &Params) -> Result<Limits> {
    let millis = |expr: &Option<Expr<Duration>>| -> Result<Option<f64>> {
        expr.as_ref().map(|expr| Ok(eval(expr, params)?.as_secs_f64() * 1000.0)).transpose()
    };
    let percent = |expr: &Option<Expr<Percent>>| -> Result<Option<f64>> {
        expr.as_ref().map(|expr| Ok(eval(expr, params)?.0)).transpose()
    };
    let (degraded_above, fail_above) = match measure {
        Measure::Outage(outage) => (millis(&outage.degraded_above)?, millis(&outage.fail_above)?),
        Measure::Loss(loss) => (percent(&loss.degraded_above)?, percent(&loss.fail_above)?),
        Measure::Rtt(rtt) => (millis(&rtt.degraded_above)?, millis(&rtt.fail_above)?),
    };
    Ok(Limits { degraded_above, fail_above })
}

/// A numbered flow up to a moment. Packets whose echo may still be on its way are left out.
pub(crate) fn flow_until(name: &str, records: &[FlowRecord], now: Micros) -> FlowSummary {
    const ON_ITS_WAY: Duration = Duration::from_millis(500);
    let by_then = |record: &FlowRecord| FlowRecord { echoed: record.echoed.filter(|at| *at <= now), ..*record };
    let settled = |record: &FlowRecord| record.echoed.is_some() || now.since(record.sent) >= ON_ITS_WAY;
    let sent = records.iter().filter(|record| record.sent <= now);
    let records: Vec<FlowRecord> = sent.map(by_then).filter(settled).collect();
    summarise(name, &records, 0, 0)
}

/// Packets of a flow that did not come back, in percent.
pub(crate) fn loss(summary: &FlowSummary) -> f64 {
    let lost = summary.sent.saturating_sub(summary.echoed);
    100.0 * f64::from(lost) / f64::from(summary.sent.max(1))
}

/// The round trip, and what comes of it.
pub(crate) fn rtt(name: &str, result: &PingResult, limits: Limits) -> (Option<f64>, CheckOutcome) {
    match result.rtt_us.map(|median| median as f64 / 1000.0) {
        Some(value) => (Some(value), above(name, value, limits)),
        None => (None, CheckOutcome::fail(format!("{name}: no ping to {} was answered", result.to))),
    }
}

/// A transfer through the tunnel.
pub(crate) fn transfer(step: &TransferStep, result: &Transfer) -> CheckOutcome {
    let seconds = result.duration_ms as f64 / 1000.0;
    if result.hash_matches {
        return CheckOutcome::pass(format!("{} bytes in {seconds:.2} s, the hash matches", result.received));
    }
    let why = result.error.as_deref().unwrap_or("the hash does not match");
    let at = result.stalled_at_frame.map_or_else(String::new, |frame| format!("; it stalled at frame {frame}"));
    let message = format!("{} of {} bytes in {seconds:.2} s: {why}{at}", result.received, result.expected);
    if step.or_degraded { CheckOutcome::degraded(message) } else { CheckOutcome::fail(message) }
}

/// The largest packet that passes.
pub(crate) fn mtu(step: &MtuSearchStep, result: &MtuSearch) -> CheckOutcome {
    let interface = result.interface_mtu.map_or_else(String::new, |mtu| format!(" (the tunnel's MTU is {mtu})"));
    let said = format!("packets up to {} bytes pass{interface}", result.largest);
    let least = step.at_least.map(|mtu| u32::from(mtu.0)).filter(|least| result.largest < *least);
    let most = step.at_most.map(|mtu| u32::from(mtu.0)).filter(|most| result.largest > *most);
    let message = match (least, most) {
        (Some(least), _) => format!("{said}; expected at least {least}"),
        (None, Some(most)) => format!("{said}; expected at most {most}"),
        (None, None) => return CheckOutcome::pass(said),
    };
    if step.or_degraded { CheckOutcome::degraded(message) } else { CheckOutcome::fail(message) }
}

/// What follows from a measured throughput.
pub(crate) struct ThroughputNumbers {
    /// Millions of bits a second.
    pub(crate) mbps: f64,
    /// Processor seconds a gigabyte of the client and of the server.
    pub(crate) client: f64,
    pub(crate) server: f64,
}

/// A number, not a verdict; only a connection through which nothing came is a failure.
pub(crate) fn throughput(result: &Throughput) -> (Option<ThroughputNumbers>, CheckOutcome) {
    let direction = &result.direction;
    if result.bytes == 0 {
        return (None, CheckOutcome::fail(format!("nothing came through ({direction})")));
    }
    let mbps = result.bytes as f64 * 8.0 / result.duration_us.max(1) as f64;
    let gigabytes = result.bytes as f64 / 1e9;
    let cpu = |millis: u64| millis as f64 / 1000.0 / gigabytes;
    let (client, server) = (cpu(result.client_cpu_ms), cpu(result.server_cpu_ms));
    // A datagram carries at most one packet of the tunnel; a tunnel over TLS sends a few for DNS and the like.
    let carrier = if result.datagrams > result.bytes / 20_000 { "dtls" } else { "tls" };
    let said = format!(
        "{direction}: {mbps:.0} Mbit/s over {carrier} ({} UDP datagrams of the client's node); processor seconds per \
         GB: client {client:.1}, server {server:.1}",
        result.datagrams
    );
    (Some(ThroughputNumbers { mbps, client, server }), CheckOutcome::pass(said))
}
