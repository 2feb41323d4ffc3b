//! Deliberate defects: each differs from the honest client in its own way, and only there.

use reference_cstp::defects::{Defects, Mutant};
use reference_cstp::session::{Channel, DtlsEvent, RetrySchedule, SessionConfig};

use crate::driver::{DTLS_UP, Sim, client_with_dtls, timers};

fn client(defects: &[Mutant]) -> SessionConfig {
    SessionConfig {
        tls: timers(20, 0),
        dtls: timers(10, 0),
        defects: defects.iter().copied().collect::<Defects>(),
        ..client_with_dtls(RetrySchedule::openconnect())
    }
}

/// The DTLS path dies at once; TLS lives.
fn after_a_dead_path(defects: &[Mutant]) -> (Sim, Vec<String>) {
    let mut sim = Sim::new(client(defects));
    sim.dtls(DTLS_UP);
    let mut lines = Vec::new();
    for second in 1..=120 {
        lines.extend(sim.until(second * 1000));
        sim.data(Channel::Tls);
    }
    lines.retain(|line| !line.contains("DpdRequest"));
    (sim, lines)
}

#[test]
fn the_honest_client_falls_back_and_returns() {
    let (sim, lines) = after_a_dead_path(&[]);
    assert_eq!(sim.session.outbound(), Channel::Tls);
    assert_eq!(lines[2..5], ["21000 stop", "21000 -> Tls", "21000 start 2"]);
}

#[test]
fn never_falls_back_keeps_sending_into_the_void() {
    let (mut sim, lines) = after_a_dead_path(&[Mutant::NeverFallsBack]);
    assert_eq!(lines, ["0 -> Dtls", "0 start 1"]);
    sim.dtls(DtlsEvent::Lost);
    assert_eq!(sim.session.outbound(), Channel::Dtls);
}

#[test]
fn falls_back_without_return_makes_no_further_attempt() {
    let (mut sim, lines) = after_a_dead_path(&[Mutant::FallsBackWithoutReturn]);
    assert_eq!(lines, ["0 -> Dtls", "0 start 1", "21000 stop", "21000 -> Tls"]);
    sim.session.on_tls_replaced(sim.now());
    let lines = sim.until(130_000);
    assert!(!lines.iter().any(|line| line.contains("start")), "{lines:?}");
}

#[test]
fn falls_back_without_return_is_honest_before_the_first_loss() {
    let mut sim = Sim::new(SessionConfig { tls: timers(0, 0), ..client(&[Mutant::FallsBackWithoutReturn]) });
    assert_eq!(sim.until(61_000), ["0 start 1", "12000 stop", "60000 start 2"]);
}

#[test]
fn ignores_dpd_neither_probes_nor_notices() {
    let mut sim = Sim::new(client(&[Mutant::IgnoresDpd]));
    sim.dtls(DTLS_UP);
    assert_eq!(sim.until(3_600_000), ["0 -> Dtls", "0 start 1"]);
    sim.hears(Channel::Tls, reference_cstp::frame::PacketType::DpdRequest, b"?");
    assert_eq!(sim.until(3_600_000), ["3600000 Tls DpdResponse 1"], "it still answers");
}
