//! TLS secrets in the NSS key log format.

use std::collections::HashSet;

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::unknown::UnknownBlock;

/// Decryption Secrets Block.
pub(super) const DECRYPTION_SECRETS_BLOCK: u32 = 0x0000_000a;
/// `TLSK`: the block holds TLS key log lines.
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// Longest text in one block: readers take whole blocks into memory. Several blocks are as good as one.
const MOST_TEXT: usize = 1024 * 1024;

/// Key log lines fit for a capture: well-formed, each once, in their order.
#[derive(Debug, Default)]
pub(super) struct KeyLog {
    lines: Vec<String>,
    /// Lines that are neither keys nor comments.
    pub(super) refused: usize,
}

impl KeyLog {
    /// Picks the keys out of what peers wrote. Comments and empty lines are left out.
    pub(super) fn of(keys: &[String]) -> Self {
        let mut log = Self::default();
        let mut seen = HashSet::new();
        for line in keys.iter().flat_map(|text| text.lines()).map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if !is_key(line) {
                log.refused += 1;
            } else if seen.insert(line) {
                log.lines.push(line.to_owned());
            }
        }
        log
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The blocks that carry the keys; none without keys.
    pub(super) fn blocks(&self, order: Endianness) -> Vec<UnknownBlock<'static>> {
        let mut texts: Vec<String> = Vec::new();
        for line in &self.lines {
            match texts.last_mut() {
                Some(text) if text.len() + line.len() < MOST_TEXT => {
                    text.push_str(line);
                    text.push('\n');
                }
                _ => texts.push(format!("{line}\n")),
            }
        }
        texts.iter().map(|text| block(text, order)).collect()
    }
}

/// The pcap-file crate does not know this block: it writes the body as it is, and pads it.
fn block(text: &str, order: Endianness) -> UnknownBlock<'static> {
    let word = |value: u32| if order.is_big() { value.to_be_bytes() } else { value.to_le_bytes() };
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut body = Vec::with_capacity(text.len() + 8);
    body.extend_from_slice(&word(TLS_KEY_LOG));
    body.extend_from_slice(&word(length));
    body.extend_from_slice(text.as_bytes());
    UnknownBlock { type_: DECRYPTION_SECRETS_BLOCK, length: 0, value: body.into() }
}

/// `LABEL HEX HEX`, or the form that OpenSSL once wrote for RSA sessions.
fn is_key(line: &str) -> bool {
    let is_hex = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["RSA", session, master] if session.starts_with("Session-ID:") => {
            master.strip_prefix("Master-Key:").is_some_and(is_hex)
        }
        [label, random, secret] => {
            let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            line.len() < 1024 && label.bytes().all(is_label) && is_hex(random) && is_hex(secret)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_noise() {
        let input = [
            "# SSL/TLS secrets log file\nCLIENT_RANDOM 00ff 11ee\n",
            "CLIENT_RANDOM 00ff 11ee",
            "CLIENT_TRAFFIC_SECRET_0 aB 12",
            "RSA Session-ID:00 Master-Key:11",
            "",
            "CLIENT_RANDOM 00ff",
            "CLIENT_RANDOM 00ff xyz",
            "\u{1b}[31m 00 11",
        ]
        .map(str::to_owned);
        let log = KeyLog::of(&input);
        let expected = ["CLIENT_RANDOM 00ff 11ee", "CLIENT_TRAFFIC_SECRET_0 aB 12", "RSA Session-ID:00 Master-Key:11"];
        assert_eq!(log.lines, expected);
        assert_eq!(log.refused, 3);
    }

    #[test]
    fn many_keys_fill_several_blocks() {
        let keys: Vec<String> = (0..9000).map(|n| format!("CLIENT_RANDOM {n:064x} {n:096x}")).collect();
        let blocks = KeyLog::of(&keys).blocks(Endianness::Little);
        assert_eq!(blocks.len(), 2);
        assert!(blocks.iter().all(|block| block.value.len() <= MOST_TEXT + 8));
        assert!(KeyLog::of(&[]).blocks(Endianness::Little).is_empty());
    }
}
