//! The choice of the channel, and the two schedules (AC-DTLS-18 to AC-DTLS-23).

use reference_cstp::frame::PacketType;
use reference_cstp::session::{
    Channel, DtlsEvent, LostReason, MtuPlan, Output, RetrySchedule, Role, SessionConfig, StopReason,
};

use crate::driver::{DTLS_UP, Sim, client_with_dtls, quiet, secs, timers};

/// A client that has DPD of ten seconds on DTLS.
fn watchful(schedule: RetrySchedule) -> SessionConfig {
    SessionConfig { dtls: timers(10, 0), ..client_with_dtls(schedule) }
}

fn anyconnect() -> SessionConfig {
    let mtu = MtuPlan { tls: 1300, dtls: Some(1390), probe: false, floor: 576 };
    SessionConfig { mtu, ..client_with_dtls(RetrySchedule::anyconnect()) }
}

/// AC-DTLS-19, AC-DTLS-20, AC-DTLS-22: nothing ever comes back on UDP. Every time is exact.
#[test]
fn each_schedule_keeps_its_times_when_udp_is_blocked() {
    let openconnect = client_with_dtls(RetrySchedule::openconnect());
    let table: &[(SessionConfig, u64, &[&str])] = &[
        (
            openconnect,
            200_000,
            &[
                "0 start 1",
                "12000 stop",
                "60000 start 2",
                "72000 stop",
                "120000 start 3",
                "132000 stop",
                "180000 start 4",
                "192000 stop",
            ],
        ),
        (
            anyconnect(),
            3_600_000,
            &[
                "0 start 1",
                "5000 stop",
                "6000 start 2",
                "11000 stop",
                "13000 start 3",
                "18000 stop",
                "22000 start 4",
                "27000 stop",
                "35000 start 5",
                "40000 stop",
                "56000 start 6",
                "61000 stop",
                "61000 mtu 1300",
            ],
        ),
    ];
    for (config, until, expected) in table {
        let mut sim = Sim::new(config.clone());
        assert_eq!(sim.until(*until), *expected);
        assert_eq!(sim.session.outbound(), Channel::Tls);
    }
}

/// AC-DTLS-20: the next attempt of OpenConnect counts from the start of the failed one, that of AnyConnect from the failure.
#[test]
fn a_failure_that_is_told_at_once_keeps_the_schedule_too() {
    let starts = |config: SessionConfig, until: u64| {
        let mut sim = Sim::new(config);
        let mut starts = Vec::new();
        let mut outputs = sim.drain();
        loop {
            for (at, output) in std::mem::take(&mut outputs) {
                if matches!(output, Output::StartDtls { .. }) {
                    starts.push(at);
                    sim.dtls(DtlsEvent::Failed);
                }
            }
            let Some(next) = sim.session.poll_timeout() else { return starts };
            let next = u64::try_from((next - (sim.now() - sim.elapsed())).as_millis()).unwrap();
            if next > until {
                return starts;
            }
            outputs = sim.outputs_until(next);
        }
    };
    assert_eq!(starts(client_with_dtls(RetrySchedule::openconnect()), 200_000), [0, 60_000, 120_000, 180_000]);
    assert_eq!(starts(anyconnect(), 3_600_000), [0, 1000, 3000, 7000, 15_000, 31_000]);
}

/// AC-DTLS-20: OpenConnect goes on for ever.
#[test]
fn openconnect_still_tries_after_a_day() {
    let mut sim = Sim::new(client_with_dtls(RetrySchedule::openconnect()));
    let lines = sim.until(24 * 3_600_000);
    assert_eq!(lines.iter().filter(|line| line.contains("start")).count(), 24 * 60 + 1);
}

/// AC-DTLS-18: data goes over TLS until DTLS is up, and moves in one step.
#[test]
fn data_moves_to_dtls_when_it_is_up() {
    let mut sim = Sim::new(client_with_dtls(RetrySchedule::openconnect()));
    assert_eq!(sim.until(100), ["0 start 1"]);
    assert_eq!(sim.session.outbound(), Channel::Tls);
    sim.dtls(DTLS_UP);
    assert_eq!(sim.session.outbound(), Channel::Dtls);
    assert_eq!(sim.until(200_000), ["100 -> Dtls"]);
}

