//! Packets of OpenVPN: opcodes, and the head of control packets with each way of protecting them.

/// Bytes of a session id.
const SESSION_ID: usize = 8;
/// Acknowledgements in one packet; OpenVPN 2.6 sends at most 8.
const MOST_ACKS: usize = 8;
/// Bytes of packet id and time that protect against replays.
const REPLAY_ID: usize = 8;
/// Bytes of the tag of tls-crypt.
const CRYPT_TAG: usize = 32;
/// Bytes of an HMAC of tls-auth, the usual ones first: SHA-1, SHA-256, SHA-512, MD5, SHA-224, SHA-384.
const HMACS: [usize; 6] = [20, 32, 64, 16, 28, 48];
/// The upper byte of the replay packet id of a client that can resend its wrapped key (tls-crypt-v2).
const EARLY_NEGOTIATION: u32 = 0x0f;
/// Bytes of the smallest data packet with AEAD after its opcode and peer id: packet id and tag.
const SMALLEST_DATA: usize = 20;

pub(super) const SOFT_RESET_V1: u8 = 3;
pub(super) const CONTROL_V1: u8 = 4;
pub(super) const ACK_V1: u8 = 5;
pub(super) const DATA_V1: u8 = 6;
pub(super) const HARD_RESET_CLIENT_V2: u8 = 7;
pub(super) const HARD_RESET_SERVER_V2: u8 = 8;
pub(super) const DATA_V2: u8 = 9;
pub(super) const HARD_RESET_CLIENT_V3: u8 = 10;
pub(super) const CONTROL_WKC_V1: u8 = 11;

/// The name of an opcode as OpenVPN spells it.
pub(super) const fn name(opcode: u8) -> Option<&'static str> {
    Some(match opcode {
        1 => "P_CONTROL_HARD_RESET_CLIENT_V1",
        2 => "P_CONTROL_HARD_RESET_SERVER_V1",
        SOFT_RESET_V1 => "P_CONTROL_SOFT_RESET_V1",
        CONTROL_V1 => "P_CONTROL_V1",
        ACK_V1 => "P_ACK_V1",
        DATA_V1 => "P_DATA_V1",
        HARD_RESET_CLIENT_V2 => "P_CONTROL_HARD_RESET_CLIENT_V2",
        HARD_RESET_SERVER_V2 => "P_CONTROL_HARD_RESET_SERVER_V2",
        DATA_V2 => "P_DATA_V2",
        HARD_RESET_CLIENT_V3 => "P_CONTROL_HARD_RESET_CLIENT_V3",
        CONTROL_WKC_V1 => "P_CONTROL_WKC_V1",
        _ => return None,
    })
}

/// Whether an opcode begins a session.
pub(super) const fn is_hard_reset(opcode: u8) -> bool {
    matches!(opcode, HARD_RESET_CLIENT_V2 | HARD_RESET_SERVER_V2 | HARD_RESET_CLIENT_V3)
}

/// A packet: five bits of opcode and three of key id, then the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) opcode: u8,
    pub(super) key: u8,
    pub(super) body: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (first, body) = bytes.split_first()?;
        Some(Self { opcode: first >> 3, key: first & 7, body })
    }

    /// The id of the session of its sender; every control packet has one, whatever protects it.
    pub(super) fn session(&self) -> Option<&'a [u8]> {
        self.body.get(..SESSION_ID)
    }
}

/// How control packets are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// Not at all.
    Plain,
    /// An HMAC of so many bytes (`tls-auth`).
    Auth(usize),
    /// Encrypted with a key that both have (`tls-crypt`).
    Crypt,
    /// Encrypted with a key that the client brings, wrapped (`tls-crypt-v2`).
    Crypt2,
}

