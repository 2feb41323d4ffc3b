//! Starting a cell for a test, and a small lab to test with.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use interop_lab::link::{End, Profile};
use interop_lab::{FrameSink, Lab, LabSpec, LinkKind, LinkSpec, Nat, NodeSpec, RouteSpec, SandboxSpec};
use libtest_mimic::Failed;

/// Environment variable that makes the test program a cell.
pub const CELL: &str = "LAB_TEST_CELL";

/// What a test body is given.
pub struct Cell {
    pub runtime: tokio::runtime::Runtime,
}

/// Runs a test body in a sandbox and hands on what it says.
pub fn in_cell(name: &str) -> Result<(), Failed> {
    let output = Command::new(std::env::current_exe()?).env(CELL, name).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// In the started process: enters the sandbox and runs the body.
pub fn become_cell(name: &str, cells: &[crate::Body]) {
    interop_lab::enter(&SandboxSpec::default()).unwrap_or_else(|error| panic!("failed to {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_, body) = cells.iter().find(|(known, _)| *known == name).expect("a known cell");
    body(&Cell { runtime });
}

/// A frame as the sink saw it.
pub struct Seen {
    pub wire: usize,
    pub from: End,
    pub bytes: Vec<u8>,
    pub remark: Option<String>,
}

/// Keeps every frame.
#[derive(Clone, Default)]
pub struct Frames(pub Arc<Mutex<Vec<Seen>>>);

impl FrameSink for Frames {
    fn frame(&mut self, wire: usize, from: End, _at: Duration, bytes: &[u8], remark: Option<&str>) {
        self.0.lock().unwrap().push(Seen { wire, from, bytes: bytes.to_vec(), remark: remark.map(str::to_owned) });
    }

    fn inner(&mut self, node: &str, interface: &str, outgoing: bool, _at: Duration, bytes: &[u8]) {
        let remark = Some(format!("{node}:{interface} {}", if outgoing { "out" } else { "in" }));
        self.0.lock().unwrap().push(Seen { wire: usize::MAX, from: End::A, bytes: bytes.to_vec(), remark });
    }
}

/// `left -(near)- router -(far)- right`, and `right` has a second address.
pub fn three_nodes(kind: LinkKind, nat: Option<Nat>) -> LabSpec {
    let link = |a: &str, a_net: &str, b: &str, b_nets: &[&str]| LinkSpec {
        kind,
        ends: [
            (a.to_owned(), vec![a_net.parse().unwrap()]),
            (b.to_owned(), b_nets.iter().map(|net| net.parse().unwrap()).collect()),
        ],
        mtu: 1500,
        profiles: [Profile::default(), Profile::default()],
    };
    let default = |via: &str| RouteSpec { to: "0.0.0.0/0".parse().unwrap(), via: via.parse().unwrap() };
    LabSpec {
        nodes: IndexMap::from([
            (
                "left".to_owned(),
                NodeSpec {
                    routes: vec![default("10.1.0.1")],
                    resolver: Some("nameserver 10.2.0.2\n".to_owned()),
                    ..NodeSpec::default()
                },
            ),
            ("router".to_owned(), NodeSpec { forwards: true, nat, ..NodeSpec::default() }),
            ("right".to_owned(), NodeSpec { routes: vec![default("10.2.0.1")], ..NodeSpec::default() }),
        ]),
        links: IndexMap::from([
            ("near".to_owned(), link("left", "10.1.0.2/24", "router", &["10.1.0.1/24"])),
            ("far".to_owned(), link("router", "10.2.0.1/24", "right", &["10.2.0.2/24", "10.2.0.3/24"])),
        ]),
        seed: 7,
    }
}

pub async fn build(spec: &LabSpec) -> (Lab, Frames) {
    let frames = Frames::default();
    let lab = Lab::build(spec, "/run/lab".as_ref(), Instant::now(), Box::new(frames.clone()))
        .await
        .unwrap_or_else(|error| panic!("failed to {error}"));
    (lab, frames)
}

/// A UDP socket in a node.
pub fn socket(lab: &Lab, node: &str, address: &str) -> std::net::UdpSocket {
    let socket = lab.node(node).unwrap().run(|| std::net::UdpSocket::bind(address).unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(1000))).unwrap();
    socket
}
