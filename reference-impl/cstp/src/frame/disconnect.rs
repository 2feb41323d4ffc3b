//! The payload of DISCONNECT: one byte of reason and a text.

/// The bytes that are known as reasons.
pub mod reason {
    /// The user wants the end: the session and its lease are free (AC-CSTP-06).
    pub const USER: u8 = 0xb0;
    /// A local error.
    pub const LOCAL_ERROR: u8 = 0x70;
    /// The tunnel is going to be connected again (AC-CSTP-07).
    pub const RECONNECTING: u8 = 0x91;
    /// A pause (AC-CSTP-07).
    pub const PAUSE: u8 = 0xd1;
}

/// The largest text that is kept, in bytes.
const MAX_TEXT: usize = 512;

/// The payload of a DISCONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// The reason; `None` when the payload was empty.
    pub reason: Option<u8>,
    /// The text that follows; control characters and what is not UTF-8 are replaced.
    pub text: String,
}

impl Disconnect {
    /// Reads a payload; nothing is invalid, and the text is cut at 512 bytes.
    pub fn parse(payload: &[u8]) -> Self {
        let Some((reason, rest)) = payload.split_first() else { return Self::silent() };
        let text = String::from_utf8_lossy(&rest[..rest.len().min(MAX_TEXT)]);
        let printable = |letter: char| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter };
        let text = text.trim_end_matches(['\0', '\r', '\n']).chars().map(printable).collect();
        Self { reason: Some(*reason), text }
    }

    /// Returns the one without a word, as ocserv sends it.
    pub fn silent() -> Self {
        Self { reason: None, text: String::new() }
    }

    /// Builds the payload.
    pub fn to_payload(&self) -> Vec<u8> {
        let Some(reason) = self.reason else { return Vec::new() };
        let text = self.text.as_bytes();
        let mut payload = Vec::with_capacity(1 + text.len().min(MAX_TEXT));
        payload.push(reason);
        payload.extend_from_slice(&text[..text.len().min(MAX_TEXT)]);
        payload
    }

    /// Returns whether the session and its lease are given back; only 0xb0 does that, everything else may come back.
    pub fn frees_session(&self) -> bool {
        self.reason == Some(reason::USER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_frees_the_session() {
        assert!(Disconnect::parse(b"\xb0client wants to go").frees_session());
        for kept in [&b""[..], b"\x91", b"\xd1pause", b"\x70", b"\x55reinitiate"] {
            assert!(!Disconnect::parse(kept).frees_session(), "{kept:02x?}");
        }
    }

    #[test]
    fn a_payload_is_read_and_built() {
        let read = Disconnect::parse(b"\xb0Bye\n\0");
        assert_eq!(read, Disconnect { reason: Some(reason::USER), text: "Bye".into() });
        assert_eq!(read.to_payload(), b"\xb0Bye");
        assert_eq!(Disconnect::parse(b"").to_payload(), b"");
    }

    #[test]
    fn the_text_is_cut_and_harmless() {
        let mut payload = vec![0x55; 20_000];
        payload[1] = 0x1b;
        payload[2] = 0xff;
        let read = Disconnect::parse(&payload);
        assert!(read.text.chars().count() <= MAX_TEXT && !read.text.contains('\u{1b}'));
    }
}
