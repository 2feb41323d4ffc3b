//! One HTTP exchange after the other over a TLS connection, until CONNECT turns it into a tunnel.

use std::time::Duration;

use reference_cstp::http::{Expect, Limits, Request, Response, ResponseReader};
use reference_tunnel::tls::AsyncTls;
use tokio::time::timeout;

use crate::error::ClientError;

/// Longest wait for a reply: a second factor may ask a person to confirm.
const PATIENCE: Duration = Duration::from_secs(90);

/// A TLS connection on which requests are sent.
pub(crate) struct HttpChannel {
    tls: AsyncTls,
    reader: ResponseReader,
    host: String,
}

impl HttpChannel {
    pub(crate) fn new(tls: AsyncTls, host: &str) -> Self {
        Self { tls, reader: ResponseReader::new(Limits::default()), host: host.to_owned() }
    }

    /// The connection below.
    pub(crate) fn tls(&self) -> &AsyncTls {
        &self.tls
    }

    /// Version, suite and peer, for the event log.
    pub(crate) fn describe(&self) -> String {
        let channel = self.tls.channel();
        let peer = self.tls.tcp().peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
        format!("{} {} {peer}", channel.version(), channel.suite())
    }

    /// Sends a request and waits for its reply.
    pub(crate) async fn exchange(&mut self, request: &Request, expect: Expect) -> Result<Response, ClientError> {
        let exchange = async {
            self.tls.write_all(&request.to_bytes()).await.map_err(|error| error.to_string())?;
            self.reader.expect(expect);
            self.reply().await
        };
        let late = || Err(format!("no reply within {} s", PATIENCE.as_secs()));
        let result = timeout(PATIENCE, exchange).await.unwrap_or_else(|_| late());
        result.map_err(|reason| ClientError::Http { host: self.host.clone(), reason })
    }

    async fn reply(&mut self) -> Result<Response, String> {
        let mut record = Vec::new();
        loop {
            if let Some(response) = self.reader.next().map_err(|error| error.to_string())? {
                return Ok(response);
            }
            record.clear();
            let ended = match self.tls.read(&mut record).await {
                Ok(0) => "the gateway closed the connection without a reply".to_owned(),
                Ok(_) => {
                    self.reader.push(&record);
                    continue;
                }
                // ocserv refuses a cookie with a reply without a length and a fatal alert behind it: the reply counts.
                Err(error) => error.to_string(),
            };
            self.reader.close();
            let last = self.reader.next().map_err(|_| ended.clone())?;
            return last.ok_or(ended);
        }
    }

    /// Tells the gateway that nothing more comes.
    pub(crate) async fn close(mut self) {
        // What is not sent within a second is of no interest to anybody.
        let _ = timeout(Duration::from_secs(1), self.tls.close()).await;
    }

    /// The connection, and what came behind the last reply.
    pub(crate) fn into_tunnel(mut self) -> (AsyncTls, Vec<u8>) {
        let early = self.reader.take_rest();
        (self.tls, early)
    }
}
