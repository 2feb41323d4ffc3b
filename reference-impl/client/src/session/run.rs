//! The loop: signals, news of the data plane, and connections in the making.

use std::future::{Future, pending};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reference_cstp::connect::{ConnectReply, Family};
use reference_cstp::frame::{Disconnect, PacketType, header, reason};
use reference_cstp::http::ServerUrl;
use reference_cstp::login::Stage;
use reference_cstp::profile::Schedule;
use reference_cstp::session::Role;
use reference_tunnel::plane::{Farewell, Plane, PlaneConfig, PlaneEvent, PlaneHandle};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::config::{ID, attach, session};
use crate::backoff::BackOff;
use crate::dialer::{Dialer, Opened};
use crate::error::ClientError;
use crate::events::{DtlsState, Event, Traffic};
use crate::network::{Network, addresses};
use crate::report::Reporter;
use crate::signals::{Signals, Wish};
use crate::stages::Stages;

/// Longest wait for the farewell to be sent.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why a session is over.
pub(crate) enum End {
    /// The user wanted it.
    Requested(Farewell),
    /// Something ended it.
    Failed(ClientError),
}

/// A connection that is planned or in the making.
pub(super) enum Work {
    Idle,
    Waiting {
        until: Instant,
        why: Why,
    },
    /// The name of the gateway is looked up again.
    Resolving {
        look_up: Job<()>,
        why: Why,
    },
    Dialing {
        tunnel: Job<Opened>,
        why: Why,
    },
}

/// Something that takes its time.
pub(super) type Job<T> = Pin<Box<dyn Future<Output = Result<T, ClientError>>>>;

/// What the new connection is for.
#[derive(Clone, Debug)]
pub(super) enum Why {
    /// New keys; the old connection lives.
    Rekey,
    /// The old connection is lost, or the user wants another one.
    Reconnect { back_off: BackOff, attempt: u32 },
}

/// What became of the work.
pub(super) enum Progress {
    Due,
    Resolved(Result<(), ClientError>),
    Dialed(Result<Box<Opened>, ClientError>),
}

/// A tunnel that is up.
pub(crate) struct Session {
    pub(super) dialer: Arc<Dialer>,
    pub(super) reporter: Reporter,
    pub(super) url: ServerUrl,
    pub(super) cookie: Arc<str>,
    pub(super) network: Network,
    pub(super) plane: PlaneHandle,
    events: UnboundedReceiver<PlaneEvent>,
    pub(super) stages: Stages,
    pub(super) reply: ConnectReply,
    /// The headers of the reply, for scripts.
    pub(super) options: Vec<(String, String)>,
    /// When the session ends whatever happens, as the gateway says (AC-CON-13).
    pub(super) ends: Option<Instant>,
    pub(super) remote: SocketAddr,
    pub(super) mtu: u16,
    /// Whether the data plane has the session.
    pub(super) attached: bool,
    /// The attempts that led to the present connection, and when it was made.
    pub(super) comeback: Option<(BackOff, Instant)>,
    pub(super) family: Option<Family>,
    /// Whether DTLS was up once.
    pub(super) dtls_seen: bool,
    /// Attempts that failed before DTLS was up for the first time.
    pub(super) dtls_failures: u32,
    pub(super) work: Work,
}

