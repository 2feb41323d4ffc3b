//! Words for numbers, and strangers' text made printable.

use indexmap::IndexMap;
use interop_evidence::{Confidence, PeerRecord, Suspect, Suspicion};

/// Makes text of a stranger safe to show: control characters and the invisible ones that reorder text become
/// `\u{1b}`; line ends and tabs stay.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Like [`printable`], in one line and of at most `limit` characters.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(limit).collect();
    let words: Vec<_> = head.split_whitespace().collect();
    let mut out = printable(&words.join(" "));
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// Characters that are not seen, or that change how others are seen, or that XML does not allow.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// A scenario with its parameters: `udp-blocked (dpd=3s, mtu=1400)`.
pub(crate) fn scenario_label(scenario: &str, params: &IndexMap<String, String>) -> String {
    let scenario = one_line(scenario, 120);
    if params.is_empty() { scenario } else { format!("{scenario} ({})", params_label(params)) }
}

/// Parameters: `dpd=3s, mtu=1400`.
pub(crate) fn params_label(params: &IndexMap<String, String>) -> String {
    let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    one_line(&params.join(", "), 200)
}

/// A peer with its exact version: `ocserv@trixie 1.3.0-2`. One that imitates a product says so, and one with a defect can
/// never be taken for the healthy one.
pub(crate) fn peer_label(peer: &PeerRecord) -> String {
    let version = one_line(exact_version(peer), 40);
    let name = one_line(&peer.name(), 80);
    let label = if version.is_empty() { name } else { format!("{name} {version}") };
    format!("{label}{}", peer_marks(peer))
}

/// What must stand beside the name of a peer, wherever it is named.
pub(crate) fn peer_marks(peer: &PeerRecord) -> String {
    let mut marks = String::new();
    if peer.emulates.is_some() {
        marks.push_str(" (emulated profile)");
    }
    if let Some(mutant) = &peer.mutant {
        marks.push_str(&format!(" [mutant {}]", one_line(mutant, 60)));
    }
    marks
}

/// What tells a version of a peer from the others in a list of them: its release, or else its version.
pub(crate) fn version_tag(peer: &PeerRecord) -> String {
    let tag = peer.release.as_deref().unwrap_or(&peer.version);
    format!("{}{}", one_line(if tag.is_empty() { &peer.id } else { tag }, 60), peer_marks(peer))
}

/// The version of the package, if it came from one, else what the program says.
pub(crate) fn exact_version(peer: &PeerRecord) -> &str {
    peer.package.as_deref().unwrap_or(&peer.version)
}

/// The party that a suspicion names.
pub(crate) const fn suspect(who: Suspect) -> &'static str {
    match who {
        Suspect::Client => "client",
        Suspect::Server => "server",
        Suspect::Both => "both",
        Suspect::Network => "network",
        Suspect::Harness => "harness",
    }
}

/// How sure a suspicion is.
pub(crate) const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}

/// A suspicion in one line: `server, medium confidence: ...`.
pub(crate) fn suspicion(suspicion: &Suspicion, limit: usize) -> String {
    let (who, sure) = (suspect(suspicion.who), confidence(suspicion.confidence));
    format!("{who}, {sure} confidence: {}", one_line(&suspicion.because, limit))
}

/// A measurement for people: the name without its unit, and the value with it.
pub(crate) fn measurement(name: &str, value: f64) -> (String, String) {
    let (base, unit) = name.rsplit_once('-').unwrap_or((name, ""));
    let text = match unit {
        "us" => micros(value),
        "ms" => micros(value * 1e3),
        "s" => micros(value * 1e6),
        "percent" => format!("{} %", number(value)),
        "bytes" => format!("{} B", number(value)),
        "kbps" => format!("{} kbit/s", number(value)),
        "mbps" => format!("{} Mbit/s", number(value)),
        "gbps" => format!("{} Gbit/s", number(value)),
        "spgb" => format!("{} s/GB", number(value)),
        "ratio" => format!("{value:.2}"),
        _ => return (one_line(&name.replace('-', " "), 60), number(value)),
    };
    (one_line(&base.replace('-', " "), 60), text)
}

/// Every measurement: `outage 6.7 s`.
pub(crate) fn measurements(all: &IndexMap<String, f64>) -> Vec<String> {
    all.iter()
        .map(|(name, value)| {
            let (name, value) = measurement(name, *value);
            format!("{name} {value}")
        })
        .collect()
}

/// Microseconds in the unit that needs the fewest digits.
fn micros(us: f64) -> String {
    match us.abs() {
        us_abs if us_abs < 1e3 => format!("{us:.0} µs"),
        us_abs if us_abs < 1e4 => format!("{:.1} ms", us / 1e3),
        us_abs if us_abs < 1e6 => format!("{:.0} ms", us / 1e3),
        us_abs if us_abs < 1e8 => format!("{:.1} s", us / 1e6),
        _ => format!("{:.0} s", us / 1e6),
    }
}

/// A plain number with at most two decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Wall time: `850 ms`, `12.3 s`, `4 min 12 s`, `2 h 5 min`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds}.{} s", ms % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A file size: `532 B`, `12.5 kB`, `3.1 MB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// `1 cell`, `2 cells`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_read_like_a_person_wrote_them() {
        for (name, value, wanted) in [
            ("outage-ms", 6700.0, "outage 6.7 s"),
            ("outage-ms", 0.0, "outage 0 µs"),
            ("rtt-us", 850.0, "rtt 850 µs"),
            ("handshake-time-ms", 42.4, "handshake time 42 ms"),
            ("loss-percent", 1.5, "loss 1.5 %"),
            ("largest-packet-bytes", 1362.0, "largest packet 1362 B"),
            ("tunnel-mbps", 940.25, "tunnel 940.25 Mbit/s"),
            ("retries", 3.0, "retries 3"),
        ] {
            let (name, value) = measurement(name, value);
            assert_eq!(format!("{name} {value}"), wanted);
        }
    }

    #[test]
    fn hidden_characters_become_visible() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}c\u{0}\td\n"), "a\\u{1b}[31mb\\u{202e}c\\u{0}\td\n");
        assert_eq!(one_line("a\r\n b\tc", 99), "a b c");
        assert_eq!(one_line("שלום", 99), "שלום");
        assert_eq!(one_line("abcdef", 3), "abc…");
    }

    #[test]
    fn a_label_has_release_and_exact_version() {
        let mut peer = PeerRecord::new("openconnect", "9.12");
        assert_eq!(peer_label(&peer), "openconnect 9.12");
        assert_eq!(version_tag(&peer), "9.12");
        (peer.release, peer.package) = (Some("trixie".into()), Some("9.12-3+b1".into()));
        assert_eq!(peer_label(&peer), "openconnect@trixie 9.12-3+b1");
        assert_eq!(version_tag(&peer), "trixie");
        assert_eq!(peer_label(&PeerRecord::new("ocserv", "")), "ocserv");
    }

    #[test]
    fn an_emulated_profile_and_a_mutant_say_so() {
        let mut peer = PeerRecord::new("asa", "0.1.0");
        peer.emulates = Some("Cisco ASA".into());
        assert_eq!(peer_label(&peer), "asa 0.1.0 (emulated profile)");
        peer.mutant = Some("ignores-crl".into());
        assert_eq!(peer_label(&peer), "asa 0.1.0 (emulated profile) [mutant ignores-crl]");
    }
}
