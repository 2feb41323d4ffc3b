//! One TLS connection without a socket.

use std::mem;

use rustls::{ClientConnection, Connection, ServerConnection};

use super::openssl_side::OpenSslSide;
use super::rustls_side::RustlsSide;
use super::{MAX_PLAINTEXT, Role, TlsError, record};

enum Side {
    OpenSsl(Box<OpenSslSide>),
    Rustls(Box<RustlsSide>),
}

/// What became of the next bytes of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// A record was handled that held no application data.
    Control,
    /// A record was handled, and its plaintext is in the output.
    Data,
    /// The input holds no further whole record; what was left of it is kept.
    Starved,
}

/// One TLS connection without a socket, which knows the borders of the records in both directions.
///
/// Ciphertext goes in with [`feed`](Self::feed) (or [`next_record_from`](Self::next_record_from)) and comes out with
/// [`output`](Self::output) and [`consume_output`](Self::consume_output). Every operation may produce output, an error
/// too: the alert that tells the peer about it.
pub struct TlsChannel {
    side: Side,
    role: Role,
    /// Fed and not yet looked at, from `fed_position` on.
    fed: Vec<u8>,
    fed_position: usize,
    /// The beginning of a record whose end has not come.
    partial: Vec<u8>,
    output: Vec<u8>,
    output_position: usize,
}

impl TlsChannel {
    /// Makes a channel of a rustls client; its first flight is in the output.
    pub fn from_rustls_client(connection: ClientConnection) -> Self {
        Self::new(Side::Rustls(Box::new(RustlsSide::new(Connection::Client(connection)))), Role::Client)
    }

    /// Makes a channel of a rustls server.
    pub fn from_rustls_server(connection: ServerConnection) -> Self {
        Self::new(Side::Rustls(Box::new(RustlsSide::new(Connection::Server(connection)))), Role::Server)
    }

    /// Makes a channel of a configured OpenSSL object; a client's first flight is in the output.
    ///
    /// # Errors
    ///
    /// [`TlsError::OpenSsl`] when the handshake cannot begin, for example because no version is allowed.
    pub fn from_openssl(ssl: openssl::ssl::Ssl, role: Role) -> Result<Self, TlsError> {
        Ok(Self::new(Side::OpenSsl(Box::new(OpenSslSide::new(ssl, role)?)), role))
    }

    fn new(side: Side, role: Role) -> Self {
        let (fed, partial, output) = (Vec::new(), Vec::new(), Vec::new());
        let mut channel = Self { side, role, fed, fed_position: 0, partial, output, output_position: 0 };
        // The library itself produced what there is; draining it to memory cannot fail.
        let _ = channel.pull();
        channel
    }

    /// Which end of the connection this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Takes ciphertext; it is looked at by [`next_record`](Self::next_record).
    pub fn feed(&mut self, ciphertext: &[u8]) {
        self.fed.extend_from_slice(ciphertext);
    }

    /// Handles records until one with application data was found, and appends its plaintext to `out`.
    ///
    /// `true` means that exactly one record's plaintext was appended, `false` that all complete records are handled.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when the connection cannot go on; the output then holds the alert for the peer.
    pub fn next_record(&mut self, out: &mut Vec<u8>) -> Result<bool, TlsError> {
        loop {
            match self.advance(out)? {
                Progress::Control => {}
                Progress::Data => return Ok(true),
                Progress::Starved => return Ok(false),
            }
        }
    }

