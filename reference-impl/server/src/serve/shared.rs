//! What all connections of the server share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use reference_cstp::{connect::Family, defects::Defects};
use reference_dtls::Suite;
use reference_tunnel::plane::PlaneHandle;
use tokio::sync::Semaphore;

use super::{Materials, logins::Logins};
use crate::{
    config::Config,
    events::Events,
    guard::{Bans, Connections},
    sessions::{Registry, RegistryLimits},
    tls::KeyLogFile,
};

/// A configuration and its files, as they are in use together.
pub(super) struct Live {
    pub(super) config: Config,
    pub(super) materials: Materials,
}

/// What is remembered of a connected session beside the registry, for events and for the end.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) user: String,
    pub(super) family: Option<Family>,
    pub(super) suite: Option<Suite>,
    /// When its connection was handed to the data plane last.
    pub(super) attached: Instant,
    /// Set when this side ends it: why, and whether the session stays for its cookie.
    pub(super) farewell: Option<Goodbye>,
}

/// Why this side ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goodbye {
    pub(super) reason: &'static str,
    pub(super) keeps: bool,
}

/// Shared state. Locks are held for moments only and never across a wait.
pub(super) struct Shared {
    live: RwLock<Arc<Live>>,
    registry: Mutex<Registry>,
    bans: Mutex<Bans>,
    logins: Mutex<Logins>,
    links: Mutex<HashMap<u64, Link>>,
    pub(super) connections: Connections,
    /// How many passwords are verified at a time.
    pub(super) verifications: Semaphore,
    pub(super) events: Events,
    pub(super) plane: PlaneHandle,
    pub(super) udp_port: Option<u16>,
    pub(super) key_log: Option<KeyLogFile>,
    pub(super) defects: Defects,
    pub(super) started: Instant,
}

/// What [`Shared`] is made with.
pub(super) struct Parts {
    pub(super) live: Live,
    pub(super) registry: Registry,
    pub(super) events: Events,
    pub(super) plane: PlaneHandle,
    pub(super) udp_port: Option<u16>,
    pub(super) key_log: Option<KeyLogFile>,
    pub(super) defects: Defects,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        let limits = parts.live.config.limits;
        Self {
            live: RwLock::new(Arc::new(parts.live)),
            registry: Mutex::new(parts.registry),
            bans: Mutex::new(Bans::new(limits.attempts, limits.ban)),
            logins: Mutex::default(),
            links: Mutex::default(),
            connections: Connections::default(),
            verifications: Semaphore::new(std::thread::available_parallelism().map_or(2, |count| count.get() * 2)),
            events: parts.events,
            plane: parts.plane,
            udp_port: parts.udp_port,
            key_log: parts.key_log,
            defects: parts.defects,
            started: Instant::now(),
        }
    }

    pub(super) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a fresh configuration into use; what runs keeps running.
    pub(super) fn replace(&self, live: Live) {
        self.registry().set_limits(registry_limits(&live.config));
        self.bans().set_rule(live.config.limits.attempts, live.config.limits.ban);
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        lock(&self.registry)
    }

    pub(super) fn bans(&self) -> MutexGuard<'_, Bans> {
        lock(&self.bans)
    }

    pub(super) fn logins(&self) -> MutexGuard<'_, Logins> {
        lock(&self.logins)
    }

    pub(super) fn links(&self) -> MutexGuard<'_, HashMap<u64, Link>> {
        lock(&self.links)
    }

    /// Returns the user of a session for events.
    pub(super) fn user(&self, id: u64) -> String {
        self.links().get(&id).map_or_else(|| format!("session {id}"), |link| link.user.clone())
    }

    /// Returns when a session was attached, if that was within the last moments, so that older news about it may be wrong.
    pub(super) fn attached_within(&self, id: u64, span: Duration) -> Option<Instant> {
        self.links().get(&id).map(|link| link.attached).filter(|attached| attached.elapsed() < span)
    }
}

/// A panic elsewhere leaves state that is as good as before: every change is made in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn registry_limits(config: &Config) -> RegistryLimits {
    RegistryLimits {
        cookie_timeout: config.session.cookie_timeout,
        session_timeout: config.session.session_timeout,
        sessions: config.limits.sessions,
        sessions_per_user: config.limits.sessions_per_user,
    }
}