impl Guard {
    /// What a packet that begins a session shows of its protection: such packets have no content.
    pub(super) fn of(packet: &Packet<'_>) -> Option<Self> {
        let rest = packet.body.get(SESSION_ID..)?;
        if packet.opcode == HARD_RESET_CLIENT_V3 {
            return is_replay_id(rest, true).then_some(Self::Crypt2);
        }
        let is_empty =
            |head: &[u8]| Head::parse(head, true).is_some_and(|head| head.id == Some(0) && head.payload.is_empty());
        if is_empty(rest) {
            return Some(Self::Plain);
        }
        let fits = |hmac: &usize| {
            let replay = rest.get(*hmac..).filter(|replay| is_replay_id(replay, false));
            replay.and_then(|replay| replay.get(REPLAY_ID..)).is_some_and(is_empty)
        };
        if let Some(hmac) = HMACS.into_iter().find(fits) {
            return Some(Self::Auth(hmac));
        }
        let is_long_enough = rest.len() >= REPLAY_ID + CRYPT_TAG + 5;
        (is_long_enough && is_replay_id(rest, true)).then_some(Self::Crypt)
    }

    /// What a line says of it.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Auth(_) => " tls-auth",
            Self::Crypt => " tls-crypt",
            Self::Crypt2 => " tls-crypt-v2",
        }
    }

    /// The head of a control packet, when it is readable.
    pub(super) fn head<'a>(self, packet: &Packet<'a>) -> Option<Head<'a>> {
        let rest = packet.body.get(SESSION_ID..)?;
        let head = match self {
            Self::Plain => rest,
            Self::Auth(hmac) => rest.get(hmac + REPLAY_ID..)?,
            Self::Crypt | Self::Crypt2 => return None,
        };
        Head::parse(head, packet.opcode != ACK_V1)
    }
}

/// Packet ids count up from 1 and the time is set; both big endian.
fn is_replay_id(bytes: &[u8], may_be_early: bool) -> bool {
    let Some(&[a, b, c, d, t1, t2, t3, t4]) = bytes.first_chunk::<REPLAY_ID>() else { return false };
    let (id, time) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([t1, t2, t3, t4]));
    let is_early = may_be_early && id >> 24 == EARLY_NEGOTIATION;
    (is_early || (1..0x1_0000).contains(&id)) && time != 0
}

/// What a control packet says beside its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// Ids of packets that it acknowledges.
    pub(super) acks: Vec<u32>,
    /// Its own id; acknowledgements have none.
    pub(super) id: Option<u32>,
    /// TLS.
    pub(super) payload: &'a [u8],
}

impl<'a> Head<'a> {
    fn parse(bytes: &'a [u8], has_id: bool) -> Option<Self> {
        let (count, rest) = bytes.split_first()?;
        let count = usize::from(*count);
        if count > MOST_ACKS {
            return None;
        }
        let (acks, rest) = rest.split_at_checked(count * 4)?;
        let acks = acks.chunks_exact(4).filter_map(|ack| ack.try_into().ok()).map(u32::from_be_bytes).collect();
        // With acknowledgements comes the session id of the peer.
        let rest = if count == 0 { rest } else { rest.get(SESSION_ID..)? };
        if !has_id {
            return Some(Self { acks, id: None, payload: rest });
        }
        let (id, payload) = rest.split_first_chunk::<4>()?;
        Some(Self { acks, id: Some(u32::from_be_bytes(*id)), payload })
    }
}

