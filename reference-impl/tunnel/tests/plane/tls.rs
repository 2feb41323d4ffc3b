//! Data and keys on TLS.

use std::time::Duration;

use reference_cstp::compress::Compression;
use reference_cstp::frame::{PacketType, header};
use reference_cstp::session::{LostReason, Rekey, RekeyMethod};
use reference_tunnel::plane::PlaneEvent;

use crate::common::{Library, Only};
use crate::support::{CLIENT, Family, Pair, Plan, SERVER, address, down, packet, up};

#[tokio::test]
async fn data_goes_both_ways_with_both_libraries() {
    for libraries in [(Library::Rustls, Library::OpenSsl), (Library::OpenSsl, Library::Rustls)] {
        for version in [Only::Tls12, Only::Tls13] {
            let pair = Pair::new();
            pair.attach(&Plan { libraries, version, ..Plan::new(&pair, Family::None) });
            for number in 0..50 {
                pair.both_ways(number);
            }
            let stats = pair.client.stats().await;
            assert_eq!((stats.tls.tx_packets, stats.tls.rx_packets, stats.dtls.tx_packets), (50, 50, 0));
            assert_eq!((stats.tls.tx_bytes, stats.odd_records), (50 * 200, 0));
            pair.stop();
        }
    }
}

#[tokio::test]
async fn order_is_kept_in_a_burst() {
    let pair = Pair::new();
    pair.attach(&Plan::new(&pair, Family::None));
    pair.both_ways(0);
    let device = pair.client.device.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        for number in 0..3000 {
            device.send(&packet(CLIENT, SERVER, number, 1400)).unwrap();
        }
    });
    for number in 0..3000 {
        assert!(pair.server.receive() == packet(CLIENT, SERVER, number, 1400), "packet {number}");
    }
    sender.join().unwrap();
    pair.stop();
}

#[tokio::test]
async fn frames_behind_the_http_head_come_first() {
    let pair = Pair::new();
    let mut plan = Plan::new(&pair, Family::None);
    for number in [1, 2] {
        plan.early.extend_from_slice(&header(PacketType::Data, down(number).len()).unwrap());
        plan.early.extend_from_slice(&down(number));
    }
    pair.attach(&plan);
    assert_eq!((pair.client.receive(), pair.client.receive()), (down(1), down(2)));
    pair.both_ways(3);
    pair.stop();
}

#[tokio::test]
async fn compression_is_used_when_it_was_negotiated() {
    for method in [Compression::OcLz4, Compression::Lzs] {
        let mut pair = Pair::new();
        pair.attach(&Plan { compression: (method, method), ..Plan::new(&pair, Family::Psk) });
        pair.both_ways(1);
        pair.client.dtls_up().await;
        pair.both_ways(2);
        pair.both_on(reference_cstp::session::Channel::Dtls).await;
        // Random bytes do not shrink and go as they are (AC-CMP-04).
        let mut noise = up(3);
        openssl::rand::rand_bytes(&mut noise[32..]).unwrap();
        pair.client.send(&noise);
        assert_eq!(pair.server.receive(), noise);
        pair.stop();
    }
}

#[tokio::test]
async fn sources_that_are_not_of_the_session_do_not_pass() {
    let pair = Pair::new();
    pair.attach(&Plan::new(&pair, Family::None));
    pair.client.send(&packet(address(77), SERVER, 1, 100));
    pair.client.send(b"no IP packet at all");
    pair.client.send(&up(2));
    pair.server.receives_only(&up(2));
    // Nor does what leads to no session.
    pair.server.send(&packet(SERVER, address(77), 3, 100));
    pair.server.send(&down(4));
    pair.client.receives_only(&down(4));
    let stats = pair.server.plane_stats().await;
    assert_eq!((stats.sessions[0].drops.spoofed, stats.unrouted), (1, 1));
    pair.stop();
}

