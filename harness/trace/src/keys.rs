//! The secrets that a decoder has.

use std::collections::{HashMap, VecDeque};

use indexmap::IndexMap;

use crate::limits::MOST_KEYS;
use crate::tls::known::Known;

/// Bytes of a client random (RFC 5246, section 7.4.1.2).
const RANDOM_LENGTH: usize = 32;
/// Bytes of an encrypted premaster secret that name it in a key log.
const PREMASTER_ID_LENGTH: usize = 8;
/// Bytes of the longest secret that is kept: an output of SHA-512.
const LONGEST_SECRET: usize = 64;
/// Bytes of the longest session id that is kept; TLS has at most 32 (RFC 5246, section 7.4.1.2).
const LONGEST_SESSION_ID: usize = 64;

/// DTLS sessions that were opened and whose keys are tried where a session goes on without its handshake.
const MOST_LATELY: usize = 16;

/// What a DTLS session agreed on, with its master secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DtlsSession {
    /// As in the ServerHello.
    pub(crate) version: u16,
    pub(crate) suite: u16,
    pub(crate) master: Vec<u8>,
    pub(crate) client_random: Vec<u8>,
    pub(crate) server_random: Vec<u8>,
    pub(crate) encrypt_then_mac: bool,
}

/// TLS and DTLS secrets, from key logs and from what was read on the way.
///
/// Key logs are in the [NSS format](https://firefox-source-docs.mozilla.org/security/nss/legacy/key_log_format/index.html). Of two
/// lines for the same secret the later one counts.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// By client random: label and secret.
    logged: HashMap<Vec<u8>, Vec<(String, Vec<u8>)>>,
    /// Secrets in `logged`.
    logged_count: usize,
    /// Master secrets by session id, from lines that name one.
    sessions: HashMap<Vec<u8>, Vec<u8>>,
    /// Master secrets of DTLS sessions by session id, as CONNECT named them.
    named: HashMap<Vec<u8>, Vec<u8>>,
    /// Client random and master secret of DTLS sessions that CONNECT named and a client resumed.
    learned: IndexMap<Vec<u8>, Vec<u8>>,
    /// DTLS sessions that were opened, the latest last.
    lately: VecDeque<DtlsSession>,
    /// Records that were opened lately with any of them.
    pub(crate) known: Known,
}

impl Keys {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes lines in the NSS key log format; gives the number of lines that are none.
    pub fn add_log(&mut self, text: &str) -> usize {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.filter(|line| self.add_line(line).is_none()).count()
    }

