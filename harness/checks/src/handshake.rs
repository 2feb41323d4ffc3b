//! Which sessions were negotiated and when, by what a client's wire carried (AC-DTLS-01 to -12, AC-DTLS-20).

use std::time::Duration;

use interop_evidence::{CheckOutcome, DtlsFamily, HandshakeMessage, HandshakeSeen, Micros};

/// A DTLS session that carried data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsSession {
    /// The family; none for a full handshake without a pre-shared key, which no AnyConnect server asks for.
    pub family: Option<DtlsFamily>,
    /// Version of the ServerHello.
    pub version: u16,
    /// Cipher suite.
    pub suite: u16,
}

impl std::fmt::Display for DtlsSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let family = self.family.map_or("a full handshake without a pre-shared key", DtlsFamily::as_str);
        write!(f, "{family} (version 0x{:04x}, suite 0x{:04x})", self.version, self.suite)
    }
}

/// The DTLS session that was negotiated last from `since` on and carried data.
pub fn dtls_session(seen: &[HandshakeSeen], since: Micros) -> Option<DtlsSession> {
    let seen: Vec<&HandshakeSeen> = seen.iter().filter(|message| message.at >= since).collect();
    let data = seen.iter().rposition(|message| message.message == HandshakeMessage::DtlsData)?;
    let port = seen[data].client_port;
    let mut offered = None;
    let mut answer = None;
    let mut key_exchange = false;
    for message in seen[..data].iter().filter(|message| message.client_port == port) {
        match &message.message {
            HandshakeMessage::DtlsClientHello { session, .. } => {
                (offered, answer, key_exchange) = (Some(session), None, false);
            }
            HandshakeMessage::DtlsServerHello { version, suite, session } => answer = Some((*version, *suite, session)),
            HandshakeMessage::DtlsClientKeyExchange => key_exchange = true,
            _ => {}
        }
    }
    let (version, suite, session) = answer?;
    let resumed = !key_exchange && offered == Some(session) && !session.is_empty();
    let family = match (resumed, version) {
        (true, 0x0100) => Some(DtlsFamily::Legacy09),
        (true, 0xfefd) => Some(DtlsFamily::Resumed12),
        (false, _) if is_psk(suite) => Some(DtlsFamily::Psk),
        _ => None,
    };
    Some(DtlsSession { family, version, suite })
}

/// Suites with a pre-shared key, also in combination with an ephemeral key (RFC 4279, 5487, 5489, 6655, 7905).
const fn is_psk(suite: u16) -> bool {
    matches!(
        suite,
        0x008a..=0x0095 | 0x00a8..=0x00b9 | 0xc033..=0xc03b | 0xc0a4..=0xc0ab | 0xccab..=0xccae | 0xd001..=0xd005
    )
}

/// Judges the family of the last session.
pub fn dtls_family(seen: &[HandshakeSeen], since: Micros, wanted: DtlsFamily) -> CheckOutcome {
    match dtls_session(seen, since) {
        Some(session) if session.family == Some(wanted) => CheckOutcome::pass(format!("DTLS is {session}")),
        Some(session) => CheckOutcome::fail(format!("expected DTLS of the family {wanted}; it is {session}")),
        None => CheckOutcome::fail(format!("expected DTLS of the family {wanted}; no DTLS session carried data")),
    }
}

/// Judges the version of the last TLS session.
pub fn tls_version(seen: &[HandshakeSeen], since: Micros, wanted: u16) -> CheckOutcome {
    let found = seen.iter().rev().filter(|message| message.at >= since).find_map(|message| match message.message {
        HandshakeMessage::TlsServerHello { version, suite } => Some((version, suite)),
        _ => None,
    });
    match found {
        Some((version, suite)) if version == wanted => {
            CheckOutcome::pass(format!("TLS has the version 0x{version:04x} (suite 0x{suite:04x})"))
        }
        Some((version, _)) => {
            CheckOutcome::fail(format!("expected TLS of the version 0x{wanted:04x}; it is 0x{version:04x}"))
        }
        None => CheckOutcome::fail("no server answered a TLS handshake"),
    }
}

/// Judges how many TLS sessions the client began from `since` on.
pub fn tls_sessions(seen: &[HandshakeSeen], since: Micros, wanted: usize) -> CheckOutcome {
    let begun: Vec<&HandshakeSeen> = seen
        .iter()
        .filter(|message| message.at >= since && message.message == HandshakeMessage::TlsClientHello)
        .collect();
    let frames: Vec<String> = begun.iter().map(|message| message.frame.to_string()).collect();
    let said = match begun.len() {
        0 => "no TLS session was begun".to_owned(),
        1 => format!("one TLS session was begun (frame {})", frames.join(", ")),
        many => format!("{many} TLS sessions were begun (frames {})", frames.join(", ")),
    };
    if begun.len() == wanted {
        CheckOutcome::pass(said)
    } else {
        CheckOutcome::fail(format!("{said}; expected {wanted}"))
    }
}

