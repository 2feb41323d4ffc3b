//! Stateless cookies (RFC 6347, 4.2.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use crate::hello::{hello_verify_request, verify_version};
use crate::peek::FirstHello;
use crate::wire::{HANDSHAKE_HEADER, RecordHeader, content, handshake_header, message};

/// Makes and checks cookies without any state for a peer, so that only somebody who receives at the address that he
/// claims gets a connection (AC-DTLS-16).
///
/// The reply is never longer than the ClientHello. Look the session up first with
/// [`peek_client_hello`](crate::peek_client_hello): an unknown session id deserves silence.
pub struct HelloVerifier {
    key: hmac::Key,
}

impl fmt::Debug for HelloVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HelloVerifier").finish_non_exhaustive()
    }
}

/// Says what to do with a first datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The cookie is right: a connection may be made and given this datagram.
    Verified,
    /// The datagram to send back, a HelloVerifyRequest.
    Reply(Vec<u8>),
    /// Not a ClientHello that could be answered (AC-DTLS-17).
    Drop,
}

impl HelloVerifier {
    /// Takes the key of the cookies: 32 random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &secret) }
    }

    /// Judges a datagram from an unknown peer. The cookie binds the peer's address and port and all of the
    /// ClientHello but the cookie itself.
    pub fn respond(&self, datagram: &[u8], peer: SocketAddr) -> Verdict {
        let Some(FirstHello { header, hello, .. }) = FirstHello::parse(datagram) else { return Verdict::Drop };
        let mut context = hmac::Context::with_key(&self.key);
        match peer.ip().to_canonical() {
            IpAddr::V4(ip) => context.update(&ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        context.update(&peer.port().to_be_bytes());
        for part in hello.around_cookie {
            context.update(&(part.len() as u32).to_be_bytes());
            context.update(part);
        }
        let cookie = context.sign();
        if verify_slices_are_equal(cookie.as_ref(), hello.cookie).is_ok() {
            return Verdict::Verified;
        }
        request(header, hello.version, cookie.as_ref()).map_or(Verdict::Drop, Verdict::Reply)
    }
}

/// Builds the datagram; its record number is that of the ClientHello.
fn request(header: RecordHeader, hello_version: u16, cookie: &[u8]) -> Option<Vec<u8>> {
    let body = hello_verify_request(hello_version, cookie).ok()?;
    let version = verify_version(hello_version);
    let length = HANDSHAKE_HEADER + body.len();
    let record = RecordHeader { content: content::HANDSHAKE, version, epoch: 0, length, ..header };
    let head = handshake_header(message::HELLO_VERIFY_REQUEST, body.len(), 0, 0, body.len());
    Some([&record.to_bytes()[..], &head, &body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::client_hello;
    use crate::peek_client_hello;
    use crate::suite::Suite;

    fn datagram(random: [u8; 32], id: &[u8], cookie: &[u8]) -> Vec<u8> {
        let body = client_hello(0xfefd, &random, id, cookie, &[Suite::PskAes128GcmSha256]).unwrap();
        let length = HANDSHAKE_HEADER + body.len();
        let record =
            RecordHeader { content: content::HANDSHAKE, version: 0xfeff, epoch: 0, sequence: 5, length }.to_bytes();
        [&record[..], &handshake_header(message::CLIENT_HELLO, body.len(), 0, 0, body.len()), &body].concat()
    }

    #[test]
    fn a_cookie_is_good_for_one_address_and_one_hello() {
        let verifier = HelloVerifier::new([9; 32]);
        let peer = "192.0.2.1:4000".parse().unwrap();
        let first = datagram([1; 32], &[3; 32], b"");
        let Verdict::Reply(reply) = verifier.respond(&first, peer) else { panic!("no reply") };
        assert!(reply.len() <= first.len(), "no amplification");
        assert_eq!(reply[10], 5, "the record number of the ClientHello");
        let cookie = &reply[28..];
        let second = datagram([1; 32], &[3; 32], cookie);
        assert_eq!(verifier.respond(&second, peer), Verdict::Verified);
        assert_eq!(verifier.respond(&second, "[::ffff:192.0.2.1]:4000".parse().unwrap()), Verdict::Verified);
        for other in ["192.0.2.1:4001", "192.0.2.2:4000", "[2001:db8::1]:4000"] {
            assert!(matches!(verifier.respond(&second, other.parse().unwrap()), Verdict::Reply(_)), "{other}");
        }
        for other in [datagram([2; 32], &[3; 32], cookie), datagram([1; 32], &[4; 32], cookie)] {
            assert!(matches!(verifier.respond(&other, peer), Verdict::Reply(_)));
        }
        assert!(matches!(HelloVerifier::new([8; 32]).respond(&second, peer), Verdict::Reply(_)), "another key");
    }

    #[test]
    fn what_is_no_proper_hello_gets_silence() {
        let verifier = HelloVerifier::new([9; 32]);
        let peer = "192.0.2.1:4000".parse().unwrap();
        let good = datagram([1; 32], &[3; 32], b"");
        assert!(peek_client_hello(&good).is_some());
        let mut fragmented = good.clone();
        fragmented[16] += 1; // the message is one byte longer than its only fragment
        let mut other_kind = good.clone();
        other_kind[13] = 2;
        let mut protected = good.clone();
        protected[4] = 1;
        let mut other_version = good.clone();
        other_version[1] = 3;
        let zero_random = datagram([0; 32], &[3; 32], b"");
        let mut short = datagram([1; 32], &[3; 8], b"");
        short.truncate(short.len() - 1);
        for wrong in [&fragmented, &other_kind, &protected, &other_version, &zero_random, &short, &good[..92].to_vec()]
        {
            assert_eq!(verifier.respond(wrong, peer), Verdict::Drop);
            assert_eq!(peek_client_hello(wrong), None);
        }
        assert_eq!(peek_client_hello(&datagram([1; 32], b"", b"")), None, "nothing to find the session by");
        let short_id = peek_client_hello(&datagram([1; 32], &[3; 8], b"cookie")).unwrap();
        assert_eq!((short_id.session_id, short_id.cookie), (vec![3; 8], b"cookie".to_vec()));
    }
}
