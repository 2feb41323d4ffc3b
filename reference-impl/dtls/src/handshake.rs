//! What both roles do alike in a handshake: records in, messages in order, flights out.

use std::time::Instant;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::connection::{Connection, Role, State};
use crate::error::DtlsError;
use crate::flight::{Outgoing, Packer};
use crate::prf::Prf;
use crate::protection::{self, PROTECTED_EPOCH, Refused};
use crate::reassembly::{Message, Taken};
use crate::suite::{Suite, Version};
use crate::wire::{Fragment, RECORD_HEADER, RecordHeader, alert, content, handshake_header, message};

/// Most protected records kept until they can be read.
const MAX_EARLY: usize = 8;
/// Longest such record.
const MAX_EARLY_RECORD: usize = 2048;
/// How often renegotiation is refused aloud.
const MAX_REFUSALS: u8 = 4;

/// Says what a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// The first message that a server gets.
    ClientHello,
    /// ServerHello or HelloVerifyRequest.
    ServerHello,
    /// ServerKeyExchange (the hint, optional) or ServerHelloDone.
    ServerKeyExchange,
    /// ServerHelloDone.
    ServerHelloDone,
    /// ClientKeyExchange.
    ClientKeyExchange,
    /// ChangeCipherSpec, of either side.
    ChangeCipherSpec,
    /// Finished, of either side.
    Finished,
    /// Nothing more.
    Nothing,
}

/// Is the part of the handshake's state that nobody asks for.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    /// Counts messages that were acted upon.
    pub(crate) steps: u32,
    pub(crate) next_send: u16,
    pub(crate) next_receive: u16,
    pub(crate) cookie: Vec<u8>,
    pub(crate) verify_requests: u8,
    transcript: Vec<u8>,
    cipher_changed: bool,
    /// Whether the peer sent something that was handled already.
    repeated: bool,
    /// Protected records that came before they could be read.
    early: Vec<Vec<u8>>,
    undecryptable: u32,
    peer_alert: Option<u8>,
    refusals: u8,
}

impl Hidden {
    pub(crate) fn timed_out(&self) -> DtlsError {
        DtlsError::TimedOut { undecryptable: self.undecryptable, peer_alert: self.peer_alert }
    }

    pub(crate) fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    pub(crate) fn restart_transcript(&mut self) {
        self.transcript = Vec::new();
    }

    /// Drops what takes room.
    pub(crate) fn clear(&mut self) {
        self.transcript = Vec::new();
        self.early = Vec::new();
        self.cookie = Vec::new();
    }

    /// Counts the bytes that a peer makes a connection keep.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.early.iter().map(Vec::capacity).sum::<usize>() + self.transcript.len() + self.cookie.len()
    }

    /// Adds a message to what the Finished messages cover. In DTLS 0.9 the headers are not covered; a
    /// HelloVerifyRequest and the ClientHello before it are covered in no version.
    pub(crate) fn note(&mut self, version: Version, kind: u8, sequence: u16, body: &[u8]) {
        if version != Version::Dtls09 {
            self.transcript.extend_from_slice(&handshake_header(kind, body.len(), sequence, 0, body.len()));
        }
        self.transcript.extend_from_slice(body);
    }
}