/// AC-DTLS-21: silence on DTLS is noticed after two intervals (and a second), data moves to TLS, and a new attempt starts at once.
#[test]
fn a_dead_path_is_left_and_tried_again_at_once_and_then_by_the_schedule() {
    let mut sim = Sim::new(watchful(RetrySchedule::openconnect()));
    sim.dtls(DTLS_UP);
    assert_eq!(
        sim.until(150_000),
        [
            "0 -> Dtls",
            "0 start 1",
            "10000 Dtls DpdRequest",
            "15000 Dtls DpdRequest",
            "21000 stop",
            "21000 -> Tls",
            "21000 start 2",
            "33000 stop",
            "81000 start 3",
            "93000 stop",
            "141000 start 4",
        ]
    );
}

/// AC-DTLS-21 for the other schedule: the retries begin again with one second, and the size shrinks only at the end.
#[test]
fn anyconnect_has_all_its_retries_again_after_a_loss() {
    let mut sim = Sim::new(anyconnect());
    sim.dtls(DTLS_UP);
    assert_eq!(sim.until(1000), ["0 -> Dtls", "0 start 1"]);
    assert_eq!(sim.session.mtu(), 1390);
    sim.dtls(DtlsEvent::Lost);
    assert_eq!(sim.session.outbound(), Channel::Tls);
    let lines = sim.until(3_600_000);
    assert_eq!(lines[..4], ["1000 -> Tls", "1000 start 2", "6000 stop", "7000 start 3"]);
    assert_eq!(lines[lines.len() - 2..], ["62000 stop", "62000 mtu 1300"]);
    assert_eq!(lines.iter().filter(|line| line.contains("start")).count(), 6);
}

/// AC-DTLS-20: what had failed before a success does not count after it.
#[test]
fn a_success_renews_the_budget() {
    let mut sim = Sim::new(anyconnect());
    sim.until(22_500);
    sim.dtls(DTLS_UP);
    sim.until(30_000);
    sim.dtls(DtlsEvent::Lost);
    let lines = sim.until(3_600_000);
    assert_eq!(lines[..2], ["30000 -> Tls", "30000 start 5"]);
    assert_eq!(lines[lines.len() - 2..], ["91000 stop", "91000 mtu 1300"]);
}

/// News about an attempt that was stopped come too late to matter.
#[test]
fn news_of_a_stopped_attempt_is_ignored() {
    let mut sim = Sim::new(client_with_dtls(RetrySchedule::openconnect()));
    sim.until(20_000);
    sim.dtls(DTLS_UP);
    sim.dtls(DtlsEvent::Failed);
    sim.dtls(DtlsEvent::Lost);
    assert_eq!(sim.session.outbound(), Channel::Tls);
    assert_eq!(sim.until(61_000), ["60000 start 2"]);
}

/// AC-DTLS-31: without DTLS the client stays on TLS and tries nothing.
#[test]
fn a_client_without_dtls_makes_no_attempt() {
    let mut sim = Sim::new(quiet(Role::Client));
    assert_eq!(sim.until(600_000), [""; 0]);
    assert_eq!(sim.session.poll_timeout(), None);
}

/// AC-DTLS-23: the server answers where the client speaks.
#[test]
fn the_server_follows_the_client_between_the_channels() {
    let mut sim = Sim::new(quiet(Role::Server));
    assert_eq!(sim.session.outbound(), Channel::Tls);
    sim.dtls(DTLS_UP);
    assert_eq!(sim.session.outbound(), Channel::Dtls);
    sim.data(Channel::Tls);
    assert_eq!(sim.session.outbound(), Channel::Tls, "DATA on TLS switches at once");
    sim.hears(Channel::Tls, PacketType::Keepalive, b"");
    assert_eq!(sim.session.outbound(), Channel::Tls);
    sim.hears(Channel::Dtls, PacketType::Keepalive, b"");
    assert_eq!(sim.session.outbound(), Channel::Dtls, "any packet on DTLS switches back");
    sim.hears(Channel::Tls, PacketType::DpdRequest, b"");
    assert_eq!(sim.session.outbound(), Channel::Dtls, "only DATA on TLS switches");
    sim.dtls(DtlsEvent::Lost);
    assert_eq!(sim.session.outbound(), Channel::Tls);
    sim.data(Channel::Dtls);
    assert_eq!(sim.session.outbound(), Channel::Tls, "a DTLS that is gone brings nothing back");
}