    fn add_line(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split_ascii_whitespace();
        let (label, first, second) = (fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() {
            return None;
        }
        if let ("RSA", Some(id), Some(master)) = (label, value_of(first, "Session-ID"), value_of(second, "Master-Key"))
        {
            let (id, master) = (bytes(id, LONGEST_SESSION_ID)?, bytes(master, LONGEST_SECRET)?);
            keep(&mut self.sessions, id, master);
            return Some(());
        }
        let (random, secret) = (bytes(first, RANDOM_LENGTH)?, bytes(second, LONGEST_SECRET)?);
        if label == "RSA" && random.len() == PREMASTER_ID_LENGTH {
            // A premaster secret: it stands beside the line with the master secret, which is enough.
            return Some(());
        }
        if random.len() != RANDOM_LENGTH || !is_label(label) {
            return None;
        }
        self.add_secret(label, random, secret);
        Some(())
    }

    fn add_secret(&mut self, label: &str, random: Vec<u8>, secret: Vec<u8>) {
        let full = self.logged_count >= MOST_KEYS;
        let known = self.logged.get_mut(&random).and_then(|all| all.iter_mut().find(|(name, _)| name == label));
        if let Some((_, value)) = known {
            *value = secret;
        } else if !full {
            self.logged.entry(random).or_default().push((label.to_owned(), secret));
            self.logged_count += 1;
        }
    }

    /// Key log lines of sessions whose key stood in a header and not in a key log: resumed DTLS.
    pub fn learned(&self) -> Vec<String> {
        let lines =
            self.learned.iter().filter(|(random, master)| self.logged_master(random) != Some(master.as_slice()));
        lines.map(|(random, master)| format!("CLIENT_RANDOM {} {}", hex::encode(random), hex::encode(master))).collect()
    }

    /// The master secret of a TLS 1.2 or DTLS session that began with this client random.
    pub(crate) fn master(&self, client_random: &[u8]) -> Option<&[u8]> {
        self.learned.get(client_random).map(Vec::as_slice).or_else(|| self.logged_master(client_random))
    }

    /// The master secret that a key log has for a session id; for TLS 1.2 sessions that are resumed.
    pub(crate) fn master_of_session(&self, session_id: &[u8]) -> Option<&[u8]> {
        self.sessions.get(session_id).map(Vec::as_slice)
    }

    /// A secret of TLS 1.3, by its label in the key log: `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, ...
    pub(crate) fn secret(&self, label: &str, client_random: &[u8]) -> Option<&[u8]> {
        let all = self.logged.get(client_random)?;
        all.iter().find(|(name, _)| name == label).map(|(_, secret)| secret.as_slice())
    }

    /// The CONNECT dialogue named a DTLS session: its id and, with it, its master secret (`X-DTLS-Master-Secret`).
    pub(crate) fn name_dtls_session(&mut self, session_id: &[u8], master: &[u8]) {
        if session_id.is_empty() || session_id.len() > LONGEST_SESSION_ID || master.len() > LONGEST_SECRET {
            return;
        }
        keep(&mut self.named, session_id.to_vec(), master.to_vec());
    }

    /// The master secret of the DTLS session with this id; the client random is kept for [`Keys::learned`].
    ///
    /// What CONNECT named counts before any key log: GnuTLS logs a secret for resumed DTLS that is not the one in use.
    pub(crate) fn resume_dtls(&mut self, session_id: &[u8], client_random: &[u8]) -> Option<Vec<u8>> {
        let Some(master) = self.named.get(session_id) else {
            return self
                .master_of_session(session_id)
                .or_else(|| self.logged_master(client_random))
                .map(<[u8]>::to_vec);
        };
        let is_random = client_random.len() == RANDOM_LENGTH;
        if is_random && (self.learned.len() < MOST_KEYS || self.learned.contains_key(client_random)) {
            self.learned.insert(client_random.to_vec(), master.clone());
        }
        Some(master.clone())
    }

    /// A DTLS session was opened.
    pub(crate) fn opened_dtls(&mut self, session: DtlsSession) {
        self.lately.retain(|known| known.client_random != session.client_random);
        if self.lately.len() >= MOST_LATELY {
            self.lately.pop_front();
        }
        self.lately.push_back(session);
    }

    /// DTLS sessions that were opened, the latest first.
    pub(crate) fn lately_dtls(&self) -> impl Iterator<Item = &DtlsSession> {
        self.lately.iter().rev()
    }

    fn logged_master(&self, client_random: &[u8]) -> Option<&[u8]> {
        self.secret("CLIENT_RANDOM", client_random)
    }
}

/// Keeps or replaces a value, unless there are too many.
fn keep(map: &mut HashMap<Vec<u8>, Vec<u8>>, key: Vec<u8>, value: Vec<u8>) {
    if map.len() < MOST_KEYS || map.contains_key(&key) {
        map.insert(key, value);
    }
}

/// What follows `NAME:`.
fn value_of<'a>(field: &'a str, name: &str) -> Option<&'a str> {
    field.strip_prefix(name)?.strip_prefix(':')
}

/// Hexadecimal digits of 1 to `most` bytes.
fn bytes(text: &str, most: usize) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > most.saturating_mul(2) {
        return None;
    }
    hex::decode(text).ok()
}

