//! The asynchronous shell of a channel for the control phase: handshake, HTTP, then hand over to the data plane.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::channel::Progress;
use super::{MAX_PLAINTEXT, TlsChannel, TlsError};

/// What one read takes from the socket at most, in bytes.
const READ: usize = 16 * 1024;

/// A TLS connection over a TCP connection of tokio; the caller puts the timeouts around it.
///
/// All operations are cancel safe but for writing, where a cancelled call leaves ciphertext for the next one.
pub struct AsyncTls {
    tcp: TcpStream,
    channel: TlsChannel,
    buffer: Box<[u8]>,
}

impl AsyncTls {
    /// Puts a channel and a connected socket together.
    pub fn new(tcp: TcpStream, channel: TlsChannel) -> Self {
        Self { tcp, channel, buffer: vec![0; READ].into() }
    }

    /// Completes the handshake.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when it fails; the peer was sent the alert that says why.
    pub async fn handshake(&mut self) -> Result<(), TlsError> {
        let mut nothing = Vec::new();
        loop {
            self.flush().await?;
            // One record at a time: application data behind the handshake stays in the channel.
            while self.channel.is_handshaking() {
                match self.channel.advance(&mut nothing) {
                    Ok(Progress::Starved) => break,
                    Ok(_) => {}
                    Err(error) => return Err(self.give_up(error).await),
                }
            }
            self.flush().await?;
            if !self.channel.is_handshaking() {
                return Ok(());
            }
            if self.fill().await? == 0 {
                return Err(TlsError::Closed);
            }
        }
    }

    /// Appends the plaintext of the next record to `out` and tells its length; 0 when the peer has closed.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when the connection fails.
    pub async fn read(&mut self, out: &mut Vec<u8>) -> Result<usize, TlsError> {
        let before = out.len();
        loop {
            match self.channel.next_record(out) {
                Ok(true) => {
                    self.flush().await?;
                    return Ok(out.len() - before);
                }
                Ok(false) => self.flush().await?,
                Err(error) => return Err(self.give_up(error).await),
            }
            if self.channel.peer_closed() || self.fill().await? == 0 {
                return Ok(0);
            }
        }
    }

    /// Sends `data`, in as few records as possible.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when the connection fails.
    pub async fn write_all(&mut self, data: &[u8]) -> Result<(), TlsError> {
        for record in data.chunks(MAX_PLAINTEXT) {
            self.channel.write_record(&[record])?;
            self.flush().await?;
        }
        Ok(())
    }

    /// Tells the peer that nothing more comes, and closes the sending direction.
    ///
    /// # Errors
    ///
    /// [`TlsError::Io`] when the socket fails.
    pub async fn close(&mut self) -> Result<(), TlsError> {
        self.channel.close_notify();
        self.flush().await?;
        Ok(self.tcp.shutdown().await?)
    }

    /// The channel, for what it knows about the connection.
    pub fn channel(&self) -> &TlsChannel {
        &self.channel
    }

    /// The channel, for key updates and the like; what it produces is sent with the next operation.
    pub fn channel_mut(&mut self) -> &mut TlsChannel {
        &mut self.channel
    }

    /// The socket, for its addresses and options.
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Takes both apart: the socket stays non-blocking, the channel keeps every byte that was read or not sent yet.
    ///
    /// # Errors
    ///
    /// [`TlsError::Io`] when the runtime does not let go of the socket.
    pub fn into_parts(self) -> Result<(std::net::TcpStream, TlsChannel), TlsError> {
        let tcp = self.tcp.into_std()?;
        tcp.set_nonblocking(true)?;
        Ok((tcp, self.channel))
    }

    async fn fill(&mut self) -> Result<usize, TlsError> {
        let length = self.tcp.read(&mut self.buffer).await?;
        self.channel.feed(&self.buffer[..length]);
        Ok(length)
    }

    /// Sends what waits; byte counts are kept after each write, so that a cancelled call loses nothing.
    async fn flush(&mut self) -> Result<(), TlsError> {
        while !self.channel.output().is_empty() {
            let length = self.tcp.write(self.channel.output()).await?;
            if length == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            self.channel.consume_output(length);
        }
        Ok(())
    }

    /// Sends the alert that belongs to `error`, if the socket takes it at once.
    async fn give_up(&mut self, error: TlsError) -> TlsError {
        let _ = self.tcp.try_write(self.channel.output());
        error
    }
}
