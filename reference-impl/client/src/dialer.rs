//! Connections to the gateway: for HTTP, and as a tunnel. Used for the login, the downloader, the first CONNECT and every one after it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use rand::RngCore as _;
use reference_cstp::compress::Compression;
use reference_cstp::connect::{
    ConnectError, ConnectReply, ConnectRequest, OuterIp, PSK_LABEL, PSK_LENGTH, base_mtu_of_path, request_mtu,
};
use reference_cstp::http::{Expect, ServerUrl};
use reference_tunnel::tls::AsyncTls;
use socket2::SockRef;

use crate::cli::Settings;
use crate::dtls::{Dtls, Ground, prepare};
use crate::error::ClientError;
use crate::http::HttpChannel;
use crate::resolve;
use crate::tls::Connector;

/// TCP options that the kernel's segment size leaves out: timestamps.
const TCP_OPTIONS: u32 = 12;
/// Bytes of a TCP header without options.
const TCP_HEADER: u32 = 20;

/// Makes connections to the gateway.
pub(crate) struct Dialer {
    pub(crate) settings: Arc<Settings>,
    connector: Connector,
    known: Mutex<Option<Known>>,
}

/// The addresses of a host, the one that answered last first.
struct Known {
    host: String,
    port: u16,
    addresses: Vec<SocketAddr>,
}

/// A tunnel that the gateway opened.
pub(crate) struct Opened {
    pub(crate) tls: AsyncTls,
    /// What came behind the head of the reply (AC-CON-16).
    pub(crate) early: Vec<u8>,
    pub(crate) reply: ConnectReply,
    /// The `X-CSTP-` headers of the reply as they came, for scripts.
    pub(crate) options: Vec<(String, String)>,
    /// The handshake, or why there is none.
    pub(crate) dtls: Result<Dtls, String>,
    pub(crate) remote: SocketAddr,
}

impl Dialer {
    pub(crate) fn new(settings: Arc<Settings>) -> Result<Self, ClientError> {
        Ok(Self { connector: Connector::new(&settings)?, settings, known: Mutex::default() })
    }

    /// Whether there is a client certificate.
    pub(crate) fn has_identity(&self) -> bool {
        self.connector.has_identity()
    }

    /// Opens a connection for HTTP.
    pub(crate) async fn http(&self, url: &ServerUrl, with_certificate: bool) -> Result<HttpChannel, ClientError> {
        let addresses = match self.known(url) {
            Some(addresses) => addresses,
            None => self.resolve(url).await?,
        };
        let tls = self.connector.connect(&url.host, &addresses, with_certificate).await?;
        if let (Ok(remote), Ok(mut known)) = (tls.tcp().peer_addr(), self.known.lock())
            && let Some(known) = known.as_mut()
            && let Some(position) = known.addresses.iter().position(|address| *address == remote)
        {
            known.addresses[..=position].rotate_right(1);
        }
        Ok(HttpChannel::new(tls, &url.host))
    }

    /// Looks the addresses of the host up, again if they are known already (AC-RC-08).
    pub(crate) async fn resolve(&self, url: &ServerUrl) -> Result<Vec<SocketAddr>, ClientError> {
        let addresses = resolve::addresses(url, &self.settings.resolve, self.settings.connect_timeout).await?;
        if let Ok(mut known) = self.known.lock() {
            *known = Some(Known { host: url.host.clone(), port: url.port, addresses: addresses.clone() });
        }
        Ok(addresses)
    }

    fn known(&self, url: &ServerUrl) -> Option<Vec<SocketAddr>> {
        let known = self.known.lock().ok()?;
        let known = known.as_ref().filter(|known| known.host == url.host && known.port == url.port)?;
        Some(known.addresses.clone())
    }

    /// Which address will be tried first.
    pub(crate) fn first_address(&self, url: &ServerUrl) -> Option<IpAddr> {
        self.known(url)?.first().map(SocketAddr::ip)
    }

    /// Opens a tunnel with a cookie; `wishes` are the inner addresses that were held before (AC-CON-20).
    pub(crate) async fn tunnel(&self, url: &ServerUrl, cookie: &str, wishes: &[IpAddr]) -> Result<Opened, ClientError> {
        let profile = &self.settings.profile;
        let mut channel = self.http(url, true).await?;
        let request = self.request(channel.tls(), cookie, wishes)?;
        let response = channel.exchange(&request.to_request(profile, &url.authority()), Expect::ConnectReply).await?;
        let reply = ConnectReply::parse(&response).map_err(|error| match error {
            ConnectError::CookieRefused => ClientError::CookieRejected,
            error @ (ConnectError::Unavailable { .. } | ConnectError::Refused { .. }) => {
                ClientError::Refused(error.to_string())
            }
            error => ClientError::BadReply(error.to_string()),
        })?;
        let is_option = |name: &str| name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("X-CSTP-"));
        let options = response.headers.iter().filter(|(name, _)| is_option(name));
        let options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (tls, early) = channel.into_tunnel();
        let remote = tls.tcp().peer_addr()?;
        let psk =
            tls.channel().export(PSK_LABEL, PSK_LENGTH).map_err(|error| format!("there is no key for it: {error}"));
        let dtls = prepare(&request, &reply, Ground { profile, gateway: remote.ip(), psk });
        Ok(Opened { tls, early, reply, options, dtls, remote })
    }

    fn request(&self, tls: &AsyncTls, cookie: &str, wishes: &[IpAddr]) -> Result<ConnectRequest, ClientError> {
        let settings = &self.settings;
        let (local, remote) = (tls.tcp().local_addr()?.ip(), tls.tcp().peer_addr()?.ip());
        let outer = OuterIp::from(remote);
        let base_mtu = settings.base_mtu.unwrap_or_else(|| base_mtu_of_path(path_mtu(tls, outer)));
        let mut request = ConnectRequest {
            hostname: Some(settings.hostname.clone()),
            base_mtu: Some(base_mtu),
            mtu: Some(settings.mtu.unwrap_or_else(|| request_mtu(base_mtu, outer))),
            wishes: wishes.to_vec(),
            dtls_ciphers: settings.dtls.suites.clone(),
            dtls12_ciphers: settings.dtls.suites12.clone(),
            local: Some(local),
            remote: Some(remote),
            ..ConnectRequest::new(cookie)
        };
        if settings.compression {
            let names = &settings.profile.encodings;
            request.accept_encoding = names.iter().filter_map(|name| Compression::named(name)).collect();
            request.dtls_accept_encoding = request.accept_encoding.clone();
        }
        if !settings.dtls.is_off() {
            let mut master = [0; 48];
            rand::rng().fill_bytes(&mut master);
            request.master_secret = Some(master);
        }
        Ok(request)
    }
}

/// MTU of the path as TCP sees it: its segments with their headers.
fn path_mtu(tls: &AsyncTls, outer: OuterIp) -> Option<u16> {
    let segment = SockRef::from(tls.tcp()).tcp_mss().ok()?;
    let mtu = segment + TCP_HEADER + TCP_OPTIONS + u32::from(outer.header());
    u16::try_from(mtu).ok().or(Some(u16::MAX))
}
