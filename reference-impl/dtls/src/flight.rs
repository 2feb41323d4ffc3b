//! The flight that is sent again until the peer answers (RFC 6347, 4.2.4).

use std::time::{Duration, Instant};

use crate::config::Retransmit;
use crate::error::DtlsError;
use crate::protection::{Sealer, overhead};
use crate::suite::Suite;
use crate::wire::{HANDSHAKE_HEADER, RECORD_HEADER, RecordHeader, content, handshake_header, message};

/// Is one message of a flight; a ChangeCipherSpec counts as one.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// Record type.
    pub(crate) content: u8,
    /// Version in the record header.
    pub(crate) version: u16,
    /// Whether the record is protected.
    pub(crate) protected: bool,
    /// Message type.
    pub(crate) kind: u8,
    /// Message sequence.
    pub(crate) sequence: u16,
    /// Message without its header, or the whole ChangeCipherSpec.
    pub(crate) body: Vec<u8>,
}

/// Is what was sent last, and when it is due again.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    pub(crate) messages: Vec<Outgoing>,
    due: Option<Instant>,
    interval: Duration,
    sent: Option<Instant>,
}

impl Flight {
    /// Starts the timer of a flight that was sent for the first time; the last flight of a handshake has none.
    pub(crate) fn started(&mut self, retransmit: &Retransmit, last: bool, now: Instant) {
        self.interval = retransmit.first;
        self.due = (!last).then(|| now + self.interval);
        self.sent = Some(now);
    }

    /// Notes that the flight was sent again.
    pub(crate) fn repeated(&mut self, retransmit: &Retransmit, now: Instant) {
        self.interval = (self.interval * 2).min(retransmit.max);
        if self.due.is_some() {
            self.due = Some(now + self.interval);
        }
        self.sent = Some(now);
    }

    /// Gives the time of the next repetition.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Tells whether a repetition by the peer may be answered: not when the flight has just gone out, so that
    /// duplicated datagrams do not multiply.
    pub(crate) fn may_answer(&self, retransmit: &Retransmit, now: Instant) -> bool {
        self.sent.is_some_and(|sent| now.saturating_duration_since(sent) >= retransmit.first / 4)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Packs messages into records and records into datagrams of at most `mtu` bytes.
pub(crate) struct Packer<'a> {
    mtu: usize,
    plain_sequence: &'a mut u64,
    sealer: Option<&'a mut Sealer>,
    overhead: usize,
    datagram: Vec<u8>,
    done: Vec<Vec<u8>>,
}

impl<'a> Packer<'a> {
    /// Begins an empty datagram.
    pub(crate) fn new(
        mtu: usize,
        plain_sequence: &'a mut u64,
        sealer: Option<&'a mut Sealer>,
        suite: Option<Suite>,
    ) -> Self {
        let overhead = suite.map_or(RECORD_HEADER, overhead);
        Self { mtu, plain_sequence, sealer, overhead, datagram: Vec::new(), done: Vec::new() }
    }

    /// Adds a message, in fragments if it must be. A ClientHello stays whole, because servers look into its first
    /// datagram without putting fragments together (AC-DTLS-17).
    pub(crate) fn message(&mut self, outgoing: &Outgoing) -> Result<(), DtlsError> {
        if outgoing.content != content::HANDSHAKE {
            return self.record(outgoing, &[&outgoing.body]);
        }
        let length = outgoing.body.len();
        let added = HANDSHAKE_HEADER + if outgoing.protected { self.overhead } else { RECORD_HEADER };
        let mut offset = 0;
        loop {
            let missing = length - offset;
            let mut room = self.mtu.saturating_sub(self.datagram.len() + added);
            if room < missing.min(32) && !self.datagram.is_empty() {
                self.flush();
                room = self.mtu.saturating_sub(added);
            }
            if outgoing.kind == message::CLIENT_HELLO {
                room = missing;
            }
            let part = missing.min(room.max(1));
            let head = handshake_header(outgoing.kind, length, outgoing.sequence, offset, part);
            self.record(outgoing, &[&head, outgoing.body.get(offset..offset + part).unwrap_or_default()])?;
            offset += part;
            if offset >= length {
                return Ok(());
            }
        }
    }

    /// Adds one record, in a new datagram if it does not fit.
    pub(crate) fn record(&mut self, outgoing: &Outgoing, parts: &[&[u8]]) -> Result<(), DtlsError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let added = if outgoing.protected { self.overhead } else { RECORD_HEADER };
        if self.datagram.len() + added + length > self.mtu {
            self.flush();
        }
        if outgoing.protected {
            let sealer = self.sealer.as_deref_mut().ok_or(DtlsError::Crypto)?;
            return sealer.seal(outgoing.content, parts, &mut self.datagram);
        }
        let sequence = *self.plain_sequence;
        let header = RecordHeader { content: outgoing.content, version: outgoing.version, epoch: 0, sequence, length };
        *self.plain_sequence += 1;
        self.datagram.extend_from_slice(&header.to_bytes());
        for part in parts {
            self.datagram.extend_from_slice(part);
        }
        Ok(())
    }

    fn flush(&mut self) {
        if !self.datagram.is_empty() {
            self.done.push(std::mem::take(&mut self.datagram));
        }
    }

    /// Gives the datagrams.
    pub(crate) fn finish(mut self) -> Vec<Vec<u8>> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Fragment;

    fn outgoing(kind: u8, length: usize) -> Outgoing {
        let body = (0..length).map(|index| index as u8).collect();
        Outgoing { content: content::HANDSHAKE, version: 0xfefd, protected: false, kind, sequence: 1, body }
    }

    #[test]
    fn long_messages_are_cut_to_the_mtu_and_a_client_hello_is_not() {
        let mut sequence = 0;
        let mut packer = Packer::new(200, &mut sequence, None, None);
        packer.message(&outgoing(message::SERVER_HELLO, 100)).unwrap();
        packer.message(&outgoing(message::SERVER_KEY_EXCHANGE, 400)).unwrap();
        packer.message(&outgoing(message::SERVER_HELLO_DONE, 0)).unwrap();
        packer.message(&outgoing(message::CLIENT_HELLO, 300)).unwrap();
        let datagrams = packer.finish();
        let mut bodies = vec![Vec::new(); 20];
        let mut records = 0;
        for datagram in &datagrams {
            let mut rest = &datagram[..];
            while let Some(header) = RecordHeader::parse(rest) {
                assert_eq!(header.sequence, records);
                records += 1;
                let (fragment, end) = Fragment::parse(&rest[RECORD_HEADER..][..header.length]).unwrap();
                assert!(end.is_empty());
                assert!(fragment.kind == message::CLIENT_HELLO || datagram.len() <= 200);
                assert_eq!(bodies[usize::from(fragment.kind)].len(), fragment.offset);
                bodies[usize::from(fragment.kind)].extend_from_slice(fragment.body);
                rest = &rest[RECORD_HEADER + header.length..];
            }
            assert!(rest.is_empty());
        }
        assert_eq!(bodies[usize::from(message::SERVER_KEY_EXCHANGE)], outgoing(0, 400).body);
        assert_eq!(bodies[usize::from(message::CLIENT_HELLO)], outgoing(0, 300).body);
        assert_eq!(datagrams.len(), 5, "{:?}", datagrams.iter().map(Vec::len).collect::<Vec<_>>());
    }
}
