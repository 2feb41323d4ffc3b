//! Renewal of keys (AC-RKY-01 to AC-RKY-03, AC-RKY-05, AC-RKY-10).

use reference_cstp::session::{DtlsEvent, Rekey, RekeyMethod, RetrySchedule, Role, SessionConfig};

use crate::driver::{DTLS_UP, Sim, client_with_dtls, quiet, secs};

fn rekey(seconds: u64, method: RekeyMethod) -> Option<Rekey> {
    Some(Rekey { after: secs(seconds), method })
}

/// AC-RKY-01, AC-RKY-03: the client begins at the time, in the way that was agreed upon, and counts from the last renewal.
#[test]
fn the_client_renews_tls_in_time() {
    for (method, word) in [(RekeyMethod::Ssl, "ssl"), (RekeyMethod::NewTunnel, "new-tunnel")] {
        let mut sim = Sim::new(SessionConfig { rekey: rekey(20, method), ..quiet(Role::Client) });
        assert_eq!(sim.until(25_000), [format!("20000 rekey tls {word}")]);
        match method {
            RekeyMethod::Ssl => sim.session.on_tls_rekeyed(sim.now()),
            RekeyMethod::NewTunnel => sim.session.on_tls_replaced(sim.now()),
        }
        assert_eq!(sim.until(50_000), [format!("45000 rekey tls {word}")]);
    }
}

#[test]
fn the_server_leaves_it_to_the_client() {
    let mut sim = Sim::new(SessionConfig { rekey: rekey(20, RekeyMethod::Ssl), ..quiet(Role::Server) });
    assert_eq!(sim.until(100_000), [""; 0]);
}

/// AC-RKY-05: near the time a rehandshake is welcome, a flood of them is not.
#[test]
fn the_server_refuses_rehandshakes_that_come_too_soon() {
    let mut sim = Sim::new(SessionConfig { rekey: rekey(20, RekeyMethod::Ssl), ..quiet(Role::Server) });
    for (second, allowed) in [(5, false), (9, false), (10, true), (11, false), (19, false), (20, true)] {
        sim.until(second * 1000);
        assert_eq!(sim.session.allows_rehandshake(sim.now()), allowed, "after {second} s");
    }
    let mut sim = Sim::new(quiet(Role::Server));
    assert!(sim.session.allows_rehandshake(sim.now()), "without an agreement there is nothing to hold against");
}

/// AC-RKY-10: both methods are acted upon; the clock of DTLS starts when DTLS is up.
#[test]
fn dtls_is_renewed_with_either_method() {
    for method in [RekeyMethod::Ssl, RekeyMethod::NewTunnel] {
        let config = SessionConfig { dtls_rekey: rekey(30, method), ..client_with_dtls(RetrySchedule::openconnect()) };
        let mut sim = Sim::new(config);
        assert_eq!(sim.until(7000), ["0 start 1"]);
        sim.dtls(DTLS_UP);
        assert_eq!(sim.until(40_000), ["7000 -> Dtls", "37000 rekey dtls"]);
        sim.dtls(DTLS_UP);
        assert_eq!(sim.until(69_999), [""; 0]);
        assert_eq!(sim.until(70_000), ["70000 rekey dtls"]);
    }
}

/// A renewal that fails leaves the old session in use, and is tried again after the same time.
#[test]
fn a_failed_renewal_is_no_loss() {
    let config =
        SessionConfig { dtls_rekey: rekey(30, RekeyMethod::Ssl), ..client_with_dtls(RetrySchedule::openconnect()) };
    let mut sim = Sim::new(config);
    sim.dtls(DTLS_UP);
    sim.until(31_000);
    sim.dtls(DtlsEvent::Failed);
    assert_eq!(sim.until(70_000), ["61000 rekey dtls"]);
}
