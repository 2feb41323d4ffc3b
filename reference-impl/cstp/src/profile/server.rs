//! The server's side: how it authenticates and how its reply to CONNECT looks.

use serde::Deserialize;

use super::HeaderLine;
use crate::connect::Family;

const EMBEDDED: [(&str, &str); 2] = [
    ("ocserv", include_str!("../../profiles/server/ocserv.yaml")),
    ("asa", include_str!("../../profiles/server/asa.yaml")),
];

/// How a server presents itself and how it behaves where servers differ.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServerProfile {
    /// The id under which it is chosen.
    pub id: String,
    /// One line for lists.
    pub title: String,
    /// The product that is emulated; `None` when the profile is our own.
    pub emulates: Option<String>,
    /// The text of `version who="sg"` in the XML dialogue.
    pub version: String,
    /// The value of `X-CSTP-Server-Name`; left out when `None`.
    pub server_name: Option<String>,
    /// Whether user name and password are asked in one form; else one after the other.
    pub one_form: bool,
    /// What a wrong password leads to.
    pub auth_failure: AuthFailure,
    /// Whether forms carry an `opaque` element that has to come back unchanged.
    pub opaque: bool,
    /// Whether `complete` carries `session-id` and `session-token`.
    pub token_in_xml: bool,
    /// Whether `complete` sets the cookie `webvpn`.
    pub set_cookie: bool,
    /// Whether authentication replies are sent in chunks, without `Content-Length`.
    pub chunked_auth: bool,
    /// The `Content-Type` of authentication replies.
    pub auth_content_type: String,
    /// Further headers of authentication replies, in order, each with its value.
    #[serde(default)]
    pub auth_headers: Vec<HeaderLine>,
    /// The reason phrase of a successful CONNECT, such as `CONNECTED`.
    pub connect_reason: String,
    /// The DTLS half.
    pub dtls: ServerDtls,
    /// Who is sent IPv6 resolvers as `X-CSTP-DNS-IP6`; the others get `X-CSTP-DNS`.
    pub dns_ip6: DnsIp6Header,
    /// The headers of the reply to CONNECT, in order; a name without a value is computed, and left out when there is nothing to say.
    pub connect_headers: Vec<HeaderLine>,
}

/// The DTLS half of a server's behaviour.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServerDtls {
    /// The families that are allowed by default, best first.
    pub families: Vec<Family>,
    /// Whether a first ClientHello is answered with a HelloVerifyRequest.
    pub hello_verify: bool,
    /// When `X-DTLS-MTU` is sent.
    pub mtu_header: DtlsMtuHeader,
    /// When `X-DTLS-Rekey-Method` is sent beside a time.
    pub rekey_method_header: DtlsRekeyHeader,
}

/// What a wrong password leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthFailure {
    /// Status 401 without a body, and the connection is closed.
    #[serde(rename = "status-401")]
    Status401,
    /// Status 200 with the form again and an `error` element.
    FormError,
}

/// When a server sends `X-DTLS-MTU`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DtlsMtuHeader {
    /// With every family.
    Always,
    /// Not with pre-shared keys, where the suite is not known yet.
    ResumeOnly,
}

/// When a server sends `X-DTLS-Rekey-Method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DtlsRekeyHeader {
    /// With every method.
    Always,
    /// Only with `ssl`.
    SslOnly,
}

/// Who gets IPv6 resolvers in a header of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsIp6Header {
    /// Every client.
    Always,
    /// Clients whose `User-Agent` says AnyConnect.
    AnyconnectOnly,
}

impl ServerProfile {
    /// Returns the embedded profile of this id.
    pub fn named(id: &str) -> Option<Self> {
        super::named(&EMBEDDED, id)
    }

    /// Returns the ids of the embedded profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_profile_reads_and_has_its_own_id() {
        for (name, text) in EMBEDDED {
            let profile = super::super::read::<ServerProfile>(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(profile.id, name);
            assert!(!profile.title.is_empty() && profile.emulates.is_some());
            assert!(profile.auth_headers.iter().all(|line| line.value.is_some()), "{name}");
            assert!(profile.set_cookie || profile.token_in_xml, "{name} gives its session away in no way");
        }
        assert_eq!(ServerProfile::named("no-such"), None);
    }
}
