//! Dead peer detection, keepalive and the answers to control frames (AC-KA, AC-CSTP-10 to AC-CSTP-12, AC-DTLS-27, AC-DTLS-28).

use reference_cstp::frame::PacketType;
use reference_cstp::session::{Channel, LostReason, Output, RetrySchedule, Role, SessionConfig, Timers};

use crate::driver::{DTLS_UP, Sim, client_with_dtls, quiet, secs, timers};

fn client(dpd: u64, keepalive: u64) -> SessionConfig {
    SessionConfig { tls: timers(dpd, keepalive), ..quiet(Role::Client) }
}

/// AC-KA-01, AC-KA-02: a probe after one interval, again each half, dead after two and what an answer needs to arrive.
#[test]
fn the_client_probes_silence_and_gives_up_after_two_intervals() {
    let mut sim = Sim::new(client(30, 0));
    let expected = ["30000 Tls DpdRequest", "45000 Tls DpdRequest", "61000 lost: dead peer"];
    assert_eq!(sim.until(600_000), expected);
    let mut short = Sim::new(client(4, 0));
    assert_eq!(short.until(600_000), ["4000 Tls DpdRequest", "6000 Tls DpdRequest", "8500 lost: dead peer"]);
}

/// A question that the server asks at the moment of its own patience (AC-KA-05) finds the client listening.
#[test]
fn a_question_at_two_intervals_keeps_the_client() {
    let mut sim = Sim::new(client(30, 0));
    sim.until(60_010);
    sim.hears(Channel::Tls, PacketType::DpdRequest, b"");
    assert_eq!(sim.until(90_009), ["60010 Tls DpdResponse"]);
}

/// AC-KA-03: whatever comes resets the clock, data and control alike.
#[test]
fn any_packet_resets_the_clock() {
    let mut sim = Sim::new(client(30, 0));
    assert_eq!(sim.until(29_999), [""; 0]);
    sim.session.on_data_received(Channel::Tls, false, sim.now());
    assert_eq!(sim.until(59_998), [""; 0]);
    sim.hears(Channel::Tls, PacketType::Other(0x42), b"");
    assert_eq!(sim.until(89_998), ["89998 Tls DpdRequest"]);
    sim.hears(Channel::Tls, PacketType::DpdResponse, b"");
    assert_eq!(sim.until(150_998), ["119998 Tls DpdRequest", "134998 Tls DpdRequest", "150998 lost: dead peer"]);
}

/// The two channels have clocks of their own: what comes on one says nothing about the other.
#[test]
fn a_busy_dtls_does_not_keep_tls_alive() {
    let mut sim = Sim::new(SessionConfig { tls: timers(10, 0), ..client_with_dtls(RetrySchedule::openconnect()) });
    sim.dtls(DTLS_UP);
    let mut lines = Vec::new();
    for second in 1..=21 {
        lines.extend(sim.until(second * 1000));
        sim.data(Channel::Dtls);
    }
    assert!(lines.contains(&"21000 lost: dead peer".to_owned()), "{lines:?}");
    assert_eq!(sim.session.outbound(), Channel::Dtls, "DTLS goes on while TLS is connected again");
}

/// AC-KA-04: a KEEPALIVE when nothing was sent for that long, with DTLS in use too.
#[test]
fn keepalives_fill_our_own_silence_on_each_channel() {
    let config =
        SessionConfig { tls: timers(0, 20), dtls: timers(0, 30), ..client_with_dtls(RetrySchedule::openconnect()) };
    let mut sim = Sim::new(config);
    sim.dtls(DTLS_UP);
    sim.until(15_000);
    sim.session.on_data_sent(Channel::Tls, sim.now());
    let expected = ["30000 Dtls Keepalive", "35000 Tls Keepalive", "55000 Tls Keepalive", "60000 Dtls Keepalive"];
    assert_eq!(sim.until(74_000), expected);
}

/// AC-KA-09: 0 and absent mean no probes; the same for keepalives.
#[test]
fn zero_and_absent_timers_are_off() {
    for timers in [timers(0, 0), Timers::default()] {
        let mut sim =
            Sim::new(SessionConfig { tls: timers, dtls: timers, ..client_with_dtls(RetrySchedule::openconnect()) });
        sim.dtls(DTLS_UP);
        assert_eq!(sim.until(3_600_000), ["0 -> Dtls", "0 start 1"]);
    }
}

