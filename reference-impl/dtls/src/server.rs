//! The server's part of the handshake.

use std::time::Instant;

use crate::config::Secret;
use crate::connection::Connection;
use crate::error::DtlsError;
use crate::handshake::Expect;
use crate::hello::server_hello;
use crate::peek::FirstHello;
use crate::prf::{Prf, psk_premaster};
use crate::reassembly::Message;
use crate::suite::Version;
use crate::wire::{Reader, message};

impl Connection {
    /// Answers the ClientHello of this session; any other is ignored (AC-DTLS-05, AC-DTLS-16).
    pub(crate) fn on_client_hello(&mut self, first: &FirstHello<'_>, now: Instant) -> Result<(), DtlsError> {
        let FirstHello { header, fragment, hello } = first;
        let any = self.session_id.is_empty();
        if !any && hello.identifier() != self.session_id {
            return Ok(());
        }
        if hello.version != self.version.code() {
            return Err(DtlsError::WrongVersion(hello.version, self.version));
        }
        if !hello.compression.contains(&0) {
            return Err(DtlsError::IllegalParameter("the null compression method is not offered"));
        }
        if hello.renegotiates {
            return Err(DtlsError::IllegalParameter("renegotiation_info of another handshake"));
        }
        let common = self.suites.iter().copied().find(|suite| hello.offers(suite.code()));
        let suite = common.ok_or(DtlsError::NoCommonSuite)?;

        // Whoever asked for a cookie did so without state, so that the numbers go on from those of the ClientHello.
        self.plain_sequence = header.sequence;
        self.hidden.next_send = fragment.sequence;
        self.hidden.next_receive = fragment.sequence.saturating_add(1);
        self.hidden.steps += 1;
        self.peer_random = Some(hello.random);
        self.suite = Some(suite);
        self.hidden.note(self.version, fragment.kind, fragment.sequence, fragment.body);

        let secure_renegotiation = hello.secure_renegotiation && self.version == Version::Dtls12;
        let version = self.version.code();
        match &self.secret {
            Secret::Master(master) => {
                let master = *master;
                let body = server_hello(version, &self.random, hello.session_id, suite, secure_renegotiation)?;
                self.queue(version, message::SERVER_HELLO, body);
                self.install_keys(suite, master)?;
                self.queue_finished()?;
                self.expect = Expect::ChangeCipherSpec;
            }
            Secret::Psk { .. } => {
                // An empty session id says that the App-ID was not taken for a session (AC-DTLS-06).
                let body = server_hello(version, &self.random, &[], suite, secure_renegotiation)?;
                self.queue(version, message::SERVER_HELLO, body);
                self.queue(version, message::SERVER_HELLO_DONE, Vec::new());
                self.expect = Expect::ClientKeyExchange;
            }
        }
        self.send_flight(false, now)
    }

    /// Handles a message of the client, other than ClientHello and Finished.
    pub(crate) fn on_client_message(&mut self, message: &Message) -> Result<(), DtlsError> {
        let (Expect::ClientKeyExchange, message::CLIENT_KEY_EXCHANGE) = (self.expect, message.kind) else {
            return Err(DtlsError::UnexpectedMessage(message.kind));
        };
        let mut reader = Reader(&message.body);
        let identity = reader.vector16().filter(|_| reader.is_empty());
        // Any identity will do (AC-DTLS-07): the session was found by its id.
        identity.ok_or(DtlsError::IllegalParameter("malformed ClientKeyExchange"))?;
        let (Secret::Psk { key, .. }, Some(suite), Some(client_random)) = (&self.secret, self.suite, &self.peer_random)
        else {
            return Err(DtlsError::UnexpectedMessage(message.kind));
        };
        let premaster = psk_premaster(key)?;
        let master = Prf::of(self.version, suite).master_secret(&premaster, client_random, &self.random)?;
        self.install_keys(suite, master)?;
        self.expect = Expect::ChangeCipherSpec;
        Ok(())
    }
}
