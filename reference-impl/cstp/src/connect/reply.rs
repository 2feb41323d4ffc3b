//! The reply as typed fields.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::request::ConnectRequest;
use super::value::Elided;
use crate::compress::Compression;
use crate::session::Rekey;

/// The least MTU that IPv6 needs.
const IPV6_LEAST: u16 = 1280;

/// An address inside the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InnerAddress {
    /// The address.
    pub addr: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
}

impl InnerAddress {
    /// Returns address and prefix as one; the bits of the host stay.
    pub fn to_net(self) -> IpNet {
        IpNet::new(self.addr, self.prefix).unwrap_or_else(|_| self.addr.into())
    }
}

impl From<IpNet> for InnerAddress {
    fn from(net: IpNet) -> Self {
        Self { addr: net.addr(), prefix: net.prefix_len() }
    }
}

/// What a server answers to CONNECT. Times are `None` when they are off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectReply {
    /// `X-CSTP-Server-Name`.
    pub server_name: Option<String>,
    /// `X-CSTP-Hostname`.
    pub hostname: Option<String>,
    /// `X-CSTP-Address`, `-Netmask` and `-Address-IP6`, in order.
    pub addresses: Vec<InnerAddress>,
    /// `X-CSTP-DNS` and `-DNS-IP6`, in order.
    pub dns: Vec<IpAddr>,
    /// `X-CSTP-NBNS`.
    pub nbns: Vec<IpAddr>,
    /// `X-CSTP-Default-Domain`, one entry for each domain.
    pub default_domain: Vec<String>,
    /// `X-CSTP-Split-DNS`, one entry for each domain.
    pub split_dns: Vec<String>,
    /// `X-CSTP-Split-Include` and `-IP6`; empty means that everything goes through the tunnel.
    pub include: Vec<IpNet>,
    /// `X-CSTP-Split-Exclude` and `-IP6`.
    pub exclude: Vec<IpNet>,
    /// `X-CSTP-Tunnel-All-DNS`.
    pub tunnel_all_dns: Option<bool>,
    /// `X-CSTP-Client-Bypass-Protocol`: whether a family without an address goes beside the tunnel.
    pub client_bypass: Option<bool>,
    /// `X-CSTP-MSIE-Proxy-PAC-URL`, in either spelling.
    pub proxy_pac: Option<String>,
    /// `X-CSTP-Banner`, decoded.
    pub banner: Option<String>,
    /// `X-CSTP-Base-MTU`: the link, in bytes.
    pub base_mtu: Option<u16>,
    /// `X-CSTP-MTU`: inner packets, in bytes.
    pub cstp_mtu: Option<u16>,
    /// `X-CSTP-DPD`.
    pub dpd: Option<Duration>,
    /// `X-CSTP-Keepalive`.
    pub keepalive: Option<Duration>,
    /// `X-CSTP-Idle-Timeout`.
    pub idle_timeout: Option<Duration>,
    /// `X-CSTP-Session-Timeout`.
    pub session_timeout: Option<Duration>,
    /// `X-CSTP-Session-Timeout-Remaining`.
    pub session_remaining: Option<Duration>,
    /// `X-CSTP-Lease-Duration`.
    pub lease_duration: Option<Duration>,
    /// `X-CSTP-Disconnected-Timeout`.
    pub disconnected_timeout: Option<Duration>,
    /// `X-CSTP-Rekey-Time` and `-Rekey-Method`.
    pub rekey: Option<Rekey>,
    /// `X-CSTP-DynDNS`: the gateway's name is looked up anew on each reconnect.
    pub dyndns: bool,
    /// `X-CSTP-Content-Encoding`.
    pub content_encoding: Compression,
    /// `X-CSTP-Post-Auth-XML`; a secret.
    pub post_auth_xml: Option<Elided>,
    /// What only AnyConnect reads.
    pub anyconnect: AnyconnectOnly,
    /// The headers of DTLS; `None` when there is none of them.
    pub dtls: Option<DtlsReply>,
    /// Headers of the two families that are not known, in order (AC-CON-11).
    pub unknown: Vec<(String, String)>,
    /// Remarks on what was skipped when it was read.
    pub notes: Vec<String>,
}

