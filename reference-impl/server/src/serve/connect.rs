//! CONNECT: from a cookie to a session with addresses, DTLS and sizes, handed to the data plane.

use std::{
    net::IpAddr,
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use reference_cstp::{
    compress::Compression,
    connect::{
        Cipher, ConnectError, ConnectReply, ConnectRequest, DtlsReply, InnerAddress, OuterIp, data_mtu, link_mtu,
        stream_mtu,
    },
    http::{Request, RequestReader, Response},
    profile::DtlsMtuHeader,
    session::{Rekey, RekeyMethod},
};
use reference_tunnel::{
    plane::{Attach, DtlsSetup, SessionId},
    tls::{AsyncTls, MAX_PLAINTEXT, TlsChannel},
};
use rustix::net::sockopt;
use tokio::time::timeout;

use super::{
    connection::Peer,
    dtls::{self, Agreement},
    news,
    shared::{Link, Live, Shared},
};
use crate::{
    config::{Config, Group, RekeyPlan},
    events::Event,
    sessions::{Connected, Lease, Refusal, Session},
};

/// How long a refusal may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// Answers a CONNECT. With success the connection belongs to the data plane.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    mut tls: AsyncTls,
    peer: &Peer,
    request: &Request,
    reader: RequestReader,
) {
    let refused = match accept(shared, &mut tls, peer, request) {
        Ok(ready) => return hand_over(shared, tls, peer, ready, reader),
        Err(refused) => refused,
    };
    let Refused { user, response, why } = *refused;
    shared.events.emit(&Event::ConnectRefused { user, remote: peer.remote.ip(), status: response.status, why });
    let _ = timeout(FAREWELL, async {
        tls.write_all(&response.to_bytes()).await?;
        tls.close().await
    })
    .await;
}

struct Refused {
    user: Option<String>,
    response: Response,
    why: String,
}

impl Refused {
    fn new(user: Option<&Session>, error: &ConnectError) -> Box<Self> {
        let user = user.map(|session| session.user.clone());
        Box::new(Self { user, response: error.to_response(), why: error.to_string() })
    }

    fn unavailable(session: &Session, reason: String) -> Box<Self> {
        Self::new(Some(session), &ConnectError::Unavailable { reason })
    }
}

/// Everything that the data plane needs but the connection itself.
struct Ready {
    session: Session,
    connected: Connected,
    reply: ConnectReply,
    response: Response,
    agreement: Option<Agreement>,
}

fn accept(shared: &Shared, tls: &mut AsyncTls, peer: &Peer, request: &Request) -> Result<Ready, Box<Refused>> {
    let request = ConnectRequest::parse(request).map_err(|error| Refused::new(None, &error))?;
    let now = Instant::now();
    let session = shared.registry().find(&request.cookie, now).cloned();
    let session = session.ok_or_else(|| Refused::new(None, &ConnectError::CookieRefused))?;
    let live = shared.live();
    let Some(group) = live.config.groups.iter().find(|group| group.name == session.group) else {
        return Err(Refused::unavailable(&session, "the group is no more".to_owned()));
    };
    let pool = live.config.pools.get(session.pool).copied();
    let types = request.address_types;
    if !pool.is_some_and(|pool| (types.v4 && pool.ipv4.is_some()) || (types.v6 && pool.ipv6.is_some())) {
        return Err(Refused::unavailable(&session, "no address of the requested family".to_owned()));
    }
    let connected = take_addresses(shared, peer, &session, &request, now)?;

    let agreement = match shared.udp_port {
        Some(_) => dtls::agree(tls.channel(), &request, &live.config.dtls.families),
        None => None,
    };
    let facts = Facts { shared, live: &live, group, request: &request, connected, agreement: agreement.as_ref() };
    let whole = facts.reply(tls);
    let reply = whole.restricted_to(&request);
    let response = whole.to_response(&live.config.profile, &request);
    Ok(Ready { session, connected, reply, response, agreement })
}

fn take_addresses(
    shared: &Shared,
    peer: &Peer,
    session: &Session,
    request: &ConnectRequest,
    now: Instant,
) -> Result<Connected, Box<Refused>> {
    // The lock is held until the data plane has its orders: it drops an old session before somebody else has its address.
    let mut registry = shared.registry();
    let connected = registry.connect(session.id, peer.remote.ip(), &request.wishes, now);
    for evicted in registry.take_evicted() {
        news::dismiss(shared, &evicted, "made room for a newer session");
    }
    drop(registry);
    connected.map_err(|refusal| match refusal {
        Refusal::Gone => Refused::new(Some(session), &ConnectError::CookieRefused),
        other => {
            if other == Refusal::PoolExhausted {
                let (user, group) = (session.user.clone(), session.group.clone());
                shared.events.emit(&Event::PoolExhausted { user, group });
            }
            Refused::unavailable(session, other.to_string())
        }
    })
}

