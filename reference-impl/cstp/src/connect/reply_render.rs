//! The server's writing of a reply: the profile's headers in the profile's order and spelling.

use std::net::IpAddr;
use std::time::Duration;

use super::reply::{AnyconnectOnly, ConnectReply, DtlsReply};
use super::request::ConnectRequest;
use super::value::{route_text, seconds_text};
use crate::http::{Response, percent_encode};
use crate::profile::{DnsIp6Header, DtlsMtuHeader, DtlsRekeyHeader, HeaderLine, ServerProfile};
use crate::session::RekeyMethod;

/// Header fields in order; a list may hold several names, such as `X-CSTP-DNS` and `X-CSTP-DNS-IP6`.
type Fields = Vec<(String, String)>;

impl ConnectReply {
    /// Builds the HTTP response to a request: what is [restricted](ConnectReply::restricted_to) to it, as the profile writes it.
    ///
    /// Each family of repeated headers stands where its first name stands in the profile, IPv6 names included. [`Self::unknown`]
    /// follows last.
    pub fn to_response(&self, profile: &ServerProfile, request: &ConnectRequest) -> Response {
        let reply = self.restricted_to(request);
        let mut response = Response::new(200, &profile.connect_reason);
        for line in &profile.connect_headers {
            let mut fields = reply.fields(line, profile, request);
            if fields.is_empty() {
                fields.extend(line.value.clone().map(|value| (line.name.clone(), value)));
            }
            for (name, value) in fields {
                response.headers.push(name, value);
            }
        }
        for (name, value) in &reply.unknown {
            response.headers.push(name, value);
        }
        response
    }

    fn fields(&self, line: &HeaderLine, profile: &ServerProfile, request: &ConnectRequest) -> Fields {
        let lower = line.name.to_ascii_lowercase();
        match lower.as_str() {
            "x-cstp-address" => many(&line.name, self.of_family(true), |(addr, _)| addr.to_string()),
            "x-cstp-netmask" => many(&line.name, self.of_family(true), |(_, prefix)| mask(*prefix)),
            "x-cstp-address-ip6" => self.v6_fields(&line.name, request),
            "x-cstp-dns" => self.dns_fields(&line.name, profile, request),
            "x-cstp-nbns" => many(&line.name, self.nbns.iter(), |it| it.to_string()),
            "x-cstp-split-dns" => many(&line.name, self.split_dns.iter(), |it| (*it).clone()),
            "x-cstp-split-include" => routes(&line.name, &self.include),
            "x-cstp-split-exclude" => routes(&line.name, &self.exclude),
            name if name.starts_with("x-dtls") => {
                let value = self.dtls.as_ref().and_then(|dtls| dtls.value(name, profile));
                value.map(|value| (line.name.clone(), value)).into_iter().collect()
            }
            name => self.value(name, profile).map(|value| (line.name.clone(), value)).into_iter().collect(),
        }
    }

    fn of_family(&self, v4: bool) -> impl Iterator<Item = (IpAddr, u8)> {
        self.addresses.iter().filter(move |it| it.addr.is_ipv4() == v4).map(|it| (it.addr, it.prefix))
    }

    /// IPv6 addresses in the spelling that the client understands: whole, or as address and network.
    fn v6_fields(&self, name: &str, request: &ConnectRequest) -> Fields {
        let mut fields = Vec::new();
        for (addr, prefix) in self.of_family(false) {
            if request.full_ipv6 {
                fields.push((name.to_owned(), format!("{addr}/{prefix}")));
            } else {
                fields.push(("X-CSTP-Address".to_owned(), addr.to_string()));
                fields.push(("X-CSTP-Netmask".to_owned(), format!("{addr}/{prefix}")));
            }
        }
        fields
    }

    fn dns_fields(&self, name: &str, profile: &ServerProfile, request: &ConnectRequest) -> Fields {
        let own_header = profile.dns_ip6 == DnsIp6Header::Always || request.is_anyconnect();
        let name_of = |it: &IpAddr| if it.is_ipv6() && own_header { format!("{name}-IP6") } else { name.to_owned() };
        self.dns.iter().map(|it| (name_of(it), it.to_string())).collect()
    }

