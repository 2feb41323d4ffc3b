//! Records of DTLS (RFC 6347, section 4.1).

/// Bytes of a record header.
pub(super) const HEADER: usize = 13;

/// DTLS 0.9: what OpenSSL spoke before RFC 4347 was final, and what Cisco's gateways still speak (`DTLS1_BAD_VER`).
pub(super) const V0_9: u16 = 0x0100;
pub(super) const V1_0: u16 = 0xfeff;
pub(super) const V1_2: u16 = 0xfefd;
pub(super) const V1_3: u16 = 0xfefc;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
pub(super) const HEARTBEAT: u8 = 24;
/// A record that is protected and bears a connection id (RFC 9146, section 4).
pub(super) const TLS12_CID: u8 = 25;

/// A record below DTLS 1.3, without a connection id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: u8,
    pub(super) version: u16,
    pub(super) epoch: u16,
    /// Within the epoch, 48 bits.
    pub(super) number: u64,
    pub(super) body: &'a [u8],
}

/// What stands next in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Record(Record<'a>),
    /// A record with a connection id. How long the id is was agreed elsewhere, so what follows is not read.
    ConnectionId(&'a [u8]),
    /// A record of DTLS 1.3 with the unified header (RFC 9147, section 4). What follows is not read.
    Unified(&'a [u8]),
    /// The rest of the datagram is no record, or is cut off.
    Broken(&'a [u8]),
}

/// The records of a datagram.
#[derive(Clone, Debug)]
pub(super) struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let all = self.rest;
        let kind = *all.first()?;
        self.rest = &[];
        if kind & 0xe0 == 0x20 {
            return Some(Part::Unified(all));
        }
        let Some((&[kind, major, minor, e1, e2, n1, n2, n3, n4, n5, n6, l1, l2], rest)) =
            all.split_first_chunk::<HEADER>()
        else {
            return Some(Part::Broken(all));
        };
        let version = u16::from_be_bytes([major, minor]);
        if !is_version(version) || !matches!(kind, CHANGE_CIPHER_SPEC..=TLS12_CID) {
            return Some(Part::Broken(all));
        }
        if kind == TLS12_CID {
            return Some(Part::ConnectionId(all));
        }
        let length = usize::from(u16::from_be_bytes([l1, l2]));
        let Some((body, rest)) = rest.split_at_checked(length) else { return Some(Part::Broken(all)) };
        self.rest = rest;
        let number = u64::from_be_bytes([0, 0, n1, n2, n3, n4, n5, n6]);
        Some(Part::Record(Record { kind, version, epoch: u16::from_be_bytes([e1, e2]), number, body }))
    }
}

/// A version that stands in record headers.
const fn is_version(version: u16) -> bool {
    matches!(version, V0_9 | V1_0 | V1_2)
}

/// The name of a version: `1.2`.
pub(super) fn version_name(version: u16) -> String {
    match version {
        V0_9 => "0.9".into(),
        V1_0 => "1.0".into(),
        V1_2 => "1.2".into(),
        V1_3 => "1.3".into(),
        other => format!("0x{other:04x}"),
    }
}

/// Whether a datagram begins a flow of DTLS: whole records and nothing else, and, in epoch 0, contents that fit their
/// type. A flow may also begin with protected records: the other end moved to a new port.
pub(super) fn looks_like(datagram: &[u8]) -> bool {
    let mut parts = Parts::new(datagram).peekable();
    parts.peek().is_some()
        && parts.all(|part| match part {
            Part::Record(record) if record.epoch == 0 => is_plain(&record),
            // Few rekeys and few records: the upper bytes are zero in any session that is worth a look.
            Part::Record(record) => record.epoch < 0x100 && record.number < 1 << 40 && record.body.len() >= 16,
            Part::ConnectionId(bytes) => bytes.starts_with(&[TLS12_CID, 0xfe, 0xfd, 0]) && bytes.len() > HEADER,
            Part::Unified(_) | Part::Broken(_) => false,
        })
}

/// Whether a record that is not protected can be what its type says.
fn is_plain(record: &Record<'_>) -> bool {
    match record.kind {
        // One byte; in DTLS 0.9 the message sequence follows.
        CHANGE_CIPHER_SPEC => record.body.first() == Some(&1) && matches!(record.body.len(), 1 | 3),
        ALERT => matches!(record.body.first(), Some(1 | 2)) && record.body.len() == 2,
        HANDSHAKE => {
            super::handshake::fragments(record.body).all(|fragment| fragment.is_some()) && !record.body.is_empty()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_records_and_a_rest() {
        // An alert and the ChangeCipherSpec of DTLS 0.9 in one datagram, then a header without its body.
        let bytes =
            hex::decode("15feff0000000000000001000202281401000000000000000001000301000116fefd00010000000000000030")
                .unwrap();
        let parts: Vec<Part<'_>> = Parts::new(&bytes).collect();
        assert_eq!(
            parts,
            [
                Part::Record(Record { kind: ALERT, version: V1_0, epoch: 0, number: 1, body: &[2, 40] }),
                Part::Record(Record { kind: CHANGE_CIPHER_SPEC, version: V0_9, epoch: 0, number: 1, body: &[1, 0, 1] }),
                Part::Broken(&bytes[31..]),
            ]
        );
    }

    #[test]
    fn what_is_not_dtls() {
        for hex in [
            "",
            "16",
            // OpenVPN: P_CONTROL_HARD_RESET_CLIENT_V2.
            "383400171ccba547330000000000",
            // TLS in a datagram.
            "1603010004010000000000000000000000",
            // A length that does not fit.
            "15feff00000000000000010003022800",
            "15feff000000000000000100010228",
            // An alert of no level, and a handshake message of no known type.
            "15feff000000000000000100020328",
            "16feff00000000000000000000000c6300000000000000000000000",
            // Protected, with an epoch that nobody reaches.
            "17fefd0a01000000000001001000000000000000000000000000000000",
        ] {
            let bytes = hex::decode(hex).unwrap_or_default();
            assert!(!looks_like(&bytes), "{hex}");
        }
    }

    #[test]
    fn what_begins_a_flow() {
        for hex in [
            "16feff0000000000000000005c010000500000000000000050fefd62db54853cd8f63a00bdf4116f80b6b403da1e4fa60e4cd1a0590325246\
             5667c20bcf167cf8a18c9d2cc2be160da52c0348a17cb6d2719cbfe58bb659f72ba040e00000800a900a8ccab00ff0100",
            "14fefd0000000000000002000101",
            "14010000000000000000010003010001",
            // A client that comes back from another port.
            "17fefd000100000000000200190001000000000002b1566c12d8aaed8e551017ecf71111bf2d",
        ] {
            assert!(looks_like(&hex::decode(hex).unwrap()), "{hex}");
        }
    }
}