fn hand_over(shared: &Arc<Shared>, mut tls: AsyncTls, peer: &Peer, ready: Ready, mut reader: RequestReader) {
    let Ready { session, connected, reply, response, agreement } = ready;
    let id = session.id;
    let lost = |why: &dyn std::fmt::Display| {
        shared.registry().lost(id, Instant::now());
        shared.events.warn(format!("the connection of {} could not be handed over: {why}", session.user));
    };
    // The data plane sends it: so the session is there before the client has read the reply (AC-DTLS-33).
    for record in response.to_bytes().chunks(MAX_PLAINTEXT) {
        if let Err(error) = tls.channel_mut().write_record(&[record]) {
            return lost(&error);
        }
    }
    let early = reader.take_rest();
    // A reply of this server always says what the link carries.
    let (outer, carries) = (OuterIp::from(peer.remote.ip()), reply.base_mtu.unwrap_or_default());
    let (tcp, tls) = match tls.into_parts() {
        Ok(parts) => parts,
        Err(error) => return lost(&error),
    };
    let family = agreement.as_ref().map(|agreement| agreement.choice.family);
    let link = Link { user: session.user.clone(), family, suite: None, attached: Instant::now(), farewell: None };
    let mut config = reply.server_session();
    config.defects = shared.defects;
    // With the lock held, news about an older connection is handled either before this, and made good here, or after it, and known
    // to be old; and nobody ends the session between its entry and its connection.
    let mut registry = shared.registry();
    if !registry.keep(id) {
        drop(registry);
        return lost(&"the session ended meanwhile");
    }
    shared.links().insert(id, link);
    shared.plane.attach(Attach {
        id: SessionId(id),
        tcp,
        tls,
        early,
        session: config,
        inner: connected.lease.nets(),
        compression: (
            reply.content_encoding,
            reply.dtls.as_ref().map_or(Compression::None, |dtls| dtls.content_encoding),
        ),
        dtls: agreement.map(|agreement| DtlsSetup::Server { config: agreement.handshake(outer, carries) }),
    });
    drop(registry);
    tell(shared, peer, &session, connected, &reply, family.map(|family| family.name().to_owned()));
}

fn tell(
    shared: &Shared,
    peer: &Peer,
    session: &Session,
    connected: Connected,
    reply: &ConnectReply,
    dtls: Option<String>,
) {
    let (user, remote) = (session.user.clone(), peer.remote.ip());
    let given = |v4: bool| reply.addresses.iter().map(|it| it.addr).find(|it| it.is_ipv4() == v4);
    let (address4, address6) = (given(true), given(false));
    let shown = Lease {
        v4: address4.and_then(|address| if let IpAddr::V4(address) = address { Some(address) } else { None }),
        v6: address6.and_then(|address| if let IpAddr::V6(address) = address { Some(address) } else { None }),
    };
    let address = shown.to_string();
    shared.events.emit(&match connected.again {
        true => Event::Reconnected { user, address, dtls, remote },
        false => {
            let mtu = reply.cstp_mtu.unwrap_or_default();
            Event::Connected { user, address, address4, address6, dtls, mtu, remote }
        }
    });
}

/// What the reply is made of.
struct Facts<'a> {
    shared: &'a Shared,
    live: &'a Live,
    group: &'a Group,
    request: &'a ConnectRequest,
    connected: Connected,
    agreement: Option<&'a Agreement>,
}

