//! The forms that values of headers have.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A text that is never shown: `Debug` elides it (AC-CON-17).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Elided(
    /// The text itself.
    pub String,
);

impl fmt::Debug for Elided {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{} bytes elided>", self.0.len())
    }
}

/// The sizes of inner packets and of links that are believed; IPv4 needs 68, a TLS record holds 16384.
const MTU: std::ops::RangeInclusive<u16> = 68..=16_384;

/// Remarks on what was skipped; bounded, because a peer provokes them.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    const MOST: usize = 64;

    pub(super) fn add(&mut self, name: &str, value: &str, what: &str) {
        if self.0.len() < Self::MOST {
            self.0.push(format!("{name}: `{}` {what}", short(value)));
        }
    }

    pub(super) fn into_vec(self) -> Vec<String> {
        self.0
    }
}

/// Cuts a text to what a message can bear.
pub(super) fn short(text: &str) -> String {
    let printable = |letter: char| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter };
    text.chars().take(80).map(printable).collect()
}

/// Reads a time in seconds; `none` and 0 mean off (AC-CON-12).
pub(super) fn seconds(name: &str, value: &str, notes: &mut Notes) -> Option<Duration> {
    if value.eq_ignore_ascii_case("none") || value.is_empty() {
        return None;
    }
    match value.parse::<u32>() {
        Ok(0) => None,
        Ok(seconds) => Some(Duration::from_secs(u64::from(seconds))),
        Err(_) => {
            notes.add(name, value, "is no time");
            None
        }
    }
}

/// Reads an MTU; what no packet or link can have is ignored.
pub(super) fn mtu(name: &str, value: &str, notes: &mut Notes) -> Option<u16> {
    let read = value.parse().ok().filter(|mtu| MTU.contains(mtu));
    if read.is_none() {
        notes.add(name, value, "is no MTU");
    }
    read
}

pub(super) fn boolean(name: &str, value: &str, notes: &mut Notes) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "enabled" | "1" => Some(true),
        "false" | "disabled" | "0" => Some(false),
        _ => {
            notes.add(name, value, "is neither true nor false");
            None
        }
    }
}

pub(super) fn address(name: &str, value: &str, notes: &mut Notes) -> Option<IpAddr> {
    let read = value.parse().ok();
    if read.is_none() {
        notes.add(name, value, "is no address");
    }
    read
}

/// Reads a mask: a number of bits, or dotted and contiguous.
pub(super) fn prefix_len(mask: &str, v6: bool) -> Option<u8> {
    let bits = match mask.parse::<u8>() {
        Ok(bits) => bits,
        Err(_) if !v6 => ipnet::ip_mask_to_prefix(IpAddr::V4(mask.parse::<Ipv4Addr>().ok()?)).ok()?,
        Err(_) => ipnet::ip_mask_to_prefix(IpAddr::V6(mask.parse::<Ipv6Addr>().ok()?)).ok()?,
    };
    (bits <= if v6 { 128 } else { 32 }).then_some(bits)
}

/// Reads an address with a mask, or a host without one.
pub(super) fn net(value: &str) -> Option<IpNet> {
    let (addr, mask) = value.split_once('/').map_or((value, None), |(addr, mask)| (addr.trim(), Some(mask.trim())));
    let addr: IpAddr = addr.parse().ok()?;
    let bits = match mask {
        Some(mask) => prefix_len(mask, addr.is_ipv6())?,
        None if addr.is_ipv6() => 128,
        None => 32,
    };
    IpNet::new(addr, bits).ok()
}

/// Reads a route: bits of the host are cleared with a note, what is no route is skipped with a note.
pub(super) fn route(name: &str, value: &str, notes: &mut Notes) -> Option<IpNet> {
    let Some(net) = net(value) else {
        notes.add(name, value, "is no network");
        return None;
    };
    let cleared = net.trunc();
    if cleared != net {
        notes.add(name, value, &format!("has bits of a host; it is taken as {cleared}"));
    }
    Some(cleared)
}

