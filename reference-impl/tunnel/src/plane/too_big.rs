//! What a sender inside is told when its packets are larger than the tunnel likes: "fragmentation needed" of ICMP (RFC 1191) and
//! "packet too big" of ICMPv6 (RFC 4443 section 3.2).

use std::time::{Duration, Instant};

const HEADER_V4: usize = 20;
const HEADER_V6: usize = 40;
/// Bytes of an ICMP header.
const ICMP_HEADER: usize = 8;
/// No message is longer, in bytes (RFC 1812 section 4.3.2.3).
const MOST_V4: usize = 576;
/// As [`MOST_V4`] for IPv6 (RFC 4443 section 2.4).
const MOST_V6: usize = 1280;
/// The least MTU of IPv6 (RFC 8200 section 5).
const LEAST_V6: u32 = 1280;
/// Time to live of a message.
const HOPS: u8 = 64;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Messages of one data plane in one second; a sender that hears none sends its packet again and gets another chance.
const MOST_IN_A_SECOND: u32 = 200;

/// Keeps messages from becoming a flood.
#[derive(Debug)]
pub(super) struct Allowance {
    since: Instant,
    used: u32,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, used: 0 }
    }

    /// Takes one message, if there is one left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.used += 1;
        self.used <= MOST_IN_A_SECOND
    }
}

/// Writes the message about `packet` into `out`, from its destination to its source; false when there must be none.
///
/// There is none about packets that may be fragmented, about later fragments, about messages of the same kind, and to addresses that
/// are no single host's (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
pub(super) fn message(packet: &[u8], mtu: u16, out: &mut Vec<u8>) -> bool {
    out.clear();
    match packet.first().map(|first| first >> 4) {
        Some(4) => message_v4(packet, mtu, out).is_some(),
        Some(6) => message_v6(packet, mtu, out).is_some(),
        _ => false,
    }
}

fn message_v4(packet: &[u8], mtu: u16, out: &mut Vec<u8>) -> Option<()> {
    let header = packet.first_chunk::<HEADER_V4>()?;
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    let (may_be_cut, later) = (fragment & 0x4000 == 0, fragment & 0x1fff != 0);
    let payload = packet.get(usize::from(header[0] & 0x0f) * 4..)?;
    let about_icmp = header[9] == ICMP && !matches!(payload.first(), Some(0 | 8));
    // 0.0.0.0/8, 127.0.0.0/8, and from 224.0.0.0 on, broadcast included.
    let no_host = matches!(header[12], 0 | 127 | 224..);
    if may_be_cut || later || about_icmp || no_host {
        return None;
    }
    let quoted = &packet[..packet.len().min(MOST_V4 - HEADER_V4 - ICMP_HEADER)];
    let length = u16::try_from(HEADER_V4 + ICMP_HEADER + quoted.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    // Precedence: internetwork control.
    out.extend_from_slice(&[0x45, 0xc0, high, low, 0, 0, 0, 0, HOPS, ICMP, 0, 0]);
    out.extend_from_slice(&header[16..20]);
    out.extend_from_slice(&header[12..16]);
    let [high, low] = checksum(&[&out[..]]).to_be_bytes();
    (out[10], out[11]) = (high, low);
    let [high, low] = mtu.to_be_bytes();
    out.extend_from_slice(&[3, 4, 0, 0, 0, 0, high, low]);
    out.extend_from_slice(quoted);
    let [high, low] = checksum(&[&out[HEADER_V4..]]).to_be_bytes();
    (out[HEADER_V4 + 2], out[HEADER_V4 + 3]) = (high, low);
    Some(())
}

fn message_v6(packet: &[u8], mtu: u16, out: &mut Vec<u8>) -> Option<()> {
    let header = packet.first_chunk::<HEADER_V6>()?;
    let about_error = header[6] == ICMPV6 && packet.get(HEADER_V6).is_none_or(|kind| *kind < 128);
    let source = &header[8..24];
    let no_host = source[0] == 0xff || source.iter().all(|byte| *byte == 0);
    if about_error || no_host {
        return None;
    }
    let quoted = &packet[..packet.len().min(MOST_V6 - HEADER_V6 - ICMP_HEADER)];
    let length = u16::try_from(ICMP_HEADER + quoted.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    out.extend_from_slice(&[0x60, 0, 0, 0, high, low, ICMPV6, HOPS]);
    out.extend_from_slice(&header[24..40]);
    out.extend_from_slice(source);
    out.extend_from_slice(&[2, 0, 0, 0]);
    out.extend_from_slice(&u32::from(mtu).max(LEAST_V6).to_be_bytes());
    out.extend_from_slice(quoted);
    let pseudo = [0, 0, high, low, 0, 0, 0, ICMPV6];
    let [high, low] = checksum(&[&out[8..], &pseudo]).to_be_bytes();
    (out[HEADER_V6 + 2], out[HEADER_V6 + 3]) = (high, low);
    Some(())
}

/// The checksum of RFC 1071 over parts of which only the last may have an odd length, save that an odd first one is padded too.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

#[cfg(test)]
#[path = "too_big_tests.rs"]
mod tests;
