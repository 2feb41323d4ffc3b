//! Where a server is, and where a redirect or a form leads.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

const HTTPS: u16 = 443;
/// Longest URL that is followed, in bytes.
const MAX_URL: usize = 4096;

/// The address of a server as the user types it: host, port and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// The name or the address; an IPv6 address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The path with its query; it begins with a slash.
    pub path: String,
}

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The scheme is not https.
    #[error("the address `{0}` does not begin with https://")]
    Scheme(String),
    /// There is no host, or it holds characters that no host has.
    #[error("the address `{0}` has no usable host name")]
    Host(String),
    /// The port is no number from 1 to 65535.
    #[error("the address `{0}` has no usable port")]
    Port(String),
    /// It is too long or holds control characters.
    #[error("the address is longer than {MAX_URL} bytes or holds control characters")]
    Form,
}

impl ServerUrl {
    /// Creates the address of the root of a server.
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, path: "/".to_owned() }
    }

    /// Returns host and port as the `Host` header has them: the port only when it is not 443.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == HTTPS { host } else { format!("{host}:{}", self.port) }
    }

    /// Returns whether both addresses lead to the same host and port.
    pub fn same_host(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host) && self.port == other.port
    }

    /// Resolves a `Location` header or a form's `action` against this address (AC-AUTH-05).
    ///
    /// # Errors
    /// Fails when the target is not https, or has no usable host or port.
    pub fn join(&self, target: &str) -> Result<Self, UrlError> {
        let target = target.trim();
        if target.len() > MAX_URL || target.chars().any(char::is_control) {
            return Err(UrlError::Form);
        }
        let target = target.split('#').next().unwrap_or_default();
        if let Some(rest) = target.strip_prefix("//") {
            return format!("https://{rest}").parse();
        }
        if target.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
            return if target.contains("://") { target.parse() } else { Err(UrlError::Scheme(target.to_owned())) };
        }
        if target.is_empty() {
            return Ok(self.clone());
        }
        let path = if target.starts_with('/') {
            clean(target)
        } else {
            let here = self.path.split('?').next().unwrap_or_default();
            let parent = here.rfind('/').map_or("/", |slash| &here[..=slash]);
            clean(&if target.starts_with('?') { format!("{here}{target}") } else { format!("{parent}{target}") })
        };
        Ok(Self { path, ..self.clone() })
    }
}

/// Encodes what may not stand in a request line.
fn clean(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter == ' ' || !letter.is_ascii() {
            out.push_str(&super::percent_encode(letter.encode_utf8(&mut [0; 4])));
        } else {
            out.push(letter);
        }
    }
    out
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "https://{}{}", self.authority(), self.path)
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    /// Reads `https://host:port/path`; scheme, port and path may be missing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = text.trim();
        if whole.len() > MAX_URL || whole.chars().any(char::is_control) {
            return Err(UrlError::Form);
        }
        let rest = match whole.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return Err(UrlError::Scheme(whole.to_owned())),
            None => whole,
        };
        let cut = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(cut);
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { clean(path) } else { format!("/{}", clean(path)) };
        let (host, port) = split_authority(authority).ok_or_else(|| UrlError::Host(whole.to_owned()))?;
        let port = match port {
            None => HTTPS,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| UrlError::Port(whole.to_owned()))?
            }
            Some(_) => return Err(UrlError::Port(whole.to_owned())),
        };
        Ok(Self { host, port, path })
    }
}

fn split_authority(authority: &str) -> Option<(String, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host.to_owned(), Some(port))),
            None => rest.is_empty().then(|| (host.to_owned(), None)),
        };
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Some((authority.to_owned(), None));
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let usable = |letter: char| letter.is_alphanumeric() || "-._".contains(letter);
    (!host.is_empty() && host.chars().all(usable)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ServerUrl {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_read_in_every_form_that_users_type() {
        for (text, shown) in [
            ("vpn.example.org", "https://vpn.example.org/"),
            ("HTTPS://vpn.example.org:443/staff", "https://vpn.example.org/staff"),
            ("https://192.0.2.1:4443", "https://192.0.2.1:4443/"),
            ("[2001:db8::1]:8443/x?y", "https://[2001:db8::1]:8443/x?y"),
            ("2001:db8::1", "https://[2001:db8::1]/"),
            ("vpn.example.org?secret", "https://vpn.example.org/?secret"),
            ("vpn.example.org/a b", "https://vpn.example.org/a%20b"),
        ] {
            assert_eq!(url(text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        assert!(matches!("http://h/".parse::<ServerUrl>(), Err(UrlError::Scheme(_))));
        assert!(matches!("https:///x".parse::<ServerUrl>(), Err(UrlError::Host(_))));
        assert!(matches!("user@h".parse::<ServerUrl>(), Err(UrlError::Host(_))));
        assert!(matches!("[::g]:1".parse::<ServerUrl>(), Err(UrlError::Host(_))));
        for bad in ["h:0", "h:65536", "h:+1", "h:"] {
            assert!(matches!(bad.parse::<ServerUrl>(), Err(UrlError::Port(_))), "{bad}");
        }
        assert_eq!("h/\u{7}".parse::<ServerUrl>(), Err(UrlError::Form));
    }

    #[test]
    fn targets_are_resolved_against_the_present_address() {
        let here = url("https://h:444/a/b?q");
        for (target, there) in [
            ("/auth", "https://h:444/auth"),
            ("auth", "https://h:444/a/auth"),
            ("?x", "https://h:444/a/b?x"),
            ("", "https://h:444/a/b?q"),
            ("//o/p", "https://o/p"),
            ("https://o:1/p#f", "https://o:1/p"),
            ("/+CSCOE+/logon.html?a=b:c", "https://h:444/+CSCOE+/logon.html?a=b:c"),
        ] {
            assert_eq!(here.join(target).unwrap().to_string(), there, "{target}");
        }
        assert!(matches!(here.join("http://h:444/"), Err(UrlError::Scheme(_))));
        assert!(matches!(here.join("mailto:1"), Err(UrlError::Scheme(_))));
        assert_eq!(here.join("/a\r\nX: y"), Err(UrlError::Form));
        assert!(here.same_host(&url("https://H:444/")) && !here.same_host(&url("https://h/")));
    }
}
