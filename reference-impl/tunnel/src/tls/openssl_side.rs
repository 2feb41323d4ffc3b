//! The OpenSSL side of a channel: TLS 1.0 to 1.3 over a pipe in memory, with renegotiation.

use std::collections::VecDeque;
use std::ffi::{c_int, c_long, c_void};
use std::io;
use std::io::{Read, Write};

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ssl::{ErrorCode, NameType, ShutdownState, Ssl, SslStream, SslVersion};

use super::{MAX_PLAINTEXT, Role, TlsError};

/// What may wait for the end of a renegotiation, in bytes of plaintext.
const MAX_QUEUED: usize = 256 * 1024;

// Names and numbers as in openssl/ssl.h; the openssl crate does not have them.
const SSL_CTRL_GET_RI_SUPPORT: c_int = 76;
const SSL_CTRL_MODE: c_int = 33;
const SSL_KEY_UPDATE_REQUESTED: c_int = 1;
const SSL_MODE_RELEASE_BUFFERS: c_long = 0x10;
/// A server of OpenSSL 3 refuses renegotiation by the client without it.
const SSL_OP_ALLOW_CLIENT_RENEGOTIATION: u64 = 1 << 8;
/// Without it TLS 1.0 puts an empty record in front of each; one packet has to be one record (AC-CSTP-01).
const SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS: u64 = 1 << 11;

// SAFETY: the declarations are those of openssl/ssl.h (3.0); libssl is linked by the openssl crate.
unsafe extern "C" {
    fn SSL_ctrl(ssl: *mut c_void, command: c_int, larg: c_long, parg: *mut c_void) -> c_long;
    fn SSL_key_update(ssl: *mut c_void, kind: c_int) -> c_int;
    fn SSL_renegotiate(ssl: *mut c_void) -> c_int;
    fn SSL_set_options(ssl: *mut c_void, options: u64) -> u64;
}

