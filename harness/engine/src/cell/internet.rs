//! What the little internet offers: name servers, web servers, echo.

use std::net::{IpAddr, SocketAddr};

use indexmap::IndexMap;
use interop_catalogue::Resource;
use interop_lab::{Lab, LabError};
use interop_services::{Clock, DnsServer, EchoServer, HttpServer, Zone, sockets};

use super::World;
use crate::{EngineError, Result};

const DNS_PORT: u16 = 53;
const ECHO_PORT: u16 = 7;
const HTTP_PORT: u16 = 80;

/// The running services of a cell.
pub(crate) struct Internet {
    /// Name servers by node.
    pub(crate) dns: IndexMap<String, DnsServer>,
    _http: Vec<HttpServer>,
    _echo: Vec<EchoServer>,
}

impl Internet {
    pub(crate) fn start(lab: &Lab, world: &World) -> Result<Self> {
        let clock = Clock::since(lab.start());
        let mut dns = IndexMap::new();
        for (name, addresses, inside) in world.offering(Resource::Dns) {
            let zones = &world.topology.names;
            let inside_names = zones.inside.iter().filter(|_| inside);
            let zone: Zone = zones
                .public
                .iter()
                .chain(inside_names)
                .map(|(name, addresses)| (name.as_str(), addresses.clone()))
                .collect();
            let (udp, tcp) = (udp(lab, &name, &addresses, DNS_PORT)?, tcp(lab, &name, &addresses, DNS_PORT)?);
            let server =
                DnsServer::start(udp, tcp, zone, clock).map_err(|error| broken("name server", &name, error))?;
            dns.insert(name, server);
        }
        let mut http = Vec::new();
        for (name, addresses, _) in world.offering(Resource::Http) {
            let listeners = tcp(lab, &name, &addresses, HTTP_PORT)?;
            http.push(HttpServer::start(listeners, &name).map_err(|error| broken("web server", &name, error))?);
        }
        let mut echo = Vec::new();
        for (name, addresses, _) in world.offering(Resource::Echo) {
            let (udp, tcp) = (udp(lab, &name, &addresses, ECHO_PORT)?, tcp(lab, &name, &addresses, ECHO_PORT)?);
            echo.push(EchoServer::start(udp, tcp).map_err(|error| broken("echo service", &name, error))?);
        }
        Ok(Self { dns, _http: http, _echo: echo })
    }

    /// Port of the echo service.
    pub(crate) const fn echo_port() -> u16 {
        ECHO_PORT
    }

    /// Port of the web servers.
    pub(crate) const fn http_port() -> u16 {
        HTTP_PORT
    }
}

fn udp(lab: &Lab, node: &str, addresses: &[IpAddr], port: u16) -> Result<Vec<std::net::UdpSocket>> {
    bind(lab, node, addresses, port, sockets::udp)
}

fn tcp(lab: &Lab, node: &str, addresses: &[IpAddr], port: u16) -> Result<Vec<std::net::TcpListener>> {
    bind(lab, node, addresses, port, sockets::tcp_listener)
}

fn bind<T>(
    lab: &Lab,
    node: &str,
    addresses: &[IpAddr],
    port: u16,
    open: impl Fn(SocketAddr) -> std::io::Result<T>,
) -> Result<Vec<T>> {
    let open_all = || addresses.iter().map(|address| open(SocketAddr::new(*address, port))).collect();
    let opened: std::io::Result<Vec<T>> = lab.node(node)?.run(open_all)?;
    opened.map_err(|error| broken(&format!("port {port}"), node, error))
}

fn broken(what: &str, node: &str, source: std::io::Error) -> EngineError {
    LabError::System { what: format!("start the {what} of node `{node}`"), source }.into()
}
