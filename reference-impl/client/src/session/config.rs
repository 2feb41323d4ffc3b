//! From an open tunnel to what the data plane needs.

use std::time::Duration;

use reference_cstp::compress::Compression;
use reference_cstp::session::SessionConfig;
use reference_tunnel::plane::{Attach, DtlsSetup, SessionId};

use crate::cli::Settings;
use crate::dialer::Opened;
use crate::error::ClientError;

/// The only session of this program.
pub(super) const ID: SessionId = SessionId(1);

/// Timers, sizes and channels as the gateway said, and as the settings overrule it.
pub(super) fn session(opened: &Opened, settings: &Settings) -> SessionConfig {
    let mut config = opened.reply.client_session(&settings.profile, opened.dtls.is_ok());
    if let Some(seconds) = settings.force_dpd {
        let dpd = Some(Duration::from_secs(seconds)).filter(|dpd| !dpd.is_zero());
        (config.tls.dpd, config.dtls.dpd) = (dpd, dpd);
    }
    config.defects = settings.defects;
    config
}

/// Hands an open tunnel over.
pub(super) fn attach(opened: Opened, session: SessionConfig) -> Result<Attach, ClientError> {
    let Opened { tls, early, reply, dtls, .. } = opened;
    let (tcp, tls) = tls.into_parts().map_err(ClientError::internal)?;
    let on_dtls = reply.dtls.as_ref().map_or(Compression::None, |dtls| dtls.content_encoding);
    Ok(Attach {
        id: ID,
        tcp,
        tls,
        early,
        session,
        inner: crate::network::addresses(&reply),
        dtls: dtls.ok().map(|dtls| DtlsSetup::Client { remote: dtls.remote, config: dtls.config }),
        compression: (reply.content_encoding, on_dtls),
    })
}
