//! The request: from the client's wishes to headers, and back on the server.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::error::ConnectError;
use super::suite::Suite;
use super::value::{Notes, address, hostname, mtu, short};
use crate::compress::Compression;
use crate::http::{Headers, Request, request_cookie};
use crate::profile::ClientProfile;

/// The target of CONNECT.
pub const TARGET: &str = "/CSCOSSLC/tunnel";

/// The longest cookie that is taken, in bytes.
const MAX_COOKIE: usize = 4096;

/// The least link that is believed, in bytes.
const LEAST_BASE: u16 = 800;

/// Entries that are taken from one list of suites or encodings.
const MAX_LIST: usize = 64;

/// Which address families a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressTypes {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

impl AddressTypes {
    /// Both; also what a request without `X-CSTP-Address-Type` means (AC-CON-03).
    pub const BOTH: Self = Self { v4: true, v6: true };

    fn text(self) -> Option<&'static str> {
        match (self.v6, self.v4) {
            (true, true) => Some("IPv6,IPv4"),
            (true, false) => Some("IPv6"),
            (false, true) => Some("IPv4"),
            (false, false) => None,
        }
    }
}

/// What a client says in CONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The value of the cookie `webvpn`; a secret.
    pub cookie: String,
    /// `X-CSTP-Hostname`: the client's host, without a domain when it was read.
    pub hostname: Option<String>,
    /// `X-CSTP-Base-MTU`: the link or path, in bytes.
    pub base_mtu: Option<u16>,
    /// `X-CSTP-MTU`: the inner packets that the client wishes for, in bytes.
    pub mtu: Option<u16>,
    /// `X-CSTP-Address-Type`.
    pub address_types: AddressTypes,
    /// `X-CSTP-Address`: addresses that it had and would like again (AC-CON-20).
    pub wishes: Vec<IpAddr>,
    /// `X-CSTP-Full-IPv6-Capability`.
    pub full_ipv6: bool,
    /// `X-CSTP-Accept-Encoding`; only what is known.
    pub accept_encoding: Vec<Compression>,
    /// `X-DTLS-Accept-Encoding`; only what is known.
    pub dtls_accept_encoding: Vec<Compression>,
    /// `X-DTLS-Master-Secret`; a secret.
    pub master_secret: Option<[u8; 48]>,
    /// `X-DTLS-CipherSuite`.
    pub dtls_ciphers: Vec<String>,
    /// `X-DTLS12-CipherSuite`.
    pub dtls12_ciphers: Vec<String>,
    /// `User-Agent`; when it is sent, `None` stands for the profile's.
    pub user_agent: Option<String>,
    /// `X-AnyConnect-Identifier-*` and `X-CSTP-License` by name; when it is sent, empty stands for the profile's.
    pub mobile: BTreeMap<String, String>,
    /// `X-CSTP-Local-Address-IP4` or `-IP6`: the client's own outer address.
    pub local: Option<IpAddr>,
    /// `X-CSTP-Remote-Address-IP4` or `-IP6`: the server's outer address.
    pub remote: Option<IpAddr>,
    /// Remarks on what was skipped when it was read.
    pub notes: Vec<String>,
}

impl fmt::Debug for ConnectRequest {
    /// Shows neither the cookie nor the master secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectRequest")
            .field("hostname", &self.hostname)
            .field("base_mtu", &self.base_mtu)
            .field("mtu", &self.mtu)
            .field("address_types", &self.address_types)
            .field("wishes", &self.wishes)
            .field("full_ipv6", &self.full_ipv6)
            .field("accept_encoding", &self.accept_encoding)
            .field("dtls_accept_encoding", &self.dtls_accept_encoding)
            .field("has_master_secret", &self.master_secret.is_some())
            .field("dtls_ciphers", &self.dtls_ciphers)
            .field("dtls12_ciphers", &self.dtls12_ciphers)
            .field("user_agent", &self.user_agent)
            .field("mobile", &self.mobile)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

impl ConnectRequest {
    /// Returns a request that wants both address families and no DTLS.
    pub fn new(cookie: impl Into<String>) -> Self {
        Self {
            cookie: cookie.into(),
            hostname: None,
            base_mtu: None,
            mtu: None,
            address_types: AddressTypes::BOTH,
            wishes: Vec::new(),
            full_ipv6: true,
            accept_encoding: Vec::new(),
            dtls_accept_encoding: Vec::new(),
            master_secret: None,
            dtls_ciphers: Vec::new(),
            dtls12_ciphers: Vec::new(),
            user_agent: None,
            mobile: BTreeMap::new(),
            local: None,
            remote: None,
            notes: Vec::new(),
        }
    }

