//! Sockets of the server: TCP and UDP on each address, on the same ports everywhere.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{
    config::Listen,
    events::{Event, Events},
    failure::{Exit, Failure},
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Bytes of receive and send buffers of UDP: some thousand packets of many sessions.
const UDP_BUFFER: usize = 4 << 20;

/// Open sockets.
#[derive(Debug)]
pub struct Sockets {
    /// Listening TCP sockets, one for each address.
    pub tcp: Vec<TcpListener>,
    /// UDP sockets, one for each address; none when DTLS is off.
    pub udp: Vec<UdpSocket>,
    /// TCP port.
    pub tcp_port: u16,
    /// UDP port, when DTLS is on.
    pub udp_port: Option<u16>,
}

impl Sockets {
    /// Opens all sockets. A port of 0 is chosen by the system once, for the first address.
    ///
    /// # Errors
    ///
    /// Status 69 and an event when a port is in use, 77 when the right to bind is missing, 65 for a foreign address.
    pub fn open(listen: &Listen, dtls: bool, events: &Events) -> Result<Self, Failure> {
        let mut sockets = Self { tcp: Vec::new(), udp: Vec::new(), tcp_port: listen.tcp_port, udp_port: None };
        let mut udp_port = listen.udp_port;
        for address in &listen.addresses {
            let local = SocketAddr::new(*address, sockets.tcp_port);
            let socket = open(local, Type::STREAM).map_err(|error| refused(local, "tcp", &error, events))?;
            let listener = TcpListener::from(socket);
            sockets.tcp_port = port(listener.local_addr())?;
            sockets.tcp.push(listener);
            if dtls {
                let local = SocketAddr::new(*address, udp_port);
                let socket = open(local, Type::DGRAM).map_err(|error| refused(local, "udp", &error, events))?;
                let socket = UdpSocket::from(socket);
                udp_port = port(socket.local_addr())?;
                sockets.udp.push(socket);
            }
        }
        sockets.udp_port = dtls.then_some(udp_port);
        Ok(sockets)
    }
}

fn port(address: io::Result<SocketAddr>) -> Result<u16, Failure> {
    address.map(|address| address.port()).map_err(|error| Failure::internal("ask for the port", error))
}

fn open(local: SocketAddr, kind: Type) -> io::Result<Socket> {
    let domain = if local.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
    let protocol = if kind == Type::STREAM { Protocol::TCP } else { Protocol::UDP };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    if local.is_ipv6() {
        // Addresses of both families are configured apart.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    if kind == Type::STREAM {
        // A server that was stopped may start again at once, beside its dying connections.
        socket.set_reuse_address(true)?;
    } else {
        // The system may allow less, which is no error.
        let _ = socket.set_recv_buffer_size(UDP_BUFFER);
        let _ = socket.set_send_buffer_size(UDP_BUFFER);
    }
    socket.bind(&SockAddr::from(local))?;
    if kind == Type::STREAM {
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

fn refused(local: SocketAddr, protocol: &'static str, error: &io::Error, events: &Events) -> Failure {
    let (port, address): (u16, IpAddr) = (local.port(), local.ip());
    let what = format!("listen on {protocol} port {port} of {address}");
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            events.emit(&Event::PortInUse { protocol, port });
            let hint = format!("`ss -ltunp` shows who has it; or write another `listen.{protocol}-port`");
            Failure::new(Exit::PortInUse, format!("{what}: the port is in use"), hint)
        }
        io::ErrorKind::PermissionDenied => Failure::new(
            Exit::NoPermission,
            format!("{what}: {error}"),
            "ports below 1024 need root or CAP_NET_BIND_SERVICE; or write a higher port",
        ),
        io::ErrorKind::AddrNotAvailable => Failure::new(
            Exit::Config,
            format!("{what}: this machine does not have the address"),
            "correct `listen.addresses`",
        ),
        _ => Failure::new(Exit::Internal, format!("{what}: {error}"), "check `listen` in the configuration"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(tcp_port: u16, udp_port: u16) -> Listen {
        Listen { addresses: vec!["127.0.0.1".parse().unwrap()], tcp_port, udp_port }
    }

    #[test]
    fn a_port_in_use_is_named_with_its_protocol() {
        let events = Events::to(None, None);
        let first = Sockets::open(&loopback(0, 0), true, &events).unwrap();
        let (tcp, udp) = (first.tcp_port, first.udp_port.unwrap());
        let second = Sockets::open(&loopback(tcp, 0), true, &events).unwrap_err();
        assert_eq!(second.exit, Exit::PortInUse);
        assert!(second.message.starts_with(&format!("listen on tcp port {tcp} of 127.0.0.1")), "{second}");
        let third = Sockets::open(&loopback(0, udp), true, &events).unwrap_err();
        assert_eq!(third.exit, Exit::PortInUse);
        assert!(third.message.starts_with(&format!("listen on udp port {udp} of 127.0.0.1")), "{third}");
        assert!(Sockets::open(&loopback(0, udp), false, &events).is_ok(), "without DTLS the port does not matter");
    }

    #[test]
    fn an_address_of_somebody_else_is_a_mistake_in_the_configuration() {
        let listen = Listen { addresses: vec!["192.0.2.77".parse().unwrap()], tcp_port: 0, udp_port: 0 };
        assert_eq!(Sockets::open(&listen, true, &Events::to(None, None)).unwrap_err().exit, Exit::Config);
    }
}
