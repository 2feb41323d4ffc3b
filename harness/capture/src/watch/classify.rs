//! Which VPN transport a frame belongs to.

use interop_evidence::Carrier;

use crate::dissect::{Summary, Transport};

/// Which carriers the gateway under test can use at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// AnyConnect and OpenConnect: TLS and DTLS.
    Anyconnect,
    /// OpenVPN over UDP or TCP.
    Openvpn,
}

/// `ContentType` of records (RFC 8446, section 5.1).
const TLS_CONTENT_TYPES: std::ops::RangeInclusive<u8> = 20..=24;
const APPLICATION_DATA: u8 = 23;
/// `P_DATA_V1` and `P_DATA_V2`.
const OPENVPN_DATA: [u8; 2] = [6, 9];
/// All opcodes, from `P_CONTROL_HARD_RESET_CLIENT_V1` to `P_CONTROL_WKC_V1`.
const OPENVPN_OPCODES: std::ops::RangeInclusive<u8> = 1..=11;

/// The carrier that a frame with this `payload` is, if it carries tunnel traffic; `ports` are those on which the
/// gateway listens.
///
/// A witness from the outside sees no more than headers: a TCP segment that does not begin with a record is taken for
/// the continuation of one, so a certificate that spans several segments looks like data. A DTLS record is known by
/// itself, whatever its port. An ICMP echo is [`Carrier::Clear`].
pub fn classify(summary: &Summary, payload: &[u8], family: Family, ports: &[u16]) -> Option<Carrier> {
    let transport = summary.ip()?.transport;
    if transport.echo().is_some() {
        return Some(Carrier::Clear);
    }
    let (source, destination) = transport.ports()?;
    let at_gateway = ports.contains(&source) || ports.contains(&destination);
    let (is_carried, carrier) = match (family, transport) {
        (Family::Anyconnect, Transport::Udp { .. }) => (is_dtls_data(payload), Carrier::Dtls),
        (Family::Anyconnect, _) => (at_gateway && has_tls_data(payload), Carrier::Tls),
        (Family::Openvpn, Transport::Udp { .. }) => (at_gateway && is_openvpn_data(payload), Carrier::OpenvpnUdp),
        (Family::Openvpn, _) => (at_gateway && has_openvpn_data(payload), Carrier::OpenvpnTcp),
    };
    is_carried.then_some(carrier)
}

/// A protected record of application data (RFC 6347, section 4.1). Version 0x0100 is what OpenSSL calls
/// `DTLS1_BAD_VER`, the one that AnyConnect began with.
pub(super) fn is_dtls_data(payload: &[u8]) -> bool {
    let Some(&[APPLICATION_DATA, major, minor, epoch_high, epoch_low, .., high, low]) = payload.get(..13) else {
        return false;
    };
    let is_known = matches!(u16::from_be_bytes([major, minor]), 0x0100 | 0xfeff | 0xfefd);
    let is_protected = u16::from_be_bytes([epoch_high, epoch_low]) > 0;
    // The first fragment of an IP packet holds only a part of the record.
    is_known && is_protected && u16::from_be_bytes([high, low]) > 0
}

fn has_tls_data(payload: &[u8]) -> bool {
    let mut rest = payload;
    let mut is_continuation = !rest.is_empty();
    while let Some(&[kind, 3, 0..=4, high, low]) = rest.get(..5) {
        if !TLS_CONTENT_TYPES.contains(&kind) {
            break;
        }
        if kind == APPLICATION_DATA {
            return true;
        }
        is_continuation = false;
        rest = rest.get(5 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
    }
    is_continuation
}

fn is_openvpn_data(packet: &[u8]) -> bool {
    packet.first().is_some_and(|byte| OPENVPN_DATA.contains(&(byte >> 3)))
}

/// Over TCP two bytes of length precede each packet.
fn has_openvpn_data(payload: &[u8]) -> bool {
    let mut rest = payload;
    let mut is_continuation = !rest.is_empty();
    while let Some((&[high, low], packet)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(opcode) = packet.first().map(|byte| byte >> 3).filter(|_| length > 0) else { break };
        if !OPENVPN_OPCODES.contains(&opcode) {
            break;
        }
        if is_openvpn_data(packet) {
            return true;
        }
        is_continuation = false;
        rest = packet.get(length..).unwrap_or_default();
    }
    is_continuation
}