/// A change that was taken back before anybody looked is not told.
#[test]
fn a_change_of_channel_is_told_once() {
    let mut sim = Sim::new(quiet(Role::Server));
    sim.dtls(DTLS_UP);
    assert_eq!(sim.until(1), ["0 -> Dtls"]);
    for _ in 0..1000 {
        sim.data(Channel::Tls);
        sim.data(Channel::Dtls);
    }
    assert_eq!(sim.until(2), [""; 0]);
}

/// Without a TLS channel no attempt begins: neither the one that is due, nor one after a DTLS that dies meanwhile.
#[test]
fn no_attempt_begins_while_tls_is_away() {
    let mut sim = Sim::new(client_with_dtls(RetrySchedule::openconnect()));
    sim.until(12_500);
    sim.session.on_tls_lost(LostReason::Closed);
    assert_eq!(sim.until(200_000), ["12500 lost: closed"]);
    let now = sim.now();
    sim.session.on_tls_replaced(now);
    assert_eq!(sim.until(200_100), ["200000 start 2"]);

    sim.dtls(DTLS_UP);
    assert_eq!(sim.until(200_200), ["200100 -> Dtls"]);
    sim.session.on_tls_lost(LostReason::Closed);
    sim.dtls(DtlsEvent::Lost);
    assert_eq!(sim.until(900_000), ["200200 -> Tls", "200200 lost: closed"]);
    let now = sim.now();
    sim.session.on_tls_replaced(now);
    assert_eq!(sim.until(900_100), ["900000 start 3"]);
}

/// The reason of an end that nobody but the clock knows is told with it.
#[test]
fn dtls_ends_with_its_reason() {
    let reasons = |sim: &mut Sim, until| {
        let stop = |(_, output): (u64, Output)| if let Output::StopDtls(reason) = output { Some(reason) } else { None };
        sim.outputs_until(until).into_iter().filter_map(stop).collect::<Vec<_>>()
    };
    let mut sim = Sim::new(watchful(RetrySchedule::openconnect()));
    assert_eq!(reasons(&mut sim, 13_000), [StopReason::Overdue]);
    sim.until(60_000);
    sim.dtls(DTLS_UP);
    assert_eq!(reasons(&mut sim, 81_000), [StopReason::Silence]);
    let now = sim.now();
    sim.session.reconfigure(quiet(Role::Client), now);
    assert_eq!(reasons(&mut sim, 81_001), [StopReason::Replaced]);
}

/// A reconnect under new terms begins anew with DTLS and goes on counting attempts; the old channel is left first.
#[test]
fn new_terms_start_dtls_anew() {
    let mut sim = Sim::new(anyconnect());
    sim.dtls(DTLS_UP);
    sim.until(1000);
    let now = sim.now();
    sim.session.reconfigure(client_with_dtls(RetrySchedule::openconnect()), now);
    assert_eq!(sim.until(12_000), ["1000 stop", "1000 -> Tls", "1000 mtu 1400", "1000 start 2"]);
    let now = sim.now();
    sim.session.reconfigure(quiet(Role::Client), now);
    assert_eq!(sim.until(600_000), ["12000 stop"]);
}

/// A new TLS connection gives a DTLS that was given up another chance, and leaves one that lives alone.
#[test]
fn a_new_tunnel_revives_dtls_that_was_given_up() {
    let mut sim = Sim::new(anyconnect());
    sim.until(100_000);
    assert_eq!(sim.session.mtu(), 1300);
    let now = sim.now();
    sim.session.on_tls_replaced(now);
    assert_eq!(sim.until(100_001), ["100000 mtu 1390", "100000 start 7"]);
    sim.dtls(DTLS_UP);
    let now = sim.now();
    sim.session.on_tls_replaced(now);
    assert_eq!(sim.until(200_000), ["100001 -> Dtls"]);
    assert_eq!(sim.elapsed(), secs(200));
}
