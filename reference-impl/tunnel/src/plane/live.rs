//! One session that lives in the data plane.

use std::time::Instant;

use ipnet::IpNet;
use reference_cstp::compress::Compression;
use reference_cstp::session::{Channel, Session, SessionConfig};

use super::io::Io;
use super::lane::{Lane, Retired};
use super::links::Links;
use super::stats::{Drops, Traffic};
use super::udp::Batch;
use super::{Attach, SessionStats};

/// The part of a session that does not know how bytes travel.
pub(super) struct Core {
    pub(super) session: Session,
    pub(super) inner: Vec<IpNet>,
    pub(super) stats: SessionStats,
    /// Whether what is being read comes from a channel that was replaced, whose end is not that of the session.
    pub(super) from_retired: bool,
    /// With the defect that loses packets at a switch: until when they are lost.
    pub(super) mute_until: Option<Instant>,
    pub(super) compression: (Compression, Compression),
}

impl Core {
    pub(super) fn compression(&self, channel: Channel) -> Compression {
        match channel {
            Channel::Tls => self.compression.0,
            Channel::Dtls => self.compression.1,
        }
    }
}

/// One session with its channels.
pub(super) struct Live {
    pub(super) slot: usize,
    pub(super) core: Core,
    /// What the session was made with, to see whether a reconnect changes it.
    pub(super) config: SessionConfig,
    /// The TLS channel; `None` when it is lost.
    pub(super) lane: Option<Lane>,
    /// The TLS channel before a new one took its place, until the peer has closed it; what was under way still arrives.
    pub(super) retired: Option<Retired>,
    pub(super) links: Links,
    /// Records for the active association that wait for the end of a batch.
    pub(super) batch: Option<Box<Batch>>,
    /// The entry in the set of timers.
    pub(super) armed: Option<Instant>,
    /// Whether it is on the list of sessions to be settled at the end of the turn.
    pub(super) dirty: bool,
    /// Descriptors, by bit, that are on the list of things to be read.
    pub(super) ready: u8,
}

impl Live {
    /// Makes a session; its TLS channel comes separately.
    pub(super) fn new(slot: usize, attach: &mut Attach, now: Instant) -> Self {
        let stats = SessionStats {
            id: attach.id,
            channel: Channel::Tls,
            since: now,
            tls_up: true,
            tls: Traffic::default(),
            dtls: Traffic::default(),
            drops: Drops::default(),
            odd_records: 0,
            dtls_handshakes: 0,
            dtls_suite: None,
            dtls_version: None,
            mtu: 0,
            dtls_mtu: 0,
        };
        Self {
            slot,
            core: Core {
                session: Session::new(attach.session.clone(), now),
                inner: std::mem::take(&mut attach.inner),
                stats,
                from_retired: false,
                mute_until: None,
                compression: attach.compression,
            },
            config: attach.session.clone(),
            lane: None,
            retired: None,
            links: Links::new(attach.dtls.take()),
            batch: None,
            armed: None,
            dirty: false,
            ready: 0,
        }
    }

    /// The counters, with what they do not hold themselves.
    pub(super) fn stats(&self) -> SessionStats {
        let mut stats = self.core.stats.clone();
        stats.channel = self.core.session.outbound();
        stats.mtu = self.core.session.mtu();
        stats.dtls_mtu = self.core.session.dtls_mtu();
        stats.tls_up = self.lane.is_some();
        stats
    }

    /// When something has to be done although nothing arrives.
    pub(super) fn next(&self, io: &Io) -> Option<Instant> {
        let stuck = self.lane.as_ref().and_then(|lane| lane.gives_up_at(io.send_deadline));
        let retired = self.retired.as_ref().map(|retired| retired.until);
        [self.core.session.poll_timeout(), self.links.next(), stuck, retired].into_iter().flatten().min()
    }
}
