//! ClientHello, HelloVerifyRequest and ServerHello (RFC 5246, 7.4.1; RFC 6347, 4.2.1).

use crate::error::DtlsError;
use crate::suite::Suite;
use crate::wire::{DTLS_1_0, HANDSHAKE_HEADER, RECORD_HEADER, Reader, push_vector8, push_vector16};

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746).
const RENEGOTIATION_SCSV: u16 = 0x00ff;
/// Extension types.
const ENCRYPT_THEN_MAC: u16 = 22;
const PADDING: u16 = 21;
const APP_ID: u16 = 48018;
const RENEGOTIATION_INFO: u16 = 0xff01;

/// Smallest datagram with a ClientHello that ocserv looks into; what is shorter gets a padding extension (RFC 7685).
pub(crate) const MIN_CLIENT_HELLO: usize = 93;
/// Longest session id of a hello message.
pub(crate) const MAX_SESSION_ID: usize = 32;

/// Is a ClientHello as a server reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientHello<'a> {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: &'a [u8],
    pub(crate) cookie: &'a [u8],
    /// Everything around the cookie, which the cookie vouches for.
    pub(crate) around_cookie: [&'a [u8]; 2],
    suites: &'a [u8],
    pub(crate) compression: &'a [u8],
    /// Whether the peer knows secure renegotiation, by extension or SCSV.
    pub(crate) secure_renegotiation: bool,
    /// Whether the renegotiation_info extension claims an earlier handshake.
    pub(crate) renegotiates: bool,
    /// Extension 48018.
    pub(crate) app_id: Option<&'a [u8]>,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of the message; unknown extensions are skipped, missing ones too (AC-DTLS-14).
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let version = reader.u16()?;
        let random = reader.array()?;
        let session_id = reader.vector8().filter(|id| id.len() <= MAX_SESSION_ID)?;
        let before = body.get(..body.len() - reader.0.len())?;
        let cookie = reader.vector8()?;
        let after = reader.0;
        let suites = reader.vector16().filter(|suites| !suites.is_empty() && suites.len() % 2 == 0)?;
        let compression = reader.vector8().filter(|methods| !methods.is_empty())?;
        let mut hello = Self {
            version,
            random,
            session_id,
            cookie,
            around_cookie: [before, after],
            suites,
            compression,
            secure_renegotiation: false,
            renegotiates: false,
            app_id: None,
        };
        hello.secure_renegotiation = hello.offers(RENEGOTIATION_SCSV);
        for extension in extensions(&mut reader)? {
            match extension {
                (RENEGOTIATION_INFO, info) => {
                    hello.secure_renegotiation = true;
                    hello.renegotiates |= info != [0];
                }
                (APP_ID, id) => {
                    let mut id = Reader(id);
                    hello.app_id = Some(id.vector8().filter(|app_id| !app_id.is_empty() && id.is_empty())?);
                }
                _ => {}
            }
        }
        Some(hello)
    }

    /// Gives what the session is found by: extension 48018 if present, else the session id (AC-DTLS-05).
    pub(crate) fn identifier(&self) -> &'a [u8] {
        self.app_id.unwrap_or(self.session_id)
    }

    /// Tells whether the code point is offered.
    pub(crate) fn offers(&self, code: u16) -> bool {
        self.suites.chunks_exact(2).any(|suite| suite == code.to_be_bytes())
    }
}

/// Builds the body of a ClientHello: no extensions, but the SCSV of secure renegotiation (AC-DTLS-34).
pub(crate) fn client_hello(
    version: u16,
    random: &[u8; 32],
    session_id: &[u8],
    cookie: &[u8],
    suites: &[Suite],
) -> Result<Vec<u8>, DtlsError> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend_from_slice(random);
    push_vector8(&mut body, session_id)?;
    push_vector8(&mut body, cookie)?;
    let codes = suites.iter().map(|suite| suite.code()).chain([RENEGOTIATION_SCSV]);
    push_vector16(&mut body, &codes.flat_map(u16::to_be_bytes).collect::<Vec<_>>())?;
    push_vector8(&mut body, &[0])?;
    let missing = MIN_CLIENT_HELLO.saturating_sub(RECORD_HEADER + HANDSHAKE_HEADER + body.len());
    if missing > 0 {
        let mut extension = PADDING.to_be_bytes().to_vec();
        push_vector16(&mut extension, &vec![0; missing.saturating_sub(6)])?;
        push_vector16(&mut body, &extension)?;
    }
    Ok(body)
}

/// Reads the cookie of a HelloVerifyRequest.
pub(crate) fn parse_hello_verify_request(body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(body);
    let _version = reader.u16()?;
    reader.vector8().filter(|cookie| !cookie.is_empty() && reader.is_empty())
}

/// Builds the body of a HelloVerifyRequest.
pub(crate) fn hello_verify_request(hello_version: u16, cookie: &[u8]) -> Result<Vec<u8>, DtlsError> {
    let mut body = verify_version(hello_version).to_be_bytes().to_vec();
    push_vector8(&mut body, cookie)?;
    Ok(body)
}

