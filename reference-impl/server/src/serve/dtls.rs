//! Which DTLS a session has, and the keys for it.

use reference_cstp::connect::{Choice, ConnectRequest, DtlsReply, Family, OuterIp, PSK_LABEL, PSK_LENGTH, negotiate};
use reference_dtls::{Retransmit, Secret, ServerConfig, Suite, Version};
use reference_tunnel::tls::TlsChannel;

/// Bytes of a UDP header.
const UDP: u16 = 8;

/// What both sides agreed upon.
pub(super) struct Agreement {
    pub(super) choice: Choice,
    version: Version,
    suites: Vec<Suite>,
    secret: Secret,
    id: [u8; 32],
}

/// Chooses from what the client offers; `None`: no DTLS for this session (AC-DTLS-10, AC-DTLS-32).
pub(super) fn agree(channel: &TlsChannel, request: &ConnectRequest, allowed: &[Family]) -> Option<Agreement> {
    let (dtls, dtls12) = (&request.dtls_ciphers, &request.dtls12_ciphers);
    let choice = negotiate(dtls, dtls12, request.master_secret.is_some(), allowed)?;
    // The id finds the session (AC-DTLS-05) and must not be guessable (AC-SEC-01).
    let id: [u8; 32] = rand::random();
    let (version, secret, suites) = match choice.family {
        Family::Psk => {
            let key = channel.export(PSK_LABEL, PSK_LENGTH).ok()?;
            (Version::Dtls12, Secret::Psk { identity: Vec::new(), key }, psk_suites(&channel.suite()).to_vec())
        }
        family => {
            let version = if family == Family::Legacy { Version::Dtls09 } else { Version::Dtls12 };
            (version, Secret::Master(request.master_secret?), vec![Suite::from_code(choice.code?)?])
        }
    };
    Some(Agreement { choice, version, suites, secret, id })
}

/// The suite with the cipher of the TLS channel first: the client has shown that it likes it.
fn psk_suites(tls: &str) -> [Suite; 3] {
    use Suite::{PskAes128GcmSha256 as Aes128, PskAes256GcmSha384 as Aes256, PskChacha20Poly1305Sha256 as Chacha};
    if tls.contains("CHACHA20") {
        [Chacha, Aes256, Aes128]
    } else if tls.contains("AES_128") {
        [Aes128, Aes256, Chacha]
    } else {
        [Aes256, Aes128, Chacha]
    }
}

impl Agreement {
    /// Returns the handshake for a path that carries `link_mtu` bytes.
    pub(super) fn handshake(self, outer: OuterIp, link_mtu: u16) -> ServerConfig {
        ServerConfig {
            version: self.version,
            suites: self.suites,
            secret: self.secret,
            session_id: self.id.to_vec(),
            mtu: link_mtu.saturating_sub(outer.header() + UDP),
            retransmit: Retransmit::default(),
        }
    }

    /// Returns the headers that tell the client: the suite, and the id under the name of its family.
    pub(super) fn headers(&self) -> DtlsReply {
        let name = Some(self.choice.name.to_owned());
        let (suite, suite12) = if self.choice.in_dtls12_header() { (None, name) } else { (name, None) };
        let resumes = self.choice.family.resumes();
        DtlsReply {
            session_id: resumes.then_some(self.id),
            app_id: (!resumes).then(|| self.id.to_vec()),
            suite,
            suite12,
            ..DtlsReply::default()
        }
    }
}
