//! Many sessions in one thread.

use std::time::{Duration, Instant};

use reference_cstp::session::Channel;
use reference_tunnel::plane::PlaneEvent;

use crate::support::{Family, PATIENCE, Pair, Plan, SERVER, address, is_silent, number, packet};

const SESSIONS: u32 = 100;

#[tokio::test]
async fn a_hundred_sessions_share_one_device_and_one_socket() {
    let mut pair = Pair::new();
    for number in 1..=u64::from(SESSIONS) {
        pair.attach(&Plan { number, ..Plan::new(&pair, Family::Psk) });
    }
    for side in [&mut pair.client, &mut pair.server] {
        for _ in 0..SESSIONS {
            side.dtls_up().await;
        }
    }
    // On a busy machine a client repeats a hello whose session is not attached yet: those are unknown, and all before this.
    let mut unknown = [0; 2];
    for round in 0..5 {
        for session in 1..=SESSIONS {
            pair.client.send(&packet(address(session.into()), SERVER, session, 300 + round));
        }
        let mut seen = vec![false; SESSIONS as usize];
        for _ in 0..SESSIONS {
            seen[number(&pair.server.receive()) as usize - 1] = true;
        }
        assert!(seen.iter().all(|seen| *seen));
        for session in 1..=SESSIONS {
            pair.server.send(&packet(SERVER, address(session.into()), session, 300 + round));
        }
        for _ in 0..SESSIONS {
            pair.client.receive();
        }
        if round == 0 {
            unknown = [pair.client.plane_stats().await.udp_unknown, pair.server.plane_stats().await.udp_unknown];
        }
    }
    for (side, unknown) in [&pair.client, &pair.server].into_iter().zip(unknown) {
        let stats = side.plane_stats().await;
        assert_eq!((stats.sessions.len(), stats.unrouted, stats.udp_unknown), (100, 0, unknown));
        for session in &stats.sessions {
            assert_eq!(session.channel, Channel::Dtls);
            assert_eq!((session.dtls.rx_packets + session.tls.rx_packets, session.drops.spoofed), (5, 0));
        }
    }
    assert!(is_silent(&pair.client.device) && is_silent(&pair.server.device));

    // With nothing to do, nothing is done: no scan, no tick. Timers of the handshakes run out first.
    let until = Instant::now() + PATIENCE;
    loop {
        let before = pair.server.plane_stats().await.wakeups;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let wakeups = pair.server.plane_stats().await.wakeups - before;
        if wakeups <= 2 {
            break;
        }
        assert!(Instant::now() < until, "{wakeups} wake-ups in 300 ms");
    }

    let server = pair.server.handle.clone();
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    let ended = |event: &PlaneEvent| matches!(event, PlaneEvent::Ended { .. }).then_some(());
    let all = async {
        for _ in 0..SESSIONS {
            pair.client.wait("Ended", ended).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    pair.stop();
}
