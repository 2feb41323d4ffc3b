//! Counters, which are plain numbers inside the thread and copied out on request.

use std::time::Instant;

use reference_cstp::session::Channel;
use reference_dtls::{Suite, Version};

use super::SessionId;

/// Inner packets of one channel. Bytes are those of the inner packets, before compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that came from the peer.
    pub rx_packets: u64,
    /// Bytes that came from the peer.
    pub rx_bytes: u64,
    /// Packets that were sent to the peer.
    pub tx_packets: u64,
    /// Bytes that were sent to the peer.
    pub tx_bytes: u64,
}

impl Traffic {
    pub(super) fn received(&mut self, bytes: usize) {
        self.rx_packets += 1;
        self.rx_bytes += bytes as u64;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.tx_packets += 1;
        self.tx_bytes += bytes as u64;
    }
}

/// Inner packets that were dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Too much waits for the TCP connection, or there is no channel.
    pub stuck: u64,
    /// The source is not an address of the session (AC-CSTP-15).
    pub spoofed: u64,
    /// What came is no IP packet, or a compressed one that is broken or was not negotiated (AC-CSTP-13).
    pub malformed: u64,
    /// The device did not take it.
    pub device: u64,
    /// The network did not take it.
    pub network: u64,
    /// A deliberate defect.
    pub defect: u64,
}

/// What one session did and where it stands.
#[derive(Clone, Debug)]
pub struct SessionStats {
    /// The session.
    pub id: SessionId,
    /// Where data leaves now.
    pub channel: Channel,
    /// When it was attached first.
    pub since: Instant,
    /// Whether it has a TLS channel now.
    pub tls_up: bool,
    /// Data on TLS.
    pub tls: Traffic,
    /// Data on DTLS.
    pub dtls: Traffic,
    /// Packets that were dropped.
    pub drops: Drops,
    /// Records that held more or less than one frame (AC-CSTP-03).
    pub odd_records: u64,
    /// DTLS handshakes that succeeded.
    pub dtls_handshakes: u32,
    /// The suite of the DTLS session that is up.
    pub dtls_suite: Option<Suite>,
    /// The version of the DTLS session that is up.
    pub dtls_version: Option<Version>,
    /// Bytes of an inner packet.
    pub mtu: u16,
    /// Bytes of the largest inner packet that goes over DTLS, when there is one; larger ones go over TLS.
    pub dtls_mtu: u16,
}

impl SessionStats {
    pub(super) fn traffic(&mut self, channel: Channel) -> &mut Traffic {
        match channel {
            Channel::Tls => &mut self.tls,
            Channel::Dtls => &mut self.dtls,
        }
    }
}

/// What the thread as a whole did.
#[derive(Clone, Debug, Default)]
pub struct PlaneStats {
    /// Packets that came from the device.
    pub device_rx: u64,
    /// Packets that were given to the device.
    pub device_tx: u64,
    /// Packets from the device that belong to no session.
    pub unrouted: u64,
    /// Datagrams that came.
    pub udp_rx: u64,
    /// Datagrams that belong to no session, or to no DTLS session that takes them.
    pub udp_unknown: u64,
    /// Times that the thread woke up.
    pub wakeups: u64,
    /// The sessions, in the order of their ids.
    pub sessions: Vec<SessionStats>,
}
