//! The client's reading of a reply: case of names aside, repeated headers in order, unknown ones kept.

use std::net::IpAddr;
use std::time::Duration;

use super::error::ConnectError;
use super::reply::{ConnectReply, DtlsReply, InnerAddress};
use super::value::{Elided, Notes, address, boolean, bytes, domains, mtu, net, prefix_len, route, seconds, short};
use crate::compress::Compression;
use crate::http::{Response, percent_decode};
use crate::session::{Rekey, RekeyMethod};

/// What is put together once all headers are read.
#[derive(Default)]
struct Parts {
    reply: ConnectReply,
    dtls: DtlsReply,
    has_dtls: bool,
    v4: Vec<IpAddr>,
    v4_masks: Vec<u8>,
    v6: Vec<IpAddr>,
    v6_masks: Vec<u8>,
    v6_whole: Vec<InnerAddress>,
    rekey_time: Option<Duration>,
    rekey_method: Option<RekeyMethod>,
    dtls_rekey_time: Option<Duration>,
    dtls_rekey_method: Option<RekeyMethod>,
    notes: Notes,
}

impl ConnectReply {
    /// Reads a reply.
    ///
    /// # Errors
    /// Fails on any status but 200, on a reply without MTU (AC-MTU-11) or address, on ids that are not hexadecimal (AC-DTLS-13), and
    /// on an encoding that is not known.
    pub fn parse(response: &Response) -> Result<Self, ConnectError> {
        match response.status {
            200 => {}
            401 => return Err(ConnectError::CookieRefused),
            503 => {
                let reason = response.headers.get("X-Reason").unwrap_or(&response.reason);
                return Err(ConnectError::Unavailable { reason: short(reason) });
            }
            status => return Err(ConnectError::Refused { status, reason: short(&response.reason) }),
        }
        let mut parts = Parts::default();
        for (name, value) in response.headers.iter() {
            let lower = name.to_ascii_lowercase();
            let value = value.trim();
            if let Some(rest) = lower.strip_prefix("x-cstp-") {
                if !parts.cstp_time(rest, name, value)
                    && !parts.cstp_network(rest, name, value)
                    && !parts.cstp(rest, name, value)?
                {
                    parts.reply.unknown.push((name.to_owned(), value.to_owned()));
                }
            } else if lower.starts_with("x-dtls") {
                if parts.dtls(&lower, name, value)? {
                    parts.has_dtls = true;
                } else {
                    parts.reply.unknown.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        parts.finish()
    }
}

impl Parts {
    fn cstp_time(&mut self, rest: &str, name: &str, value: &str) -> bool {
        let reply = &mut self.reply;
        let field = match rest {
            "dpd" => &mut reply.dpd,
            "keepalive" => &mut reply.keepalive,
            "idle-timeout" => &mut reply.idle_timeout,
            "session-timeout" => &mut reply.session_timeout,
            "session-timeout-remaining" => &mut reply.session_remaining,
            "lease-duration" => &mut reply.lease_duration,
            "disconnected-timeout" => &mut reply.disconnected_timeout,
            "rekey-time" => &mut self.rekey_time,
            _ => return false,
        };
        *field = seconds(name, value, &mut self.notes);
        true
    }

    fn cstp_network(&mut self, rest: &str, name: &str, value: &str) -> bool {
        let (reply, notes) = (&mut self.reply, &mut self.notes);
        match rest {
            "address" => match address(name, value, notes) {
                Some(address @ IpAddr::V4(_)) => self.v4.push(address),
                Some(address) => self.v6.push(address),
                None => {}
            },
            "netmask" if value.contains(':') => match net(value) {
                Some(net) => self.v6_masks.push(net.prefix_len()),
                None => notes.add(name, value, "is no network"),
            },
            "netmask" => match prefix_len(value, false) {
                Some(bits) => self.v4_masks.push(bits),
                None => notes.add(name, value, "is no mask"),
            },
            "address-ip6" => match net(value).filter(|net| net.addr().is_ipv6()) {
                Some(net) => self.v6_whole.push(net.into()),
                None => notes.add(name, value, "is no IPv6 address"),
            },
            "dns" | "dns-ip6" => reply.dns.extend(address(name, value, notes)),
            "nbns" => reply.nbns.extend(address(name, value, notes)),
            "default-domain" => reply.default_domain.extend(domains(value)),
            "split-dns" => reply.split_dns.extend(domains(value)),
            "split-include" | "split-include-ip6" => reply.include.extend(route(name, value, notes)),
            "split-exclude" | "split-exclude-ip6" => reply.exclude.extend(route(name, value, notes)),
            _ => return false,
        }
        true
    }

    fn cstp(&mut self, rest: &str, name: &str, value: &str) -> Result<bool, ConnectError> {
        let (reply, notes) = (&mut self.reply, &mut self.notes);
        let text = || Some(value.to_owned()).filter(|text| !text.is_empty());
        match rest {
            "version" | "protocol" => {}
            "server-name" => reply.server_name = text(),
            "hostname" => reply.hostname = text(),
            "base-mtu" => reply.base_mtu = mtu(name, value, notes),
            "mtu" => reply.cstp_mtu = mtu(name, value, notes).or(reply.cstp_mtu),
            "tunnel-all-dns" => reply.tunnel_all_dns = boolean(name, value, notes),
            "client-bypass-protocol" => reply.client_bypass = boolean(name, value, notes),
            "msie-proxy-pac-url" => reply.proxy_pac = text(),
            "banner" => reply.banner = text().map(|banner| percent_decode(&banner)),
            "rekey-method" => self.rekey_method = method(name, value, notes),
            "dyndns" => reply.dyndns = boolean(name, value, notes).unwrap_or_default(),
            "content-encoding" => reply.content_encoding = encoding(value)?,
            "post-auth-xml" => reply.post_auth_xml = text().map(Elided),
            "keep" => reply.anyconnect.keep = boolean(name, value, notes),
            "tcp-keepalive" => reply.anyconnect.tcp_keepalive = boolean(name, value, notes),
            "license" => reply.anyconnect.license = text(),
            "smartcard-removal-disconnect" => {
                reply.anyconnect.smartcard_removal_disconnect = boolean(name, value, notes)
            }
            "quarantine" => reply.anyconnect.quarantine = boolean(name, value, notes),
            "routing-filtering-ignore" => reply.anyconnect.routing_filtering_ignore = boolean(name, value, notes),
            "disable-always-on-vpn" => reply.anyconnect.disable_always_on = boolean(name, value, notes),
            "msie-proxy-lockdown" => reply.anyconnect.proxy_lockdown = boolean(name, value, notes),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn dtls(&mut self, lower: &str, name: &str, value: &str) -> Result<bool, ConnectError> {
        let (dtls, notes) = (&mut self.dtls, &mut self.notes);
        let text = || Some(value.to_owned()).filter(|text| !text.is_empty());
        match lower {
            "x-dtls-session-id" => {
                let id = bytes(value).and_then(|id| id.try_into().ok());
                dtls.session_id = Some(id.ok_or(ConnectError::SessionId(value.chars().count()))?);
            }
            "x-dtls-app-id" => {
                let id = bytes(value).filter(|id| (1..=32).contains(&id.len()));
                dtls.app_id = Some(id.ok_or(ConnectError::AppId(value.chars().count()))?);
            }
            "x-dtls-ciphersuite" => dtls.suite = text(),
            "x-dtls12-ciphersuite" => dtls.suite12 = text(),
            "x-dtls-port" => {
                dtls.port = value.parse().ok().filter(|port| *port != 0);
                if dtls.port.is_none() {
                    notes.add(name, value, "is no port");
                }
            }
            "x-dtls-mtu" => dtls.mtu = mtu(name, value, notes).or(dtls.mtu),
            "x-dtls-dpd" => dtls.dpd = seconds(name, value, notes),
            "x-dtls-keepalive" => dtls.keepalive = seconds(name, value, notes),
            "x-dtls-rekey-time" => self.dtls_rekey_time = seconds(name, value, notes),
            "x-dtls-rekey-method" => self.dtls_rekey_method = method(name, value, notes),
            "x-dtls-content-encoding" => dtls.content_encoding = encoding(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self) -> Result<ConnectReply, ConnectError> {
        let mut reply = self.reply;
        let rekey = |time: Option<Duration>, method: Option<RekeyMethod>| Some(Rekey { after: time?, method: method? });
        reply.rekey = rekey(self.rekey_time, self.rekey_method);
        let mut dtls = self.dtls;
        dtls.rekey = rekey(self.dtls_rekey_time, self.dtls_rekey_method);
        reply.dtls = self.has_dtls.then_some(dtls);
        if reply.largest_mtu().is_none() {
            return Err(ConnectError::NoMtu);
        }
        reply.addresses = with_masks(&self.v4, &self.v4_masks, 32);
        let v6 = with_masks(&self.v6, &self.v6_masks, 128);
        // The two spellings may name the same address; the whole one knows its prefix.
        let once = v6.into_iter().filter(|it| self.v6_whole.iter().all(|whole| whole.addr != it.addr));
        reply.addresses.extend(once);
        reply.addresses.extend(self.v6_whole.iter().copied());
        if reply.addresses.is_empty() {
            return Err(ConnectError::NoAddress);
        }
        reply.notes = self.notes.into_vec();
        Ok(reply)
    }
}

/// Gives each address the mask at its place, the last one to those without, and a host's when there is none.
fn with_masks(addresses: &[IpAddr], masks: &[u8], host: u8) -> Vec<InnerAddress> {
    let mask = |at: usize| masks.get(at).or(masks.last()).copied().unwrap_or(host);
    addresses.iter().enumerate().map(|(at, addr)| InnerAddress { addr: *addr, prefix: mask(at) }).collect()
}

fn method(name: &str, value: &str, notes: &mut Notes) -> Option<RekeyMethod> {
    match value.to_ascii_lowercase().as_str() {
        "ssl" => Some(RekeyMethod::Ssl),
        "new-tunnel" => Some(RekeyMethod::NewTunnel),
        "none" => None,
        _ => {
            notes.add(name, value, "is no way to renew keys");
            None
        }
    }
}

fn encoding(value: &str) -> Result<Compression, ConnectError> {
    if value.is_empty() || value.eq_ignore_ascii_case("none") || value.eq_ignore_ascii_case("identity") {
        return Ok(Compression::None);
    }
    Compression::named(value).ok_or_else(|| ConnectError::Encoding(short(value)))
}