impl Facts<'_> {
    fn reply(&self, tls: &mut AsyncTls) -> ConnectReply {
        let Config { network, session, pools, banner, .. } = &self.live.config;
        let push = &self.group.push;
        let outer = self.outer(tls);
        let inner_ipv6 = self.connected.lease.v6.is_some() && self.request.address_types.v6;
        let link = link_mtu(network.mtu, self.request.base_mtu, path_mtu(tls), inner_ipv6);
        let cipher = self.agreement.map_or(Cipher::AesGcm, |agreement| agreement.choice.cipher);
        let mtu = data_mtu(link, outer, cipher);
        // Where X-DTLS-MTU is always there, as an ASA has it, each header is about its own channel. Without it ocserv's
        // X-CSTP-MTU is about both.
        let split = self.agreement.is_none() || self.live.config.profile.dtls.mtu_header == DtlsMtuHeader::Always;
        let cstp_mtu = if split { stream_mtu(link, outer) } else { mtu };
        let pool = pools.get(self.group.pool);
        let v4 = self.connected.lease.v4.map(|address| InnerAddress {
            addr: address.into(),
            prefix: pool.and_then(|pool| pool.ipv4).map_or(32, |net| net.prefix_len()),
        });
        let v6 = self.connected.lease.v6.map(|address| InnerAddress {
            addr: address.into(),
            prefix: pool.and_then(|pool| pool.ipv6).map_or(128, |net| net.prefix_len()),
        });
        let dpd = if is_mobile(self.request) { session.mobile_dpd } else { session.dpd };
        let now = Instant::now();
        let compression = |offered: &[Compression]| match session.compression {
            true => {
                [Compression::OcLz4, Compression::Lzs].into_iter().find(|it| offered.contains(it)).unwrap_or_default()
            }
            false => Compression::None,
        };
        ConnectReply {
            hostname: self.request.hostname.clone(),
            addresses: v4.into_iter().chain(v6).collect(),
            dns: push.dns.clone(),
            nbns: network.nbns.iter().copied().map(IpAddr::from).collect(),
            default_domain: push.default_domain.clone().into_iter().collect(),
            split_dns: push.split_dns.clone(),
            include: push.routes.clone(),
            exclude: push.no_routes.clone(),
            tunnel_all_dns: Some(network.tunnel_all_dns),
            client_bypass: Some(network.client_bypass_protocol),
            banner: banner.clone(),
            base_mtu: Some(link),
            cstp_mtu: Some(cstp_mtu),
            dpd,
            keepalive: session.keepalive,
            idle_timeout: session.idle_timeout,
            session_timeout: session.session_timeout,
            // Never 0, which would mean that there is no end.
            session_remaining: self
                .connected
                .ends
                .map(|ends| ends.saturating_duration_since(now).max(Duration::from_secs(1))),
            disconnected_timeout: Some(session.cookie_timeout).filter(|time| time.as_secs() > 0),
            rekey: session.rekey.map(|plan| rekey(plan, tls.channel())),
            content_encoding: compression(&self.request.accept_encoding),
            dtls: self.agreement.map(|agreement| DtlsReply {
                port: self.shared.udp_port,
                mtu: Some(mtu),
                dpd,
                keepalive: session.keepalive,
                rekey: session.rekey.map(|plan| rekey(plan, tls.channel())),
                content_encoding: compression(&self.request.dtls_accept_encoding),
                ..agreement.headers()
            }),
            ..ConnectReply::default()
        }
    }

    fn outer(&self, tls: &AsyncTls) -> OuterIp {
        tls.tcp().peer_addr().map_or(OuterIp::V6, |address| OuterIp::from(address.ip()))
    }
}

/// AC-RKY-06: `ssl` only where the connection can do it: TLS 1.3 has key updates, older versions need RFC 5746.
fn rekey(plan: RekeyPlan, channel: &TlsChannel) -> Rekey {
    let can = channel.version() == "TLSv1.3" || channel.secure_renegotiation();
    let method = if plan.new_tunnel || !can { RekeyMethod::NewTunnel } else { RekeyMethod::Ssl };
    Rekey { after: plan.after, method }
}

/// What the kernel knows of the path.
fn path_mtu(tls: &AsyncTls) -> Option<u16> {
    let socket = tls.tcp().as_fd();
    let mtu = match tls.tcp().local_addr().ok()?.is_ipv4() {
        true => sockopt::ip_mtu(socket).ok()?,
        false => sockopt::ipv6_mtu(socket).ok()?,
    };
    u16::try_from(mtu).ok()
}

/// AC-KA-06: a device type, a mobile platform, or a mobile licence.
fn is_mobile(request: &ConnectRequest) -> bool {
    request.mobile.iter().any(|(name, value)| {
        let (name, value) = (name.to_ascii_lowercase(), value.to_ascii_lowercase());
        name.ends_with("-devicetype") || value == "mobile" || value.contains("android") || value.contains("apple-ios")
    })
}
