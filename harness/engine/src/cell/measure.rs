//! `measure`, `transfer` and `mtu-search`: a number, and whether it is good enough.

use interop_catalogue::{Measure, MtuSearchStep, TransferStep};
use interop_checks::above;
use interop_evidence::{CheckOutcome, EventKind, FlowSummary};

use super::state::Cell;
use crate::judge::{self, eval};
use crate::{EngineError, Result};

/// Pings of which the round trip is the median.
const PINGS: u32 = 10;

impl Cell<'_> {
    pub(super) async fn measure(&mut self, measure: &Measure) -> Result<CheckOutcome> {
        let name = measure.name().to_string();
        let limits = judge::limits(measure, &self.params)?;
        let value = match measure {
            Measure::Outage(outage) => self.flow_so_far(&outage.outage)?.outage_ms as f64,
            Measure::Loss(loss) => judge::loss(&self.flow_so_far(&loss.loss)?),
            Measure::Rtt(rtt) => {
                let target = self.world.address(&rtt.rtt.value, self.gateway_inside())?;
                let result = self.probe_ping(&rtt.from, &rtt.rtt.value.to_string(), target, PINGS).await?;
                let (value, outcome) = judge::rtt(&name, &result, limits);
                self.recorder.record(EventKind::Ping { result });
                self.measurements.extend(value.map(|value| (name, value)));
                return Ok(outcome);
            }
        };
        self.measurements.insert(name.clone(), value);
        Ok(above(&name, value, limits))
    }

    /// A flow up to now.
    fn flow_so_far(&self, name: &str) -> Result<FlowSummary> {
        let running = self.flows.get(name).ok_or_else(|| EngineError::plan(format!("flow `{name}` does not run")))?;
        let now = self.recorder.now();
        Ok(judge::flow_until(name, &running.records(), now))
    }

    pub(super) async fn transfer(&mut self, step: &TransferStep) -> Result<CheckOutcome> {
        let target = self.world.address(&step.from.value, self.gateway_inside())?;
        let within = eval(&step.within, &self.params)?.min(self.time_left());
        let result = self.probe_transfer(target, step.bytes.0, step.direction, within).await?;
        if result.hash_matches {
            self.measurements.insert(format!("{}-ms", step.direction), result.duration_ms as f64);
        }
        Ok(judge::transfer(step, &result))
    }

    pub(super) async fn mtu_search(&mut self, step: &MtuSearchStep) -> Result<CheckOutcome> {
        let target = self.world.address(&step.to.value, self.gateway_inside())?;
        let result = self.probe_mtu(&step.to.value.to_string(), target).await?;
        self.measurements.insert(step.r#as.to_string(), f64::from(result.largest));
        Ok(judge::mtu(step, &result))
    }
}