    /// Like [`next_record`](Self::next_record), with ciphertext that stays where it is: `input` is advanced.
    ///
    /// What was given to [`feed`](Self::feed) before is handled first. When `false` comes back, `input` is empty.
    ///
    /// # Errors
    ///
    /// As [`next_record`](Self::next_record).
    pub fn next_record_from(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, TlsError> {
        if self.fed_position < self.fed.len() && self.next_record(out)? {
            return Ok(true);
        }
        loop {
            match self.step(input, out)? {
                Progress::Control => {}
                Progress::Data => return Ok(true),
                Progress::Starved => return Ok(false),
            }
        }
    }

    /// Handles at most one of the records that were fed.
    pub(super) fn advance(&mut self, out: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let fed = mem::take(&mut self.fed);
        let mut input = &fed[self.fed_position..];
        let result = self.step(&mut input, out);
        let rest = input.len();
        if rest > 0 {
            self.fed_position = fed.len() - rest;
            self.fed = fed;
        } else {
            self.fed_position = 0;
        }
        result
    }

    /// Handles at most one record of `input`.
    fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<Progress, TlsError> {
        let before = out.len();
        if self.partial.is_empty() {
            match record::length(input)? {
                Some(length) if length <= input.len() => {
                    let (record, rest) = input.split_at(length);
                    *input = rest;
                    self.process(record, out)?;
                }
                _ => {
                    self.partial.extend_from_slice(input);
                    *input = &[];
                    return Ok(Progress::Starved);
                }
            }
        } else {
            if !record::complete(&mut self.partial, input)? {
                return Ok(Progress::Starved);
            }
            let record = mem::take(&mut self.partial);
            self.process(&record, out)?;
        }
        Ok(if out.len() > before { Progress::Data } else { Progress::Control })
    }

    fn process(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        let result = match &mut self.side {
            Side::OpenSsl(side) => side.process(record, out),
            Side::Rustls(side) => side.process(record, out),
        };
        self.pull().and(result)
    }

    /// Puts `parts`, one behind the other, into exactly one record of application data.
    ///
    /// While OpenSSL renegotiates, records wait inside the channel (at most 256 KiB).
    ///
    /// # Errors
    ///
    /// [`TlsError::PayloadTooLong`] above [`MAX_PLAINTEXT`] bytes, [`TlsError::NotReady`] before the handshake is
    /// complete or when too much waits for a renegotiation.
    pub fn write_record(&mut self, parts: &[&[u8]]) -> Result<(), TlsError> {
        let length = parts.iter().map(|part| part.len()).sum();
        if length > MAX_PLAINTEXT {
            return Err(TlsError::PayloadTooLong(length));
        }
        match &mut self.side {
            Side::OpenSsl(side) => side.write_record(parts, length)?,
            Side::Rustls(side) => side.write_record(parts, length)?,
        }
        self.pull()
    }

    fn pull(&mut self) -> Result<(), TlsError> {
        match &mut self.side {
            Side::OpenSsl(side) => side.drain(&mut self.output),
            Side::Rustls(side) => side.drain(&mut self.output)?,
        }
        Ok(())
    }

    /// The ciphertext that waits to be sent.
    pub fn output(&self) -> &[u8] {
        &self.output[self.output_position..]
    }

    /// Forgets the first `length` bytes of the output, which were sent.
    pub fn consume_output(&mut self, length: usize) {
        self.output_position = (self.output_position + length).min(self.output.len());
        if self.output_position == self.output.len() {
            self.output.clear();
            self.output_position = 0;
        }
    }

    /// Takes the whole output away.
    pub fn take_output(&mut self) -> Vec<u8> {
        let position = mem::take(&mut self.output_position);
        let mut output = mem::take(&mut self.output);
        output.drain(..position);
        output
    }

    /// Gives back what memory is not in use; for a connection that has become idle.
    pub fn shrink(&mut self) {
        self.partial.shrink_to_fit();
        self.output.shrink_to_fit();
        if let Side::OpenSsl(side) = &mut self.side {
            side.shrink();
        }
    }

    /// Swaps the output buffer for another one when the output is empty, so that idle connections need not own one.
    pub(crate) fn swap_empty_output(&mut self, other: &mut Vec<u8>) {
        if self.output.is_empty() && other.is_empty() {
            mem::swap(&mut self.output, other);
        }
    }

    /// Tells whether the first handshake is not complete yet.
    pub fn is_handshaking(&self) -> bool {
        match &self.side {
            Side::OpenSsl(side) => side.is_handshaking(),
            Side::Rustls(side) => side.is_handshaking(),
        }
    }

    /// Tells whether a renegotiation is under way (OpenSSL with TLS 1.2 or less).
    pub fn is_renegotiating(&self) -> bool {
        match &self.side {
            Side::OpenSsl(side) => side.is_renegotiating(),
            Side::Rustls(_) => false,
        }
    }

    /// Tells whether the peer said with close_notify that nothing more comes.
    pub fn peer_closed(&self) -> bool {
        match &self.side {
            Side::OpenSsl(side) => side.peer_closed(),
            Side::Rustls(side) => side.peer_closed(),
        }
    }

    /// Tells the peer that nothing more comes.
    pub fn close_notify(&mut self) {
        match &mut self.side {
            Side::OpenSsl(side) => side.close_notify(),
            Side::Rustls(side) => side.close_notify(),
        }
        let _ = self.pull();
    }

    /// Derives `length` bytes from the session with the exporter of RFC 5705 and RFC 8446 section 7.5, without a
    /// context (AC-DTLS-03).
    ///
    /// # Errors
    ///
    /// [`TlsError`] before the handshake is complete.
    pub fn export(&self, label: &str, length: usize) -> Result<Vec<u8>, TlsError> {
        let mut out = vec![0; length];
        match &self.side {
            Side::OpenSsl(side) => side.export(label, &mut out)?,
            Side::Rustls(side) => side.export(label.as_bytes(), &mut out)?,
        }
        Ok(out)
    }

    /// Changes the keys of both directions with a TLS 1.3 KeyUpdate (RFC 8446 section 4.6.3, AC-RKY-02).
    ///
    /// # Errors
    ///
    /// [`TlsError::Unsupported`] with an older version.
    pub fn update_keys(&mut self) -> Result<(), TlsError> {
        let result = match &mut self.side {
            Side::OpenSsl(side) => side.update_keys(),
            Side::Rustls(side) => side.update_keys(),
        };
        self.pull().and(result)
    }

    /// Begins a new handshake inside the connection (TLS 1.2 or less, AC-RKY-01); a server asks the client for it.
    ///
    /// # Errors
    ///
    /// [`TlsError::Unsupported`] with rustls, with TLS 1.3 and without RFC 5746.
    pub fn renegotiate(&mut self) -> Result<(), TlsError> {
        let result = match &mut self.side {
            Side::OpenSsl(side) => side.renegotiate(),
            Side::Rustls(_) => Err(TlsError::Unsupported("renegotiation")),
        };
        self.pull().and(result)
    }

    /// Tells whether [`renegotiate`](Self::renegotiate) is possible, which takes RFC 5746 on both sides (AC-RKY-06).
    pub fn secure_renegotiation(&self) -> bool {
        match &self.side {
            Side::OpenSsl(side) => side.secure_renegotiation(),
            Side::Rustls(_) => false,
        }
    }

    /// The negotiated version as OpenSSL names it, for example `TLSv1.3`.
    pub fn version(&self) -> &'static str {
        match &self.side {
            Side::OpenSsl(side) => side.version(),
            Side::Rustls(side) => side.version(),
        }
    }

    /// The negotiated cipher suite by its IANA name; empty before it is known.
    pub fn suite(&self) -> String {
        match &self.side {
            Side::OpenSsl(side) => side.suite(),
            Side::Rustls(side) => side.suite(),
        }
    }

    /// The server name that the client asked for; a rustls client does not remember it.
    pub fn sni(&self) -> Option<String> {
        match &self.side {
            Side::OpenSsl(side) => side.sni(),
            Side::Rustls(side) => side.sni(),
        }
    }

    /// The negotiated application protocol.
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.side {
            Side::OpenSsl(side) => side.alpn(),
            Side::Rustls(side) => side.alpn(),
        }
    }

    /// The certificates that the peer showed, in DER, leaf first; empty when it showed none.
    pub fn peer_certificates(&self) -> Vec<Vec<u8>> {
        match &self.side {
            Side::OpenSsl(side) => side.peer_certificates(),
            Side::Rustls(side) => side.peer_certificates(),
        }
    }

    /// The library behind the channel, `openssl` or `rustls`.
    pub fn backend(&self) -> &'static str {
        match &self.side {
            Side::OpenSsl(_) => "openssl",
            Side::Rustls(_) => "rustls",
        }
    }
}
