//! Opens the records of one direction: which keys are in use, and the number of the next record.

use std::sync::Arc;

use super::protect::{Opened, Protection, RecordHeader, Session};
use super::records::{APPLICATION_DATA, Record};
use crate::Keys;

/// Records that may be missing in a gap and be stepped over.
const MOST_SKIPPED: u64 = 64;

/// What both hellos agreed on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) version: u16,
    pub(crate) suite: u16,
    pub(crate) client_random: Vec<u8>,
    pub(crate) server_random: Vec<u8>,
    /// Of the ServerHello.
    pub(crate) session_id: Vec<u8>,
    pub(crate) encrypt_then_mac: bool,
    /// The client offered early data of TLS 1.3, whose keys are not looked for.
    pub(crate) early_data: bool,
}

/// The keys of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Below TLS 1.3, since the ChangeCipherSpec.
    Session,
    /// TLS 1.3: until Finished.
    Handshake,
    /// TLS 1.3: since Finished.
    Application,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Opened(Opened),
    /// There is no key, or opening was given up before.
    Closed,
    /// The keys do not open it, and no record is tried any more.
    Failed,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Opener {
    is_client: bool,
    state: Option<(Arc<Agreed>, Stage)>,
    protection: Option<Protection>,
    /// Number of the next record.
    sequence: u64,
    /// Bytes of the stream were missing since the last record that opened.
    gap: bool,
    given_up: bool,
}

impl Opener {
    /// From the next record on the keys of a session below TLS 1.3 are in use.
    pub(crate) fn change(&mut self, agreed: Arc<Agreed>, is_client: bool) {
        *self = Self { is_client, state: Some((agreed, Stage::Session)), ..Self::default() };
    }

    /// From the next encrypted record on the handshake keys of TLS 1.3 are in use.
    pub(crate) fn handshake(&mut self, agreed: Arc<Agreed>, is_client: bool) {
        *self = Self { is_client, state: Some((agreed, Stage::Handshake)), ..Self::default() };
    }

    /// This direction of TLS 1.3 sent Finished.
    pub(crate) fn finished(&mut self) {
        if let Some((_, stage @ Stage::Handshake)) = &mut self.state {
            *stage = Stage::Application;
            (self.protection, self.sequence) = (None, 0);
        }
    }

    /// This direction of TLS 1.3 sent KeyUpdate.
    pub(crate) fn update(&mut self) {
        if let Some(next) = self.protection.as_ref().and_then(Protection::updated) {
            (self.protection, self.sequence) = (Some(next), 0);
        }
    }

    pub(crate) fn gap(&mut self) {
        self.gap = true;
    }

    /// Opens the next record.
    pub(crate) fn open(&mut self, record: &Record<'_>, keys: &mut Keys) -> Outcome {
        let Some((agreed, stage)) = &self.state else { return Outcome::Closed };
        // In TLS 1.3 what is protected looks like application data; the rest is in the clear (RFC 8446, section 5.2).
        if self.given_up || *stage != Stage::Session && record.kind != APPLICATION_DATA {
            return Outcome::Closed;
        }
        if self.protection.is_none() {
            self.protection = protection(agreed, *stage, self.is_client, keys);
        }
        let first = self.sequence;
        let last = if self.gap { first.saturating_add(MOST_SKIPPED) } else { first };
        let Some(protection) = &mut self.protection else {
            self.sequence = self.sequence.saturating_add(1);
            return Outcome::Closed;
        };
        for sequence in first..=last {
            let header = RecordHeader { sequence, kind: record.kind, version: record.version };
            if let Some(opened) = protection.open(&header, record.body, &mut keys.known) {
                self.sequence = sequence.saturating_add(1);
                self.gap = false;
                return Outcome::Opened(opened);
            }
        }
        if *stage == Stage::Handshake && self.is_client && agreed.early_data {
            return Outcome::Closed;
        }
        if *stage == Stage::Handshake && self.gap {
            // Finished may be among what is missing.
            self.finished();
            return self.open(record, keys);
        }
        self.given_up = true;
        Outcome::Failed
    }
}

fn protection(agreed: &Agreed, stage: Stage, is_client: bool, keys: &Keys) -> Option<Protection> {
    let label = match (stage, is_client) {
        (Stage::Session, _) => {
            let master = keys.master(&agreed.client_random);
            let session = Session {
                version: agreed.version,
                suite: agreed.suite,
                master: master.or_else(|| keys.master_of_session(&agreed.session_id))?,
                client_random: &agreed.client_random,
                server_random: &agreed.server_random,
                encrypt_then_mac: agreed.encrypt_then_mac,
            };
            return Protection::new(&session, is_client);
        }
        (Stage::Handshake, true) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        (Stage::Handshake, false) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        (Stage::Application, true) => "CLIENT_TRAFFIC_SECRET_0",
        (Stage::Application, false) => "SERVER_TRAFFIC_SECRET_0",
    };
    Protection::tls13(agreed.suite, keys.secret(label, &agreed.client_random)?)
}