fn is_label(label: &str) -> bool {
    label.len() <= 64 && label.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "1a01000000000000000000000000000000000000000000000000000000000001";

    fn random() -> Vec<u8> {
        hex::decode(RANDOM).unwrap()
    }

    fn master(byte: u8) -> Vec<u8> {
        vec![byte; 48]
    }

    fn line(label: &str, byte: u8) -> String {
        format!("{label} {RANDOM} {}\n", hex::encode(master(byte)))
    }

    #[test]
    fn secrets_are_found_by_label_and_random() {
        let mut keys = Keys::new();
        let text = format!(
            "# comment\r\n\n{}{}RSA 0102030405060708 0303\nRSA Session-ID:0a0b Master-Key:{}\r\n",
            line("CLIENT_RANDOM", 1),
            line("SERVER_TRAFFIC_SECRET_0", 2),
            hex::encode(master(3))
        );
        assert_eq!(keys.add_log(&text), 0);
        assert_eq!(keys.master(&random()), Some(master(1).as_slice()));
        assert_eq!(keys.secret("SERVER_TRAFFIC_SECRET_0", &random()), Some(master(2).as_slice()));
        assert_eq!(keys.secret("CLIENT_TRAFFIC_SECRET_0", &random()), None);
        assert_eq!(keys.master(&[0; 32]), None);
        assert_eq!(keys.master_of_session(&[0x0a, 0x0b]), Some(master(3).as_slice()));
    }

    #[test]
    fn lines_that_are_none_are_counted() {
        let bad = [
            "CLIENT_RANDOM 00 11".to_owned(),
            format!("CLIENT_RANDOM {RANDOM}"),
            format!("CLIENT_RANDOM {RANDOM} 1"),
            format!("CLIENT_RANDOM {RANDOM} xx"),
            format!("CLIENT_RANDOM {RANDOM} 11 22"),
            format!("CLIENT_RANDOM {RANDOM} {}", "11".repeat(65)),
            format!("client {RANDOM} 11"),
            "RSA Session-ID:zz Master-Key:11".to_owned(),
            "\u{fffd}".to_owned(),
        ];
        assert_eq!(Keys::new().add_log(&bad.join("\n")), bad.len());
    }

    #[test]
    fn the_later_line_counts() {
        let mut keys = Keys::new();
        keys.add_log(&(line("CLIENT_RANDOM", 1) + &line("CLIENT_RANDOM", 2)));
        assert_eq!(keys.master(&random()), Some(master(2).as_slice()));
    }

    #[test]
    fn what_connect_named_wins_over_the_key_log() {
        let mut keys = Keys::new();
        keys.add_log(&line("CLIENT_RANDOM", 1));
        assert_eq!(keys.resume_dtls(&[7; 32], &random()), Some(master(1)));
        assert!(keys.learned().is_empty());
        keys.name_dtls_session(&[7; 32], &master(9));
        assert_eq!(keys.resume_dtls(&[7; 32], &random()), Some(master(9)));
        assert_eq!(keys.master(&random()), Some(master(9).as_slice()));
        assert_eq!(keys.learned(), [line("CLIENT_RANDOM", 9).trim()]);
    }

    #[test]
    fn what_a_key_log_has_is_not_learned() {
        let mut keys = Keys::new();
        keys.add_log(&line("CLIENT_RANDOM", 9));
        keys.name_dtls_session(&[7; 32], &master(9));
        assert_eq!(keys.resume_dtls(&[7; 32], &random()), Some(master(9)));
        assert!(keys.learned().is_empty());
        assert_eq!(keys.resume_dtls(&[8; 32], &[1; 32]), None);
    }

    #[test]
    fn a_session_line_serves_resumption() {
        let mut keys = Keys::new();
        keys.add_log(&format!("RSA Session-ID:{} Master-Key:{}", "07".repeat(32), hex::encode(master(3))));
        assert_eq!(keys.resume_dtls(&[7; 32], &random()), Some(master(3)));
    }

    #[test]
    fn the_store_is_bounded() {
        let mut keys = Keys::new();
        for number in 0..u32::try_from(MOST_KEYS + 10).unwrap() {
            let mut value = random();
            value[..4].copy_from_slice(&number.to_be_bytes());
            let hex = hex::encode(&value);
            keys.add_log(&format!("CLIENT_RANDOM {hex} 11\nRSA Session-ID:{hex} Master-Key:11"));
            keys.name_dtls_session(&value, &[1]);
            keys.resume_dtls(&value, &value);
        }
        assert_eq!(keys.logged_count, MOST_KEYS);
        assert!([keys.logged.len(), keys.sessions.len(), keys.named.len(), keys.learned.len()] == [MOST_KEYS; 4]);
    }
}
