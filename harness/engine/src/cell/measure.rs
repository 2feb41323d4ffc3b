//! `measure`, `transfer` and `mtu-search`: a number, and whether it is good enough.

use std::time::Duration;

use interop_catalogue::{Expr, Measure, MtuSearchStep, TransferStep};
use interop_checks::{Limits, above};
use interop_evidence::{CheckOutcome, EventKind, FlowRecord, Verdict};
use interop_services::summarise;

use super::expect::eval;
use super::state::Cell;
use crate::{EngineError, Result};

/// Pings of which the round trip is the median.
const PINGS: u32 = 10;

impl Cell<'_> {
    pub(super) async fn measure(&mut self, measure: &Measure) -> Result<CheckOutcome> {
        let name = measure.name().to_string();
        let (value, limits) = match measure {
            Measure::Outage(outage) => {
                let limits = self.millis_limits(outage.degraded_above.as_ref(), outage.fail_above.as_ref())?;
                let summary = self.flow_so_far(&outage.outage)?;
                (summary.outage_ms as f64, limits)
            }
            Measure::Loss(loss) => {
                let percent = |expr: &Option<Expr<interop_catalogue::Percent>>| -> Result<Option<f64>> {
                    expr.as_ref().map(|expr| Ok(eval(expr, &self.params)?.0)).transpose()
                };
                let limits =
                    Limits { degraded_above: percent(&loss.degraded_above)?, fail_above: percent(&loss.fail_above)? };
                let summary = self.flow_so_far(&loss.loss)?;
                let lost = summary.sent.saturating_sub(summary.echoed);
                (100.0 * f64::from(lost) / f64::from(summary.sent.max(1)), limits)
            }
            Measure::Rtt(rtt) => {
                let limits = self.millis_limits(rtt.degraded_above.as_ref(), rtt.fail_above.as_ref())?;
                let target = self.world.address(&rtt.rtt.value, self.gateway_inside())?;
                let result = self.probe_ping(&rtt.from, &rtt.rtt.value.to_string(), target, PINGS).await?;
                let median = result.rtt_us;
                self.recorder.record(EventKind::Ping { result });
                let Some(median) = median else {
                    return Ok(CheckOutcome::fail(format!("{name}: no ping to {} was answered", rtt.rtt.value)));
                };
                (median as f64 / 1000.0, limits)
            }
        };
        self.measurements.insert(name.clone(), value);
        Ok(above(&name, value, limits))
    }

    fn millis_limits(&self, soft: Option<&Expr<Duration>>, hard: Option<&Expr<Duration>>) -> Result<Limits> {
        let millis = |expr: Option<&Expr<Duration>>| -> Result<Option<f64>> {
            expr.map(|expr| Ok(eval(expr, &self.params)?.as_secs_f64() * 1000.0)).transpose()
        };
        Ok(Limits { degraded_above: millis(soft)?, fail_above: millis(hard)? })
    }

    /// A flow up to now. Packets whose echo may still be on its way are left out.
    fn flow_so_far(&self, name: &str) -> Result<interop_evidence::FlowSummary> {
        const ON_ITS_WAY: Duration = Duration::from_millis(500);
        let running = self.flows.get(name).ok_or_else(|| EngineError::plan(format!("flow `{name}` does not run")))?;
        let now = self.recorder.now();
        let settled = |record: &FlowRecord| record.echoed.is_some() || now.since(record.sent) >= ON_ITS_WAY;
        let records: Vec<FlowRecord> = running.records().into_iter().filter(settled).collect();
        Ok(summarise(name, &records, 0, 0))
    }

    pub(super) async fn transfer(&mut self, step: &TransferStep) -> Result<CheckOutcome> {
        let target = self.world.address(&step.from.value, self.gateway_inside())?;
        let within = eval(&step.within, &self.params)?.min(self.time_left());
        let result = self.probe_transfer(target, step.bytes.0, step.direction, within).await?;
        let seconds = result.duration_ms as f64 / 1000.0;
        if result.hash_matches {
            self.measurements.insert(format!("{}-ms", step.direction), result.duration_ms as f64);
            return Ok(CheckOutcome::pass(format!("{} bytes in {seconds:.2} s, the hash matches", result.received)));
        }
        let why = result.error.unwrap_or_else(|| "the hash does not match".to_owned());
        let at = result.stalled_at_frame.map_or_else(String::new, |frame| format!("; it stalled at frame {frame}"));
        let message = format!("{} of {} bytes in {seconds:.2} s: {why}{at}", result.received, result.expected);
        Ok(if step.or_degraded { CheckOutcome::degraded(message) } else { CheckOutcome::fail(message) })
    }

    pub(super) async fn mtu_search(&mut self, step: &MtuSearchStep) -> Result<CheckOutcome> {
        let target = self.world.address(&step.to.value, self.gateway_inside())?;
        let result = self.probe_mtu(&step.to.value.to_string(), target).await?;
        self.measurements.insert(step.r#as.to_string(), f64::from(result.largest));
        let interface = result.interface_mtu.map_or_else(String::new, |mtu| format!(" (the tunnel's MTU is {mtu})"));
        let said = format!("packets up to {} bytes pass{interface}", result.largest);
        let least = step.at_least.map(|mtu| u32::from(mtu.0)).filter(|least| result.largest < *least);
        let most = step.at_most.map(|mtu| u32::from(mtu.0)).filter(|most| result.largest > *most);
        let message = match (least, most) {
            (Some(least), _) => format!("{said}; expected at least {least}"),
            (None, Some(most)) => format!("{said}; expected at most {most}"),
            (None, None) => return Ok(CheckOutcome::pass(said)),
        };
        let verdict = if step.or_degraded { Verdict::Degraded } else { Verdict::Fail };
        Ok(CheckOutcome { verdict, message })
    }
}
