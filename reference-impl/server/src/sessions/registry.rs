//! The sessions of the server: from the login to the end, across reconnects.
//!
//! A login makes a session that waits for its CONNECT. CONNECT gives it its addresses, which it keeps as long as it lives
//! (AC-RC-04). When the connection is lost the session waits for the cookie to come back (AC-RC-03, AC-CSTP-07); when the user
//! ends it, it is gone with its addresses at once (AC-CSTP-06).

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::{Duration, Instant},
};

use reference_cstp::defects::{Defects, Mutant};

use super::{AddressPool, Cookie, Lease};

/// Most sessions of one user that wait for their first CONNECT.
const MOST_READY: usize = 8;

/// Rules of the registry.
#[derive(Clone, Copy, Debug)]
pub struct RegistryLimits {
    /// How long a cookie is good without a connection.
    pub cookie_timeout: Duration,
    /// Longest life of a session.
    pub session_timeout: Option<Duration>,
    /// Most sessions with addresses.
    pub sessions: Option<usize>,
    /// Most sessions with addresses of one user.
    pub sessions_per_user: Option<usize>,
}

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Logged in, waits for CONNECT until this time.
    Ready(Instant),
    /// Connected.
    Connected,
    /// The connection is lost; the cookie is good until this time.
    Lost(Instant),
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Number, from 1, never used again.
    pub id: u64,
    /// User.
    pub user: String,
    /// Name of the group.
    pub group: String,
    /// Index of the pool.
    pub pool: usize,
    /// Addresses, once connected.
    pub lease: Option<Lease>,
    /// State.
    pub state: SessionState,
    /// Time of the login.
    pub since: Instant,
    /// Where the client connects from.
    pub remote: Option<IpAddr>,
    cookie: Cookie,
}

/// What a CONNECT leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The session's addresses.
    pub lease: Lease,
    /// Whether the session was connected before.
    pub again: bool,
    /// When the session ends whatever happens.
    pub ends: Option<Instant>,
}

/// Why a CONNECT with a good cookie is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The session ended meanwhile.
    #[error("the session is over")]
    Gone,
    /// The server has as many sessions as it may.
    #[error("the server has too many sessions")]
    Sessions,
    /// The user has as many sessions as one may.
    #[error("the user has too many sessions")]
    SessionsOfUser,
    /// No address is free.
    #[error("no address is free")]
    PoolExhausted,
}

/// Why a session ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// The cookie did not come back in time.
    Cookie,
    /// The longest life is over.
    SessionTimeout,
}

/// A session that is no more.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The session as it was.
    pub session: Session,
    /// Why.
    pub why: Expired,
}

/// All sessions.
#[derive(Debug)]
pub struct Registry {
    limits: RegistryLimits,
    pools: Vec<AddressPool>,
    sessions: BTreeMap<u64, Session>,
    by_cookie: HashMap<Cookie, u64>,
    next: u64,
    evicted: Vec<Session>,
    defects: Defects,
}

impl Registry {
    /// Makes an empty registry.
    #[must_use]
    pub fn new(limits: RegistryLimits, mut pools: Vec<AddressPool>, defects: Defects) -> Self {
        if defects.has(Mutant::RefusesSecondUser) {
            pools.iter_mut().for_each(AddressPool::give_taken_addresses);
        }
        Self {
            limits,
            pools,
            sessions: BTreeMap::new(),
            by_cookie: HashMap::new(),
            next: 1,
            evicted: Vec::new(),
            defects,
        }
    }

    /// Changes the rules; what runs keeps running.
    pub fn set_limits(&mut self, limits: RegistryLimits) {
        self.limits = limits;
    }

    /// Makes a session for a user who has proved who it is; returns its number and the cookie for the client.
    pub fn log_in(&mut self, user: &str, group: &str, pool: usize, now: Instant) -> (u64, String) {
        let ready: Vec<u64> = self
            .sessions
            .values()
            .filter(|session| session.user == user && matches!(session.state, SessionState::Ready(_)))
            .map(|session| session.id)
            .collect();
        if ready.len() >= MOST_READY {
            self.end(ready[0]);
        }
        let id = self.next;
        self.next += 1;
        let (value, cookie) = Cookie::generate();
        let session = Session {
            id,
            user: user.to_owned(),
            group: group.to_owned(),
            pool,
            lease: None,
            state: SessionState::Ready(now + self.limits.cookie_timeout),
            since: now,
            remote: None,
            cookie,
        };
        self.by_cookie.insert(cookie, id);
        self.sessions.insert(id, session);
        (id, value)
    }

    /// Finds the session of a cookie value. Values are compared by their hash, in constant time.
    #[must_use]
    pub fn find(&self, value: &str, now: Instant) -> Option<&Session> {
        let cookie = Cookie::of(value)?;
        let session = self.sessions.get(self.by_cookie.get(&cookie)?)?;
        let alive = self.over(session, now).is_none();
        (session.cookie.matches(&cookie) && alive).then_some(session)
    }

