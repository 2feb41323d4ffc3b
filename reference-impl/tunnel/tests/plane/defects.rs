//! Deliberate defects that the data plane executes.

use std::time::Duration;

use reference_cstp::defects::Mutant;
use reference_cstp::session::Channel;
use reference_tunnel::plane::PlaneEvent;

use crate::support::{CLIENT, Family, Pair, Plan, SERVER, defects, packet, up};

#[tokio::test]
async fn answers_from_another_port_never_make_a_dtls_session() {
    let mut pair = Pair::with(|_| {}, |config| config.defects = defects(Mutant::AnswersFromWrongAddress));
    pair.attach(&Plan::new(&pair, Family::Psk));
    let failed = |event: &PlaneEvent| match event {
        PlaneEvent::DtlsUp { .. } => panic!("{event:?}"),
        PlaneEvent::DtlsDown { established, .. } => Some(*established),
        _ => None,
    };
    assert!(!pair.client.wait("DtlsDown", failed).await);
    pair.both_ways(1);
    pair.stop();
}

#[tokio::test]
async fn large_packets_are_dropped_in_both_directions() {
    let pair = Pair::with(|_| {}, |config| config.defects = defects(Mutant::DropsLargePackets));
    pair.attach(&Plan::new(&pair, Family::None));
    pair.client.send(&packet(CLIENT, SERVER, 1, 1001));
    pair.client.send(&packet(CLIENT, SERVER, 2, 1000));
    pair.server.receives_only(&packet(CLIENT, SERVER, 2, 1000));
    pair.server.send(&packet(SERVER, CLIENT, 3, 1001));
    pair.server.send(&packet(SERVER, CLIENT, 4, 1000));
    pair.client.receives_only(&packet(SERVER, CLIENT, 4, 1000));
    assert_eq!(pair.server.stats().await.drops.defect, 2);
    pair.stop();
}

#[tokio::test]
async fn packets_are_lost_for_three_seconds_at_the_switch() {
    let mut pair = Pair::with(|config| config.defects = defects(Mutant::LosesPacketsAtSwitch), |_| {});
    pair.attach(&Plan::new(&pair, Family::Psk));
    pair.client.dtls_up().await;
    pair.both_on(Channel::Dtls).await;
    let started = std::time::Instant::now();
    let mut number = 0;
    pair.server.device.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 2000];
    while pair.server.device.recv(&mut buffer).is_err() {
        assert!(started.elapsed() < Duration::from_secs(8), "for ever");
        pair.client.send(&up(number));
        number += 1;
    }
    assert!(started.elapsed() > Duration::from_millis(2500), "{:?}", started.elapsed());
    assert!(pair.client.stats().await.drops.defect > 10);
    pair.stop();
}
