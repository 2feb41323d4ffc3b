//! Temporary bans after failed logins (AC-AUTH-40).

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Most entries: an attacker with many names or addresses does not fill the memory.
const MOST: usize = 1 << 16;

/// Whose failures are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Suspect {
    /// An address; of IPv6 the /64 network, which one host can have for itself.
    Address(IpAddr),
    /// A user name.
    User(String),
}

impl Suspect {
    /// Makes the suspect for an address.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
            v4 => v4,
        })
    }
}

/// Failures of addresses and users, and who is banned.
#[derive(Debug)]
pub struct Bans {
    attempts: Option<u32>,
    length: Duration,
    entries: HashMap<Suspect, Entry>,
}

#[derive(Debug)]
struct Entry {
    failures: u32,
    last: Instant,
}

impl Bans {
    /// Makes a list; `attempts` failures ban for `length`. `None`: nobody is ever banned.
    #[must_use]
    pub fn new(attempts: Option<u32>, length: Duration) -> Self {
        Self { attempts, length, entries: HashMap::new() }
    }

    /// Changes the rule; failures stay counted.
    pub fn set_rule(&mut self, attempts: Option<u32>, length: Duration) {
        (self.attempts, self.length) = (attempts, length);
    }

    /// Counts a failure; true when it leads to a ban. Failures are forgotten after the length of a ban.
    pub fn fail(&mut self, suspect: Suspect, now: Instant) -> bool {
        let Some(attempts) = self.attempts else { return false };
        let length = self.length;
        if self.entries.len() >= MOST && !self.entries.contains_key(&suspect) {
            self.entries.retain(|_, entry| now.saturating_duration_since(entry.last) < length);
            if self.entries.len() >= MOST {
                return false;
            }
        }
        let entry = self.entries.entry(suspect).or_insert(Entry { failures: 0, last: now });
        if now.saturating_duration_since(entry.last) >= length {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        entry.failures == attempts
    }

    /// Forgets the failures of somebody who succeeded.
    pub fn succeed(&mut self, suspect: &Suspect) {
        self.entries.remove(suspect);
    }

    /// Returns how long a ban still lasts; `None` for the innocent.
    #[must_use]
    pub fn remaining(&self, suspect: &Suspect, now: Instant) -> Option<Duration> {
        let entry = self.entries.get(suspect)?;
        if entry.failures < self.attempts? {
            return None;
        }
        self.length.checked_sub(now.saturating_duration_since(entry.last)).filter(|rest| !rest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_ban_comes_after_the_attempts_and_goes_by_itself() {
        let start = Instant::now();
        let mut bans = Bans::new(Some(3), seconds(300));
        let address = || Suspect::address("192.0.2.7".parse().unwrap());
        assert!(!bans.fail(address(), start));
        assert!(!bans.fail(address(), start + seconds(1)));
        assert_eq!(bans.remaining(&address(), start + seconds(1)), None);
        assert!(bans.fail(address(), start + seconds(2)));
        assert_eq!(bans.remaining(&address(), start + seconds(3)), Some(seconds(299)));
        assert_eq!(bans.remaining(&Suspect::address("192.0.2.8".parse().unwrap()), start + seconds(3)), None);
        assert_eq!(bans.remaining(&address(), start + seconds(301)), Some(seconds(1)));
        assert_eq!(bans.remaining(&address(), start + seconds(302)), None, "the ban is over");
        assert!(!bans.fail(address(), start + seconds(302)), "and the count begins anew");
        assert_eq!(bans.remaining(&address(), start + seconds(302)), None);
    }

    #[test]
    fn success_and_time_make_failures_forgotten() {
        let start = Instant::now();
        let mut bans = Bans::new(Some(2), seconds(60));
        let alice = Suspect::User("alice".into());
        assert!(!bans.fail(alice.clone(), start));
        bans.succeed(&alice);
        assert!(!bans.fail(alice.clone(), start + seconds(1)));
        assert!(!bans.fail(alice.clone(), start + seconds(61)), "the first failure is a minute old");
        assert!(bans.fail(alice, start + seconds(62)));
    }

    #[test]
    fn without_a_limit_nobody_is_banned() {
        let now = Instant::now();
        let mut bans = Bans::new(None, seconds(60));
        for _ in 0..1000 {
            assert!(!bans.fail(Suspect::User("alice".into()), now));
        }
        assert_eq!(bans.remaining(&Suspect::User("alice".into()), now), None);
    }

    #[test]
    fn one_host_cannot_use_its_whole_ipv6_network() {
        let one = Suspect::address("2001:db8:1:2::1".parse().unwrap());
        assert_eq!(one, Suspect::address("2001:db8:1:2:ffff::9".parse().unwrap()));
        assert_ne!(one, Suspect::address("2001:db8:1:3::1".parse().unwrap()));
        assert_eq!(
            Suspect::address("::ffff:192.0.2.1".parse().unwrap()),
            Suspect::address("192.0.2.1".parse().unwrap())
        );
    }

    #[test]
    fn the_list_is_bounded() {
        let now = Instant::now();
        let mut bans = Bans::new(Some(1), seconds(60));
        for number in 0..MOST + 10 {
            bans.fail(Suspect::User(number.to_string()), now);
        }
        assert_eq!(bans.entries.len(), MOST);
        bans.fail(Suspect::User("late".into()), now + seconds(61));
        assert_eq!(bans.entries.len(), 1, "what is over makes room");
    }
}