impl Session {
    /// Brings the tunnel up: device, data plane, network. Traffic flows over TLS as soon as this returns.
    pub(crate) async fn start(
        dialer: Arc<Dialer>,
        url: ServerUrl,
        cookie: &str,
        mut opened: Opened,
        mut network: Network,
        mut stages: Stages,
        reporter: &Reporter,
    ) -> Result<Self, ClientError> {
        let settings = dialer.settings.clone();
        let config = session(&opened, &settings);
        let mtu = config.mtu.dtls.unwrap_or(config.mtu.tls);
        stages.done("");
        let device = match network.device(settings.interface.as_deref(), mtu).await {
            Ok(device) => device,
            Err(error) => {
                farewell(&mut opened).await;
                return Err(error);
            }
        };
        let plane = PlaneConfig {
            key_log: settings.key_log.clone(),
            defects: settings.defects,
            ..PlaneConfig::new(Role::Client, device)
        };
        let (plane, events) = Plane::start(plane)?;
        let (reply, remote, tls) = (opened.reply.clone(), opened.remote, opened.tls.channel().version());
        let options = opened.options.clone();
        let dtls = opened.dtls.as_ref().map(|dtls| dtls.family).map_err(Clone::clone);
        plane.attach(attach(opened, config)?);
        reporter.tell(&connected(&reply, mtu, tls, network.device_name()));
        if let Some(banner) = &reply.banner {
            reporter.tell(&Event::Banner { text: banner.clone() });
        }
        match &dtls {
            Ok(_) => stages.begin(Stage::DtlsHandshake),
            Err(reason) => {
                stages.skipped(Stage::DtlsHandshake, reason);
                reporter.tell(&off(reason));
            }
        }
        let mut session = Self {
            dialer,
            reporter: reporter.clone(),
            url,
            cookie: cookie.into(),
            network,
            plane,
            events,
            stages,
            ends: ends(&reply),
            reply,
            options,
            remote,
            mtu,
            attached: true,
            comeback: None,
            family: dtls.as_ref().ok().copied(),
            dtls_seen: false,
            dtls_failures: 0,
            work: Work::Idle,
        };
        let wanted = match dtls {
            Err(reason) if settings.require_dtls => Err(ClientError::DtlsRequired(reason)),
            _ => session.network.configure(&session.reply, &session.options, remote.ip(), mtu).await,
        };
        if let Err(error) = wanted {
            session.close(Some(local_end(&error))).await;
            return Err(error);
        }
        reporter.tell(&Event::Configured { device: session.network.device_name(), mtu });
        Ok(session)
    }

    /// Keeps the tunnel until it ends, and undoes everything.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> Result<(), ClientError> {
        let end = loop {
            let end = tokio::select! {
                biased;
                wish = signals.next() => self.on_wish(wish).await,
                event = self.events.recv() => self.on_event(event).await,
                progress = progress(&mut self.work) => self.on_progress(progress).await,
            };
            if let Some(end) = end {
                break end;
            }
        };
        match end {
            End::Requested(farewell) => {
                self.close(Some(farewell)).await;
                self.reporter.tell(&Event::Disconnected { reason: "requested".into() });
                Ok(())
            }
            End::Failed(error) => {
                let farewell = Some(local_end(&error)).filter(|_| !matches!(error, ClientError::Ended(_)));
                self.close(farewell).await;
                let reason = match &error {
                    ClientError::Ended(reason) => format!("by the gateway: {reason}"),
                    error => format!("failed to {error}"),
                };
                self.reporter.tell(&Event::Disconnected { reason });
                Err(error)
            }
        }
    }

    async fn on_wish(&mut self, wish: Wish) -> Option<End> {
        match wish {
            Wish::Stop => Some(End::Requested(Farewell::Disconnect {
                reason: reason::USER,
                text: "the user ended the session".into(),
            })),
            // openconnect leaves without a word; AnyConnect says that it will be back.
            Wish::Detach if self.is_anyconnect() => Some(End::Requested(Farewell::Disconnect {
                reason: reason::RECONNECTING,
                text: "the user left, the session stays".into(),
            })),
            Wish::Detach => Some(End::Requested(Farewell::Silent)),
            Wish::Status => {
                self.status().await;
                None
            }
            Wish::Reconnect => self.reconnect("requested"),
        }
    }

    async fn status(&self) {
        let Ok(stats) = self.plane.stats().await else { return };
        let Some(session) = stats.sessions.iter().find(|session| session.id == ID) else { return };
        let traffic = |of: &reference_tunnel::plane::Traffic| Traffic {
            rx_packets: of.rx_packets,
            rx_bytes: of.rx_bytes,
            tx_packets: of.tx_packets,
            tx_bytes: of.tx_bytes,
        };
        self.reporter.tell(&Event::Status {
            channel: super::news::channel_name(session.channel),
            mtu: session.mtu,
            since_s: session.since.elapsed().as_secs(),
            ends_in_s: self.ends.map(|ends| ends.saturating_duration_since(Instant::now()).as_secs()),
            dtls: session.dtls_suite.map(|suite| suite.name().to_owned()),
            tls_traffic: traffic(&session.tls),
            dtls_traffic: traffic(&session.dtls),
        });
    }

    /// Says farewell, undoes everything, and waits for the data plane.
    async fn close(&mut self, farewell: Option<Farewell>) {
        self.work = Work::Idle;
        if let Some(farewell) = farewell.filter(|_| self.attached) {
            self.plane.detach(ID, farewell);
            let ended = async { while !matches!(self.events.recv().await, Some(PlaneEvent::Ended { .. }) | None) {} };
            // What a peer does not take within that time it does not get.
            let _ = timeout(FAREWELL, ended).await;
        }
        self.network.down().await;
        let plane = self.plane.clone();
        // A panic of the thread was told by the data plane itself.
        let _ = tokio::task::spawn_blocking(move || plane.stop()).await;
    }

    /// Whether the profile behaves as AnyConnect does where clients differ.
    pub(super) fn is_anyconnect(&self) -> bool {
        self.dialer.settings.profile.dtls.schedule == Schedule::Anyconnect
    }

    /// The inner addresses that are held.
    pub(super) fn wishes(&self) -> Vec<IpAddr> {
        addresses(&self.reply).iter().map(ipnet::IpNet::addr).collect()
    }
}

