//! A lab: nodes and links built from a description.

use std::fs::File;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use indexmap::IndexMap;
use ipnet::IpNet;

use crate::link::{End, Link, Profile};
use crate::wire::{WireSpec, open_tap};
use crate::{FrameSink, LabError, Nat, Node, Result, RouteTarget, Wires};

/// How long links may take to report that they run.
const LINKS_RUNNING: Duration = Duration::from_secs(5);

/// A lab to be built.
#[derive(Clone, Debug, Default)]
pub struct LabSpec {
    /// Nodes by name.
    pub nodes: IndexMap<String, NodeSpec>,
    /// Links by name.
    pub links: IndexMap<String, LinkSpec>,
    /// Source of every random choice of the wires.
    pub seed: u64,
}

/// A node to be made.
#[derive(Clone, Debug, Default)]
pub struct NodeSpec {
    /// Whether it forwards packets.
    pub forwards: bool,
    /// Address translation.
    pub nat: Option<Nat>,
    /// Routes beside those to connected subnets.
    pub routes: Vec<RouteSpec>,
    /// Lines of `/etc/resolv.conf`; `None` for a node without a mount view of its own.
    pub resolver: Option<String>,
}

/// A route to be put.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    /// Destination.
    pub to: IpNet,
    /// Gateway.
    pub via: IpAddr,
}

/// What a link is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LinkKind {
    /// Two TAP devices; frames pass through the cell's process, are captured and can be disturbed.
    #[default]
    Wire,
    /// A veth pair: fast, not captured.
    Veth,
}

/// A link to be made. The interface has the link's name at both ends.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// What it is made of.
    pub kind: LinkKind,
    /// Nodes and addresses of the two ends.
    pub ends: [(String, Vec<IpNet>); 2],
    /// MTU of both interfaces.
    pub mtu: u32,
    /// What the wire does to frames from its first and from its second end.
    pub profiles: [Profile; 2],
}

/// A running lab. Everything in it ends with the process.
#[derive(Debug)]
pub struct Lab {
    nodes: IndexMap<String, Node>,
    wires: Wires,
    start: Instant,
}

impl Lab {
    /// Builds a lab; its nodes keep their files below `folder`. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel refuses a part; the message says which, on which node.
    pub async fn build(spec: &LabSpec, folder: &Path, start: Instant, sink: Box<dyn FrameSink>) -> Result<Self> {
        let mut nodes = IndexMap::new();
        for (name, node) in &spec.nodes {
            let made = Node::create(name, folder.join(name))?;
            made.kernel_defaults(node.forwards)?;
            nodes.insert(name.clone(), made);
        }
        let find = |name: &str| {
            nodes.get(name).ok_or_else(|| LabError::Unknown { kind: "node", name: name.to_owned() })
        };

        let mut wires = Vec::new();
        for (position, (name, link)) in spec.links.iter().enumerate() {
            let [a, b] = [find(&link.ends[0].0)?, find(&link.ends[1].0)?];
            match link.kind {
                LinkKind::Veth => a.add_veth(name, b).await?,
                LinkKind::Wire => {
                    let tap = |node: &Node| -> Result<File> { node.run(|| open_tap(name))? };
                    let mut wire = WireSpec {
                        name: name.clone(),
                        a: tap(a)?,
                        b: tap(b)?,
                        link: Link::new(Profile::default(), spec.seed.wrapping_add(position as u64)),
                    };
                    for (end, profile) in [End::A, End::B].into_iter().zip(&link.profiles) {
                        wire.link.from_mut(end).set_profile(profile.clone());
                    }
                    wires.push(wire);
                }
            }
        }
        let wires = Wires::start(wires, start, sink)?;

        try_join_all(nodes.values().map(|node| configure(node, spec))).await?;
        try_join_all(nodes.values().map(|node| set_routes(node, spec))).await?;
        Ok(Self { nodes, wires, start })
    }

    /// A node.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn node(&self, name: &str) -> Result<&Node> {
        self.nodes.get(name).ok_or_else(|| LabError::Unknown { kind: "node", name: name.to_owned() })
    }

    /// Every node.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.values()
    }

    /// The wires.
    pub fn wires(&self) -> &Wires {
        &self.wires
    }

    /// The wires, to stop them.
    pub fn wires_mut(&mut self) -> &mut Wires {
        &mut self.wires
    }

    /// When the lab's clock was zero.
    pub fn start(&self) -> Instant {
        self.start
    }
}

/// A MAC address that is the same in every run: locally administered, then link and end.
fn mac(link: usize, end: usize) -> [u8; 6] {
    let [high, low] = u16::try_from(link).unwrap_or(u16::MAX).to_be_bytes();
    [0x02, 0x00, 0x5e, high, low, end as u8 + 1]
}

async fn configure(node: &Node, spec: &LabSpec) -> Result<()> {
    let lo = node.index("lo").await?;
    node.configure_loopback(lo).await?;
    let mut waiting = Vec::new();
    for (position, (name, link)) in spec.links.iter().enumerate() {
        for (end, (of, addresses)) in link.ends.iter().enumerate() {
            if of != node.name() {
                continue;
            }
            let index = node.index(name).await?;
            if !addresses.iter().any(|address| address.addr().is_ipv6()) {
                // No link-local address, no neighbour discovery: an IPv4 link stays quiet.
                match node.sysctl(&format!("ipv6/conf/{name}/disable_ipv6"), "1") {
                    Err(LabError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                    other => other?,
                }
            }
            node.configure_link(name, index, mac(position, end), link.mtu).await?;
            for address in addresses {
                node.add_address_at(index, *address).await?;
            }
            waiting.push((name, index));
        }
    }
    for (name, index) in waiting {
        node.wait_running(name, index, LINKS_RUNNING).await?;
    }
    let Some(described) = spec.nodes.get(node.name()) else { return Ok(()) };
    if let Some(nat) = &described.nat {
        nat.install(node)?;
    }
    if let Some(resolver) = &described.resolver {
        node.view()?.write_etc("resolv.conf", resolver)?;
    }
    Ok(())
}

async fn set_routes(node: &Node, spec: &LabSpec) -> Result<()> {
    for route in spec.nodes.get(node.name()).map_or(&[][..], |described| &described.routes) {
        node.put_route(route.to, &RouteTarget::Via(route.via)).await?;
    }
    Ok(())
}
