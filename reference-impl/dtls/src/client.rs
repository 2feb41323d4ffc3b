//! The client's part of the handshake.

use std::time::Instant;

use crate::config::Secret;
use crate::connection::Connection;
use crate::error::DtlsError;
use crate::handshake::Expect;
use crate::hello::{ServerHello, client_hello, parse_hello_verify_request};
use crate::prf::{Prf, psk_premaster};
use crate::reassembly::Message;
use crate::suite::{Suite, Version};
use crate::wire::{DTLS_1_0, Reader, message, push_vector16};

/// How many different cookies a client takes before it believes that nobody honest sends them.
const MAX_VERIFY_REQUESTS: u8 = 4;

impl Connection {
    /// Sends the first flight, again from the beginning if there is a cookie.
    pub(crate) fn send_client_hello(&mut self, cookie: &[u8], now: Instant) -> Result<(), DtlsError> {
        let body = client_hello(self.version.code(), &self.random, &self.session_id, cookie, &self.suites)?;
        let record_version = match self.version {
            Version::Dtls09 => Version::Dtls09.code(),
            Version::Dtls12 => DTLS_1_0,
        };
        self.hidden.restart_transcript();
        self.flight.clear();
        self.queue(record_version, message::CLIENT_HELLO, body);
        self.send_flight(false, now)
    }

    /// Repeats the ClientHello with the cookie (AC-DTLS-15).
    pub(crate) fn on_hello_verify_request(&mut self, body: &[u8], now: Instant) -> Result<(), DtlsError> {
        let Some(cookie) = parse_hello_verify_request(body) else { return Ok(()) };
        if cookie == self.hidden.cookie || self.hidden.verify_requests >= MAX_VERIFY_REQUESTS {
            return Ok(());
        }
        let cookie = cookie.to_vec();
        self.hidden.verify_requests += 1;
        self.hidden.next_send = 1;
        self.hidden.next_receive = 1;
        self.hidden.steps += 1;
        self.reassembly.discard_before(1);
        self.send_client_hello(&cookie, now)?;
        self.hidden.cookie = cookie;
        Ok(())
    }

    /// Handles a message of the server, other than Finished.
    pub(crate) fn on_server_message(&mut self, message: &Message, now: Instant) -> Result<(), DtlsError> {
        match (self.expect, message.kind) {
            (Expect::ServerHello, message::SERVER_HELLO) => self.on_server_hello(&message.body),
            (Expect::ServerKeyExchange, message::SERVER_KEY_EXCHANGE) => {
                self.expect = Expect::ServerHelloDone;
                let mut reader = Reader(&message.body);
                let hint = reader.vector16().filter(|_| reader.is_empty());
                hint.map(|_| ()).ok_or(DtlsError::IllegalParameter("malformed ServerKeyExchange"))
            }
            (Expect::ServerKeyExchange | Expect::ServerHelloDone, message::SERVER_HELLO_DONE) => {
                self.send_key_exchange(now)
            }
            (Expect::ChangeCipherSpec, _) if matches!(self.secret, Secret::Master(_)) => {
                Err(DtlsError::NotResumed("it went on with a full handshake"))
            }
            (_, kind) => Err(DtlsError::UnexpectedMessage(kind)),
        }
    }

    fn on_server_hello(&mut self, body: &[u8]) -> Result<(), DtlsError> {
        let hello = ServerHello::parse(body).ok_or(DtlsError::IllegalParameter("malformed ServerHello"))?;
        if hello.version != self.version.code() {
            return Err(DtlsError::WrongVersion(hello.version, self.version));
        }
        if hello.compression != 0 {
            return Err(DtlsError::IllegalParameter("a compression method that was not offered"));
        }
        if hello.renegotiates {
            return Err(DtlsError::IllegalParameter("renegotiation_info of another handshake"));
        }
        let suite = Suite::from_code(hello.suite).filter(|suite| self.suites.contains(suite));
        self.peer_random = Some(hello.random);
        match &self.secret {
            Secret::Master(master) => {
                let master = *master;
                if hello.session_id != self.session_id {
                    return Err(DtlsError::NotResumed("it answered with another session id"));
                }
                let suite = suite.ok_or(DtlsError::NoCommonSuite)?;
                // Master secret and AEAD records are what they are, so that other extensions do no harm (AC-DTLS-34).
                if hello.encrypt_then_mac && suite.is_cbc() {
                    return Err(DtlsError::IllegalParameter("encrypt_then_mac was not offered"));
                }
                self.install_keys(suite, master)?;
                self.expect = Expect::ChangeCipherSpec;
            }
            Secret::Psk { .. } => {
                if !self.session_id.is_empty() && hello.session_id == self.session_id {
                    return Err(DtlsError::UnexpectedResumption);
                }
                if hello.encrypt_then_mac || hello.unsolicited {
                    return Err(DtlsError::IllegalParameter("an extension that was not offered"));
                }
                self.suite = Some(suite.ok_or(DtlsError::NoCommonSuite)?);
                self.expect = Expect::ServerKeyExchange;
            }
        }
        Ok(())
    }

    /// Answers ServerHelloDone with ClientKeyExchange, ChangeCipherSpec and Finished.
    fn send_key_exchange(&mut self, now: Instant) -> Result<(), DtlsError> {
        let (Secret::Psk { identity, key }, Some(suite), Some(server_random)) =
            (&self.secret, self.suite, &self.peer_random)
        else {
            return Err(DtlsError::UnexpectedMessage(message::SERVER_HELLO_DONE));
        };
        let mut body = Vec::new();
        push_vector16(&mut body, identity)?;
        let premaster = psk_premaster(key)?;
        let master = Prf::of(self.version, suite).master_secret(&premaster, &self.random, server_random)?;
        self.install_keys(suite, master)?;
        self.flight.clear();
        self.queue(self.version.code(), message::CLIENT_KEY_EXCHANGE, body);
        self.queue_finished()?;
        self.expect = Expect::ChangeCipherSpec;
        self.send_flight(false, now)
    }
}