    /// Builds the HTTP request with the profile's headers in the profile's order (AC-CON-01, AC-CON-02).
    ///
    /// `host` is the value of `Host`: the name, and the port when it is not 443.
    pub fn to_request(&self, profile: &ClientProfile, host: &str) -> Request {
        let mut request = Request::new("CONNECT", TARGET);
        for line in &profile.connect_headers {
            if let Some(stem) = line.name.strip_suffix('*') {
                self.push_mobile(profile, stem, &mut request.headers);
                continue;
            }
            let mut values = self.values(&line.name.to_ascii_lowercase(), profile, host);
            if values.is_empty() {
                values.extend(line.value.clone());
            }
            for value in values {
                request.headers.push(&line.name, value);
            }
        }
        request
    }

    fn push_mobile(&self, profile: &ClientProfile, stem: &str, headers: &mut Headers) {
        let begins = |name: &str| name.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem));
        if self.mobile.is_empty() {
            for line in profile.mobile_headers.iter().filter(|line| begins(&line.name)) {
                headers.push(&line.name, line.value.as_deref().unwrap_or_default());
            }
        }
        for (name, value) in self.mobile.iter().filter(|(name, _)| begins(name)) {
            headers.push(name, value);
        }
    }

    /// The values that go under a name, in lower case; none when there is nothing to say.
    fn values(&self, name: &str, profile: &ClientProfile, host: &str) -> Vec<String> {
        let number = |number: Option<u16>| number.map(|number| number.to_string());
        let list = |list: &[String]| (!list.is_empty()).then(|| list.join(":"));
        let outer =
            |address: Option<IpAddr>, v6: bool| address.filter(|it| it.is_ipv6() == v6).map(|it| it.to_string());
        let one = match name {
            "host" => Some(host.to_owned()),
            "user-agent" => Some(self.user_agent.clone().unwrap_or_else(|| profile.user_agent.clone())),
            "cookie" => Some(format!("webvpn={}", self.cookie)),
            "x-cstp-hostname" => self.hostname.clone(),
            "x-cstp-accept-encoding" => encodings_text(&self.accept_encoding),
            "x-cstp-base-mtu" => number(self.base_mtu),
            "x-cstp-mtu" => number(self.mtu),
            "x-cstp-address-type" => self.address_types.text().map(str::to_owned),
            "x-cstp-address" => return self.wishes.iter().map(IpAddr::to_string).collect(),
            "x-cstp-full-ipv6-capability" => (self.full_ipv6 && self.address_types.v6).then(|| "true".to_owned()),
            "x-cstp-local-address-ip4" => outer(self.local, false),
            "x-cstp-local-address-ip6" => outer(self.local, true),
            "x-cstp-remote-address-ip4" => outer(self.remote, false),
            "x-cstp-remote-address-ip6" => outer(self.remote, true),
            "x-dtls-master-secret" => self.master_secret.map(hex::encode_upper),
            "x-dtls-ciphersuite" => list(&self.dtls_ciphers),
            "x-dtls12-ciphersuite" => list(&self.dtls12_ciphers),
            "x-dtls-accept-encoding" => encodings_text(&self.dtls_accept_encoding),
            "x-dtls-header-pad-length" if !self.offers_dtls() => return vec![],
            _ => None,
        };
        one.into_iter().collect()
    }

    /// Reads a request on the server.
    ///
    /// The target may lack its first slash (AC-CON-04). Every header but the cookie is optional (AC-CON-03), and what makes no sense
    /// is left out with a note: sizes below 800 or above 16384 (AC-MTU-02), a host name that is none (AC-CON-19).
    ///
    /// # Errors
    /// Fails on another method or target, and without a cookie (AC-CON-05).
    pub fn parse(request: &Request) -> Result<Self, ConnectError> {
        if request.method != "CONNECT" {
            return Err(ConnectError::Method(short(&request.method)));
        }
        if request.path().trim_start_matches('/') != TARGET.trim_start_matches('/') {
            return Err(ConnectError::Target(short(&request.target)));
        }
        let headers = &request.headers;
        let cookie = request_cookie(headers, "webvpn").filter(|cookie| cookie.len() <= MAX_COOKIE);
        let mut read = Self::new(cookie.ok_or(ConnectError::NoCookie)?);
        let mut notes = Notes::default();
        read.full_ipv6 = false;
        for (name, value) in headers.iter() {
            read.take(&name.to_ascii_lowercase(), name, value.trim(), &mut notes);
        }
        read.notes = notes.into_vec();
        Ok(read)
    }

    fn take(&mut self, lower: &str, name: &str, value: &str, notes: &mut Notes) {
        match lower {
            "user-agent" => self.user_agent = Some(value.chars().take(256).collect()),
            "x-cstp-hostname" => {
                self.hostname = hostname(value);
                if self.hostname.is_none() {
                    notes.add(name, value, "is no host name");
                }
            }
            "x-cstp-base-mtu" => {
                self.base_mtu = mtu(name, value, notes).filter(|mtu| *mtu >= LEAST_BASE);
                if self.base_mtu.is_none() {
                    notes.add(name, value, "is ignored");
                }
            }
            "x-cstp-mtu" => self.mtu = mtu(name, value, notes),
            "x-cstp-address-type" => {
                let lower = value.to_ascii_lowercase();
                let types = AddressTypes { v4: lower.contains("ipv4"), v6: lower.contains("ipv6") };
                if types.text().is_some() {
                    self.address_types = types;
                }
            }
            "x-cstp-address" if self.wishes.len() < MAX_LIST => self.wishes.extend(address(name, value, notes)),
            "x-cstp-full-ipv6-capability" => self.full_ipv6 = value.eq_ignore_ascii_case("true"),
            "x-cstp-accept-encoding" => self.accept_encoding = encodings(value),
            "x-dtls-accept-encoding" => self.dtls_accept_encoding = encodings(value),
            "x-cstp-local-address-ip4" | "x-cstp-local-address-ip6" => {
                self.local = address(name, value, notes).or(self.local)
            }
            "x-cstp-remote-address-ip4" | "x-cstp-remote-address-ip6" => {
                self.remote = address(name, value, notes).or(self.remote);
            }
            "x-dtls-master-secret" => {
                self.master_secret = hex::decode(value).ok().and_then(|secret| secret.try_into().ok());
                if self.master_secret.is_none() {
                    notes.add(name, "", "is not 48 bytes in hexadecimal");
                }
            }
            "x-dtls-ciphersuite" => self.dtls_ciphers = names(value),
            "x-dtls12-ciphersuite" => self.dtls12_ciphers = names(value),
            "x-cstp-license" => drop(self.mobile.insert(name.to_owned(), value.to_owned())),
            _ if lower.starts_with("x-anyconnect-identifier-") && self.mobile.len() < MAX_LIST => {
                self.mobile.insert(name.to_owned(), value.to_owned());
            }
            _ => {}
        }
    }

    /// Returns whether any DTLS suite is offered (AC-DTLS-32).
    pub fn offers_dtls(&self) -> bool {
        !self.dtls_ciphers.is_empty() || !self.dtls12_ciphers.is_empty()
    }

    /// Returns whether the offer holds this suite.
    pub fn offers(&self, suite: &Suite) -> bool {
        let list = if suite.in_dtls12_header() { &self.dtls12_ciphers } else { &self.dtls_ciphers };
        list.iter().any(|name| name == suite.name)
    }

    /// Returns whether the client is on a mobile device (AC-KA-06).
    pub fn is_mobile(&self) -> bool {
        let license = |name: &str, value: &str| {
            !name.eq_ignore_ascii_case("X-CSTP-License") || value.eq_ignore_ascii_case("mobile")
        };
        self.mobile.iter().any(|(name, value)| license(name, value))
    }

    /// Returns whether the client says that it is Cisco's.
    pub fn is_anyconnect(&self) -> bool {
        self.user_agent.as_deref().is_some_and(|agent| {
            (agent.starts_with("AnyConnect") || agent.starts_with("Cisco AnyConnect"))
                && !agent.starts_with("AnyConnect-compatible OpenConnect")
        })
    }
}

fn names(value: &str) -> Vec<String> {
    value.split(':').map(str::trim).filter(|name| !name.is_empty()).take(MAX_LIST).map(str::to_owned).collect()
}

/// Reads a list of encodings; blanks around the words do not matter (AC-CON-22).
fn encodings(value: &str) -> Vec<Compression> {
    value.split(',').take(MAX_LIST).filter_map(|name| Compression::named(name.trim())).collect()
}

fn encodings_text(list: &[Compression]) -> Option<String> {
    let names: Vec<_> = list.iter().filter_map(|method| method.name()).collect();
    (!names.is_empty()).then(|| names.join(","))
}
