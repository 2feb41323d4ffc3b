//! Everything together: a small cell.

use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use indexmap::IndexMap;

use super::runtime;
use crate::features::Outcome;
use crate::link::End;
use crate::{
    FrameSink, Lab, LabError, LabSpec, LinkKind, LinkSpec, Nat, NatKind, NodeSpec, Result, RouteSpec, SandboxSpec,
};

/// A sandbox with a client, a router that translates addresses, and a server; one packet crosses two wires.
pub(in crate::features) fn cell() -> Outcome {
    Outcome::of(rehearse())
}

struct Unwatched;

impl FrameSink for Unwatched {
    fn frame(&mut self, _: usize, _: End, _: Duration, _: &[u8], _: Option<&str>) {}

    fn inner(&mut self, _: &str, _: &str, _: bool, _: Duration, _: &[u8]) {}
}

fn rehearse() -> Result<String> {
    crate::enter(&SandboxSpec::default())?;
    runtime()?.block_on(async {
        let start = Instant::now();
        let lab = Lab::build(&spec()?, Path::new("/run/probe"), start, Box::new(Unwatched)).await?;
        let built = start.elapsed();
        let socket = |node: &str, address: &str| -> Result<UdpSocket> {
            let failed = |source| LabError::system(format!("bind a socket to {address}"), source);
            lab.node(node)?.run(|| UdpSocket::bind(address))?.map_err(failed)
        };
        let (client, server) = (socket("client", "10.1.0.2:0")?, socket("server", "10.2.0.2:9000")?);
        let failed = |source| LabError::system("send a packet through the cell", source);
        server.set_read_timeout(Some(Duration::from_secs(2))).map_err(failed)?;
        client.send_to(b"x", "10.2.0.2:9000").map_err(failed)?;
        let (_, from) = server.recv_from(&mut [0; 8]).map_err(failed)?;
        if from.ip().to_string() != "10.2.0.1" {
            let seen = std::io::Error::other(format!("the packet came from {from}"));
            return Err(LabError::system("translate addresses", seen));
        }
        Ok(format!("built in {:.1} ms", built.as_secs_f64() * 1e3))
    })
}

fn spec() -> Result<LabSpec> {
    let wrong =
        |error: &dyn std::fmt::Display| LabError::system("read an address", std::io::Error::other(error.to_string()));
    let link = |a: (&str, &str), b: (&str, &str)| -> Result<LinkSpec> {
        let end = |(node, address): (&str, &str)| -> Result<_> {
            Ok((node.to_owned(), vec![address.parse().map_err(|error| wrong(&error))?]))
        };
        Ok(LinkSpec { kind: LinkKind::Wire, ends: [end(a)?, end(b)?], mtu: 1500, profiles: Default::default() })
    };
    let everything = "0.0.0.0/0".parse().map_err(|error| wrong(&error))?;
    let via = "10.1.0.1".parse().map_err(|error| wrong(&error))?;
    let client = NodeSpec {
        routes: vec![RouteSpec { to: everything, via }],
        resolver: Some("nameserver 10.2.0.2\n".to_owned()),
        ..NodeSpec::default()
    };
    let nat = Nat { kind: NatKind::PortRestricted, outside: "far".to_owned(), udp_timeout: None, generation: 0 };
    let router = NodeSpec { forwards: true, nat: Some(nat), ..NodeSpec::default() };
    Ok(LabSpec {
        nodes: IndexMap::from([
            ("client".to_owned(), client),
            ("router".to_owned(), router),
            ("server".to_owned(), NodeSpec::default()),
        ]),
        links: IndexMap::from([
            ("near".to_owned(), link(("client", "10.1.0.2/24"), ("router", "10.1.0.1/24"))?),
            ("far".to_owned(), link(("router", "10.2.0.1/24"), ("server", "10.2.0.2/24"))?),
        ]),
        seed: 1,
    })
}
