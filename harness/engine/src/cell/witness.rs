//! What sees every frame of a cell: the capture, the table of outside flows, the watch for marked packets.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;
use interop_capture::{
    CaptureWriter, Completed, Family, FlowTable, HandshakeWatch, InterfaceId, InterfaceSpec, LinkType, MarkerCounts,
    MarkerWatch, Side, Summary, Way,
};
use interop_catalogue::LinkSide;
use interop_evidence::{HandshakeSeen, Micros, OuterFlow};
use interop_lab::FrameSink;
use interop_lab::link::End;
use interop_trace::{Decoded, Setup};

use super::World;
use crate::Result;

/// Shared between the thread of the wires and the executor.
#[derive(Clone)]
pub(crate) struct Witness {
    state: Arc<Mutex<State>>,
}

struct State {
    /// Wall time at which the cell's clock was zero.
    epoch: Duration,
    path: PathBuf,
    capture: Option<CaptureWriter>,
    wires: Vec<Wire>,
    flows: FlowTable,
    marker: MarkerWatch,
    handshakes: HandshakeWatch,
    frames: Vec<u64>,
    /// Number of the last frame that a wire dropped.
    dropped: Option<u64>,
    /// Tunnel devices that have appeared, by node and name.
    tunnels: IndexMap<(String, String), InterfaceId>,
}

struct Wire {
    name: String,
    outside: bool,
    /// The end at which the server sits, on its outside wires.
    server: Option<End>,
    /// The end at which a client sits, on its outside wires.
    client: Option<End>,
}

impl Witness {
    /// Begins the capture at `path`.
    pub(crate) fn create(path: &Path, world: &World, family: Family, port: u16) -> Result<Self> {
        let server_wires: IndexMap<String, End> = world.server_wires();
        let client_wires: IndexMap<String, End> = world.client_wires();
        let wires: Vec<Wire> = world
            .wires()
            .map(|(name, link)| Wire {
                outside: link.side == LinkSide::Outside,
                server: server_wires.get(&name).copied(),
                client: client_wires.get(&name).copied(),
                name,
            })
            .collect();
        let interfaces: Vec<InterfaceSpec> = world
            .wires()
            .map(|(name, link)| InterfaceSpec {
                description: link.ends.keys().map(|node| node.as_str()).collect::<Vec<_>>().join(" - "),
                name,
                link_type: LinkType::Ethernet,
            })
            .collect();
        let state = State {
            epoch: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            capture: Some(CaptureWriter::create(path, &interfaces)?),
            path: path.to_owned(),
            frames: vec![0; wires.len()],
            wires,
            dropped: None,
            tunnels: IndexMap::new(),
            flows: FlowTable::new(),
            marker: MarkerWatch::new(family, [port]),
            handshakes: HandshakeWatch::new([port]),
        };
        Ok(Self { state: Arc::new(Mutex::new(state)) })
    }

    /// Counts frames with a payload of these lengths from now on.
    pub(crate) fn arm(&self, lengths: std::ops::RangeInclusive<usize>) {
        self.lock().marker.arm(lengths);
    }

    /// What was counted.
    pub(crate) fn read_marker(&self) -> MarkerCounts {
        self.lock().marker.read()
    }

    /// Frames captured so far.
    pub(crate) fn frames(&self) -> u64 {
        self.lock().frames.iter().sum()
    }

    /// Number of the last frame that a wire dropped.
    pub(crate) fn dropped(&self) -> Option<u64> {
        self.lock().dropped
    }

    /// The flows so far.
    pub(crate) fn flows(&self) -> Vec<OuterFlow> {
        self.lock().flows.flows().cloned().collect()
    }

    /// The handshakes on the clients' wires so far.
    pub(crate) fn handshakes(&self) -> Vec<HandshakeSeen> {
        self.lock().handshakes.seen().to_vec()
    }

    /// Wall time at which the cell's clock was zero, as the capture has it, in nanoseconds since the epoch.
    pub(crate) fn epoch_ns(&self) -> u64 {
        u64::try_from(self.lock().epoch.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Decodes what was captured, while the capture is not completed. None if it is.
    pub(crate) fn decode(&self, setup: Setup) -> Result<Option<Decoded>> {
        let mut state = self.lock();
        let Some(capture) = &mut state.capture else { return Ok(None) };
        capture.flush()?;
        let mut part = state.path.clone().into_os_string();
        part.push(".part");
        Ok(Some(interop_trace::decode_file(part, setup).map_err(interop_capture::CaptureError::Read)?))
    }

    /// Completes the capture; says how many frames each wire has in it.
    pub(crate) fn finish(&self, keys: &[String]) -> Result<Option<(Completed, Vec<u64>)>> {
        let mut state = self.lock();
        let Some(capture) = state.capture.take() else { return Ok(None) };
        Ok(Some((capture.finish(keys)?, state.frames.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameSink for Witness {
    fn frame(&mut self, wire: usize, from: End, at: Duration, bytes: &[u8], remark: Option<&str>) {
        let mut state = self.lock();
        let State { epoch, capture, wires, flows, marker, handshakes, frames, dropped, .. } = &mut *state;
        let (Some(wire_facts), Some(count)) = (wires.get(wire), frames.get_mut(wire)) else { return };
        *count += 1;
        let id = InterfaceId(u32::try_from(wire).unwrap_or(u32::MAX));
        let side = if from == End::A { Side::A } else { Side::B };
        let number = capture.as_mut().map_or(0, |capture| capture.frame(id, *epoch + at, side, bytes, remark));
        if remark.is_some_and(|remark| remark.starts_with("dropped")) {
            *dropped = Some(number);
        }
        if !wire_facts.outside {
            return;
        }
        let summary = Summary::of_ethernet(bytes);
        flows.observe(&wire_facts.name, Micros::from(at), number, &summary, bytes);
        if let Some(server) = wire_facts.server {
            let way = if from == server { Way::ToClient } else { Way::ToServer };
            marker.observe(way, &summary, bytes);
        }
        if let Some(client) = wire_facts.client {
            let way = if from == client { Way::ToServer } else { Way::ToClient };
            handshakes.observe(&wire_facts.name, way, Micros::from(at), number, &summary, bytes);
        }
    }

    fn inner(&mut self, node: &str, interface: &str, outgoing: bool, at: Duration, bytes: &[u8]) {
        let mut state = self.lock();
        let State { epoch, capture, tunnels, .. } = &mut *state;
        let Some(capture) = capture else { return };
        let id = *tunnels.entry((node.to_owned(), interface.to_owned())).or_insert_with(|| {
            capture.add_interface(InterfaceSpec {
                name: format!("{node}:{interface}"),
                description: format!("inside the tunnel, seen at {node}"),
                link_type: LinkType::RawIp,
            })
        });
        let side = if outgoing { Side::A } else { Side::B };
        capture.frame(id, *epoch + at, side, bytes, None);
    }
}