/// Both directions in memory: `record` is what OpenSSL may read next, `written` what it wrote.
struct Pipe {
    record: Vec<u8>,
    position: usize,
    written: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.record[self.position..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.position += length;
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An OpenSSL connection that is fed one record at a time.
pub(super) struct OpenSslSide {
    stream: SslStream<Pipe>,
    established: bool,
    closed: bool,
    renegotiating: bool,
    /// SHA-256 of the certificate that the peer showed last.
    peer: Option<Vec<u8>>,
    /// The parts of a record, put together.
    scratch: Vec<u8>,
    /// Plaintexts of records that wait for the end of a renegotiation.
    queued: VecDeque<Vec<u8>>,
    queued_bytes: usize,
}

impl OpenSslSide {
    /// Takes a configured `Ssl`; a client's first flight is written at once.
    pub(super) fn new(mut ssl: Ssl, role: Role) -> Result<Self, TlsError> {
        match role {
            Role::Client => ssl.set_connect_state(),
            Role::Server => ssl.set_accept_state(),
        }
        let raw = ssl.as_ptr().cast();
        // SAFETY: `raw` is the live SSL object of `ssl`, which nothing else uses; both calls only set flags in it.
        unsafe {
            SSL_set_options(raw, SSL_OP_ALLOW_CLIENT_RENEGOTIATION | SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS);
            SSL_ctrl(raw, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, std::ptr::null_mut());
        }
        let pipe = Pipe { record: Vec::new(), position: 0, written: Vec::new() };
        let stream = SslStream::new(ssl, pipe)?;
        let mut side = Self {
            stream,
            established: false,
            closed: false,
            renegotiating: false,
            peer: None,
            scratch: Vec::new(),
            queued: VecDeque::new(),
            queued_bytes: 0,
        };
        side.handshake()?;
        Ok(side)
    }

    fn raw(&self) -> *mut c_void {
        self.stream.ssl().as_ptr().cast()
    }

    /// Gives the library one whole record and appends the plaintext it held, if any, to `out`.
    pub(super) fn process(&mut self, record: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        let pipe = self.stream.get_mut();
        pipe.record.clear();
        pipe.record.extend_from_slice(record);
        pipe.position = 0;
        if !self.established {
            self.handshake()?;
        }
        if self.established {
            self.read(out)?;
            self.after_renegotiation()?;
        }
        Ok(())
    }

    /// Goes on with a handshake until the library wants the next record.
    fn handshake(&mut self) -> Result<(), TlsError> {
        match self.stream.do_handshake() {
            Ok(()) => {
                if !self.established && self.stream.ssl().is_init_finished() {
                    self.established = true;
                    self.peer = self.peer_digest();
                }
                Ok(())
            }
            Err(error) if matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE) => Ok(()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Reads what the record held; handshake messages behind the first handshake are handled on the way.
    fn read(&mut self, out: &mut Vec<u8>) -> Result<(), TlsError> {
        loop {
            out.reserve(MAX_PLAINTEXT);
            match self.stream.ssl_read_uninit(&mut out.spare_capacity_mut()[..MAX_PLAINTEXT]) {
                // SAFETY: that many bytes behind the old length were just initialised by the library, and they were reserved.
                Ok(length) => unsafe { out.set_len(out.len() + length) },
                Err(error) if matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE) => return Ok(()),
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                    self.closed = true;
                    return Ok(());
                }
                Err(error) => return Err(self.failure(&error)),
            }
        }
    }

    /// Checks the peer and sends what waited, once no handshake is under way.
    fn after_renegotiation(&mut self) -> Result<(), TlsError> {
        let finished = self.stream.ssl().is_init_finished();
        if finished && self.renegotiating {
            let peer = self.peer_digest();
            if self.peer.is_some() && self.peer != peer {
                return Err(TlsError::PeerChanged);
            }
            self.peer = peer;
        }
        self.renegotiating = !finished;
        if !finished {
            return Ok(());
        }
        while let Some(payload) = self.queued.pop_front() {
            self.queued_bytes -= payload.len();
            self.write_now(&payload)?;
        }
        Ok(())
    }

    /// Makes one record of application data; during a renegotiation it waits (bounded).
    pub(super) fn write_record(&mut self, parts: &[&[u8]], length: usize) -> Result<(), TlsError> {
        if !self.established {
            return Err(TlsError::NotReady);
        }
        if !self.stream.ssl().is_init_finished() || !self.queued.is_empty() {
            if self.queued_bytes + length > MAX_QUEUED {
                return Err(TlsError::NotReady);
            }
            self.queued_bytes += length;
            self.queued.push_back(parts.concat());
            return Ok(());
        }
        match parts {
            [one] => self.write_now(one),
            many => {
                let mut whole = std::mem::take(&mut self.scratch);
                whole.clear();
                many.iter().for_each(|part| whole.extend_from_slice(part));
                let result = self.write_now(&whole);
                self.scratch = whole;
                result
            }
        }
    }

    fn write_now(&mut self, payload: &[u8]) -> Result<(), TlsError> {
        if payload.is_empty() {
            return Ok(());
        }
        match self.stream.ssl_write(payload) {
            Ok(length) if length == payload.len() => Ok(()),
            Ok(_) => Err(TlsError::PayloadTooLong(payload.len())),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Appends the ciphertext that waits to `out`.
    pub(super) fn drain(&mut self, out: &mut Vec<u8>) {
        let written = &mut self.stream.get_mut().written;
        if out.is_empty() {
            std::mem::swap(out, written);
        } else {
            out.append(written);
        }
    }

    /// Gives memory that is not in use back.
    pub(super) fn shrink(&mut self) {
        let pipe = self.stream.get_mut();
        pipe.record = Vec::new();
        pipe.position = 0;
        pipe.written.shrink_to_fit();
        self.scratch = Vec::new();
    }

    pub(super) fn is_handshaking(&self) -> bool {
        !self.established
    }

    pub(super) fn is_renegotiating(&self) -> bool {
        self.established && !self.stream.ssl().is_init_finished()
    }

    pub(super) fn peer_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn close_notify(&mut self) {
        if self.established && !self.stream.get_shutdown().contains(ShutdownState::SENT) {
            // The alert is written to the pipe; whether the peer answers does not matter here.
            let _ = self.stream.shutdown();
        }
    }

    pub(super) fn export(&self, label: &str, out: &mut [u8]) -> Result<(), TlsError> {
        Ok(self.stream.ssl().export_keying_material(out, label, None)?)
    }

    pub(super) fn update_keys(&mut self) -> Result<(), TlsError> {
        if self.stream.ssl().version2() != Some(SslVersion::TLS1_3) {
            return Err(TlsError::Unsupported("a key update"));
        }
        // SAFETY: the pointer is that of the live SSL object, which `self` owns.
        if unsafe { SSL_key_update(self.raw(), SSL_KEY_UPDATE_REQUESTED) } != 1 {
            return Err(ErrorStack::get().into());
        }
        self.handshake()
    }

    pub(super) fn secure_renegotiation(&self) -> bool {
        // SAFETY: the pointer is that of the live SSL object; the command only reads a flag.
        let supported = unsafe { SSL_ctrl(self.raw(), SSL_CTRL_GET_RI_SUPPORT, 0, std::ptr::null_mut()) };
        self.stream.ssl().version2() != Some(SslVersion::TLS1_3) && supported == 1
    }

    pub(super) fn renegotiate(&mut self) -> Result<(), TlsError> {
        if !self.established || !self.secure_renegotiation() {
            return Err(TlsError::Unsupported("renegotiation"));
        }
        if self.is_renegotiating() {
            return Ok(());
        }
        // SAFETY: the pointer is that of the live SSL object, which `self` owns.
        if unsafe { SSL_renegotiate(self.raw()) } != 1 {
            return Err(ErrorStack::get().into());
        }
        self.handshake()
    }

    pub(super) fn version(&self) -> &'static str {
        self.stream.ssl().version_str()
    }

    pub(super) fn suite(&self) -> String {
        let cipher = self.stream.ssl().current_cipher();
        cipher.map(|cipher| cipher.standard_name().unwrap_or(cipher.name()).to_owned()).unwrap_or_default()
    }

    pub(super) fn sni(&self) -> Option<String> {
        self.stream.ssl().servername(NameType::HOST_NAME).map(str::to_owned)
    }

    pub(super) fn alpn(&self) -> Option<&[u8]> {
        self.stream.ssl().selected_alpn_protocol()
    }

    /// The chain of the peer, leaf first; a server's view of it lacks the leaf in OpenSSL.
    pub(super) fn peer_certificates(&self) -> Vec<Vec<u8>> {
        let ssl = self.stream.ssl();
        let leaf = ssl.peer_certificate().and_then(|leaf| leaf.to_der().ok());
        let mut all: Vec<Vec<u8>> = leaf.into_iter().collect();
        for certificate in ssl.peer_cert_chain().into_iter().flatten().filter_map(|one| one.to_der().ok()) {
            if all.first() != Some(&certificate) {
                all.push(certificate);
            }
        }
        all
    }

    fn peer_digest(&self) -> Option<Vec<u8>> {
        let leaf = self.stream.ssl().peer_certificate()?;
        Some(leaf.digest(MessageDigest::sha256()).ok()?.to_vec())
    }

    fn failure(&self, error: &openssl::ssl::Error) -> TlsError {
        TlsError::from_openssl(self.stream.ssl(), error)
    }
}