#[tokio::test]
async fn records_that_hold_two_frames_or_half_of_one_are_handled() {
    let mut pair = Pair::new();
    let plan = Plan::new(&pair, Family::None);
    let (mut client, server) = pair.connect(plan.libraries, plan.version);
    let mut stream = Vec::new();
    for number in 0..4 {
        stream.extend_from_slice(&header(PacketType::Data, 200).unwrap());
        stream.extend_from_slice(&up(number));
    }
    for record in [&stream[..416], &stream[416..500], &stream[500..624], &stream[624..628], &stream[628..]] {
        client.1.write_record(&[record]).unwrap();
    }
    let (_, attach) = plan.attaches(pair.connect(plan.libraries, plan.version).0, server);
    pair.server.handle.attach(attach);
    std::io::Write::write_all(&mut client.0, client.1.output()).unwrap();
    for number in 0..4 {
        assert_eq!(pair.server.receive(), up(number));
    }
    assert!(pair.server.stats().await.odd_records > 0);

    // Wrong magic ends the channel, without resynchronisation (AC-CSTP-02).
    client.1.take_output();
    client.1.write_record(&[b"STG\x01\0\0\0\0"]).unwrap();
    std::io::Write::write_all(&mut client.0, client.1.output()).unwrap();
    let lost = |event: &PlaneEvent| match event {
        PlaneEvent::Lost { reason, .. } => Some(*reason),
        _ => None,
    };
    assert_eq!(pair.server.wait("Lost", lost).await, LostReason::Broken);
    pair.stop();
}

#[tokio::test]
async fn keys_are_renewed_within_the_connection() {
    let cases = [
        ((Library::Rustls, Library::OpenSsl), Only::Tls13),
        ((Library::OpenSsl, Library::Rustls), Only::Tls13),
        ((Library::OpenSsl, Library::OpenSsl), Only::Tls12),
    ];
    for (libraries, version) in cases {
        let mut pair = Pair::new();
        let mut plan = Plan { libraries, version, ..Plan::new(&pair, Family::None) };
        plan.client.rekey = Some(Rekey { after: Duration::from_secs(1), method: RekeyMethod::Ssl });
        pair.attach(&plan);
        pair.both_ways(1);
        let rekeyed = |event: &PlaneEvent| match event {
            PlaneEvent::Rekeyed { method, .. } => Some(*method),
            PlaneEvent::Lost { .. } | PlaneEvent::RekeyTunnel { .. } => panic!("{event:?}"),
            _ => None,
        };
        assert_eq!(pair.client.wait("Rekeyed", rekeyed).await, RekeyMethod::Ssl);
        pair.both_ways(2);
        if version == Only::Tls12 {
            assert_eq!(pair.server.wait("Rekeyed", rekeyed).await, RekeyMethod::Ssl);
        }
        pair.stop();
    }
}

#[tokio::test]
async fn a_client_that_cannot_renegotiate_asks_for_a_new_tunnel() {
    let mut pair = Pair::new();
    let mut plan = Plan { version: Only::Tls12, ..Plan::new(&pair, Family::None) };
    plan.client.rekey = Some(Rekey { after: Duration::from_secs(1), method: RekeyMethod::Ssl });
    pair.attach(&plan);
    let asked = |event: &PlaneEvent| matches!(event, PlaneEvent::RekeyTunnel { .. }).then_some(());
    pair.client.wait("RekeyTunnel", asked).await;
    pair.both_ways(1);
    pair.stop();
}

#[tokio::test]
async fn a_client_that_renegotiates_too_often_is_refused() {
    let mut pair = Pair::new();
    let mut plan = Plan {
        version: Only::Tls12,
        libraries: (Library::OpenSsl, Library::OpenSsl),
        ..Plan::new(&pair, Family::None)
    };
    plan.client.rekey = Some(Rekey { after: Duration::from_secs(1), method: RekeyMethod::Ssl });
    plan.server.rekey = Some(Rekey { after: Duration::from_secs(3600), method: RekeyMethod::Ssl });
    pair.attach(&plan);
    let lost = |event: &PlaneEvent| match event {
        PlaneEvent::Lost { detail, .. } => Some(detail.clone()),
        _ => None,
    };
    let detail = pair.server.wait("Lost", lost).await;
    assert!(detail.contains("too often"), "{detail}");
    pair.stop();
}
