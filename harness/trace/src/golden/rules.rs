//! What is chance in a trace, and what is not: one small rule each, with its reason.

use std::time::Duration;

use interop_evidence::{Layer, TraceLine};

/// Packets that were sent before a mark still arrive behind it: queues and the path's delay, on a busy machine.
pub(super) const ON_THEIR_WAY: Duration = Duration::from_millis(300);
/// How long a program may go on as before when a phase begins without that meaning anything: it takes a moment until it
/// notices, and how long is chance. Dead peer detection, the other way of noticing, takes several times as long.
pub(super) const A_MOMENT: Duration = Duration::from_secs(3);
/// Behind a line of data that stopped within [`A_MOMENT`]: whether it is there does not count.
pub(super) const BRIEFLY: &str = " (briefly)";
/// Flows that begin within this have no order: threads and processes race.
pub(super) const AT_ONCE: Duration = Duration::from_millis(250);
/// Time in which a program may leave unread what it was sent; its system then answers `close` with RST instead of FIN
/// (RFC 2525, section 2.17).
pub(super) const UNREAD: Duration = Duration::from_secs(1);

/// Dead peer detection, keepalives, tickets, acknowledgements: whether one of them falls into a phase is chance.
pub(super) fn is_small(text: &str) -> bool {
    text.ends_with(" (small)")
}

/// Data in bulk: how it is cut into records and packets is chance, so one line stands for all of it.
pub(super) fn is_bulk(text: &str) -> bool {
    const BULK: [&str; 6] = ["application data", " data", "P_DATA", "P_CONTROL_V1", "DTLS 1.3 record", "connection id"];
    let text = text.trim_end();
    text == "data" || BULK.iter().any(|bulk| text.ends_with(bulk) || (bulk.starts_with("P_") && text.contains(bulk)))
}

/// OpenVPN acknowledges in packets of their own or with the next message, as it happens.
pub(super) fn is_acknowledgement(text: &str) -> bool {
    text.contains("P_ACK_V1")
}

/// The network or a busy machine was slow; the program behaves the same. A repeated segment of TCP is counted at the
/// line of what it repeats, a repeated datagram is a line of its own if that line is of an earlier phase.
pub(super) fn is_retransmission(line: &TraceLine) -> bool {
    let is_stream = service(&line.flow).contains(" TCP/");
    line.text == "TCP retransmission" || (!is_stream && line.retransmissions >= line.count.max(1))
}

/// `close_notify` and what cannot be told from it: who is first to close, and whether the other still says so, is
/// chance. Fatal alerts in the clear are not.
pub(super) fn is_farewell(line: &TraceLine) -> bool {
    line.layer == Layer::Tls && (line.text == "TLS encrypted alert" || line.text.ends_with(" close_notify"))
}

/// ICMP that tells of an error. Echoes belong to the probes, neighbour discovery to the system.
pub(super) fn is_icmp_error(text: &str) -> bool {
    const OTHERS: [&str; 7] = ["echo", "solicitation", "advertisement", "listener", "timestamp", "ighbo", "type "];
    !OTHERS.iter().any(|other| text.contains(other))
}

/// A port that is closed already when something still arrives for it.
pub(super) fn is_port_unreachable(text: &str) -> bool {
    text.contains("port unreachable")
}

/// DNS has a view of its own; its connections say nothing more.
pub(super) fn is_dns(line: &TraceLine) -> bool {
    line.layer == Layer::Dns || service(&line.flow).ends_with("/53")
}

/// What systems say to everybody, at times of their own.
pub(super) fn is_to_everybody(line: &TraceLine) -> bool {
    const EVERYBODY: [&str; 11] = [
        "all-dhcp",
        "all-hosts",
        "all-routers",
        "broadcast",
        "igmp",
        "llmnr",
        "mdns",
        "mld",
        "multicast",
        "solicited-node",
        "ssdp",
    ];
    EVERYBODY.iter().any(|name| line.from == *name || line.to == *name)
}

/// Devices of a tunnel are called `NODE:DEVICE`.
pub(super) fn is_tunnel(wire: &str) -> bool {
    wire.contains(':')
}

/// The name of a flow without its number.
pub(super) fn service(flow: &str) -> &str {
    match flow.rsplit_once(" #") {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => flow,
    }
}

/// The host that opened a flow.
pub(super) fn opener(flow: &str) -> &str {
    flow.split_once('>').map_or(flow, |(opener, _)| opener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_in_bulk() {
        for text in
            ["TLS application data", "DTLS application data", "OpenVPN data", "OpenVPN P_CONTROL_V1 key 1", "data "]
        {
            assert!(is_bulk(text), "{text}");
        }
        for text in ["TLS ClientHello 1.3", "OpenVPN P_CONTROL_SOFT_RESET_V1", "SYN", "DTLS ChangeCipherSpec"] {
            assert!(!is_bulk(text), "{text}");
        }
    }

    #[test]
    fn errors_of_icmp() {
        assert!(is_icmp_error("ICMP administratively prohibited UDP/443"));
        assert!(is_icmp_error("ICMPv6 packet too big MTU 1280 TCP/443"));
        assert!(!is_icmp_error("ICMP echo request"));
        assert!(!is_icmp_error("ICMPv6 neighbour solicitation for gateway"));
    }

    #[test]
    fn names_of_flows() {
        assert_eq!(service("client>gateway TCP/443 #12"), "client>gateway TCP/443");
        assert_eq!(service("client>gateway ICMP"), "client>gateway ICMP");
        assert_eq!(opener("client/tunnel>inside TCP/80 #1"), "client/tunnel");
    }
}