/// When attempts at DTLS should follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The pause before each new attempt, from the failure of the one before.
    pub pauses: Vec<Duration>,
    /// By how much a pause may differ.
    pub tolerance: Duration,
    /// The longest that an attempt itself may last.
    pub lasting: Duration,
}

/// An attempt: its hellos, the first and the last.
struct Attempt<'a> {
    key: (u16, &'a str),
    first: Micros,
    last: Micros,
}

/// Judges when DTLS was tried, and tried again.
///
/// A failure cannot be seen on a wire, but every attempt of one client fails after the same time. The distance of two
/// attempts is that time and the pause, so what is left of the distances without the pauses must be equal.
pub fn dtls_attempts(seen: &[HandshakeSeen], since: Micros, schedule: &Schedule) -> CheckOutcome {
    let mut attempts: Vec<Attempt<'_>> = Vec::new();
    for message in seen.iter().filter(|message| message.at >= since) {
        let HandshakeMessage::DtlsClientHello { random, .. } = &message.message else { continue };
        let key = (message.client_port, random.as_str());
        match attempts.iter_mut().find(|attempt| attempt.key == key) {
            Some(attempt) => attempt.last = message.at,
            None => attempts.push(Attempt { key, first: message.at, last: message.at }),
        }
    }
    let Some(start) = attempts.first().map(|attempt| attempt.first) else {
        return CheckOutcome::fail("DTLS was never tried");
    };
    let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
    let at: Vec<String> = attempts.iter().map(|attempt| seconds(attempt.first.since(start))).collect();
    let said = format!("DTLS was tried at 0 s and {} s", at[1..].join(", "));
    let wanted = schedule.pauses.len() + 1;
    if attempts.len() != wanted {
        return CheckOutcome::fail(format!("{said}: {} attempts, expected {wanted}", attempts.len()));
    }
    let mut lasted = Vec::new();
    for (pair, pause) in attempts.windows(2).zip(&schedule.pauses) {
        let distance = pair[1].first.since(pair[0].first);
        let hellos = pair[0].last.since(pair[0].first);
        if distance + schedule.tolerance < *pause + hellos {
            return CheckOutcome::fail(format!(
                "{said}: {} s lie between two attempts where a pause of {} s was expected",
                seconds(distance),
                seconds(*pause)
            ));
        }
        lasted.push(distance.saturating_sub(*pause));
    }
    let (Some(shortest), Some(longest)) = (lasted.iter().min(), lasted.iter().max()) else {
        return CheckOutcome::pass(said);
    };
    let each: Vec<String> = lasted.iter().map(|time| seconds(*time)).collect();
    if *longest > schedule.lasting {
        return CheckOutcome::fail(format!("{said}: without the pauses the attempts lasted {} s", each.join(", ")));
    }
    if *longest - *shortest > 2 * schedule.tolerance {
        return CheckOutcome::fail(format!(
            "{said}: without the pauses the attempts would have lasted {} s, which is not the same each time",
            each.join(", ")
        ));
    }
    CheckOutcome::pass(format!("{said}; each lasted {} to {} s", seconds(*shortest), seconds(*longest)))
}

#[cfg(test)]
mod tests {
    use interop_evidence::Verdict;

    use super::*;

    fn at(ms: u64, client_port: u16, message: HandshakeMessage) -> HandshakeSeen {
        HandshakeSeen { at: Micros(ms * 1000), frame: ms, wire: "lan".into(), client_port, message }
    }

    fn hello(ms: u64, port: u16, version: u16, session: &str) -> HandshakeSeen {
        let message = HandshakeMessage::DtlsClientHello {
            version,
            random: format!("{port}"),
            session: session.into(),
            cookie: false,
        };
        at(ms, port, message)
    }

    fn answer(ms: u64, port: u16, version: u16, suite: u16, session: &str) -> HandshakeSeen {
        at(ms, port, HandshakeMessage::DtlsServerHello { version, suite, session: session.into() })
    }

