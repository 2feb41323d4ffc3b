//! Building a cell: lab, services, capture.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use indexmap::IndexMap;
use interop_capture::Family;
use interop_catalogue::{Catalogue, Params, Peer, Scenario, Side};
use interop_evidence::{Bundle, EventKind, Micros};
use interop_lab::Lab;
use ipnet::IpNet;

use super::internet::Internet;
use super::state::{Cell, Setup, is_anyconnect};
use super::witness::Witness;
use super::{CellJob, Recorder, World, cell_seed};
use crate::peer::{CellSettings, PeerChoice};
use crate::{EngineError, Result};

/// Where a cell keeps its files; `/run` is the cell's own.
const FOLDER: &str = "/run/vpn-interop";

/// Where the nodes of a cell keep theirs, as the cell sees it.
pub(super) const NODES_FOLDER: &str = "/run/vpn-interop/nodes";

impl<'a> Cell<'a> {
    /// Builds the lab of a cell; no peer runs yet. `peers` are the client and the server, as they are in their versions.
    pub(super) async fn build(
        job: &'a CellJob,
        catalogue: &'a Catalogue,
        peers: &'a [Peer; 2],
        rootless: bool,
        start: Instant,
    ) -> Result<Cell<'a>> {
        let unknown = |kind: &str, id: &str| EngineError::plan(format!("there is no {kind} `{id}`"));
        let scenario = catalogue.scenarios.get(&*job.scenario).ok_or_else(|| unknown("scenario", &job.scenario))?;
        let scenario: &Scenario = &scenario.value;
        let topology = catalogue
            .topologies
            .get(scenario.topology.as_str())
            .ok_or_else(|| unknown("topology", &scenario.topology))?;
        let [client_peer, server_peer] = peers;
        let params = params_of(scenario, job)?;
        let settings = CellSettings::new(&params, client_peer, server_peer);
        let recorder = Recorder::new(start);
        let world = World::new(&topology.value, rootless)?;
        let bundle = Bundle::create(&job.bundle)?;
        let family = if is_anyconnect(client_peer, server_peer) { Family::Anyconnect } else { Family::Openvpn };
        let witness = Witness::create(&bundle.capture(), &world, family, settings.port)?;
        let folder = PathBuf::from(FOLDER);
        fs::create_dir_all(&folder).map_err(|source| EngineError::file(&folder, source))?;
        let spec = world.lab_spec(job, cell_seed(job.seed, &job.key));
        let lab = Lab::build(&spec, NODES_FOLDER.as_ref(), start, Box::new(witness.clone())).await?;
        let internet = Internet::start(&lab, &world)?;
        let nats: IndexMap<_, _> =
            spec.nodes.iter().filter_map(|(name, node)| Some((name.clone(), node.nat.clone()?))).collect();
        recorder.record(EventKind::LabReady {
            topology: topology.value.id.to_string(),
            nodes: lab.nodes().len(),
            wires: lab.wires().names().len(),
        });
        let cell = Cell {
            job,
            catalogue,
            scenario,
            params,
            client_peer,
            server_peer,
            settings,
            world,
            lab,
            internet,
            witness,
            recorder,
            bundle,
            folder,
            setup: Setup::default(),
            nats,
            pki: None,
            server: None,
            clients: IndexMap::new(),
            faults: IndexMap::new(),
            flows: IndexMap::new(),
            checks: Vec::new(),
            measurements: IndexMap::new(),
            snapshots: BTreeMap::new(),
            first_tunnel_address: None,
            first_tunnel_mtu: None,
            client_started: Micros::default(),
            client_connected: Micros::default(),
            sequence: 0,
            complete: false,
            trace: None,
        };
        cell.source_nat()?;
        Ok(cell)
    }

    /// Source NAT at the server for packets from the pool: `outside` (default), `inside`, `both` or `none`.
    fn source_nat(&self) -> Result<()> {
        let wanted = self.settings.text("source-nat").unwrap_or_else(|| "outside".to_owned());
        let sides: &[interop_catalogue::LinkSide] = match wanted.as_str() {
            "none" => &[],
            "inside" => &[interop_catalogue::LinkSide::Inside],
            "both" => &[interop_catalogue::LinkSide::Inside, interop_catalogue::LinkSide::Outside],
            "outside" => &[interop_catalogue::LinkSide::Outside],
            other => {
                return Err(EngineError::plan(format!(
                    "setting `source-nat` is `{other}`; write `none`, `inside`, `outside` or `both`"
                )));
            }
        };
        let links: Vec<String> = self
            .world
            .topology
            .interfaces(&self.world.server)
            .filter(|(_, link, _)| sides.contains(&link.side))
            .map(|(name, ..)| format!("\"{name}\""))
            .collect();
        if links.is_empty() {
            return Ok(());
        }
        let links = links.join(", ");
        let mut rules = format!("ip saddr {} oifname {{ {links} }} masquerade\n", self.settings.pool.trunc());
        if let Some(pool) = self.settings.pool_v6.filter(|pool| matches!(pool, IpNet::V6(_))) {
            rules.push_str(&format!("ip6 saddr {} oifname {{ {links} }} masquerade\n", pool.trunc()));
        }
        let server = self.lab.node(&self.world.server)?;
        Ok(server.nft(&format!(
            "table inet source_nat {{\nchain post {{ type nat hook postrouting priority srcnat;\n{rules}}}\n}}\n"
        ))?)
    }
}

/// The client and the server of a job, as they are in their versions.
pub(super) fn peers_of(job: &CellJob, catalogue: &Catalogue) -> Result<[Peer; 2]> {
    let peer = |side: Side, choice: &PeerChoice| -> Result<Peer> {
        let entry = catalogue.peer(side, &choice.peer);
        let entry = entry.ok_or_else(|| EngineError::plan(format!("there is no peer `{}`", choice.peer)))?;
        Ok(entry.value.at_version(&choice.version))
    };
    Ok([peer(Side::Client, &job.client)?, peer(Side::Server, &job.server)?])
}

/// The parameters of the job among the scenario's cells.
fn params_of(scenario: &Scenario, job: &CellJob) -> Result<Params> {
    scenario
        .cells()
        .into_iter()
        .find(|params| params.axis_texts() == job.params)
        .ok_or_else(|| EngineError::plan(format!("scenario `{}` has no cell with {:?}", scenario.id, job.params)))
}
