//! Clamps the maximum segment size of TCP connections through the tunnel, in place and without allocation.

/// IPv4 header and TCP header, without options (RFC 9293 section 3.7.1).
const IPV4_HEADERS: u16 = 20 + 20;

/// IPv6 header and TCP header.
const IPV6_HEADERS: u16 = 40 + 20;

/// Lowers the MSS option of a TCP SYN, in an IPv4 or IPv6 packet, to what fits into `mtu` bytes; the TCP checksum is
/// updated (RFC 1624). Returns whether the packet was changed. Anything else, fragments and damaged packets included,
/// stays as it is.
pub fn clamp_mss(packet: &mut [u8], mtu: u16) -> bool {
    let Some((at, headers)) = tcp_start(packet) else { return false };
    let limit = mtu.saturating_sub(headers);
    packet.get_mut(at..).is_some_and(|segment| limit > 0 && clamp_segment(segment, limit))
}

/// Where the TCP header begins, and the size of the smallest headers of the family.
fn tcp_start(packet: &[u8]) -> Option<(usize, u16)> {
    match packet.first()? >> 4 {
        4 => ipv4_payload(packet).map(|at| (at, IPV4_HEADERS)),
        6 => ipv6_payload(packet).map(|at| (at, IPV6_HEADERS)),
        _ => None,
    }
}

fn ipv4_payload(packet: &[u8]) -> Option<usize> {
    let length = usize::from(packet[0] & 0x0f) * 4;
    let header = packet.get(..20)?;
    let later_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
    (length >= 20 && header[9] == TCP && !later_fragment).then_some(length)
}

/// Walks the extension headers that may stand before TCP.
fn ipv6_payload(packet: &[u8]) -> Option<usize> {
    let mut next = *packet.get(6)?;
    let mut at = 40;
    // Each header is at least 8 bytes; more than a few are no honest packet.
    for _ in 0..8 {
        match next {
            TCP => return Some(at),
            HOP_BY_HOP | ROUTING | DESTINATION => {
                let header = packet.get(at..at + 2)?;
                next = header[0];
                at += (usize::from(header[1]) + 1) * 8;
            }
            FRAGMENT => {
                let header = packet.get(at..at + 8)?;
                if u16::from_be_bytes([header[2], header[3]]) & 0xfff8 != 0 {
                    return None;
                }
                next = header[0];
                at += 8;
            }
            _ => return None,
        }
    }
    None
}

// IP protocol numbers (IANA).
const HOP_BY_HOP: u8 = 0;
const TCP: u8 = 6;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

// TCP flags and options (RFC 9293 sections 3.1, 3.2).
const SYN: u8 = 0x02;
const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;

fn clamp_segment(segment: &mut [u8], limit: u16) -> bool {
    let Some(fixed) = segment.get(..20) else { return false };
    let length = usize::from(fixed[12] >> 4) * 4;
    if fixed[13] & SYN == 0 || length < 20 || length > segment.len() {
        return false;
    }
    let mut at = 20;
    while at + 1 < length {
        let size = usize::from(segment[at + 1]);
        match segment[at] {
            OPTION_END => return false,
            OPTION_NOP => at += 1,
            _ if size < 2 || at + size > length => return false,
            OPTION_MSS if size == 4 => return lower(segment, at + 2, limit),
            _ => at += size,
        }
    }
    false
}

fn lower(segment: &mut [u8], at: usize, limit: u16) -> bool {
    let old = [segment[at], segment[at + 1]];
    if u16::from_be_bytes(old) <= limit {
        return false;
    }
    let new = limit.to_be_bytes();
    segment[at..at + 2].copy_from_slice(&new);
    // The sum is over 16-bit words: a value at an odd place counts with its bytes swapped (RFC 1071 section 2 B).
    let word =
        |bytes: [u8; 2]| if at.is_multiple_of(2) { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    let checksum = u16::from_be_bytes([segment[16], segment[17]]);
    let updated = update_checksum(checksum, word(old), word(new));
    segment[16..18].copy_from_slice(&updated.to_be_bytes());
    true
}

/// RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
fn update_checksum(checksum: u16, old: u16, new: u16) -> u16 {
    let mut sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}

#[cfg(test)]
#[path = "mss_tests.rs"]
mod tests;