/// AC-KA-05: the server probes after two intervals and drops the client after three.
#[test]
fn the_server_is_more_patient() {
    let mut sim = Sim::new(SessionConfig { tls: timers(10, 0), ..quiet(Role::Server) });
    assert_eq!(sim.until(600_000), ["20000 Tls DpdRequest", "25000 Tls DpdRequest", "30000 lost: dead peer"]);
}

/// AC-KA-05 on DTLS: the first probe has full size and tests the path; the session lives on over TLS and comes back.
#[test]
fn a_dtls_that_is_silent_for_the_server_is_set_aside() {
    let mut sim = Sim::new(SessionConfig { dtls: timers(10, 0), ..quiet(Role::Server) });
    sim.dtls(DTLS_UP);
    let expected = ["0 -> Dtls", "20000 Dtls DpdRequest 1400", "25000 Dtls DpdRequest", "30000 -> Tls"];
    assert_eq!(sim.until(100_000), expected);
    sim.data(Channel::Dtls);
    assert_eq!(sim.until(125_000), ["100000 -> Dtls", "120000 Dtls DpdRequest 1400", "125000 Dtls DpdRequest"]);
    assert_eq!(sim.until(200_000), ["130000 -> Tls"]);
}

/// AC-CSTP-10, AC-DTLS-27: the answer goes where the question came from and has the same payload.
#[test]
fn a_dpd_request_is_answered_with_the_same_payload() {
    for role in [Role::Client, Role::Server] {
        for channel in [Channel::Tls, Channel::Dtls] {
            for size in [0, 1, 17, 1400, 16_000] {
                let payload: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
                let mut sim = Sim::new(quiet(role));
                sim.hears(channel, PacketType::DpdRequest, &payload);
                let kind = PacketType::DpdResponse;
                assert_eq!(sim.drain(), [(0, Output::Send { channel, kind, payload })], "{role:?} {channel:?} {size}");
            }
        }
    }
}

/// A flood of questions does not grow memory: answers that nobody collects are dropped.
#[test]
fn answers_are_bounded() {
    let mut sim = Sim::new(quiet(Role::Server));
    for _ in 0..10_000 {
        sim.hears(Channel::Tls, PacketType::DpdRequest, &[0; 1000]);
    }
    assert!(sim.drain().len() <= 64);
}

/// AC-CSTP-05, AC-CSTP-11, AC-CSTP-12, AC-DTLS-28: these are not answered and end nothing.
#[test]
fn unasked_answers_keepalives_and_unknown_types_are_ignored() {
    for role in [Role::Client, Role::Server] {
        let mut sim = Sim::new(quiet(role));
        for channel in [Channel::Tls, Channel::Dtls] {
            for code in [0x01, 0x02, 0x04, 0x06, 0x07, 0x0a, 0xff] {
                sim.hears(channel, PacketType::from_code(code), &[1, 2, 3]);
            }
            sim.hears(channel, PacketType::Compressed, b"nobody agreed on it");
        }
        assert_eq!(sim.until(1000), [""; 0], "{role:?}");
    }
}

/// Once TLS is lost its clocks stand still until there is a new connection.
#[test]
fn a_lost_channel_is_told_once_and_lives_again_when_it_is_replaced() {
    let mut sim = Sim::new(client(10, 5));
    sim.until(1000);
    sim.session.on_tls_lost(LostReason::Closed);
    sim.session.on_tls_lost(LostReason::Broken);
    assert_eq!(sim.until(100_000), ["1000 lost: closed"]);
    let now = sim.now();
    sim.session.on_tls_replaced(now);
    let expected = [
        "105000 Tls Keepalive",
        "110000 Tls DpdRequest",
        "115000 Tls DpdRequest",
        "120000 Tls Keepalive",
        "121000 lost: dead peer",
    ];
    assert_eq!(sim.until(130_000), expected);
    assert_eq!(sim.elapsed(), secs(130));
}

/// A machine that slept for an hour knows at once.
#[test]
fn a_clock_that_jumps_means_a_dead_peer() {
    let mut sim = Sim::new(client(30, 0));
    let late = sim.now() + secs(3600);
    sim.session.on_timeout(late);
    assert_eq!(
        sim.drain().into_iter().map(|(_, output)| output).collect::<Vec<_>>(),
        [Output::Lost(LostReason::Silence)]
    );
}