/// Waits for what is planned or in the making; nothing is lost when the call is cancelled.
async fn progress(work: &mut Work) -> Progress {
    match work {
        Work::Idle => pending().await,
        Work::Waiting { until, .. } => {
            sleep_until(*until).await;
            Progress::Due
        }
        Work::Resolving { look_up, .. } => Progress::Resolved(look_up.await),
        Work::Dialing { tunnel, .. } => Progress::Dialed(tunnel.await.map(Box::new)),
    }
}

/// Ends a session that the data plane has not got yet.
async fn farewell(opened: &mut Opened) {
    let payload = Disconnect { reason: Some(reason::USER), text: "no device".into() }.to_payload();
    if let Ok(header) = header(PacketType::Disconnect, payload.len()) {
        let frame = [&header[..], &payload].concat();
        // The gateway finds out by itself otherwise.
        let _ = timeout(FAREWELL, opened.tls.write_all(&frame)).await;
    }
}

/// How the gateway is told of an end that comes from this side; nothing is kept that could not be used again.
fn local_end(error: &ClientError) -> Farewell {
    match error {
        ClientError::ReconnectTimedOut { .. } | ClientError::CookieRejected => Farewell::Silent,
        _ => Farewell::Disconnect { reason: reason::USER, text: "local error".into() },
    }
}

/// When a session that begins now, or goes on, ends at the latest.
pub(super) fn ends(reply: &ConnectReply) -> Option<Instant> {
    reply.ends_after().and_then(|after| Instant::now().checked_add(after))
}

fn connected(reply: &ConnectReply, mtu: u16, tls: &str, device: Option<String>) -> Event {
    let address = |ipv6: bool| {
        let mut all = addresses(reply).into_iter().map(|net| net.addr());
        all.find(|address| address.is_ipv6() == ipv6).map(|address| address.to_string())
    };
    Event::Connected { address4: address(false), address6: address(true), mtu, tls: tls.to_owned(), device }
}

/// The event for a session without DTLS.
pub(super) fn off(reason: &str) -> Event {
    Event::Dtls { state: DtlsState::Off, attempt: None, family: None, suite: None, reason: Some(reason.to_owned()) }
}
