//! The rustls side of a channel.

use std::io::{BufRead, IoSlice, Write};

use rustls::{Connection, ProtocolVersion};

use super::TlsError;

/// A rustls connection that is fed one record at a time.
pub(super) struct RustlsSide {
    connection: Connection,
    closed: bool,
}

impl RustlsSide {
    /// Wraps a fresh connection; the channel drains its output after each operation, so it needs no limit of its own.
    pub(super) fn new(mut connection: Connection) -> Self {
        connection.set_buffer_limit(None);
        Self { connection, closed: false }
    }

    /// Gives the library one whole record and appends the plaintext it held, if any, to `out`.
    pub(super) fn process(&mut self, mut record: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        while !record.is_empty() {
            if self.connection.read_tls(&mut record)? == 0 {
                return Err(TlsError::Closed);
            }
        }
        let state = self.connection.process_new_packets()?;
        self.closed |= state.peer_has_closed();
        // Straight from the library's memory, which holds one chunk for each record.
        let mut left = state.plaintext_bytes_to_read();
        while left > 0 {
            let mut reader = self.connection.reader();
            let chunk = reader.fill_buf()?;
            let length = chunk.len().min(left);
            out.extend_from_slice(&chunk[..length]);
            reader.consume(length);
            left = if length == 0 { 0 } else { left - length };
        }
        Ok(())
    }

    /// Makes one record of application data.
    pub(super) fn write_record(&mut self, parts: &[&[u8]], length: usize) -> Result<(), TlsError> {
        if self.connection.is_handshaking() {
            return Err(TlsError::NotReady);
        }
        let mut writer = self.connection.writer();
        let written = match parts {
            [one] => writer.write(one)?,
            [one, two] => writer.write_vectored(&[IoSlice::new(one), IoSlice::new(two)])?,
            many => writer.write(&many.concat())?,
        };
        // All or nothing: the library takes what fits its buffers, and those have no limit.
        if written == length { Ok(()) } else { Err(TlsError::PayloadTooLong(length)) }
    }

    /// Appends the ciphertext that waits to `out`.
    pub(super) fn drain(&mut self, out: &mut Vec<u8>) -> Result<(), TlsError> {
        while self.connection.wants_write() {
            self.connection.write_tls(out)?;
        }
        Ok(())
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    pub(super) fn peer_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn close_notify(&mut self) {
        self.connection.send_close_notify();
    }

    pub(super) fn export(&self, label: &[u8], out: &mut [u8]) -> Result<(), TlsError> {
        self.connection.export_keying_material(out, label, None)?;
        Ok(())
    }

    pub(super) fn update_keys(&mut self) -> Result<(), TlsError> {
        if self.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return Err(TlsError::Unsupported("a key update"));
        }
        Ok(self.connection.refresh_traffic_keys()?)
    }

    pub(super) fn version(&self) -> &'static str {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "unknown",
        }
    }

    /// The suite by its IANA name; rustls says `TLS13_` where IANA says `TLS_`.
    pub(super) fn suite(&self) -> String {
        let Some(suite) = self.connection.negotiated_cipher_suite() else { return String::new() };
        let name = suite.suite().as_str().unwrap_or_default();
        name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
    }

    pub(super) fn sni(&self) -> Option<String> {
        match &self.connection {
            Connection::Client(_) => None,
            Connection::Server(server) => server.server_name().map(str::to_owned),
        }
    }

    pub(super) fn alpn(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    pub(super) fn peer_certificates(&self) -> Vec<Vec<u8>> {
        let chain = self.connection.peer_certificates().unwrap_or_default();
        chain.iter().map(|certificate| certificate.as_ref().to_vec()).collect()
    }
}
