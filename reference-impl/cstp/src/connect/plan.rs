//! What follows from request and reply: which DTLS, which sizes, which timers.

use super::reply::ConnectReply;
use super::request::ConnectRequest;
use super::suite::{Choice, Suite};
use crate::compress::Compression;
use crate::profile::{AcceptedMtu, ClientProfile, DtlsMtuPlan};
use crate::session::{DtlsPolicy, MtuPlan, Role, SessionConfig, Timers};

/// All that a client needs for DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsPlan {
    /// The suite, and with it the family.
    pub suite: Choice,
    /// The session id of the ClientHello: `X-DTLS-App-ID` or `X-DTLS-Session-ID` (AC-DTLS-04, AC-DTLS-08).
    pub session_id: Vec<u8>,
    /// The UDP port of the server (AC-DTLS-30).
    pub port: u16,
    /// How packets are compressed on DTLS.
    pub compression: Compression,
}

/// Why there is no DTLS. The session goes on over TLS (AC-DTLS-11, AC-DTLS-31).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDtls {
    /// The client did not ask for it.
    #[error("DTLS was not asked for")]
    NotAsked,
    /// The reply has no headers of DTLS.
    #[error("the server offers no DTLS")]
    NotOffered,
    /// The reply names no suite.
    #[error("the server names no DTLS suite")]
    NoSuite,
    /// The suite is not one of those that were offered.
    #[error("the server chose the DTLS suite `{0}`, which was not offered")]
    SuiteNotOffered(String),
    /// The reply has no id to find the session by.
    #[error("the server gives no id for the DTLS session")]
    NoSessionId,
    /// The reply names no port.
    #[error("the server names no UDP port")]
    NoPort,
}

impl ConnectReply {
    /// Returns the DTLS that both sides agreed upon.
    ///
    /// The name in `X-DTLS12-CipherSuite` means DTLS 1.2, the plain names in `X-DTLS-CipherSuite` the legacy version (AC-DTLS-12).
    ///
    /// # Errors
    /// Says why there is none; that ends nothing.
    pub fn dtls_plan(&self, request: &ConnectRequest) -> Result<DtlsPlan, NoDtls> {
        if !request.offers_dtls() {
            return Err(NoDtls::NotAsked);
        }
        let dtls = self.dtls.as_ref().ok_or(NoDtls::NotOffered)?;
        let names = [(&dtls.suite12, true), (&dtls.suite, false)];
        let (name, dtls12) =
            names.iter().find_map(|(name, dtls12)| Some((name.as_ref()?, *dtls12))).ok_or(NoDtls::NoSuite)?;
        let suite = Suite::named(name, dtls12).filter(|suite| request.offers(suite));
        let suite = suite.ok_or_else(|| NoDtls::SuiteNotOffered(super::value::short(name)))?;
        let resumed = || dtls.session_id.map(|id| id.to_vec());
        let session_id = if suite.family.resumes() { resumed() } else { dtls.app_id.clone().or_else(resumed) };
        Ok(DtlsPlan {
            suite,
            session_id: session_id.ok_or(NoDtls::NoSessionId)?,
            port: dtls.port.ok_or(NoDtls::NoPort)?,
            compression: dtls.content_encoding,
        })
    }

    /// Returns the sizes that a client of this profile works with (AC-MTU-01); `dtls` tells whether there is a [`DtlsPlan`].
    pub fn mtu_plan(&self, profile: &ClientProfile, dtls: bool) -> MtuPlan {
        let largest = self.largest_mtu().unwrap_or(1280);
        let dtls_mtu = self.dtls.as_ref().and_then(|dtls| dtls.mtu);
        let (tls, first) = match profile.mtu {
            AcceptedMtu::Larger => (largest, None),
            AcceptedMtu::DtlsFirst => (self.cstp_mtu.unwrap_or(largest), dtls_mtu.filter(|_| dtls)),
        };
        let v6 = self.addresses_for(largest).any(|it| it.addr.is_ipv6());
        let least = if v6 { 1280 } else { 576 };
        MtuPlan { tls, dtls: first, probe: dtls && profile.dtls.mtu == DtlsMtuPlan::Probe, floor: least.min(tls) }
    }

    /// Returns the client's session for this reply; `dtls` tells whether there is a [`DtlsPlan`].
    ///
    /// Idle and session timeout are the server's business and left out; see [`ConnectReply::ends_after`].
    pub fn client_session(&self, profile: &ClientProfile, dtls: bool) -> SessionConfig {
        let mut config = SessionConfig::new(Role::Client, self.mtu_plan(profile, dtls));
        config.tls = Timers { dpd: self.dpd, keepalive: self.keepalive };
        config.rekey = self.rekey;
        if let Some(reply) = self.dtls.as_ref().filter(|_| dtls) {
            config.dtls = Timers { dpd: reply.dpd, keepalive: reply.keepalive };
            config.dtls_rekey = reply.rekey;
            config.dtls_policy = Some(DtlsPolicy { schedule: profile.dtls.retry_schedule() });
        }
        config
    }

    /// Returns the server's session for the reply that it sends.
    ///
    /// Keepalives come from the client alone. The session ends after what remains of its time, so that a reconnect does not prolong it
    /// (AC-KA-08).
    pub fn server_session(&self) -> SessionConfig {
        let tls = self.cstp_mtu.or_else(|| self.largest_mtu()).unwrap_or(1280);
        let dtls = self.dtls.as_ref().and_then(|dtls| dtls.mtu);
        let v6 = self.addresses.iter().any(|it| it.addr.is_ipv6());
        let floor = if v6 { 1280 } else { 576 }.min(tls);
        // The client measures the way to the server; the way back is the server's business.
        let mut config = SessionConfig::new(Role::Server, MtuPlan { tls, dtls, probe: self.dtls.is_some(), floor });
        config.tls.dpd = self.dpd;
        config.dtls.dpd = self.dtls.as_ref().and_then(|dtls| dtls.dpd);
        config.idle_timeout = self.idle_timeout;
        config.session_timeout = self.session_remaining.or(self.session_timeout);
        config.rekey = self.rekey;
        config
    }
}
