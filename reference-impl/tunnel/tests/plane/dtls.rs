//! DTLS beside TLS: the switch, the fall back, the return.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reference_cstp::session::{Channel, Rekey, RekeyMethod};
use reference_dtls::{Suite, Version};
use reference_tunnel::plane::PlaneEvent;

use crate::support::{CLIENT, Family, PATIENCE, Pair, Plan, Relay, SERVER, down, number, packet, receive, up};

#[tokio::test]
async fn every_family_comes_up_and_carries_data() {
    let families = [
        (Family::Psk, Suite::PskAes256GcmSha384, Version::Dtls12, false),
        (Family::Resumption, Suite::EcdheRsaAes256GcmSha384, Version::Dtls12, true),
        (Family::Legacy, Suite::RsaAes256CbcSha, Version::Dtls09, true),
    ];
    for (family, suite, version, resumed) in families {
        for verify in [false, true] {
            let mut pair = Pair::with(|_| {}, |config| config.hello_verify = verify);
            pair.attach(&Plan::new(&pair, family));
            assert_eq!(pair.client.dtls_up().await, (Some(suite), version, resumed));
            assert_eq!(pair.server.dtls_up().await, (Some(suite), version, resumed));
            pair.both_on(Channel::Dtls).await;
            for number in 0..20 {
                pair.both_ways(number);
            }
            for side in [&pair.client, &pair.server] {
                let stats = side.stats().await;
                assert_eq!(
                    (stats.dtls.tx_packets, stats.dtls.rx_packets, stats.tls.tx_packets),
                    (20, 20, 0),
                    "{family:?}"
                );
                assert_eq!((stats.dtls_suite, stats.dtls_handshakes), (Some(suite), 1));
            }
            pair.stop();
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_at_the_switch() {
    let mut pair = Pair::new();
    let relay = Relay::new(pair.udp);
    relay.silent.store(true, Ordering::SeqCst);
    pair.attach(&Plan { remote: relay.address, ..Plan::new(&pair, Family::Psk) });
    let (client, server) = (pair.client.device.try_clone().unwrap(), pair.server.device.try_clone().unwrap());
    // The handshake gets through only after the first packets have left over TLS, and those after them last longer than
    // it takes to repeat its first flight: the switch is under load on any machine.
    let (before, count) = (100, 600);
    let senders = [(client, true), (server, false)].map(|(device, is_up)| {
        let silent = std::sync::Arc::clone(&relay.silent);
        std::thread::spawn(move || {
            for number in 0..count {
                device.send(&if is_up { up(number) } else { down(number) }).unwrap();
                if number >= before {
                    silent.store(false, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        })
    });
    std::thread::scope(|scope| {
        for device in [&pair.client.device, &pair.server.device] {
            scope.spawn(move || {
                let mut seen = vec![false; count as usize];
                (0..count).for_each(|_| seen[number(&receive(device)) as usize] = true);
                assert!(seen.iter().all(|seen| *seen));
            });
        }
    });
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let stats = pair.client.stats().await;
    assert!(stats.tls.tx_packets > 0 && stats.dtls.tx_packets > 0, "no switch under load: {stats:?}");
    let switched = |event: &PlaneEvent| match event {
        PlaneEvent::Transport { channel, .. } => Some(*channel),
        _ => None,
    };
    assert_eq!(pair.client.wait("Transport", switched).await, Channel::Dtls);
    pair.stop();
}

#[tokio::test]
async fn a_burst_goes_in_batches_and_arrives_whole() {
    let mut pair = Pair::new();
    pair.attach(&Plan::new(&pair, Family::Psk));
    pair.client.dtls_up().await;
    pair.both_on(Channel::Dtls).await;
    let device = pair.client.device.try_clone().unwrap();
    let sizes = |number: u32| if number.is_multiple_of(7) { 90 + number as usize % 900 } else { 1400 };
    let sender = std::thread::spawn(move || {
        for number in 0..3000 {
            device.send(&packet(CLIENT, SERVER, number, sizes(number))).unwrap();
        }
    });
    for number in 0..3000 {
        assert!(pair.server.receive() == packet(CLIENT, SERVER, number, sizes(number)), "packet {number}");
    }
    sender.join().unwrap();
    let stats = pair.client.stats().await;
    assert_eq!((stats.dtls.tx_packets, stats.drops.network), (3000, 0));
    pair.stop();
}

#[tokio::test]
async fn udp_that_goes_silent_leads_back_to_tls_and_its_return_to_dtls() {
    let mut pair = Pair::new();
    let relay = Relay::new(pair.udp);
    let plan = Plan { remote: relay.address, ..Plan::new(&pair, Family::Psk) };
    let mut plan = plan.dtls_dpd(Duration::from_millis(200));
    plan.server.dtls.dpd = Some(Duration::from_millis(100));
    pair.attach(&plan);
    pair.client.dtls_up().await;
    pair.both_on(Channel::Dtls).await;
    pair.both_ways(1);

    relay.silent.store(true, Ordering::SeqCst);
    let told = |event: &PlaneEvent| match event {
        PlaneEvent::DtlsDown { established, reason, .. } => Some(format!("down {established} {reason}")),
        PlaneEvent::Transport { channel: Channel::Tls, .. } => Some("tls".to_owned()),
        _ => None,
    };
    let order = [pair.client.wait("DtlsDown", told).await, pair.client.wait("Transport", told).await];
    assert_eq!(order, ["down true dead peer", "tls"], "the cause comes before what follows from it");
    pair.both_on(Channel::Tls).await;
    pair.both_ways(2);

    relay.silent.store(false, Ordering::SeqCst);
    pair.client.dtls_up().await;
    pair.both_on(Channel::Dtls).await;
    pair.both_ways(3);
    pair.stop();
}

#[tokio::test]
async fn udp_that_never_worked_leaves_a_tunnel_on_tls() {
    let mut pair = Pair::new();
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    pair.attach(&Plan { remote: nobody.local_addr().unwrap(), ..Plan::new(&pair, Family::Psk) });
    for number in 1..=3 {
        let attempt = |event: &PlaneEvent| match event {
            PlaneEvent::DtlsAttempt { attempt, .. } => Some(*attempt),
            _ => None,
        };
        assert_eq!(pair.client.wait("DtlsAttempt", attempt).await, number);
        pair.both_ways(number);
    }
    // Each attempt came from a socket of its own.
    nobody.set_nonblocking(true).unwrap();
    let mut ports = std::collections::BTreeSet::new();
    while let Ok((_, from)) = nobody.recv_from(&mut [0; 2000]) {
        ports.insert(from.port());
    }
    assert!(ports.len() >= 2, "{ports:?}");
    pair.stop();
}

#[tokio::test]
async fn a_client_whose_port_changes_under_way_goes_on() {
    let mut pair = Pair::new();
    let relay = Relay::new(pair.udp);
    pair.attach(&Plan { remote: relay.address, ..Plan::new(&pair, Family::Psk) });
    pair.client.dtls_up().await;
    pair.both_on(Channel::Dtls).await;
    pair.both_ways(1);
    for round in 0..3 {
        relay.moves.fetch_add(1, Ordering::SeqCst);
        // The relay may still hand one packet over the old way, which nothing follows from; the second one is on the new.
        for number in 10 * round..10 * round + 5 {
            pair.client.send(&up(number));
            assert_eq!(pair.server.receive(), up(number));
        }
        tokio::time::timeout(PATIENCE, async { pair.both_ways(100 + round) }).await.unwrap();
    }
    let stats = pair.server.stats().await;
    assert_eq!((stats.dtls_handshakes, stats.tls.rx_packets), (1, 0));
    pair.stop();
}

#[tokio::test]
async fn new_keys_take_over_without_a_gap() {
    let mut pair = Pair::new();
    let mut plan = Plan::new(&pair, Family::Psk);
    plan.client.dtls_rekey = Some(Rekey { after: Duration::from_secs(1), method: RekeyMethod::Ssl });
    pair.attach(&plan);
    pair.client.dtls_up().await;
    pair.server.dtls_up().await;
    pair.both_on(Channel::Dtls).await;
    let device = pair.client.device.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        for number in 0..1500 {
            device.send(&up(number)).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let mut seen = vec![false; 1500];
    for _ in 0..1500 {
        seen[number(&pair.server.receive()) as usize] = true;
    }
    sender.join().unwrap();
    assert!(seen.iter().all(|seen| *seen));
    pair.client.dtls_up().await;
    pair.server.dtls_up().await;
    assert_eq!(pair.server.stats().await.tls.rx_packets, 0);
    pair.stop();
}

#[tokio::test]
async fn secrets_are_written_to_the_key_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let log = path.clone();
    let mut pair = Pair::with(move |config| config.key_log = Some(log), |_| {});
    pair.attach(&Plan::new(&pair, Family::Psk));
    pair.client.dtls_up().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!((words[0], words[1].len(), words[2].len()), ("CLIENT_RANDOM", 64, 96));
    pair.stop();
}