impl Connection {
    /// Handles an unprotected record; nothing in it is trusted until the Finished messages.
    pub(crate) fn on_plain_record(
        &mut self,
        header: RecordHeader,
        payload: &[u8],
        now: Instant,
    ) -> Result<(), DtlsError> {
        let known_version = match self.version {
            Version::Dtls09 => header.version == 0x0100,
            Version::Dtls12 => header.version >> 8 == 0xfe,
        };
        if !known_version {
            return Ok(());
        }
        match (header.content, payload) {
            (content::HANDSHAKE, _) => self.on_fragments(0, payload, now),
            (content::CHANGE_CIPHER_SPEC, [1]) if self.version == Version::Dtls12 => {
                self.hidden.cipher_changed = true;
                Ok(())
            }
            (content::CHANGE_CIPHER_SPEC, [1, _, _]) if self.version == Version::Dtls09 => {
                self.hidden.cipher_changed = true;
                Ok(())
            }
            (content::ALERT, &[_, description]) => {
                self.hidden.peer_alert = Some(description);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Handles a protected record, or keeps it if it cannot be read yet.
    pub(crate) fn on_protected_record(
        &mut self,
        header: RecordHeader,
        payload: &mut [u8],
        now: Instant,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DtlsError> {
        let established = self.state == State::Established;
        let readable = self.reads_protected && (established || header.content != content::APPLICATION_DATA);
        let Some(opener) = self.opener.as_mut().filter(|_| readable) else {
            self.keep_early(header, payload);
            return Ok(());
        };
        let plain = match opener.open(header, payload) {
            Ok(plain) => plain,
            Err(Refused::Replay) => return Ok(()),
            Err(Refused::Unauthentic) => {
                self.hidden.undecryptable = self.hidden.undecryptable.saturating_add(1);
                return Ok(());
            }
        };
        match (header.content, &*plain) {
            (content::APPLICATION_DATA, []) => Ok(()),
            (content::APPLICATION_DATA, data) => {
                deliver(data);
                Ok(())
            }
            (content::HANDSHAKE, fragments) if established => self.on_late_handshake(fragments, now),
            (content::HANDSHAKE, fragments) => self.on_fragments(PROTECTED_EPOCH, fragments, now),
            (content::ALERT, &[_, alert::CLOSE_NOTIFY]) => {
                self.close();
                Ok(())
            }
            (content::ALERT, &[alert::FATAL, description]) => Err(DtlsError::PeerAlert(description)),
            _ => Ok(()),
        }
    }

    fn keep_early(&mut self, header: RecordHeader, payload: &[u8]) {
        let plausible = header.epoch == PROTECTED_EPOCH && self.state == State::Handshaking;
        if plausible && self.hidden.early.len() < MAX_EARLY && payload.len() <= MAX_EARLY_RECORD {
            self.hidden.early.push([&header.to_bytes()[..], payload].concat());
        }
    }

    /// Looks again at records that came too early.
    pub(crate) fn replay_early(&mut self, now: Instant, deliver: &mut dyn FnMut(&[u8])) -> Result<(), DtlsError> {
        while self.reads_protected && matches!(self.state, State::Handshaking | State::Established) {
            let early = std::mem::take(&mut self.hidden.early);
            let count = early.len();
            for mut record in early {
                let Some(header) = RecordHeader::parse(&record) else { continue };
                let payload = record.get_mut(RECORD_HEADER..).unwrap_or_default();
                self.on_protected_record(header, payload, now, deliver)?;
                if self.state == State::Handshaking {
                    self.advance(now)?;
                }
            }
            if self.hidden.early.len() == count || self.hidden.early.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn on_fragments(&mut self, epoch: u16, mut record: &[u8], now: Instant) -> Result<(), DtlsError> {
        while let Some((fragment, rest)) = Fragment::parse(record) {
            record = rest;
            match (fragment.kind, self.role) {
                (message::HELLO_REQUEST, Role::Client) => {}
                (message::HELLO_VERIFY_REQUEST, Role::Client) => {
                    if self.expect == Expect::ServerHello && fragment.is_whole() {
                        self.on_hello_verify_request(fragment.body, now)?;
                    }
                }
                _ => {
                    let taken = self.reassembly.push(epoch, self.hidden.next_receive, &fragment);
                    self.hidden.repeated |= taken == Taken::Old;
                }
            }
        }
        Ok(())
    }

    /// Handles handshake messages after the handshake: the peer's last flight once more, or renegotiation.
    fn on_late_handshake(&mut self, mut record: &[u8], now: Instant) -> Result<(), DtlsError> {
        while let Some((fragment, rest)) = Fragment::parse(record) {
            record = rest;
            match fragment.kind {
                message::FINISHED if !self.flight.messages.is_empty() => {
                    self.flight.repeated(&self.retransmit, now);
                    self.transmit_flight()?;
                }
                message::HELLO_REQUEST | message::CLIENT_HELLO if self.hidden.refusals < MAX_REFUSALS => {
                    self.hidden.refusals += 1;
                    self.send_alert(alert::WARNING, alert::NO_RENEGOTIATION);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends the own flight again if the peer repeated itself and nothing else happened since `steps`.
    pub(crate) fn answer_repetition(&mut self, steps: u32, now: Instant) -> Result<(), DtlsError> {
        let repeated = std::mem::take(&mut self.hidden.repeated) && self.hidden.steps == steps;
        if !repeated || self.state != State::Handshaking || !self.flight.may_answer(&self.retransmit, now) {
            return Ok(());
        }
        self.flight.repeated(&self.retransmit, now);
        self.transmit_flight()
    }

    /// Acts upon every message that is complete and next.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), DtlsError> {
        loop {
            match self.expect {
                Expect::Nothing | Expect::ClientHello => return Ok(()),
                Expect::ChangeCipherSpec if self.hidden.cipher_changed => {
                    self.reads_protected = true;
                    // In DTLS 0.9 a ChangeCipherSpec has a message number of its own.
                    self.hidden.next_receive += u16::from(self.version == Version::Dtls09);
                    self.reassembly.discard_before(self.hidden.next_receive);
                    self.expect = Expect::Finished;
                    self.hidden.steps += 1;
                }
                _ => {
                    let epoch = u16::from(self.reads_protected);
                    let Some(message) = self.reassembly.pop(epoch, self.hidden.next_receive) else { return Ok(()) };
                    self.hidden.next_receive += 1;
                    self.hidden.steps += 1;
                    self.on_message(message, now)?;
                }
            }
        }
    }

    fn on_message(&mut self, message: Message, now: Instant) -> Result<(), DtlsError> {
        if message.kind == message::FINISHED && self.expect == Expect::Finished {
            return self.on_finished(message, now);
        }
        self.hidden.note(self.version, message.kind, message.sequence, &message.body);
        match self.role {
            Role::Client => self.on_server_message(&message, now),
            Role::Server => self.on_client_message(&message),
        }
    }

    fn on_finished(&mut self, message: Message, now: Instant) -> Result<(), DtlsError> {
        let expected = self.verify_data(self.role == Role::Server)?;
        verify_slices_are_equal(&expected, &message.body).map_err(|_| DtlsError::BadFinished)?;
        self.hidden.note(self.version, message.kind, message.sequence, &message.body);
        // Who began with Finished is done; the other side answers, and keeps the answer for when it gets lost.
        if self.writes_protected {
            self.flight.clear();
        } else {
            self.flight.clear();
            self.queue_finished()?;
            self.send_flight(true, now)?;
        }
        self.state = State::Established;
        self.expect = Expect::Nothing;
        self.reassembly.clear();
        self.hidden.restart_transcript();
        Ok(())
    }

    fn verify_data(&self, by_client: bool) -> Result<[u8; 12], DtlsError> {
        let suite = self.suite.ok_or(DtlsError::Crypto)?;
        let master = self.master.as_ref().ok_or(DtlsError::Crypto)?;
        Prf::of(self.version, suite).verify_data(master, by_client, &self.hidden.transcript)
    }

    /// Makes the keys of both directions.
    pub(crate) fn install_keys(&mut self, suite: Suite, master: [u8; 48]) -> Result<(), DtlsError> {
        let peer_random = self.peer_random.ok_or(DtlsError::Crypto)?;
        let is_client = self.role == Role::Client;
        let (client, server) = if is_client { (&self.random, &peer_random) } else { (&peer_random, &self.random) };
        let (sealer, opener) = protection::derive(self.version, suite, &master, client, server, is_client)?;
        self.suite = Some(suite);
        self.master = Some(master);
        self.sealer = Some(sealer);
        self.opener = Some(opener);
        Ok(())
    }

    /// Adds a handshake message to the flight.
    pub(crate) fn queue(&mut self, version: u16, kind: u8, body: Vec<u8>) {
        let sequence = self.hidden.next_send;
        self.hidden.next_send += 1;
        self.hidden.note(self.version, kind, sequence, &body);
        let protected = self.writes_protected;
        self.flight.messages.push(Outgoing { content: content::HANDSHAKE, version, protected, kind, sequence, body });
    }

    /// Adds ChangeCipherSpec and Finished to the flight; all that follows is protected.
    pub(crate) fn queue_finished(&mut self) -> Result<(), DtlsError> {
        let version = self.version.code();
        let mut body = vec![1];
        if self.version == Version::Dtls09 {
            body.extend_from_slice(&self.hidden.next_send.to_be_bytes());
            self.hidden.next_send += 1;
        }
        let kind = content::CHANGE_CIPHER_SPEC;
        self.flight.messages.push(Outgoing { content: kind, version, protected: false, kind, sequence: 0, body });
        self.writes_protected = true;
        let verify_data = self.verify_data(self.role == Role::Client)?;
        self.queue(version, message::FINISHED, verify_data.to_vec());
        Ok(())
    }

    /// Sends a new flight.
    pub(crate) fn send_flight(&mut self, last: bool, now: Instant) -> Result<(), DtlsError> {
        self.flight.started(&self.retransmit, last, now);
        self.transmit_flight()
    }

    pub(crate) fn transmit_flight(&mut self) -> Result<(), DtlsError> {
        let messages = std::mem::take(&mut self.flight.messages);
        let mut packer = self.packer();
        let packed = messages.iter().try_for_each(|message| packer.message(message));
        let datagrams = packer.finish();
        self.output.extend(datagrams);
        self.flight.messages = messages;
        packed
    }

    pub(crate) fn packer(&mut self) -> Packer<'_> {
        Packer::new(self.mtu, &mut self.plain_sequence, self.sealer.as_mut(), self.suite)
    }
}

#[cfg(test)]
mod tests;