    fn session(version: u16, suite: u16, same: bool, full: bool) -> Vec<HandshakeSeen> {
        let theirs = if same { "aa" } else { "bb" };
        let mut seen = vec![hello(1, 5, version, "aa"), answer(2, 5, version, suite, theirs)];
        if full {
            seen.push(at(3, 5, HandshakeMessage::DtlsClientKeyExchange));
        }
        seen.push(at(4, 5, HandshakeMessage::DtlsData));
        seen
    }

    #[test]
    fn families_are_told_by_their_handshake() {
        let family = |seen: &[HandshakeSeen]| dtls_session(seen, Micros(0)).and_then(|session| session.family);
        assert_eq!(family(&session(0xfefd, 0x00a9, false, true)), Some(DtlsFamily::Psk));
        assert_eq!(family(&session(0xfefd, 0xc030, true, false)), Some(DtlsFamily::Resumed12));
        assert_eq!(family(&session(0x0100, 0x0035, true, false)), Some(DtlsFamily::Legacy09));
        assert_eq!(family(&session(0xfefd, 0xc030, false, true)), None, "a full handshake with a certificate");
        assert_eq!(family(&session(0xfefd, 0xc030, false, false)), None, "another session than the client's");
    }

    #[test]
    fn a_family_is_another_one_or_absent() {
        let psk = session(0xfefd, 0x00a9, false, true);
        assert_eq!(dtls_family(&psk, Micros(0), DtlsFamily::Psk).verdict, Verdict::Pass);
        assert_eq!(dtls_family(&psk, Micros(0), DtlsFamily::Legacy09).verdict, Verdict::Fail);
        assert_eq!(dtls_family(&psk, Micros(9000), DtlsFamily::Psk).verdict, Verdict::Fail, "it was before");
        assert_eq!(dtls_family(&psk[..2], Micros(0), DtlsFamily::Psk).verdict, Verdict::Fail, "no data followed");
    }

    #[test]
    fn tls_is_counted_and_its_version_read() {
        let seen = [
            at(1, 7, HandshakeMessage::TlsClientHello),
            at(2, 7, HandshakeMessage::TlsServerHello { version: 0x0303, suite: 0xc02f }),
            at(3, 8, HandshakeMessage::TlsClientHello),
            at(4, 8, HandshakeMessage::TlsServerHello { version: 0x0304, suite: 0x1301 }),
        ];
        assert_eq!(tls_sessions(&seen, Micros(0), 2).verdict, Verdict::Pass);
        assert_eq!(tls_sessions(&seen, Micros(2500), 1).verdict, Verdict::Pass);
        assert_eq!(tls_sessions(&seen, Micros(0), 1).verdict, Verdict::Fail);
        assert_eq!(tls_version(&seen, Micros(0), 0x0304).verdict, Verdict::Pass, "the last one counts");
        assert_eq!(tls_version(&seen, Micros(0), 0x0303).verdict, Verdict::Fail);
        assert_eq!(tls_version(&[], Micros(0), 0x0303).verdict, Verdict::Fail);
    }

    fn attempts(starts: &[u64]) -> Vec<HandshakeSeen> {
        let twice = |(index, start): (usize, &u64)| {
            let port = 1000 + u16::try_from(index).unwrap();
            [hello(*start, port, 0xfefd, ""), hello(*start + 1000, port, 0xfefd, "")]
        };
        starts.iter().enumerate().flat_map(twice).collect()
    }

    #[test]
    fn attempts_follow_their_schedule_or_do_not() {
        let second = Duration::from_secs(1);
        let schedule = Schedule {
            pauses: [1, 2, 4].map(|pause| pause * second).to_vec(),
            tolerance: second / 4,
            lasting: 12 * second,
        };
        let judge = |starts: &[u64]| dtls_attempts(&attempts(starts), Micros(0), &schedule);
        // Each attempt lasts five seconds.
        let good = judge(&[100, 6100, 13_200, 22_200]);
        assert_eq!(good.verdict, Verdict::Pass, "{}", good.message);
        assert!(good.message.contains("6.0, 13.1, 22.1 s"), "{}", good.message);
        assert_eq!(judge(&[100, 6100, 13_200]).verdict, Verdict::Fail, "one is missing");
        assert_eq!(judge(&[100, 6100, 13_200, 22_200, 35_000]).verdict, Verdict::Fail, "one too many");
        assert_eq!(judge(&[100, 6100, 12_100, 18_100]).verdict, Verdict::Fail, "always the same pause");
        assert_eq!(judge(&[100, 15_100, 31_100, 49_100]).verdict, Verdict::Fail, "attempts of fourteen seconds");
        assert_eq!(judge(&[]).verdict, Verdict::Fail);
    }
}
