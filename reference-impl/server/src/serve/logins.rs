//! Logins in progress: they may span connections, and are found again by the cookie `webvpncontext` (AC-HTTP-13).

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use reference_cstp::authenticate::LoginServer;

/// Most logins in progress; the oldest makes room.
const MOST: usize = 4096;

/// How long a login may pause.
pub(super) const PAUSE: Duration = Duration::from_secs(300);

/// The table of logins in progress.
#[derive(Default)]
pub(super) struct Logins(HashMap<String, Entry>);

struct Entry {
    login: Box<LoginServer>,
    last: Instant,
}

impl Logins {
    /// Makes an id for a new login, which nobody can guess.
    pub(super) fn fresh_id() -> String {
        STANDARD.encode(rand::random::<[u8; 24]>())
    }

    /// Takes a login out, to go on with it.
    pub(super) fn take(&mut self, id: &str, now: Instant) -> Option<Box<LoginServer>> {
        let entry = self.0.remove(id)?;
        (now.saturating_duration_since(entry.last) < PAUSE).then_some(entry.login)
    }

    /// Puts a login back until its next request.
    pub(super) fn put(&mut self, login: Box<LoginServer>, now: Instant) {
        if self.0.len() >= MOST {
            self.expire(now);
        }
        if self.0.len() >= MOST {
            let oldest = self.0.iter().min_by_key(|(_, entry)| entry.last).map(|(id, _)| id.clone());
            oldest.map(|id| self.0.remove(&id));
        }
        self.0.insert(login.context_id().to_owned(), Entry { login, last: now });
    }

    /// Forgets logins that paused for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        self.0.retain(|_, entry| now.saturating_duration_since(entry.last) < PAUSE);
        if self.0.is_empty() {
            self.0.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use reference_cstp::{authenticate::LoginOptions, profile::ServerProfile};

    use super::*;

    fn login(id: &str) -> Box<LoginServer> {
        let profile = ServerProfile::named("ocserv").unwrap();
        Box::new(LoginServer::new(profile, LoginOptions::default(), id.to_owned()))
    }

    #[test]
    fn a_login_is_found_again_until_it_pauses_for_too_long() {
        let now = Instant::now();
        let mut logins = Logins::default();
        logins.put(login("a"), now);
        logins.put(login("b"), now + Duration::from_secs(10));
        assert!(logins.take("c", now).is_none());
        assert!(logins.take("a", now + PAUSE - Duration::from_secs(1)).is_some());
        assert!(logins.take("a", now).is_none(), "it is in use");
        logins.expire(now + PAUSE);
        assert!(logins.take("b", now + PAUSE).is_some());
        logins.put(login("b"), now);
        assert!(logins.take("b", now + PAUSE).is_none());
    }

    #[test]
    fn the_oldest_makes_room() {
        let now = Instant::now();
        let mut logins = Logins::default();
        for number in 0..=MOST {
            logins.put(login(&number.to_string()), now + Duration::from_millis(number as u64));
        }
        assert_eq!(logins.0.len(), MOST);
        assert!(logins.take("0", now).is_none() && logins.take("1", now).is_some());
    }

    #[test]
    fn ids_are_long_and_differ() {
        assert_eq!(Logins::fresh_id().len(), 32);
        assert_ne!(Logins::fresh_id(), Logins::fresh_id());
    }
}