/// Headers that only AnyConnect reads. `None`: not there, or what the profile says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnyconnectOnly {
    /// `X-CSTP-Keep`.
    pub keep: Option<bool>,
    /// `X-CSTP-TCP-Keepalive`.
    pub tcp_keepalive: Option<bool>,
    /// `X-CSTP-License`.
    pub license: Option<String>,
    /// `X-CSTP-Smartcard-Removal-Disconnect`.
    pub smartcard_removal_disconnect: Option<bool>,
    /// `X-CSTP-Quarantine`.
    pub quarantine: Option<bool>,
    /// `X-CSTP-Routing-Filtering-Ignore`.
    pub routing_filtering_ignore: Option<bool>,
    /// `X-CSTP-Disable-Always-On-VPN`.
    pub disable_always_on: Option<bool>,
    /// `X-CSTP-MSIE-Proxy-Lockdown`.
    pub proxy_lockdown: Option<bool>,
}

/// The headers of DTLS in a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DtlsReply {
    /// `X-DTLS-Session-ID`.
    pub session_id: Option<[u8; 32]>,
    /// `X-DTLS-App-ID`, 1 to 32 bytes.
    pub app_id: Option<Vec<u8>>,
    /// `X-DTLS-CipherSuite`.
    pub suite: Option<String>,
    /// `X-DTLS12-CipherSuite`.
    pub suite12: Option<String>,
    /// `X-DTLS-Port`.
    pub port: Option<u16>,
    /// `X-DTLS-MTU`: inner packets, in bytes.
    pub mtu: Option<u16>,
    /// `X-DTLS-DPD`.
    pub dpd: Option<Duration>,
    /// `X-DTLS-Keepalive`.
    pub keepalive: Option<Duration>,
    /// `X-DTLS-Rekey-Time` and `-Rekey-Method`.
    pub rekey: Option<Rekey>,
    /// `X-DTLS-Content-Encoding`.
    pub content_encoding: Compression,
}

impl ConnectReply {
    /// Returns the addresses that packets of this size allow: IPv6 needs 1280, IPv4 is not harmed (AC-MTU-09).
    pub fn addresses_for(&self, mtu: u16) -> impl Iterator<Item = InnerAddress> {
        self.addresses.iter().copied().filter(move |address| address.addr.is_ipv4() || mtu >= IPV6_LEAST)
    }

    /// Returns when the session ends, from now: the least of the three times that say so (AC-CON-13).
    pub fn ends_after(&self) -> Option<Duration> {
        [self.session_timeout, self.session_remaining, self.lease_duration].into_iter().flatten().min()
    }

    /// Returns the larger of `X-CSTP-MTU` and `X-DTLS-MTU`.
    pub fn largest_mtu(&self) -> Option<u16> {
        self.cstp_mtu.max(self.dtls.as_ref().and_then(|dtls| dtls.mtu))
    }

    /// Returns what of this reply is meant for the sender of a request.
    ///
    /// Families that it did not ask for go, with their routes and resolvers (AC-CON-09). So does IPv6 below 1280 bytes (AC-MTU-09). A
    /// client without full IPv6 keeps its IPv6 address only. DTLS goes when none was offered (AC-DTLS-32), encodings when they were not
    /// (AC-CON-22).
    #[must_use]
    pub fn restricted_to(&self, request: &ConnectRequest) -> Self {
        let mut reply = self.clone();
        let types = request.address_types;
        let v6_fits = self.largest_mtu().is_none_or(|mtu| mtu >= IPV6_LEAST);
        reply.addresses.retain(|it| if it.addr.is_ipv4() { types.v4 } else { types.v6 && v6_fits });
        let v6 = request.full_ipv6 && reply.addresses.iter().any(|it| it.addr.is_ipv6());
        let family = |is_ipv4: bool| if is_ipv4 { types.v4 } else { v6 };
        reply.dns.retain(|it| family(it.is_ipv4()));
        reply.nbns.retain(|it| family(it.is_ipv4()));
        reply.include.retain(|it| family(it.addr().is_ipv4()));
        reply.exclude.retain(|it| family(it.addr().is_ipv4()));
        if !request.accept_encoding.contains(&reply.content_encoding) {
            reply.content_encoding = Compression::None;
        }
        if !request.offers_dtls() {
            reply.dtls = None;
        }
        if let Some(dtls) = &mut reply.dtls
            && !request.dtls_accept_encoding.contains(&dtls.content_encoding)
        {
            dtls.content_encoding = Compression::None;
        }
        reply
    }
}
