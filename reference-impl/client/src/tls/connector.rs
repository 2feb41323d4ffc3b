//! From addresses to an open TLS connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reference_tunnel::tls::{AsyncTls, Role, TlsChannel};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::key_log::KeyLogFile;
use super::rustls_client::Verdict;
use super::{Identity, openssl_client, rustls_client};
use crate::cli::{Settings, TlsBackend, TlsVersion};
use crate::error::ClientError;
use crate::resolve::dial;
use crate::terminal;
use crate::trust::{Anchors, Policy, Refusal};

/// Makes TLS connections; all of a run are judged alike (AC-TLS-19).
pub(crate) struct Connector {
    backend: TlsBackend,
    versions: (TlsVersion, TlsVersion),
    policy: Arc<Policy>,
    identity: Option<Identity>,
    key_log: Option<Arc<KeyLogFile>>,
    limit: Duration,
}

impl Connector {
    /// Reads the files that the settings name.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ClientError> {
        let anchors = Anchors::load(settings.system_trust, settings.ca_file.as_deref(), settings.crl.as_deref())?;
        let identity = match &settings.identity {
            None => None,
            Some((certificate, key)) => Some(Identity::load(certificate, key)?),
        };
        let key_log = settings.key_log.as_deref().map(KeyLogFile::open).transpose()?;
        Ok(Self {
            backend: settings.backend,
            versions: (settings.tls_min, settings.tls_max),
            policy: Arc::new(Policy::new(settings.trust.clone(), anchors, settings.defects)),
            identity,
            key_log: key_log.map(Arc::new),
            limit: settings.connect_timeout,
        })
    }

    /// Whether there is a client certificate.
    pub(crate) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// Connects to the first address that answers; the client certificate is shown only if it is asked for and fits (AC-TLS-13).
    pub(crate) async fn connect(
        &self,
        host: &str,
        addresses: &[SocketAddr],
        with_certificate: bool,
    ) -> Result<AsyncTls, ClientError> {
        let identity = self.identity.as_ref().filter(|_| with_certificate);
        let mut first = None;
        for address in addresses {
            let attempt = match dial(host, &[*address], self.limit).await {
                Ok(tcp) => self.handshake(host, tcp, identity).await,
                Err(error) => Err(error),
            };
            match attempt {
                Err(ClientError::Certificate { host, refusal }) if self.policy.asks() => {
                    if !confirmed(&host, &refusal).await {
                        return Err(ClientError::Certificate { host, refusal });
                    }
                    if let Some(pin) = refusal.pin {
                        self.policy.accept(pin);
                    }
                    let tcp = dial(&host, &[*address], self.limit).await?;
                    return self.handshake(&host, tcp, identity).await;
                }
                Ok(_) | Err(ClientError::Certificate { .. } | ClientError::TlsSetup(_)) => return attempt,
                Err(error) => first = Some(join(first, error)),
            }
        }
        Err(first.unwrap_or_else(|| ClientError::Resolve { host: host.to_owned(), reason: "it has none".into() }))
    }

    async fn handshake(
        &self,
        host: &str,
        tcp: TcpStream,
        identity: Option<&Identity>,
    ) -> Result<AsyncTls, ClientError> {
        let verdict: Verdict = Arc::new(Mutex::new(None));
        let (policy, key_log) = (&self.policy, self.key_log.as_ref());
        let channel = match self.backend {
            TlsBackend::Rustls => TlsChannel::from_rustls_client(rustls_client::connection(
                self.versions,
                host,
                policy,
                identity,
                key_log,
                &verdict,
            )?),
            TlsBackend::Openssl => openssl_client::connection(self.versions, host, policy, identity, key_log, &verdict)
                .map_err(|error| error.to_string())
                .and_then(|ssl| TlsChannel::from_openssl(ssl, Role::Client).map_err(|error| error.to_string()))
                .map_err(ClientError::TlsSetup)?,
        };
        let mut tls = AsyncTls::new(tcp, channel);
        let result = timeout(self.limit, tls.handshake()).await;
        if let Some(refusal) = verdict.lock().ok().and_then(|mut verdict| verdict.take()) {
            return Err(ClientError::Certificate { host: host.to_owned(), refusal });
        }
        let failed = |reason: String| ClientError::Tls { host: host.to_owned(), reason };
        match result {
            Ok(Ok(())) => Ok(tls),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no handshake within {} s", self.limit.as_secs()))),
        }
    }
}

/// The failures of several addresses as one: they are of one kind as a rule, and the last one is the most telling otherwise.
fn join(first: Option<ClientError>, next: ClientError) -> ClientError {
    match (first, next) {
        (Some(ClientError::Unreachable { host, reason }), ClientError::Unreachable { reason: more, .. }) => {
            ClientError::Unreachable { host, reason: format!("{reason}, {more}") }
        }
        (_, next) => next,
    }
}

/// Puts a refusal to the user; without a terminal the answer is no.
async fn confirmed(host: &str, refusal: &Refusal) -> bool {
    let Some(pin) = refusal.pin else { return false };
    let question = format!("certificate of {host}: {refusal}\nits key is {pin}\nconnect all the same? (yes/no)");
    terminal::ask(&question, false).await.is_some_and(|answer| answer.trim() == "yes")
}
