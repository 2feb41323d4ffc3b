//! From what CONNECT agreed upon to a DTLS handshake, or to the reason why there is none.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reference_cstp::connect::{ConnectReply, ConnectRequest, DtlsPlan, Family, OuterIp};
use reference_cstp::profile::ClientProfile;
use reference_cstp::session::RetrySchedule;
use reference_dtls::{ClientConfig, Retransmit, Secret, Suite, Version};

/// Suites of the PSK family, best first.
const PSK_SUITES: [Suite; 3] = [Suite::PskAes256GcmSha384, Suite::PskAes128GcmSha256, Suite::PskChacha20Poly1305Sha256];

/// A handshake that can begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dtls {
    pub(crate) remote: SocketAddr,
    pub(crate) family: Family,
    pub(crate) config: ClientConfig,
}

/// Where the handshake goes and what it starts from.
pub(crate) struct Ground<'a> {
    pub(crate) profile: &'a ClientProfile,
    pub(crate) gateway: IpAddr,
    /// The exporter's key, or why there is none.
    pub(crate) psk: Result<Vec<u8>, String>,
}

/// Prepares the handshake; the text of an error says why there is no DTLS, and the session goes on (AC-DTLS-11, AC-DTLS-31).
pub(crate) fn prepare(request: &ConnectRequest, reply: &ConnectReply, ground: Ground<'_>) -> Result<Dtls, String> {
    let DtlsPlan { suite, session_id, port, .. } = reply.dtls_plan(request).map_err(|reason| reason.to_string())?;
    let (version, suites, secret) = match suite.family {
        Family::Psk => {
            (Version::Dtls12, PSK_SUITES.to_vec(), Secret::Psk { identity: b"psk".to_vec(), key: ground.psk? })
        }
        family => {
            let version = if family == Family::Legacy { Version::Dtls09 } else { Version::Dtls12 };
            let code = suite.code.and_then(Suite::from_code).ok_or("the suite is not implemented")?;
            let master = request.master_secret.ok_or("no secret was sent")?;
            (version, vec![code], Secret::Master(master))
        }
    };
    let headers = OuterIp::from(ground.gateway).header() + 8;
    let path = request.base_mtu.unwrap_or(1280);
    let config = ClientConfig {
        version,
        suites,
        secret,
        session_id,
        mtu: path.saturating_sub(headers),
        retransmit: Retransmit { give_up: deadline(&ground.profile.dtls.retry_schedule()), ..Retransmit::default() },
    };
    Ok(Dtls { remote: SocketAddr::new(ground.gateway, port), family: suite.family, config })
}

const fn deadline(schedule: &RetrySchedule) -> Duration {
    match schedule {
        RetrySchedule::OpenConnect { deadline, .. } | RetrySchedule::AnyConnect { deadline, .. } => *deadline,
    }
}

#[cfg(test)]
mod tests {
    use reference_cstp::connect::DtlsReply;

    use super::*;

    fn request() -> ConnectRequest {
        ConnectRequest {
            base_mtu: Some(1500),
            master_secret: Some([7; 48]),
            dtls_ciphers: vec!["PSK-NEGOTIATE".into(), "OC-DTLS1_2-AES256-GCM".into(), "AES256-SHA".into()],
            dtls12_ciphers: vec!["AES128-GCM-SHA256".into()],
            ..ConnectRequest::new("cookie")
        }
    }

    fn prepared(dtls: DtlsReply, psk: Result<Vec<u8>, String>) -> Result<Dtls, String> {
        let reply = ConnectReply { dtls: Some(dtls), ..ConnectReply::default() };
        let profile = ClientProfile::named("openconnect").unwrap();
        prepare(&request(), &reply, Ground { profile: &profile, gateway: "192.0.2.1".parse().unwrap(), psk })
    }

    fn resumed(suite: Option<&str>, suite12: Option<&str>) -> DtlsReply {
        DtlsReply {
            session_id: Some([9; 32]),
            port: Some(4443),
            suite: suite.map(Into::into),
            suite12: suite12.map(Into::into),
            ..DtlsReply::default()
        }
    }

    #[test]
    fn each_family_has_its_version_secret_and_id() {
        let psk = DtlsReply { app_id: Some(vec![1; 8]), session_id: None, ..resumed(Some("PSK-NEGOTIATE"), None) };
        let psk = prepared(psk, Ok(vec![5; 32])).unwrap();
        assert_eq!((psk.family, psk.config.version), (Family::Psk, Version::Dtls12));
        assert_eq!(psk.config.secret, Secret::Psk { identity: b"psk".to_vec(), key: vec![5; 32] });
        assert_eq!((psk.config.session_id, psk.remote), (vec![1; 8], "192.0.2.1:4443".parse().unwrap()));
        for (suite, suite12, family, version, code) in [
            (None, Some("AES128-GCM-SHA256"), Family::Cisco12, Version::Dtls12, 0x009c),
            (Some("OC-DTLS1_2-AES256-GCM"), None, Family::Openconnect12, Version::Dtls12, 0x009d),
            (Some("AES256-SHA"), None, Family::Legacy, Version::Dtls09, 0x0035),
        ] {
            let dtls = prepared(resumed(suite, suite12), Err("unused".into())).unwrap();
            assert_eq!((dtls.family, dtls.config.version), (family, version));
            assert_eq!(dtls.config.suites, [Suite::from_code(code).unwrap()]);
            assert_eq!(dtls.config.secret, Secret::Master([7; 48]));
            assert_eq!(dtls.config.session_id, [9; 32]);
        }
    }

    #[test]
    fn what_does_not_fit_is_no_dtls_and_says_why() {
        let foreign = prepared(resumed(None, Some("ECDHE-ECDSA-AES256-GCM-SHA384")), Err(String::new()));
        assert!(foreign.unwrap_err().contains("ECDHE-ECDSA-AES256-GCM-SHA384`, which was not offered"));
        let no_key = DtlsReply { app_id: Some(vec![1; 8]), ..resumed(Some("PSK-NEGOTIATE"), None) };
        assert_eq!(prepared(no_key, Err("no exporter".into())).unwrap_err(), "no exporter");
        let no_port = DtlsReply { port: None, ..resumed(Some("AES256-SHA"), None) };
        assert!(prepared(no_port, Err(String::new())).unwrap_err().contains("no UDP port"));
    }
}