/// Gives the version that a HelloVerifyRequest names: DTLS 1.0 whatever comes later, but 0x0100 for itself.
pub(crate) fn verify_version(hello_version: u16) -> u16 {
    if hello_version == 0x0100 { hello_version } else { DTLS_1_0 }
}

/// Is a ServerHello as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerHello<'a> {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: &'a [u8],
    pub(crate) suite: u16,
    pub(crate) compression: u8,
    /// Whether the server answers an encrypt_then_mac extension, which was not offered.
    pub(crate) encrypt_then_mac: bool,
    /// Whether the server answers any other extension that was not offered.
    pub(crate) unsolicited: bool,
    /// Whether the renegotiation_info extension claims an earlier handshake.
    pub(crate) renegotiates: bool,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of the message.
    pub(crate) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let mut hello = Self {
            version: reader.u16()?,
            random: reader.array()?,
            session_id: reader.vector8().filter(|id| id.len() <= MAX_SESSION_ID)?,
            suite: reader.u16()?,
            compression: reader.u8()?,
            encrypt_then_mac: false,
            unsolicited: false,
            renegotiates: false,
        };
        for extension in extensions(&mut reader)? {
            match extension {
                (RENEGOTIATION_INFO, info) => hello.renegotiates |= info != [0],
                (ENCRYPT_THEN_MAC, _) => hello.encrypt_then_mac = true,
                _ => hello.unsolicited = true,
            }
        }
        Some(hello)
    }
}

/// Builds the body of a ServerHello.
pub(crate) fn server_hello(
    version: u16,
    random: &[u8; 32],
    session_id: &[u8],
    suite: Suite,
    secure_renegotiation: bool,
) -> Result<Vec<u8>, DtlsError> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend_from_slice(random);
    push_vector8(&mut body, session_id)?;
    body.extend_from_slice(&suite.code().to_be_bytes());
    body.push(0);
    if secure_renegotiation {
        let mut extension = RENEGOTIATION_INFO.to_be_bytes().to_vec();
        push_vector16(&mut extension, &[0])?;
        push_vector16(&mut body, &extension)?;
    }
    Ok(body)
}

/// Reads the extensions to the end of the message.
fn extensions<'a>(reader: &mut Reader<'a>) -> Option<Vec<(u16, &'a [u8])>> {
    let mut found = Vec::new();
    if reader.is_empty() {
        return Some(found);
    }
    let mut inner = Reader(reader.vector16()?);
    while !inner.is_empty() {
        found.push((inner.u16()?, inner.vector16()?));
    }
    reader.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_is_never_too_short_for_a_server_that_looks_at_offsets() {
        for length in 0..=32 {
            let id = vec![3; length];
            let body = client_hello(0xfefd, &[1; 32], &id, b"", &[Suite::PskAes128GcmSha256]).unwrap();
            assert!(RECORD_HEADER + HANDSHAKE_HEADER + body.len() >= MIN_CLIENT_HELLO, "{length}");
            assert_eq!(body[34], length as u8, "the session id is where ocserv looks for it");
            let hello = ClientHello::parse(&body).unwrap();
            assert_eq!(hello.session_id, id);
            assert!(hello.secure_renegotiation && !hello.renegotiates);
            assert!(hello.offers(0x00a8) && !hello.offers(0x00a9));
        }
    }

    #[test]
    fn a_client_hello_with_a_full_session_id_has_no_extensions() {
        let body = client_hello(0xfefd, &[1; 32], &[3; 32], b"", &[Suite::PskAes128GcmSha256]).unwrap();
        assert_eq!(body.len(), 2 + 32 + 33 + 1 + 2 + 4 + 2);
    }

    #[test]
    fn the_app_id_extension_goes_before_the_session_id() {
        let mut body = client_hello(0xfefd, &[1; 32], &[3; 32], b"", &[Suite::PskAes128GcmSha256]).unwrap();
        body.extend_from_slice(&hex::decode("000ebb92000504aabbccdd1a1a00010 0".replace(' ', "")).unwrap());
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!(hello.identifier(), [0xaa, 0xbb, 0xcc, 0xdd]);
        body.pop();
        assert_eq!(ClientHello::parse(&body), None);
    }

    #[test]
    fn server_hello_with_what_was_not_offered() {
        let mut body = server_hello(0xfefd, &[1; 32], &[3; 32], Suite::RsaAes128GcmSha256, true).unwrap();
        let hello = ServerHello::parse(&body).unwrap();
        assert!(!hello.renegotiates && !hello.unsolicited && !hello.encrypt_then_mac);
        let end = body.len();
        body[end - 6] += 4;
        body.extend_from_slice(&[0, 22, 0, 0]);
        assert!(ServerHello::parse(&body).unwrap().encrypt_then_mac);
        body[end + 1] = 23;
        assert!(ServerHello::parse(&body).unwrap().unsolicited);
    }
}
