//! A lab: nodes and links built from a description.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join_all};
use indexmap::IndexMap;
use ipnet::IpNet;

use crate::link::{End, Link, Profile};
use crate::wire::{Sniffer, WireSpec};
use crate::{FrameSink, LabError, Nat, Node, Result, RouteTarget, Wires};

/// How long links and addresses may take until they can be used.
const READY: Duration = Duration::from_secs(5);

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
    /// Lines of `/etc/resolv.conf`; `None` for a node without a mount view of its own, in which no peer runs: what
    /// tunnels of a node with one carry is shown to the sink.
    pub resolver: Option<String>,
    /// The root file system of its processes: absolute path of a folder laid out like `/`, which is never written to. The
    /// machine's own unless given. Only for a node with a mount view of its own.
    pub root: Option<PathBuf>,
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
    phases: Vec<(&'static str, Duration)>,
}

impl Lab {
    /// Builds a lab; its nodes keep their files below `folder`. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the kernel refuses a part; the message says which, on which node.
    pub async fn build(spec: &LabSpec, folder: &Path, start: Instant, sink: Box<dyn FrameSink>) -> Result<Self> {
        let mut phases = Phases::new();
        let wanted: Vec<(&str, bool)> = spec.nodes.iter().map(|(name, node)| (name.as_str(), node.forwards)).collect();
        let made = Node::create_all(folder, &wanted)?;
        let nodes: IndexMap<String, Node> = spec.nodes.keys().cloned().zip(made).collect();
        phases.end("namespaces");

        // Rules name interfaces that may not be there yet; `nft` runs beside what follows.
        let mut pending = Vec::new();
        for (node, described) in nodes.values().zip(spec.nodes.values()) {
            if let Some(nat) = &described.nat {
                pending.push((node, nat, nat.begin(node)?));
            }
        }
        phases.end("rules begun");

        let mut plugs: IndexMap<&str, Vec<Plug<'_>>> = IndexMap::new();
        let mut wires = Vec::new();
        for (position, (name, link)) in spec.links.iter().enumerate() {
            let ends = [find(&nodes, &link.ends[0].0)?, find(&nodes, &link.ends[1].0)?];
            let (indexes, wire) = connect(position, name, link, ends, spec.seed).await?;
            wires.extend(wire);
            for (end, index) in indexes.into_iter().enumerate() {
                let plug = Plug { name, index, mac: mac(position, end), link, addresses: &link.ends[end].1 };
                plugs.entry(&link.ends[end].0).or_default().push(plug);
            }
        }
        let mut sniffers = Vec::new();
        for (node, described) in nodes.values().zip(spec.nodes.values()) {
            if described.resolver.is_some() {
                sniffers.push((node.name().to_owned(), Sniffer::open(node)?));
            }
        }
        let wires = Wires::start(wires, sniffers, start, sink)?;
        phases.end("links");

        let plugs_of = |node: &Node| plugs.get(node.name()).map_or(&[][..], Vec::as_slice);
        try_join_all(
            nodes.values().zip(spec.nodes.values()).map(|(node, described)| configure(node, described, plugs_of(node))),
        )
        .await?;
        phases.end("addresses and routes");

        for (node, described) in nodes.values().zip(spec.nodes.values()) {
            if let Some(resolver) = &described.resolver {
                node.make_view(described.root.as_deref())?.write_etc("resolv.conf", resolver)?;
            }
        }
        phases.end("mount views");

        for (node, nat, rules) in pending {
            rules.wait()?;
            nat.finish(node)?;
        }
        phases.end("rules");

        try_join_all(nodes.values().map(|node| async {
            let plugs = plugs_of(node);
            let indexes: Vec<u32> = plugs.iter().map(|plug| plug.index).collect();
            let addresses: Vec<IpNet> = plugs.iter().flat_map(|plug| plug.addresses).copied().collect();
            node.wait_ready(&indexes, &addresses, READY).await
        }))
        .await?;
        phases.end("links ready");
        Ok(Self { nodes, wires, start, phases: phases.done })
    }

    /// A node.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn node(&self, name: &str) -> Result<&Node> {
        find(&self.nodes, name)
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

    /// How long each phase of building took, in order.
    pub fn phases(&self) -> &[(&'static str, Duration)] {
        &self.phases
    }
}

/// Times of the phases of building.
struct Phases {
    last: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Phases {
    fn new() -> Self {
        Self { last: Instant::now(), done: Vec::new() }
    }

    fn end(&mut self, name: &'static str) {
        let now = Instant::now();
        self.done.push((name, now - self.last));
        self.last = now;
    }
}

/// One end of a link in its node.
struct Plug<'a> {
    name: &'a str,
    index: u32,
    mac: [u8; 6],
    link: &'a LinkSpec,
    addresses: &'a [IpNet],
}

fn find<'a>(nodes: &'a IndexMap<String, Node>, name: &str) -> Result<&'a Node> {
    nodes.get(name).ok_or_else(|| LabError::Unknown { kind: "node", name: name.to_owned() })
}

/// Makes the interfaces of a link; says their indexes, and the wire if it is one.
async fn connect(
    position: usize,
    name: &str,
    link: &LinkSpec,
    [a, b]: [&Node; 2],
    seed: u64,
) -> Result<([u32; 2], Option<WireSpec>)> {
    let ipv6 = |end: usize| link.ends[end].1.iter().any(|address| address.addr().is_ipv6());
    match link.kind {
        LinkKind::Veth => Ok((a.plug_veth(name, b, [ipv6(0), ipv6(1)]).await?, None)),
        LinkKind::Wire => {
            let (tap_a, index_a) = a.plug_tap(name, ipv6(0))?;
            let (tap_b, index_b) = b.plug_tap(name, ipv6(1))?;
            let mut model = Link::new(Profile::default(), seed.wrapping_add(position as u64));
            for (end, profile) in [End::A, End::B].into_iter().zip(&link.profiles) {
                model.from_mut(end).set_profile(profile.clone());
            }
            let wire = WireSpec { name: name.to_owned(), a: tap_a, b: tap_b, link: model };
            Ok(([index_a, index_b], Some(wire)))
        }
    }
}

/// A MAC address that is the same in every run: locally administered, then link and end.
fn mac(link: usize, end: usize) -> [u8; 6] {
    let [high, low] = u16::try_from(link).unwrap_or(u16::MAX).to_be_bytes();
    [0x02, 0x00, 0x5e, high, low, end as u8 + 1]
}

/// Links up, addresses, routes. The requests of a node are sent together; the kernel answers them in order.
async fn configure(node: &Node, described: &NodeSpec, plugs: &[Plug<'_>]) -> Result<()> {
    let mut requests: Vec<BoxFuture<'_, Result<()>>> = vec![node.configure_loopback().boxed()];
    for plug in plugs {
        requests.push(node.configure_link(plug.name, plug.index, plug.mac, plug.link.mtu).boxed());
        requests.extend(plug.addresses.iter().map(|address| node.add_address_at(plug.index, *address).boxed()));
    }
    for route in &described.routes {
        requests.push(async { node.put_route(route.to, &RouteTarget::Via(route.via)).await }.boxed());
    }
    try_join_all(requests).await.map(|_| ())
}
