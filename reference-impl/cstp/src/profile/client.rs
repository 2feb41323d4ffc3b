//! The client's side: which headers, which DTLS families, which schedule.

use serde::Deserialize;

use super::HeaderLine;
use crate::connect::Family;
use crate::session::RetrySchedule;

const EMBEDDED: [(&str, &str); 4] = [
    ("openconnect", include_str!("../../profiles/client/openconnect.yaml")),
    ("anyconnect-desktop", include_str!("../../profiles/client/anyconnect-desktop.yaml")),
    ("anyconnect-ios", include_str!("../../profiles/client/anyconnect-ios.yaml")),
    ("anyconnect-android", include_str!("../../profiles/client/anyconnect-android.yaml")),
];

/// How a client presents itself and how it behaves where clients differ.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClientProfile {
    /// The id under which it is chosen.
    pub id: String,
    /// One line for lists.
    pub title: String,
    /// The product that is emulated; `None` when the profile is our own.
    pub emulates: Option<String>,
    /// The value of `User-Agent`.
    pub user_agent: String,
    /// The text of `version who="vpn"` in the XML dialogue.
    pub version: String,
    /// The text of `device-id`, such as `linux-64`.
    pub platform: String,
    /// Headers of every authentication request that stand between `Cookie` and the mobile headers, in order, each with its value.
    pub auth_headers: Vec<HeaderLine>,
    /// Headers that tell of a mobile device, in order, in authentication and CONNECT; empty for a desktop. `device-id` takes its
    /// attributes from them.
    #[serde(default)]
    pub mobile_headers: Vec<HeaderLine>,
    /// The `Content-Type` of authentication requests.
    pub auth_content_type: String,
    /// Whether requests are padded with `X-Pad` to a multiple of 64 bytes.
    pub x_pad: bool,
    /// Whether what the server announces (profile, manifest) is downloaded before CONNECT.
    pub downloader: bool,
    /// Whether a profile that is announced and cannot be had ends the attempt.
    pub profile_required: bool,
    /// The DTLS half.
    pub dtls: ClientDtls,
    /// Values of `X-CSTP-Accept-Encoding` and `X-DTLS-Accept-Encoding` when compression is wished for.
    #[serde(default)]
    pub encodings: Vec<String>,
    /// Which MTU of the reply the device gets first.
    pub mtu: AcceptedMtu,
    /// The headers of CONNECT, in order; a name without a value is computed, and left out when there is nothing to say.
    pub connect_headers: Vec<HeaderLine>,
}

/// What a client offers for DTLS and how it perseveres.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClientDtls {
    /// The families that are offered by default.
    pub offer: Vec<Family>,
    /// All names that `X-DTLS-CipherSuite` may hold, in order.
    #[serde(default)]
    pub suites: Vec<String>,
    /// All names that `X-DTLS12-CipherSuite` may hold, in order.
    #[serde(default)]
    pub suites12: Vec<String>,
    /// When a failed DTLS is tried again.
    pub schedule: Schedule,
    /// How the MTU of the DTLS path is found.
    pub mtu: DtlsMtuPlan,
}

/// When a failed DTLS is tried again (AC-DTLS-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// 12 s for a handshake, an attempt every 60 s, for ever.
    Openconnect,
    /// At most five retries after 1, 2, 4, 8 and 16 s.
    Anyconnect,
}

/// How the MTU of the DTLS path is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DtlsMtuPlan {
    /// Probes of falling size once DTLS is up.
    Probe,
    /// No probes: `X-DTLS-MTU` from the start, `X-CSTP-MTU` when DTLS is given up.
    Reconfigure,
}

/// Which MTU of the reply the device gets first (AC-MTU-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptedMtu {
    /// The larger of `X-CSTP-MTU` and `X-DTLS-MTU`.
    Larger,
    /// `X-DTLS-MTU` when there is one, else `X-CSTP-MTU`.
    DtlsFirst,
}

impl ClientProfile {
    /// Returns the embedded profile of this id.
    pub fn named(id: &str) -> Option<Self> {
        super::named(&EMBEDDED, id)
    }

    /// Returns the ids of the embedded profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// Returns the value of a mobile header, found by the last part of its name, such as `DeviceType`.
    pub fn mobile(&self, last_part: &str) -> Option<&str> {
        let line = self.mobile_headers.iter().find(|line| {
            let cut = line.name.len().checked_sub(last_part.len());
            cut.is_some_and(|cut| line.name[cut..].eq_ignore_ascii_case(last_part) && line.name[..cut].ends_with('-'))
        });
        line.and_then(|line| line.value.as_deref())
    }
}

impl ClientDtls {
    /// Returns the values of `X-DTLS-CipherSuite` and `X-DTLS12-CipherSuite` for these families, in the profile's order.
    ///
    /// Names that are not known to any family are left out.
    pub fn names(&self, families: &[Family]) -> (Vec<String>, Vec<String>) {
        let keep = |names: &[String], dtls12| {
            let wanted = |name: &&String| {
                crate::connect::Suite::named(name, dtls12).is_some_and(|suite| families.contains(&suite.family))
            };
            names.iter().filter(wanted).cloned().collect()
        };
        (keep(&self.suites, false), keep(&self.suites12, true))
    }

    /// Returns the schedule with its times.
    pub fn retry_schedule(&self) -> RetrySchedule {
        match self.schedule {
            Schedule::Openconnect => RetrySchedule::openconnect(),
            Schedule::Anyconnect => RetrySchedule::anyconnect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_profile_reads_and_has_its_own_id() {
        for (name, text) in EMBEDDED {
            let profile = super::super::read::<ClientProfile>(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(profile.id, name);
            assert!(!profile.title.is_empty() && profile.emulates.is_some());
            assert!(
                profile.auth_headers.iter().chain(&profile.mobile_headers).all(|line| line.value.is_some()),
                "{name}"
            );
        }
        assert_eq!(ClientProfile::named("no-such"), None);
    }

    #[test]
    fn each_offered_family_has_a_name_and_each_name_a_family() {
        for name in ClientProfile::names() {
            let profile = ClientProfile::named(name).unwrap();
            for family in &profile.dtls.offer {
                let (suites, suites12) = profile.dtls.names(&[*family]);
                assert!(!suites.is_empty() || !suites12.is_empty(), "{name}: {family:?}");
            }
            let all = profile.dtls.names(Family::ALL);
            assert_eq!(all, (profile.dtls.suites.clone(), profile.dtls.suites12.clone()), "{name}");
        }
    }

    #[test]
    fn a_family_that_is_switched_off_takes_its_names_along() {
        let dtls = ClientProfile::named("openconnect").unwrap().dtls;
        assert_eq!(dtls.names(&[Family::Psk]), (vec!["PSK-NEGOTIATE".to_owned()], vec![]));
        assert_eq!(dtls.names(&[]), (vec![], vec![]));
    }

    #[test]
    fn a_mobile_header_is_found_by_its_last_part() {
        let profile = ClientProfile::named("anyconnect-ios").unwrap();
        assert_eq!(profile.mobile("Platform"), Some("apple-ios"));
        assert!(profile.mobile("DeviceType").is_some() && profile.mobile("Device-UniqueID").is_some());
        assert_eq!(ClientProfile::named("openconnect").unwrap().mobile("DeviceType"), None);
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_place() {
        let text = EMBEDDED[0].1.replace("x-pad:", "x-padding:");
        assert!(super::super::read::<ClientProfile>(&text).unwrap_err().to_string().contains("x-padding"));
    }
}
