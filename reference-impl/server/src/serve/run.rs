//! The life of the server: start, signals, control socket, end.

use std::{env, path::PathBuf, sync::Arc, time::Duration};

use reference_tunnel::plane::{Plane, PlaneConfig, PlaneEvent};
use reference_tunnel::tls::Role;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    Materials, Sockets, accept,
    network::Ground,
    news, reload,
    shared::{Goodbye, Live, Parts, Shared, registry_limits},
    status,
};
use crate::{
    cli::Run,
    config::{self, Config},
    control::{Ask, ControlSocket, Question},
    events::{Event, Events},
    failure::{Exit, Failure},
    sessions::{AddressPool, Registry},
    tls::KeyLogFile,
};

/// How often the registry is looked through for what is over.
const TICK: Duration = Duration::from_millis(500);

/// How long the last news of the data plane may take.
const LAST_NEWS: Duration = Duration::from_secs(2);

/// Serves until a signal or `stop`; then everything is put back.
///
/// # Errors
///
/// Why the server could not start, or had to end.
pub fn run(options: &Run) -> Result<(), Failure> {
    let defects = options.defects()?;
    let config = config::load(&options.config)?;
    let events = Events::open(options.events.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8)))
        .enable_all()
        .build()
        .map_err(|error| Failure::internal("start the runtime", error))?;
    let key_log = config.tls.key_log.clone().or_else(|| env::var_os("SSLKEYLOGFILE").map(PathBuf::from));
    let key_log = key_log.filter(|path| !path.as_os_str().is_empty()).map(KeyLogFile::open).transpose()?;
    let materials = Materials::load(&config, key_log.as_ref(), defects)?;
    let done = runtime.block_on(serve(Start { config, materials, key_log, events, options, defects }));
    // Passwords that are being verified need not be waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    done
}

struct Start<'a> {
    config: Config,
    materials: Materials,
    key_log: Option<KeyLogFile>,
    events: Events,
    options: &'a Run,
    defects: reference_cstp::defects::Defects,
}

async fn serve(start: Start<'_>) -> Result<(), Failure> {
    let Start { config, materials, key_log, events, options, defects } = start;
    let signals = Signals::open()?;
    let sockets = Sockets::open(&config.listen, !config.dtls.families.is_empty(), &events)?;
    let (questions, asked) = mpsc::channel(16);
    let control = config.control_socket.clone().map(|path| ControlSocket::open(path, questions)).transpose()?;
    let (device, ground) = Ground::prepare(&config, &options.journal, &events).await?;
    let mut plane = PlaneConfig::new(Role::Server, device);
    plane.udp = sockets.udp;
    plane.hello_verify = config.dtls.hello_verify;
    plane.key_log = key_log.as_ref().map(|key_log| key_log.path().to_owned());
    plane.defects = defects;
    let started = Plane::start(plane).map_err(|error| Failure::internal("start the data plane", error));
    let (plane, news) = match started {
        Ok(started) => started,
        Err(failure) => {
            ground.restore(&events).await;
            return Err(failure);
        }
    };
    let pools = config.pools.iter().map(|pool| AddressPool::new(*pool)).collect();
    let registry = Registry::new(registry_limits(&config), pools, defects);
    for mutant in defects.iter() {
        events.warn(format!("this server is broken on purpose: {mutant}"));
    }
    materials.warn(&events);
    let live = Live { config, materials };
    let udp_port = sockets.udp_port;
    let parts = Parts { live, registry, events: events.clone(), plane, udp_port, key_log, defects };
    let shared = Arc::new(Shared::new(parts));

    let (stop, stopped) = watch::channel(false);
    let locals: Vec<_> = sockets.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let served = match accept::serve(sockets.tcp, &shared, &stopped) {
        Ok(mut accepting) => {
            for tcp in locals {
                events.emit(&Event::Listening { tcp, udp: udp_port });
            }
            events.emit(&Event::Ready { device: ground.device.clone() });
            let mut server =
                Server { shared: Arc::clone(&shared), news, asked, signals, device: ground.device.clone() };
            let end = server.until_told().await;
            let _ = stop.send(true);
            let _ = timeout(LAST_NEWS, async { while accepting.join_next().await.is_some() {} }).await;
            server.farewell().await;
            end
        }
        Err(failure) => Err(failure),
    };
    drop(shared);
    ground.restore(&events).await;
    let (result, answer) = match served {
        Ok(End { by, answer }) => {
            events.emit(&Event::Stopped { by: by.to_owned() });
            (Ok(()), answer)
        }
        Err(failure) => (Err(failure), None),
    };
    if let Some(answer) = answer {
        // Who asked may have gone.
        let _ = answer.send("{\"stopped\":true}".to_owned());
    }
    if let Some(control) = control {
        control.close().await;
    }
    result
}