/// Writes a route as servers do: IPv4 with a dotted mask, IPv6 with a length.
pub(super) fn route_text(net: &IpNet) -> String {
    match net {
        IpNet::V4(net) => v4_text(net),
        IpNet::V6(net) => v6_text(net),
    }
}

fn v4_text(net: &Ipv4Net) -> String {
    format!("{}/{}", net.addr(), net.netmask())
}

fn v6_text(net: &Ipv6Net) -> String {
    format!("{}/{}", net.addr(), net.prefix_len())
}

/// Splits a field that may hold several domains, with blanks or commas between them.
pub(super) fn domains(value: &str) -> impl Iterator<Item = String> {
    value.split([',', ' ', '\t', ';']).filter(|domain| !domain.is_empty()).map(str::to_owned)
}

/// Takes the host out of a client's host name: the domain goes, what is no name goes as a whole (AC-CON-19).
pub(super) fn hostname(value: &str) -> Option<String> {
    let host = value.split('.').next().unwrap_or_default();
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let good =
        (1..=63).contains(&host.len()) && host.bytes().all(inner) && !host.starts_with('-') && !host.ends_with('-');
    good.then(|| host.to_owned())
}

/// Reads hexadecimal digits.
pub(super) fn bytes(value: &str) -> Option<Vec<u8>> {
    hex::decode(value).ok()
}

/// Writes a time in whole seconds that fits 31 bits (AC-RKY-07).
pub(super) fn seconds_text(time: Duration) -> String {
    time.as_secs().clamp(1, 0x7fff_ffff).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_three_forms() {
        for (text, net) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("10.0.0.0/255.0.0.0", Some("10.0.0.0/8")),
            ("0.0.0.0/0.0.0.0", Some("0.0.0.0/0")),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("10.0.0.0/255.0.255.0", None),
            ("10.0.0.0/33", None),
            ("10.0.0.0/-1", None),
            ("10.0.0.0/", None),
            ("2001:db8::/129", None),
            ("router.example", None),
            ("", None),
        ] {
            assert_eq!(super::net(text).map(|net| net.to_string()).as_deref(), net, "{text}");
        }
    }

    #[test]
    fn bits_of_a_host_are_cleared_and_noted() {
        let mut notes = Notes::default();
        assert_eq!(route("X", "10.1.2.3/8", &mut notes).map(|net| net.to_string()).as_deref(), Some("10.0.0.0/8"));
        assert_eq!(route("X", "nonsense", &mut notes), None);
        assert_eq!(notes.into_vec().len(), 2);
    }

    #[test]
    fn notes_are_bounded() {
        let mut notes = Notes::default();
        for _ in 0..1000 {
            notes.add("X", &"y".repeat(10_000), "is odd");
        }
        let notes = notes.into_vec();
        assert!(notes.len() == Notes::MOST && notes.iter().all(|note| note.len() < 200));
    }

    #[test]
    fn a_host_name_loses_its_domain_and_a_bad_one_is_no_name() {
        let long = "x".repeat(64);
        for (value, host) in [
            ("mac.local", Some("mac")),
            ("mac", Some("mac")),
            ("-x", None),
            ("a b", None),
            ("", None),
            (".x", None),
            (long.as_str(), None),
        ] {
            assert_eq!(hostname(value).as_deref(), host, "{value}");
        }
    }

    #[test]
    fn times_are_off_in_two_ways_and_bounded() {
        let mut notes = Notes::default();
        for (value, time) in
            [("none", None), ("0", None), ("NONE", None), ("30", Some(30)), ("-1", None), ("99999999999", None)]
        {
            assert_eq!(seconds("X", value, &mut notes), time.map(Duration::from_secs), "{value}");
        }
        assert_eq!(notes.into_vec().len(), 2);
        assert_eq!(seconds_text(Duration::from_secs(u64::MAX)), "2147483647");
    }

    #[test]
    fn elided_text_is_not_shown() {
        assert_eq!(format!("{:?}", Elided("secret".into())), "<6 bytes elided>");
    }
}