/// Whether a packet can be the first of a flow: it begins a session, or a client came back from another port.
pub(super) fn is_first(bytes: &[u8]) -> bool {
    let Some(packet) = Packet::new(bytes) else { return false };
    match packet.opcode {
        opcode if is_hard_reset(opcode) => packet.key == 0 && Guard::of(&packet).is_some(),
        // A window of 12 packets moves up from 0; a TLS handshake takes far fewer than 4096.
        CONTROL_V1 | ACK_V1 | SOFT_RESET_V1 => Guard::Plain.head(&packet).is_some_and(|head| {
            let ids = head.acks.iter().copied().chain(head.id);
            let is_control = packet.opcode == CONTROL_V1 && matches!(head.payload, [20..=23, 3, 0..=4, ..]);
            let is_empty = head.payload.is_empty() && !head.acks.is_empty();
            ids.max().is_some_and(|id| id < 4096) && (is_control || is_empty)
        }),
        // Peer ids are small or not set, packet ids count up from 1.
        DATA_V2 => match packet.body.split_first_chunk::<7>() {
            Some((&[p1, p2, p3, d1, d2, d3, d4], rest)) => {
                let id = u32::from_be_bytes([d1, d2, d3, d4]);
                let is_peer = p1 == 0 || [p1, p2, p3] == [0xff; 3];
                is_peer && (1..0x100_0000).contains(&id) && rest.len() + 4 >= SMALLEST_DATA
            }
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).unwrap()
    }

    /// From OpenVPN 2.6.14, UDP.
    const CLIENT_RESET: &str = "383400171ccba547330000000000";
    const SERVER_RESET: &str = "40f904741468e18e3c01000000003400171ccba5473300000000";
    const ACK: &str = "283400171ccba547330400000003000000020000000100000000f904741468e18e3c";

    #[test]
    fn plain_packets() {
        for (hex, acks, id) in [
            (CLIENT_RESET, vec![], Some(0)),
            (SERVER_RESET, vec![0], Some(0)),
            (ACK, vec![3, 2, 1, 0], None),
            ("203400171ccba547330100000000f904741468e18e3c000000011603", vec![0], Some(1)),
        ] {
            let packet = bytes(hex);
            let packet = Packet::new(&packet).unwrap();
            let head = Guard::Plain.head(&packet).unwrap();
            assert_eq!((head.acks, head.id), (acks, id), "{hex}");
            assert_eq!(head.payload, if packet.opcode == CONTROL_V1 { [0x16, 3].as_slice() } else { &[] });
        }
    }

    #[test]
    fn how_control_packets_are_protected() {
        let sid = "3400171ccba54733";
        let (replay, empty) = ("0000000168f00001", "0000000000");
        for (hex, guard) in [
            (CLIENT_RESET.to_owned(), Some(Guard::Plain)),
            (SERVER_RESET.to_owned(), Some(Guard::Plain)),
            (format!("38{sid}{}{replay}{empty}", "ab".repeat(20)), Some(Guard::Auth(20))),
            (format!("38{sid}{}{replay}{empty}", "ab".repeat(32)), Some(Guard::Auth(32))),
            (format!("40{sid}{}{replay}0100000000{sid}00000000", "ab".repeat(64)), Some(Guard::Auth(64))),
            (format!("38{sid}{replay}{}", "ab".repeat(37)), Some(Guard::Crypt)),
            (format!("40{sid}0f00000168f00001{}", "ab".repeat(43)), Some(Guard::Crypt)),
            (format!("50{sid}0f00000168f00001{}", "ab".repeat(300)), Some(Guard::Crypt2)),
            (format!("38{sid}{}", "ab".repeat(45)), None),
            (format!("38{sid}"), None),
        ] {
            assert_eq!(Guard::of(&Packet::new(&bytes(&hex)).unwrap()), guard, "{hex}");
        }
    }

    #[test]
    fn behind_an_hmac() {
        let packet = bytes(&format!("203400171ccba54733{}0000000268f000010000000001160301", "ab".repeat(20)));
        let head = Guard::Auth(20).head(&Packet::new(&packet).unwrap()).unwrap();
        assert_eq!((head.id, head.payload), (Some(1), [0x16, 3, 1].as_slice()));
    }

    #[test]
    fn what_can_begin_a_flow() {
        let data = format!("480000000000000{}", "3a".repeat(24) + "1");
        for (hex, expected) in [
            (CLIENT_RESET, true),
            (SERVER_RESET, true),
            (ACK, true),
            (data.as_str(), true),
            ("203400171ccba547330100000000f904741468e18e3c00000001160301", true),
            // No session, a key that nobody has yet, a packet id that nobody reaches.
            ("38", false),
            ("393400171ccba547330000000000", false),
            ("203400171ccba547330000f00000160301", false),
            // DNS, DTLS, QUIC with a long header, QUIC with a short one.
            ("3834012000010000000000010377777707657861", false),
            ("16feff0000000000000000005c01000050", false),
            ("c300000001088394c8f03e5157080000449e7b9aec34", false),
            ("4cfe4189655e5cd55c41f69080575d7999c25a5bfb000000000000", false),
        ] {
            assert_eq!(is_first(&bytes(hex)), expected, "{hex}");
        }
    }
}