/// Why the server ends, and who waits for it.
struct End {
    by: &'static str,
    answer: Option<oneshot::Sender<String>>,
}

struct Server {
    shared: Arc<Shared>,
    news: mpsc::UnboundedReceiver<PlaneEvent>,
    asked: mpsc::Receiver<Ask>,
    signals: Signals,
    device: Option<String>,
}

impl Server {
    async fn until_told(&mut self) -> Result<End, Failure> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let dead = |message: String| {
            Failure::new(
                Exit::Internal,
                format!("move packets: {message}"),
                "the device may be gone; start the server again",
            )
        };
        loop {
            tokio::select! {
                news = self.news.recv() => match news {
                    Some(news) => news::handle(&self.shared, news).await.map_err(dead)?,
                    None => return Err(dead("the data plane ended".to_owned())),
                },
                _ = tick.tick() => news::expire(&self.shared),
                Some(ask) = self.asked.recv() => {
                    if let Some(end) = self.answer(ask).await {
                        return Ok(end);
                    }
                }
                Some(()) = self.signals.term.recv() => return Ok(End { by: "signal TERM", answer: None }),
                Some(()) = self.signals.int.recv() => return Ok(End { by: "signal INT", answer: None }),
                Some(()) = self.signals.hup.recv() => reload::materials(&self.shared).await,
            }
        }
    }

    async fn answer(&self, ask: Ask) -> Option<End> {
        let text = match ask.question {
            Question::Stop => return Some(End { by: "stop", answer: Some(ask.answer) }),
            Question::Status => {
                let status = status::gather(&self.shared, self.device.as_deref()).await;
                serde_json::to_string(&status).unwrap_or_default()
            }
            Question::Restart => match reload::everything(&self.shared).await {
                Ok(()) => "{\"restarted\":true}".to_owned(),
                Err(error) => serde_json::json!({ "error": error }).to_string(),
            },
        };
        // Who asked may have gone.
        let _ = ask.answer.send(text);
        None
    }

    /// Tells all clients that the server goes, and takes the last news.
    async fn farewell(&mut self) {
        for link in self.shared.links().values_mut() {
            link.farewell.get_or_insert(Goodbye { reason: "server stop", keeps: false });
        }
        let plane = self.shared.plane.clone();
        // It waits for a thread.
        let stopped = tokio::task::spawn_blocking(move || plane.stop());
        let last = async {
            while let Some(news) = self.news.recv().await {
                if news::handle(&self.shared, news).await.is_err() {
                    break;
                }
            }
        };
        let _ = timeout(LAST_NEWS, last).await;
        let _ = timeout(LAST_NEWS, stopped).await;
    }
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn open() -> Result<Self, Failure> {
        let open = |kind| signal(kind).map_err(|error| Failure::internal("listen for signals", error));
        Ok(Self {
            term: open(SignalKind::terminate())?,
            int: open(SignalKind::interrupt())?,
            hup: open(SignalKind::hangup())?,
        })
    }
}
