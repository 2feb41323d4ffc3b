//! The state of a running cell.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use interop_catalogue::{Catalogue, Params, Peer, Scenario, Side};
use interop_evidence::{Bundle, CheckOutcome, CheckRecord, Micros, NodeSnapshot, PeerRole, Phase, Trace};
use interop_lab::{Lab, Nat, RouteTarget};
use interop_pki::{Defect, Issued};
use interop_services::NumberedFlow;

use super::internet::Internet;
use super::witness::Witness;
use super::{CellJob, Recorder, World};
use crate::Result;
use crate::fault::Injected;
use crate::peer::{CellSettings, PeerChoice, PeerLog, Process};

/// Everything of a running cell.
pub(crate) struct Cell<'a> {
    pub(crate) job: &'a CellJob,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) scenario: &'a Scenario,
    pub(crate) params: Params,
    pub(crate) client_peer: &'a Peer,
    pub(crate) server_peer: &'a Peer,
    pub(crate) settings: CellSettings,
    pub(crate) world: World,
    pub(crate) lab: Lab,
    pub(crate) internet: Internet,
    pub(crate) witness: Witness,
    pub(crate) recorder: Recorder,
    pub(crate) bundle: Bundle,
    /// Where peers and certificates keep their files, below the cell's `/run`.
    pub(crate) folder: PathBuf,
    pub(crate) setup: Setup,
    pub(crate) nats: IndexMap<String, Nat>,
    pub(crate) pki: Option<Issued>,
    pub(super) server: Option<Running>,
    pub(super) clients: IndexMap<String, Running>,
    pub(super) faults: IndexMap<String, Injected>,
    pub(super) flows: IndexMap<String, NumberedFlow>,
    pub(super) checks: Vec<CheckRecord>,
    pub(super) measurements: IndexMap<String, f64>,
    pub(super) snapshots: BTreeMap<Phase, Vec<NodeSnapshot>>,
    pub(super) first_tunnel_address: Option<IpAddr>,
    /// MTU of the tunnel's device when it came up last.
    pub(super) first_tunnel_mtu: Option<u32>,
    /// When a client was started last, and when its tunnel came up.
    pub(super) client_started: Micros,
    pub(super) client_connected: Micros,
    pub(super) sequence: u16,
    /// Whether every step was carried out.
    pub(super) complete: bool,
    /// What the capture shows, once the cell is over.
    pub(super) trace: Option<Trace>,
}

/// What must be known before a peer starts.
#[derive(Debug, Default)]
pub(crate) struct Setup {
    /// What is wrong with the certificates.
    pub(crate) defect: Defect,
    /// Offset of a peer's clock in seconds.
    pub(crate) clock: IndexMap<Side, i64>,
}

/// A peer that was started.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) tunnel_interface: String,
    pub(super) folder: PathBuf,
}

impl Cell<'_> {
    /// The process of a peer, running or ended; of several clients the first.
    pub(crate) fn process(&self, side: Side) -> Option<&Process> {
        match side {
            Side::Client => self.clients.values().next().map(|running| &running.process),
            Side::Server => self.server.as_ref().map(|running| &running.process),
        }
    }

    /// The program that stands for a peer.
    pub(crate) fn choice(&self, side: Side) -> &PeerChoice {
        match side {
            Side::Client => &self.job.client,
            Side::Server => &self.job.server,
        }
    }

    /// Process id of the server while it runs.
    pub(crate) fn server_pid(&self) -> Option<u32> {
        let process = self.process(Side::Server)?;
        process.exited().is_none().then(|| process.pid())
    }

    /// The node in which a peer runs; of several clients the first.
    pub(crate) fn node_of(&self, side: Side) -> String {
        match side {
            Side::Client => self.world.clients.first().cloned().unwrap_or_default(),
            Side::Server => self.world.server.clone(),
        }
    }

    /// Whether the pair speaks AnyConnect, whose handshake is plain TLS.
    pub(crate) fn is_anyconnect(&self) -> bool {
        is_anyconnect(self.client_peer, self.server_peer)
    }

    /// Puts the static routes of a node back.
    pub(crate) async fn restore_routes(&self, node: &str) -> Result<()> {
        for route in self.world.topology.routes.get(node).into_iter().flatten() {
            self.lab.node(node)?.put_route(route.to.0, &RouteTarget::Via(route.via.value)).await?;
        }
        Ok(())
    }

    /// The server's address inside the tunnel: by custom the first of the pool.
    pub(super) fn gateway_inside(&self) -> IpAddr {
        self.settings.pool.hosts().next().unwrap_or_else(|| self.settings.pool.addr()).into()
    }

    /// Writes a check down.
    pub(super) fn check(&mut self, id: impl Into<String>, outcome: CheckOutcome) -> CheckRecord {
        let record = outcome.record(id);
        self.checks.push(record.clone());
        record
    }

    /// Log of a peer, if it was started.
    pub(super) fn log(&self, role: PeerRole) -> Option<&PeerLog> {
        let side = match role {
            PeerRole::Client => Side::Client,
            PeerRole::Server => Side::Server,
        };
        self.process(side).map(|process| &process.log)
    }

    /// Time that is left of the cell's own limit.
    pub(super) fn time_left(&self) -> Duration {
        self.scenario.time_limit.saturating_sub(self.recorder.start().elapsed())
    }
}

/// Whether a pair speaks AnyConnect.
pub(super) fn is_anyconnect(client: &Peer, server: &Peer) -> bool {
    client.shared_protocol(server).is_some_and(|protocol| protocol == "anyconnect")
}
