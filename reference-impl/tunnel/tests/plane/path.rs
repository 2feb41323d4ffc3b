//! A new TLS connection for a session that lives.

use reference_cstp::session::{Channel, LostReason};
use reference_tunnel::plane::PlaneEvent;

use crate::support::{Family, Pair, Plan, up};

fn lost(event: &PlaneEvent) -> Option<LostReason> {
    match event {
        PlaneEvent::Lost { reason, .. } => Some(*reason),
        PlaneEvent::Ended { .. } => panic!("{event:?}"),
        _ => None,
    }
}

#[tokio::test]
async fn a_new_tunnel_takes_over_and_dtls_stays() {
    let mut pair = Pair::new();
    let plan = Plan::new(&pair, Family::Resumption);
    pair.attach(&plan);
    pair.client.dtls_up().await;
    pair.server.dtls_up().await;
    pair.both_on(Channel::Dtls).await;
    pair.both_ways(1);
    // The same secret and id: the setup of DTLS does not differ.
    pair.attach(&plan);
    pair.both_ways(2);
    for side in [&mut pair.client, &mut pair.server] {
        let stats = side.stats().await;
        assert_eq!((stats.dtls_handshakes, stats.dtls.rx_packets, stats.tls_up), (1, 2, true));
        let events = side.pending();
        let bad = |event: &PlaneEvent| {
            matches!(event, PlaneEvent::Ended { .. } | PlaneEvent::Lost { .. } | PlaneEvent::DtlsDown { .. })
        };
        assert!(!events.iter().any(bad), "{events:#?}");
    }
    pair.stop();
}

#[tokio::test]
async fn other_keys_lead_to_another_dtls_session() {
    let mut pair = Pair::new();
    let plan = Plan::new(&pair, Family::Psk);
    pair.attach(&plan);
    for _ in 0..3 {
        pair.client.dtls_up().await;
        pair.server.dtls_up().await;
        pair.both_on(Channel::Dtls).await;
        pair.both_ways(1);
        // The exporter of the new connection gives another key.
        pair.attach(&plan);
    }
    pair.client.dtls_up().await;
    pair.both_ways(2);
    assert_eq!(pair.client.plane_stats().await.sessions.len(), 1);
    pair.stop();
}

#[tokio::test]
async fn a_lost_connection_leaves_dtls_and_a_new_one_goes_on() {
    let mut pair = Pair::new();
    let plan = Plan::new(&pair, Family::Resumption);
    let (client, server) = pair.connect(plan.libraries, plan.version);
    let spy = client.0.try_clone().unwrap();
    let (client, server) = plan.attaches(client, server);
    pair.server.handle.attach(server);
    pair.client.handle.attach(client);
    pair.client.dtls_up().await;
    pair.both_on(Channel::Dtls).await;

    spy.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(pair.client.wait("Lost", lost).await, LostReason::Closed);
    pair.server.wait("Lost", lost).await;
    pair.both_ways(1);
    assert!(!pair.client.stats().await.tls_up);

    pair.attach(&plan);
    pair.both_ways(2);
    let stats = pair.client.stats().await;
    assert!(stats.tls_up && stats.dtls_handshakes == 1 && stats.dtls.tx_packets == 2, "{stats:?}");
    pair.stop();
}

#[tokio::test]
async fn without_any_channel_packets_are_dropped_until_the_reconnect() {
    let mut pair = Pair::new();
    let plan = Plan::new(&pair, Family::None);
    let (client, server) = pair.connect(plan.libraries, plan.version);
    let spy = client.0.try_clone().unwrap();
    let (client, server) = plan.attaches(client, server);
    pair.server.handle.attach(server);
    pair.client.handle.attach(client);
    pair.both_ways(1);
    spy.shutdown(std::net::Shutdown::Both).unwrap();
    pair.client.wait("Lost", lost).await;
    pair.server.wait("Lost", lost).await;
    pair.client.send(&up(2));
    while pair.client.stats().await.drops.stuck == 0 {
        tokio::task::yield_now().await;
    }
    pair.attach(&plan);
    pair.both_ways(3);
    pair.stop();
}
