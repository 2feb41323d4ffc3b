//! What ends a session, and what that means for its cookie (AC-CSTP-06 to AC-CSTP-09, AC-KA-07, AC-KA-08).

use reference_cstp::frame::{PacketType, reason};
use reference_cstp::session::{Channel, EndReason, LostReason, Output, RetrySchedule, Role, SessionConfig};

use crate::driver::{DTLS_UP, Sim, client_with_dtls, quiet, secs, timers};

fn ending(sim: &mut Sim) -> EndReason {
    let outputs = sim.drain();
    match outputs.last() {
        Some((_, Output::End(reason))) => reason.clone(),
        other => panic!("{other:?} instead of an end"),
    }
}

/// AC-CSTP-06, AC-CSTP-07: only 0xb0 gives the session back.
#[test]
fn the_byte_of_a_disconnect_decides_whether_the_session_is_kept() {
    for (payload, keeps) in [
        (&b"\xb0Client requested disconnect"[..], false),
        (b"\x91", true),
        (b"\xd1", true),
        (b"", true),
        (b"\x70local", true),
        (b"\x55Reinitiate tunnel", true),
    ] {
        for (role, channel) in
            [(Role::Server, Channel::Tls), (Role::Server, Channel::Dtls), (Role::Client, Channel::Tls)]
        {
            let mut sim = Sim::new(quiet(role));
            sim.hears(channel, PacketType::Disconnect, payload);
            let end = ending(&mut sim);
            assert_eq!(end.keeps_session(), keeps, "{payload:02x?}");
            assert!(matches!(end, EndReason::Disconnect(_)));
        }
    }
}

/// AC-CSTP-08: DISCONNECT 0xb0 leaves before the end.
#[test]
fn a_user_who_stops_says_goodbye_first() {
    let mut sim = Sim::new(client_with_dtls(RetrySchedule::openconnect()));
    sim.dtls(DTLS_UP);
    sim.until(1000);
    sim.session.disconnect(reason::USER, "bye", sim.now());
    let kind = PacketType::Disconnect;
    let goodbye = Output::Send { channel: Channel::Tls, kind, payload: b"\xb0bye".to_vec() };
    assert_eq!(sim.drain(), [(1000, goodbye), (1000, Output::End(EndReason::Requested))]);
}

/// AC-CSTP-08: with TLS gone the goodbye takes DTLS.
#[test]
fn a_goodbye_takes_the_channel_that_lives() {
    let mut sim = Sim::new(client_with_dtls(RetrySchedule::openconnect()));
    sim.dtls(DTLS_UP);
    sim.session.on_tls_lost(LostReason::Closed);
    sim.until(1000);
    sim.session.disconnect(reason::USER, "", sim.now());
    assert_eq!(sim.until(1000), ["1000 Dtls Disconnect 1", "1000 end: requested"]);
}

/// AC-CSTP-09: TERMINATE ends the client's session.
#[test]
fn terminate_from_the_server_ends_it() {
    let mut sim = Sim::new(quiet(Role::Client));
    sim.hears(Channel::Tls, PacketType::Terminate, b"");
    assert_eq!(ending(&mut sim), EndReason::Terminate);
}

/// AC-KA-07: only traffic counts; ICMP, DPD and keepalives do not.
#[test]
fn an_idle_session_ends_whatever_else_comes() {
    let config = SessionConfig { idle_timeout: Some(secs(60)), tls: timers(20, 0), ..quiet(Role::Server) };
    let mut sim = Sim::new(config);
    let mut lines = Vec::new();
    for second in (5..=60).step_by(5) {
        lines.extend(sim.until(second * 1000 - 1));
        sim.session.on_data_received(Channel::Tls, false, sim.now());
        sim.hears(Channel::Tls, PacketType::DpdResponse, b"");
        sim.hears(Channel::Tls, PacketType::Keepalive, b"");
        sim.session.on_data_sent(Channel::Tls, sim.now());
    }
    lines.extend(sim.until(70_000));
    assert_eq!(lines, ["60000 Tls Disconnect", "60000 end: idle timeout"]);
}

#[test]
fn traffic_in_either_direction_keeps_a_session() {
    let mut sim = Sim::new(SessionConfig { idle_timeout: Some(secs(60)), ..quiet(Role::Server) });
    sim.until(50_000);
    sim.data(Channel::Tls);
    assert_eq!(sim.until(100_000), [""; 0]);
    sim.session.on_traffic(sim.now());
    assert_eq!(sim.until(200_000), ["160000 Tls Disconnect", "160000 end: idle timeout"]);
}

/// AC-KA-08: the age counts from the start, across reconnects and whatever the traffic.
#[test]
fn an_old_session_ends_across_reconnects() {
    let config = SessionConfig { session_timeout: Some(secs(100)), ..quiet(Role::Server) };
    let mut sim = Sim::new(config.clone());
    sim.until(40_000);
    sim.session.on_tls_replaced(sim.now());
    sim.until(80_000);
    let now = sim.now();
    sim.session.reconfigure(config, now);
    sim.data(Channel::Tls);
    let lines = sim.until(200_000);
    assert_eq!(lines, ["100000 Tls Disconnect", "100000 end: session timeout"]);
    assert!(!EndReason::SessionTimeout.keeps_session() && !EndReason::IdleTimeout.keeps_session());
}

#[test]
fn nothing_follows_the_end() {
    let mut sim = Sim::new(SessionConfig { tls: timers(10, 5), ..client_with_dtls(RetrySchedule::openconnect()) });
    sim.session.disconnect(reason::USER, "", sim.now());
    assert_eq!(sim.drain().last().map(|(_, output)| output.clone()), Some(Output::End(EndReason::Requested)));
    sim.hears(Channel::Tls, PacketType::DpdRequest, b"x");
    sim.hears(Channel::Tls, PacketType::Disconnect, b"\xb0");
    sim.dtls(DTLS_UP);
    sim.data(Channel::Dtls);
    sim.session.on_message_too_long(Channel::Dtls, 1400, sim.now());
    sim.session.on_tls_lost(LostReason::Closed);
    sim.session.disconnect(reason::USER, "", sim.now());
    sim.session.on_timeout(sim.now() + secs(3600));
    assert_eq!((sim.session.poll_timeout(), sim.session.poll_output()), (None, None));
}
