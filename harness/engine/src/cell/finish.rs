//! The end of a cell: proofs, snapshots, capture, checks over the whole, the bundle.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use indexmap::IndexMap;
use interop_checks::{Evidence, always, verdict};
use interop_evidence::{CellRecord, CheckOutcome, EventKind, NodeSnapshot, Phase, Verdict};
use interop_trace::{TextOptions, render};

use super::state::Cell;
use crate::{EngineError, Result};

/// How long echoes that are on their way are waited for.
const LINGER: Duration = Duration::from_millis(300);

impl Cell<'_> {
    /// Takes a snapshot of the nodes on which peers run.
    pub(super) async fn snapshot(&mut self, phase: Phase) -> Result<()> {
        let mut nodes: Vec<NodeSnapshot> = Vec::new();
        for name in &self.world.clients {
            nodes.push(self.lab.node(name)?.snapshot(self.recorder.now()).await?);
        }
        if phase == Phase::Connected {
            // The client is looked at as soon as it says that it is up: a search for the path's MTU may change it at once.
            self.session_ready().await;
        }
        nodes.push(self.lab.node(&self.world.server)?.snapshot(self.recorder.now()).await?);
        self.bundle.write_snapshot(&phase, &nodes)?;
        self.recorder.record(EventKind::SnapshotTaken { phase: phase.clone() });
        self.snapshots.insert(phase, nodes);
        Ok(())
    }

    /// Ends every flow and writes its packets down.
    pub(super) async fn finish_flows(&mut self) -> Result<()> {
        for (name, flow) in std::mem::take(&mut self.flows) {
            let report = flow.stop(LINGER).await;
            self.recorder.record(EventKind::Flow { summary: report.summary });
            if report.send_errors > 0 {
                let last = report.last_error.unwrap_or_default();
                self.recorder.note(format!("flow `{name}`: {} packets could not be sent: {last}", report.send_errors));
            }
            self.bundle.write_flow(&name, &report.records)?;
        }
        Ok(())
    }

    /// Proves and heals what is still broken, stops the peers, and looks at what remains.
    pub(super) async fn wind_down(&mut self) -> Result<()> {
        self.finish_flows().await?;
        let names: Vec<String> = self.faults.keys().cloned().collect();
        for name in names {
            self.heal(&name).await?;
        }
        let clients: Vec<String> = self.clients.keys().cloned().collect();
        for client in clients {
            self.stop_client(&client, None).await;
        }
        self.snapshot(Phase::AfterDisconnect).await?;
        if !self.stop_server(false).await? {
            self.check(
                "stop server",
                CheckOutcome::degraded(format!(
                    "the server had to be killed: it did not end within {:?}",
                    self.server_peer.stop.within
                )),
            );
        }
        self.snapshot(Phase::AfterStop).await
    }

    /// Completes the capture and checks that it is complete.
    pub(super) fn finish_capture(&mut self) -> Result<()> {
        // The counters are asked for while the wires run; what comes in between is seen by both.
        self.lab.wires_mut().stop()?;
        let stats = self.lab.wires().final_stats();
        let keys = self.decode(self.keys())?;
        let Some((completed, frames)) = self.witness.finish(&keys)? else { return Ok(()) };
        for note in &completed.notes {
            self.recorder.note(format!("capture: {note}"));
        }
        for ((name, stats), captured) in self.lab.wires().names().iter().zip(stats).zip(frames) {
            let offered = stats[0].offered + stats[1].offered;
            if offered != captured {
                let message = format!("wire `{name}` carried {offered} frames, the capture has {captured}");
                self.checks.push(CheckOutcome { verdict: Verdict::EnvError, message }.record("capture"));
            }
        }
        Ok(())
    }

    /// TLS secrets that the peers wrote.
    fn keys(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for running in self.server.iter().chain(self.clients.values()) {
            // A peer that writes no key log leaves an empty file, or none.
            let text = fs::read_to_string(running.folder.join("keys.log")).unwrap_or_default();
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.sort();
        lines.dedup();
        lines
    }

    /// Judges the cell as a whole and writes the rest of the bundle.
    pub(super) fn conclude(mut self) -> Result<CellRecord> {
        let timeline = self.recorder.timeline();
        let facts = self.facts();
        let flows = self.witness.flows();
        let evidence = Evidence { timeline, snapshots: std::mem::take(&mut self.snapshots), flows, facts };
        let names: Vec<String> = self.scenario.always.iter().map(|check| check.value.to_string()).collect();
        self.checks.extend(always(&names, &evidence));
        let trace = self.trace.take().unwrap_or_default();
        let compared = self.compare_with_goldens(&trace, &evidence);
        self.checks.extend(compared);
        self.bundle.write_trace(&trace)?;
        self.bundle.write_trace_text(&render(&trace, &TextOptions::default()))?;
        self.bundle.write_events(&self.recorder.timeline())?;
        self.bundle.write_outer_flows(&evidence.flows)?;
        self.bundle.write_handshakes(&self.witness.handshakes())?;
        self.bundle.write_facts(&evidence.facts)?;
        let (verdict, reason) = verdict(&self.checks);
        let record = CellRecord {
            verdict,
            reason,
            duration_ms: self.recorder.now().millis(),
            measurements: rounded(self.measurements),
            checks: self.checks,
            ..blank_record(self.job, Some(self.scenario))
        };
        let repro = self.bundle.repro();
        fs::write(&repro, format!("#!/bin/sh\n# Runs this cell again, alone.\nexec {} \"$@\"\n", record.reproduce))
            .and_then(|()| fs::set_permissions(&repro, fs::Permissions::from_mode(0o755)))
            .map_err(|source| EngineError::file(repro, source))?;
        self.bundle.write_cell(&record)?;
        Ok(record)
    }
}

fn rounded(measurements: IndexMap<String, f64>) -> IndexMap<String, f64> {
    measurements.into_iter().map(|(name, value)| (name, (value * 1000.0).round() / 1000.0)).collect()
}

/// The record of a cell of which nothing is known yet but who and what.
pub(crate) fn blank_record(job: &super::CellJob, scenario: Option<&interop_catalogue::Scenario>) -> CellRecord {
    CellRecord {
        key: job.key.clone(),
        scenario: job.scenario.clone(),
        title: scenario.map(|scenario| scenario.title.clone()).unwrap_or_default(),
        area: scenario.map(|scenario| scenario.area.to_string()).unwrap_or_default(),
        params: job.params.clone(),
        client: job.client.record(),
        server: job.server.record(),
        verdict: Verdict::EnvError,
        reason: String::new(),
        suspect: None,
        duration_ms: 0,
        measurements: IndexMap::new(),
        checks: Vec::new(),
        bundle: None,
        repeats: Vec::new(),
        reproduce: job.reproduce.clone(),
    }
}
