//! Rules of sessions in virtual time.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use reference_cstp::defects::{Defects, Mutant};
use reference_server::{
    config::Pool,
    sessions::{AddressPool, Expired, Refusal, Registry, RegistryLimits, SessionState},
};

const LIMITS: RegistryLimits = RegistryLimits {
    cookie_timeout: Duration::from_secs(120),
    session_timeout: None,
    sessions: None,
    sessions_per_user: None,
};

fn registry(limits: RegistryLimits, net: &str, defects: Defects) -> Registry {
    let pool = Pool { ipv4: Some(net.parse().unwrap()), ipv6: None };
    Registry::new(limits, vec![AddressPool::new(pool)], defects)
}

fn honest(limits: RegistryLimits) -> Registry {
    registry(limits, "10.9.0.0/24", Defects::NONE)
}

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn home() -> IpAddr {
    at("192.0.2.1")
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn join(registry: &mut Registry, user: &str, now: Instant) -> (u64, String, String) {
    let (id, cookie) = registry.log_in(user, "", 0, now);
    let lease = registry.connect(id, home(), &[], now).unwrap().lease;
    (id, cookie, lease.to_string())
}

#[test]
fn a_cookie_is_good_from_login_until_it_is_not_used() {
    let start = Instant::now();
    let mut registry = honest(LIMITS);
    let (id, cookie) = registry.log_in("alice", "staff", 0, start);
    assert_eq!(cookie.len(), 44, "base64 of 32 bytes");
    assert_eq!(registry.find(&cookie, start).map(|session| session.id), Some(id));
    for wrong in ["", "x", &cookie[1..], &cookie.to_lowercase(), &"A".repeat(100_000)] {
        assert!(registry.find(wrong, start).is_none(), "{}", wrong.len());
    }
    assert_eq!(registry.deadline(), Some(start + seconds(120)));
    assert!(registry.find(&cookie, start + seconds(119)).is_some());
    assert!(registry.find(&cookie, start + seconds(120)).is_none());
    let ended = registry.expire(start + seconds(120));
    assert_eq!((ended.len(), ended[0].why, ended[0].session.user.as_str()), (1, Expired::Cookie, "alice"));
    assert_eq!(registry.deadline(), None);
}

#[test]
fn a_reconnect_has_the_same_addresses_from_another_address_too() {
    let start = Instant::now();
    let mut registry = honest(LIMITS);
    let (id, cookie, lease) = join(&mut registry, "alice", start);
    registry.lost(id, start + seconds(10));
    join(&mut registry, "bob", start + seconds(20));
    let later = start + seconds(129);
    assert_eq!(registry.find(&cookie, later).map(|session| session.id), Some(id));
    let again = registry.connect(id, at("198.51.100.9"), &[], later).unwrap();
    assert_eq!((again.lease.to_string(), again.again), (lease, true));
    assert_eq!(registry.get(id).and_then(|session| session.remote), Some(at("198.51.100.9")));
    // Connected again, the cookie does not run out.
    assert!(registry.find(&cookie, later + seconds(100_000)).is_some());
}

#[test]
fn a_reconnect_while_connected_replaces_the_connection() {
    let start = Instant::now();
    let mut registry = honest(LIMITS);
    let (id, _, lease) = join(&mut registry, "alice", start);
    let again = registry.connect(id, home(), &[at("10.9.0.200")], start).unwrap();
    assert_eq!((again.lease.to_string(), again.again), (lease, true));
    assert_eq!(registry.get(id).map(|session| session.state), Some(SessionState::Connected));
}

#[test]
fn logout_frees_cookie_and_addresses_at_once() {
    let start = Instant::now();
    let mut registry = registry(LIMITS, "10.9.0.0/30", Defects::NONE);
    let (id, cookie, lease) = join(&mut registry, "alice", start);
    let (other, _) = registry.log_in("bob", "", 0, start);
    assert_eq!(registry.connect(other, home(), &[], start), Err(Refusal::PoolExhausted));
    assert!(registry.log_out(id, start).is_some());
    assert!(registry.find(&cookie, start).is_none());
    assert_eq!(registry.connect(id, home(), &[], start), Err(Refusal::Gone));
    assert_eq!(registry.connect(other, home(), &[], start).unwrap().lease.to_string(), lease);
}

#[test]
fn a_lost_session_holds_its_addresses_until_its_cookie_runs_out() {
    let start = Instant::now();
    let mut registry = registry(LIMITS, "10.9.0.0/30", Defects::NONE);
    let (id, _, _) = join(&mut registry, "alice", start);
    registry.lost(id, start);
    let (other, _) = registry.log_in("bob", "", 0, start + seconds(60));
    assert_eq!(registry.connect(other, home(), &[], start + seconds(119)), Err(Refusal::PoolExhausted));
    assert_eq!(registry.expire(start + seconds(120)).len(), 1);
    assert!(registry.connect(other, home(), &[], start + seconds(120)).is_ok());
}

#[test]
fn the_session_timeout_counts_from_the_login_across_reconnects() {
    let start = Instant::now();
    let mut registry = honest(RegistryLimits { session_timeout: Some(seconds(600)), ..LIMITS });
    let (id, cookie, _) = join(&mut registry, "alice", start);
    registry.lost(id, start + seconds(550));
    let again = registry.connect(id, home(), &[], start + seconds(560)).unwrap();
    assert_eq!(again.ends, Some(start + seconds(600)));
    assert!(registry.expire(start + seconds(599)).is_empty());
    assert!(registry.find(&cookie, start + seconds(600)).is_none());
    let ended = registry.expire(start + seconds(600));
    assert_eq!(ended.iter().map(|ended| ended.why).collect::<Vec<_>>(), [Expired::SessionTimeout]);
}

#[test]
fn limits_of_sessions_hold_and_a_lost_session_makes_room_for_its_user() {
    let start = Instant::now();
    let mut registry = honest(RegistryLimits { sessions: Some(2), sessions_per_user: Some(1), ..LIMITS });
    let (first, cookie, _) = join(&mut registry, "alice", start);
    let (second, _) = registry.log_in("alice", "", 0, start);
    assert_eq!(registry.connect(second, home(), &[], start), Err(Refusal::SessionsOfUser));
    registry.lost(first, start);
    assert!(registry.connect(second, home(), &[], start).is_ok());
    assert!(registry.find(&cookie, start).is_none(), "the lost one made room");
    join(&mut registry, "bob", start);
    let (third, _) = registry.log_in("eve", "", 0, start);
    assert_eq!(registry.connect(third, home(), &[], start), Err(Refusal::Sessions));
    // A reconnect is no new session.
    assert!(registry.connect(second, home(), &[], start).is_ok());
}

#[test]
fn logins_that_never_connect_do_not_pile_up() {
    let start = Instant::now();
    let mut registry = honest(LIMITS);
    for _ in 0..100 {
        registry.log_in("alice", "", 0, start);
    }
    assert_eq!(registry.iter().count(), 8);
}

#[test]
fn each_mutant_is_wrong_in_its_way() {
    let start = Instant::now();
    let with = |mutant: Mutant| registry(LIMITS, "10.9.0.0/24", [mutant].into_iter().collect());

    let mut changes = with(Mutant::ChangesAddressOnReconnect);
    let (id, _, lease) = join(&mut changes, "alice", start);
    assert_ne!(changes.connect(id, home(), &[], start).unwrap().lease.to_string(), lease);

    let mut keeps = with(Mutant::KeepsSessionAfterLogout);
    let (id, cookie, _) = join(&mut keeps, "alice", start);
    keeps.log_out(id, start);
    assert!(keeps.find(&cookie, start + seconds(1)).is_some());

    let mut refuses = with(Mutant::RefusesSecondUser);
    let (_, _, first) = join(&mut refuses, "alice", start);
    let (_, _, second) = join(&mut refuses, "bob", start);
    assert_eq!(first, second);
}

#[test]
fn a_connection_that_is_in_use_outlives_late_news_about_an_older_one() {
    let start = Instant::now();
    let mut registry = honest(LIMITS);
    let (id, _, _) = join(&mut registry, "alice", start);
    registry.connect(id, home(), &[], start + seconds(1)).unwrap();
    registry.lost(id, start + seconds(1));
    assert!(registry.keep(id));
    assert_eq!(registry.get(id).unwrap().state, SessionState::Connected);
    assert!(registry.expire(start + seconds(1000)).is_empty());
    registry.end(id);
    assert!(!registry.keep(id), "and nobody is brought back");
}