    /// Connects a session, for the first time or again (AC-RC-04): the addresses stay what they were.
    ///
    /// # Errors
    ///
    /// Why it cannot be connected; the session itself stays.
    pub fn connect(&mut self, id: u64, remote: IpAddr, wishes: &[IpAddr], now: Instant) -> Result<Connected, Refusal> {
        let session =
            self.sessions.get(&id).filter(|session| self.over(session, now).is_none()).ok_or(Refusal::Gone)?;
        let (user, pool, before) = (session.user.clone(), session.pool, session.lease);
        let lease = match before {
            Some(lease) if self.defects.has(Mutant::ChangesAddressOnReconnect) => self.another(pool, lease),
            Some(lease) => lease,
            None => {
                self.make_room(&user)?;
                self.pools.get_mut(pool).and_then(|pool| pool.take(wishes)).ok_or(Refusal::PoolExhausted)?
            }
        };
        let ends = self.limits.session_timeout;
        let session = self.sessions.get_mut(&id).ok_or(Refusal::Gone)?;
        session.lease = Some(lease);
        session.state = SessionState::Connected;
        session.remote = Some(remote);
        Ok(Connected { lease, again: before.is_some(), ends: ends.map(|longest| session.since + longest) })
    }

    /// Notes that the connection of [`Registry::connect`] is in use, whatever was told of an older one in between; false when the
    /// session has ended since.
    pub fn keep(&mut self, id: u64) -> bool {
        let session = self.sessions.get_mut(&id);
        session.map(|session| session.state = SessionState::Connected).is_some()
    }

    /// Notes that the connection of a session is gone; its cookie stays good for a while.
    pub fn lost(&mut self, id: u64, now: Instant) -> Option<&Session> {
        let until = now + self.limits.cookie_timeout;
        let session = self.sessions.get_mut(&id)?;
        if session.state == SessionState::Connected {
            session.state = SessionState::Lost(until);
        }
        Some(session)
    }

    /// Ends a session because its user said so.
    pub fn log_out(&mut self, id: u64, now: Instant) -> Option<Session> {
        if self.defects.has(Mutant::KeepsSessionAfterLogout) {
            return self.lost(id, now).cloned();
        }
        self.end(id)
    }

    /// Ends a session: cookie and addresses are free.
    pub fn end(&mut self, id: u64) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.by_cookie.remove(&session.cookie);
        if let (Some(lease), Some(pool)) = (session.lease, self.pools.get_mut(session.pool)) {
            pool.release(lease);
        }
        Some(session)
    }

    /// Ends what is over and returns it.
    pub fn expire(&mut self, now: Instant) -> Vec<Ended> {
        let over: Vec<(u64, Expired)> =
            self.sessions.values().filter_map(|session| Some((session.id, self.over(session, now)?))).collect();
        over.into_iter().filter_map(|(id, why)| Some(Ended { session: self.end(id)?, why })).collect()
    }

    /// Returns the lost sessions that made room for new ones since the last call.
    pub fn take_evicted(&mut self) -> Vec<Session> {
        std::mem::take(&mut self.evicted)
    }

    /// Returns when [`Registry::expire`] has something to do next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let of = |session: &Session| {
            let ends = self.limits.session_timeout.map(|longest| session.since + longest);
            let cookie = match session.state {
                SessionState::Ready(until) | SessionState::Lost(until) => Some(until),
                SessionState::Connected => None,
            };
            ends.into_iter().chain(cookie).min()
        };
        self.sessions.values().filter_map(of).min()
    }

    /// Returns a session by its number.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// Iterates over all sessions in the order of their logins.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    fn over(&self, session: &Session, now: Instant) -> Option<Expired> {
        match (session.state, self.limits.session_timeout) {
            (_, Some(longest)) if now >= session.since + longest => Some(Expired::SessionTimeout),
            (SessionState::Ready(until) | SessionState::Lost(until), _) if now >= until => Some(Expired::Cookie),
            _ => None,
        }
    }

    /// Checks the limits; a lost session of the same user makes room for a new one.
    fn make_room(&mut self, user: &str) -> Result<(), Refusal> {
        let with_lease = |registry: &Self| registry.sessions.values().filter(|session| session.lease.is_some()).count();
        if let Some(most) = self.limits.sessions_per_user {
            let mine = |session: &&Session| session.lease.is_some() && session.user == user;
            if self.sessions.values().filter(mine).count() >= most {
                let lost =
                    self.sessions.values().filter(mine).find(|session| matches!(session.state, SessionState::Lost(_)));
                let lost = lost.map(|session| session.id).ok_or(Refusal::SessionsOfUser)?;
                let evicted = self.end(lost);
                self.evicted.extend(evicted);
            }
        }
        match self.limits.sessions {
            Some(most) if with_lease(self) >= most => Err(Refusal::Sessions),
            _ => Ok(()),
        }
    }

    /// The mutant's way: other addresses than before, when there are any.
    fn another(&mut self, pool: usize, lease: Lease) -> Lease {
        let Some(pool) = self.pools.get_mut(pool) else { return lease };
        match pool.take(&[]) {
            Some(other) => {
                pool.release(lease);
                other
            }
            None => lease,
        }
    }
}