    fn value(&self, name: &str, profile: &ServerProfile) -> Option<String> {
        let time = |time: Option<Duration>| time.map(seconds_text);
        let number = |number: Option<u16>| number.map(|number| number.to_string());
        match name {
            "x-cstp-server-name" => self.server_name.clone().or_else(|| profile.server_name.clone()),
            "x-cstp-hostname" => self.hostname.clone(),
            "x-cstp-default-domain" => (!self.default_domain.is_empty()).then(|| self.default_domain.join(" ")),
            "x-cstp-tunnel-all-dns" => truth(self.tunnel_all_dns),
            "x-cstp-client-bypass-protocol" => truth(self.client_bypass),
            "x-cstp-msie-proxy-pac-url" => self.proxy_pac.clone(),
            "x-cstp-banner" => self.banner.as_deref().map(percent_encode),
            "x-cstp-base-mtu" => number(self.base_mtu),
            "x-cstp-mtu" => number(self.cstp_mtu),
            "x-cstp-dpd" => time(self.dpd),
            "x-cstp-keepalive" => time(self.keepalive),
            "x-cstp-idle-timeout" => time(self.idle_timeout),
            "x-cstp-session-timeout" => time(self.session_timeout),
            "x-cstp-session-timeout-remaining" => time(self.session_remaining),
            "x-cstp-lease-duration" => time(self.lease_duration),
            "x-cstp-disconnected-timeout" => time(self.disconnected_timeout),
            "x-cstp-rekey-time" => time(self.rekey.map(|rekey| rekey.after)),
            "x-cstp-rekey-method" => self.rekey.map(|rekey| rekey.method.name().to_owned()),
            "x-cstp-dyndns" => self.dyndns.then(|| "true".to_owned()),
            "x-cstp-content-encoding" => self.content_encoding.name().map(str::to_owned),
            "x-cstp-post-auth-xml" => self.post_auth_xml.as_ref().map(|xml| xml.0.clone()),
            _ => self.anyconnect.value(name),
        }
    }
}

impl AnyconnectOnly {
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "x-cstp-keep" => truth(self.keep),
            "x-cstp-tcp-keepalive" => truth(self.tcp_keepalive),
            "x-cstp-license" => self.license.clone(),
            "x-cstp-smartcard-removal-disconnect" => truth(self.smartcard_removal_disconnect),
            "x-cstp-quarantine" => truth(self.quarantine),
            "x-cstp-routing-filtering-ignore" => truth(self.routing_filtering_ignore),
            "x-cstp-disable-always-on-vpn" => truth(self.disable_always_on),
            "x-cstp-msie-proxy-lockdown" => truth(self.proxy_lockdown),
            _ => None,
        }
    }
}

impl DtlsReply {
    fn value(&self, name: &str, profile: &ServerProfile) -> Option<String> {
        let method = self.rekey.map(|rekey| rekey.method);
        let says_method =
            method.filter(|it| profile.dtls.rekey_method_header == DtlsRekeyHeader::Always || *it == RekeyMethod::Ssl);
        let says_mtu = profile.dtls.mtu_header == DtlsMtuHeader::Always || self.session_id.is_some();
        match name {
            "x-dtls-session-id" => self.session_id.map(hex::encode_upper),
            "x-dtls-app-id" => self.app_id.as_ref().map(hex::encode),
            "x-dtls-ciphersuite" => self.suite.clone(),
            "x-dtls12-ciphersuite" => self.suite12.clone(),
            "x-dtls-port" => self.port.map(|port| port.to_string()),
            "x-dtls-mtu" => self.mtu.filter(|_| says_mtu).map(|mtu| mtu.to_string()),
            "x-dtls-dpd" => self.dpd.map(seconds_text),
            "x-dtls-keepalive" => self.keepalive.map(seconds_text),
            "x-dtls-rekey-time" => self.rekey.map(|rekey| seconds_text(rekey.after)),
            "x-dtls-rekey-method" => says_method.map(|method| method.name().to_owned()),
            "x-dtls-content-encoding" => self.content_encoding.name().map(str::to_owned),
            _ => None,
        }
    }
}

fn many<T>(name: &str, items: impl Iterator<Item = T>, text: impl Fn(&T) -> String) -> Fields {
    items.map(|item| (name.to_owned(), text(&item))).collect()
}

fn routes(name: &str, nets: &[ipnet::IpNet]) -> Fields {
    let name_of = |net: &ipnet::IpNet| if net.addr().is_ipv6() { format!("{name}-IP6") } else { name.to_owned() };
    nets.iter().map(|net| (name_of(net), route_text(net))).collect()
}

fn mask(prefix: u8) -> String {
    let bits = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(prefix))).unwrap_or_default();
    std::net::Ipv4Addr::from(bits).to_string()
}

fn truth(value: Option<bool>) -> Option<String> {
    value.map(|value| value.to_string())
}
