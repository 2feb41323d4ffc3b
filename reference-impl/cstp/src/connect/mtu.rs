//! Arithmetic of sizes: what fits inside a link, and which wishes of the other side are taken seriously.

use std::net::IpAddr;

/// Bytes of a UDP header.
const UDP: u16 = 8;

/// The type byte before each packet on DTLS.
const TYPE: u16 = 1;

/// Bytes of a DTLS record header.
const RECORD: u16 = 13;

/// Bytes of a TCP header with time stamps.
const TCP: u16 = 32;

/// Bytes around the content of a TLS 1.2 record with AES-GCM: header, explicit nonce, tag.
const TLS_RECORD: u16 = 5 + 8 + 16;

/// Bytes of a CSTP header.
const CSTP: u16 = 8;

/// The allowance that OpenConnect makes for DTLS when it computes the MTU that it asks for.
const ALLOWANCE: u16 = 82;

/// How DTLS records are protected, as far as sizes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// 8 bytes of explicit nonce, 16 bytes of tag.
    AesGcm,
    /// 16 bytes of tag.
    ChaCha20Poly1305,
    /// 16 bytes of explicit vector, 20 bytes of MAC, padding to 16.
    AesCbcSha1,
}

/// The IP version outside of the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OuterIp {
    /// 20 bytes of header.
    V4,
    /// 40 bytes of header (AC-MTU-04).
    V6,
}

impl OuterIp {
    /// Bytes of the header without options.
    pub fn header(self) -> u16 {
        match self {
            Self::V4 => 20,
            Self::V6 => 40,
        }
    }
}

impl From<IpAddr> for OuterIp {
    fn from(address: IpAddr) -> Self {
        // An IPv4 peer seen through a socket for both versions has short headers.
        match address.to_canonical() {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Returns the largest inner packet, in bytes, that fits one DTLS datagram on a link of this MTU (AC-MTU-03); 0 when none does.
pub fn data_mtu(link: u16, outer: OuterIp, cipher: Cipher) -> u16 {
    let fragment = link.saturating_sub(outer.header() + UDP + RECORD);
    let plain = match cipher {
        Cipher::AesGcm => fragment.saturating_sub(8 + 16),
        Cipher::ChaCha20Poly1305 => fragment.saturating_sub(16),
        // Whole blocks after the vector; of them 20 bytes of MAC and at least one of padding.
        Cipher::AesCbcSha1 => (fragment.saturating_sub(16) / 16 * 16).saturating_sub(20 + 1),
    };
    plain.saturating_sub(TYPE)
}

/// Returns the largest inner packet, in bytes, whose CSTP frame fits one TCP segment on a link of this MTU; 0 when none does.
///
/// The record is that of TLS 1.2 with AES-GCM, the longest of the usual ones.
pub fn stream_mtu(link: u16, outer: OuterIp) -> u16 {
    link.saturating_sub(outer.header() + TCP + TLS_RECORD + CSTP)
}

/// Returns the link MTU that a server works with: the least of its own, the client's Base-MTU and the path MTU of TCP.
///
/// Values below the minimum are ignored: 800, or 1280 with IPv6 inside (AC-MTU-02).
pub fn link_mtu(own: u16, client_base: Option<u16>, tcp_path: Option<u16>, inner_ipv6: bool) -> u16 {
    let least = if inner_ipv6 { 1280 } else { 800 };
    let others = [client_base, tcp_path].into_iter().flatten().filter(|mtu| *mtu >= least);
    others.fold(own, u16::min)
}

/// Returns the Base-MTU that a client sends: the path MTU of TCP, at least 1280; 1406 when it is not known.
pub fn base_mtu_of_path(tcp_path: Option<u16>) -> u16 {
    tcp_path.filter(|mtu| *mtu > 0).unwrap_or(1406).max(1280)
}

/// Returns the MTU that a client asks for: the Base-MTU less 82 for DTLS and the headers of UDP and IP.
pub fn request_mtu(base: u16, outer: OuterIp) -> u16 {
    base.saturating_sub(ALLOWANCE + UDP + outer.header())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size on the wire of a packet, computed the other way round.
    fn datagram(packet: u16, outer: OuterIp, cipher: Cipher) -> u16 {
        let plain = packet + 1;
        let fragment = match cipher {
            Cipher::AesGcm => 8 + plain + 16,
            Cipher::ChaCha20Poly1305 => plain + 16,
            Cipher::AesCbcSha1 => 16 + (plain + 20 + 1).div_ceil(16) * 16,
        };
        outer.header() + 8 + 13 + fragment
    }

    #[test]
    fn a_frame_of_the_stream_mtu_fills_one_segment() {
        assert_eq!(stream_mtu(1500, OuterIp::V4), 1500 - 20 - 32 - 29 - 8);
        assert_eq!(stream_mtu(1280, OuterIp::V6), 1280 - 40 - 32 - 29 - 8);
        assert_eq!(stream_mtu(60, OuterIp::V6), 0);
        assert!(stream_mtu(1500, OuterIp::V4) < data_mtu(1500, OuterIp::V4, Cipher::AesGcm));
    }

    #[test]
    fn a_full_packet_fits_one_datagram_and_one_byte_more_does_not() {
        for cipher in [Cipher::AesGcm, Cipher::ChaCha20Poly1305, Cipher::AesCbcSha1] {
            for outer in [OuterIp::V4, OuterIp::V6] {
                for link in 576..=1600 {
                    let mtu = data_mtu(link, outer, cipher);
                    assert!(datagram(mtu, outer, cipher) <= link, "{cipher:?} {outer:?} {link}");
                    assert!(datagram(mtu + 1, outer, cipher) > link, "{cipher:?} {outer:?} {link}");
                }
            }
        }
        assert_eq!(data_mtu(1500, OuterIp::V4, Cipher::AesGcm), 1434);
        assert_eq!(data_mtu(20, OuterIp::V6, Cipher::AesCbcSha1), 0);
    }

    #[test]
    fn senseless_wishes_do_not_change_the_link() {
        for base in [0, 1, 500, 799] {
            assert_eq!(link_mtu(1500, Some(base), Some(base), false), 1500, "{base}");
        }
        assert_eq!(link_mtu(1500, Some(65535), None, false), 1500);
        assert_eq!(link_mtu(1500, Some(1400), Some(1420), false), 1400);
        assert_eq!(link_mtu(1500, Some(1000), None, true), 1500);
        assert_eq!(link_mtu(1500, Some(1000), None, false), 1000);
    }

    #[test]
    fn the_client_asks_for_what_openconnect_asks_for() {
        assert_eq!(base_mtu_of_path(Some(1500)), 1500);
        assert_eq!(
            (base_mtu_of_path(None), base_mtu_of_path(Some(0)), base_mtu_of_path(Some(600))),
            (1406, 1406, 1280)
        );
        assert_eq!((request_mtu(1500, OuterIp::V4), request_mtu(1500, OuterIp::V6)), (1390, 1370));
    }
}
