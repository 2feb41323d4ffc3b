//! Paths that are smaller than what was negotiated, in a network namespace of their own.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use netlink_packet_route::route::{RouteAttribute, RouteMetric, RouteScope, RouteType};
use nix::sched::{CloneFlags, unshare};
use reference_cstp::session::{Channel, MtuPlan};
use reference_tunnel::plane::PlaneEvent;
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, RouteMessageBuilder};

use crate::support::{CLIENT, Family, PATIENCE, Pair, Plan, Relay, SERVER, Side, is_silent, number, packet, up};

/// Says that this process is the one with the namespace.
const INSIDE: &str = "PLANE_TEST_INSIDE";
/// The MTU of the loopback device there.
const SMALL: u32 = 1300;

/// Inner packets of this MTU fill a datagram of the path: IP, UDP, the record and the type byte are around them.
const INNER: u16 = SMALL as u16 - 20 - 8 - 37 - 1;

/// Runs `test` in a process that is alone in a network namespace; says why when that is impossible here.
fn in_namespace(name: &str, mtu: u32, test: impl AsyncFnOnce(Handle)) {
    if std::env::var_os(INSIDE).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").stdin(Stdio::null());
        assert!(command.status().unwrap().success());
        return;
    }
    // The threads of the data planes are made by this one and so are in its namespace.
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        eprintln!("SKIPPED: no network namespace: {error}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        let loopback = LinkMessageBuilder::<LinkUnspec>::new().index(1).mtu(mtu).up().build();
        handle.link().set(loopback).execute().await.unwrap();
        test(handle).await;
    });
}

/// Lets the kernel know that the path to the loopback address is narrow, as ICMP would.
async fn narrow(handle: &Handle, mtu: u32) {
    let mut route = RouteMessageBuilder::<Ipv4Addr>::new()
        .destination_prefix(Ipv4Addr::LOCALHOST, 32)
        .output_interface(1)
        .table_id(255)
        .scope(RouteScope::Host)
        .kind(RouteType::Local)
        .pref_source(Ipv4Addr::LOCALHOST)
        .build();
    route.attributes.push(RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)]));
    handle.route().add(route).replace().execute().await.unwrap();
}

fn mtu_of(event: &PlaneEvent) -> Option<u16> {
    if let PlaneEvent::Mtu { mtu, .. } = event { Some(*mtu) } else { None }
}

/// A packet of IPv4 that must not be fragmented.
fn whole(mut packet: Vec<u8>) -> Vec<u8> {
    packet[6] = 0x40;
    packet
}

#[test]
fn packets_that_are_too_long_for_udp_go_over_tls_and_the_size_goes_down() {
    in_namespace("sizes::packets_that_are_too_long_for_udp_go_over_tls_and_the_size_goes_down", SMALL, async |_| {
        let mut pair = Pair::new();
        let mut plan = Plan::new(&pair, Family::Psk);
        plan.client.mtu = MtuPlan { tls: 1400, dtls: None, probe: false, floor: 576 };
        pair.attach(&plan);
        pair.client.dtls_up().await;
        pair.both_ways(1);
        pair.both_on(Channel::Dtls).await;
        let sizes = [1400, 1400, 1400, 200, 1400, 900, 900, 900, 1400];
        for (number, size) in (10..).zip(sizes) {
            pair.client.send(&packet(CLIENT, SERVER, number, size));
        }
        let mut arrived: Vec<usize> = sizes.iter().map(|_| pair.server.receive().len()).collect();
        arrived.sort_unstable();
        assert_eq!(arrived, [200, 900, 900, 900, 1400, 1400, 1400, 1400, 1400]);
        let stats = pair.client.stats().await;
        assert!(stats.tls.tx_packets >= 5 && stats.dtls.tx_packets >= 5, "{stats:?}");
        assert_eq!(stats.drops.network, 0);
        let smaller = |event: &PlaneEvent| match event {
            PlaneEvent::Mtu { mtu, .. } => (*mtu < 1400).then_some(*mtu),
            _ => None,
        };
        pair.client.wait("Mtu", smaller).await;
        pair.stop();
    });
}

#[test]
fn probes_find_what_the_path_carries() {
    in_namespace("sizes::probes_find_what_the_path_carries", SMALL, async |_| {
        let mut pair = Pair::new();
        let mut plan = Plan::new(&pair, Family::Psk);
        plan.client.mtu = MtuPlan { tls: 1400, dtls: None, probe: true, floor: 576 };
        pair.attach(&plan);
        // The device tells at once what nothing can be sent beyond.
        assert_eq!(pair.client.wait("Mtu", mtu_of).await, INNER);
        pair.client.send(&up(1));
        assert_eq!(pair.server.receive(), up(1));
        pair.stop();
    });
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    in_namespace("sizes::an_answer_leaves_from_the_address_that_was_asked", SMALL, async |_| {
        // The server listens on all addresses; a client takes answers from the one that it asked only.
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut pair = Pair::with(|_| {}, |config| config.udp = vec![socket]);
        let remote = (Ipv4Addr::new(127, 0, 0, 77), port).into();
        pair.attach(&Plan { remote, ..Plan::new(&pair, Family::Psk) });
        pair.client.dtls_up().await;
        pair.both_ways(1);
        pair.stop();
    });
}

/// AC-MTU-03, AC-MTU-08: what the kernel learns of the path is heeded by both sides, without a search and without a loss.
#[test]
fn a_path_that_the_kernel_knows_is_never_filled_beyond() {
    in_namespace("sizes::a_path_that_the_kernel_knows_is_never_filled_beyond", 65_536, async |handle| {
        for probe in [false, true] {
            for early in [true, false] {
                narrow(&handle, if early { SMALL } else { 65_536 }).await;
                let mut pair = Pair::new();
                let mut plan = Plan::new(&pair, Family::Psk);
                let mtu = MtuPlan { tls: 1400, dtls: None, probe, floor: 576 };
                (plan.client.mtu, plan.server.mtu) = (mtu, mtu);
                pair.attach(&plan);
                pair.client.dtls_up().await;
                pair.server.dtls_up().await;
                pair.both_on(Channel::Dtls).await;
                if probe {
                    dtls_carries(&pair.client, if early { INNER } else { 1400 }).await;
                    dtls_carries(&pair.server, if early { INNER } else { 1400 }).await;
                }
                narrow(&handle, SMALL).await;
                let before = [pair.client.stats().await.tls.tx_packets, pair.server.stats().await.tls.tx_packets];
                assert_eq!(before, [0, 0]);
                for (from, to, number) in [(CLIENT, SERVER, 1), (SERVER, CLIENT, 2)] {
                    let (sender, receiver) = if from == CLIENT {
                        (&mut pair.client, &pair.server)
                    } else {
                        (&mut pair.server, &pair.client)
                    };
                    let sent = packet(from, to, number, 1400);
                    sender.send(&sent);
                    assert_eq!(receiver.receive(), sent, "not lost");
                    let stats = sender.stats().await;
                    assert_eq!((stats.mtu, stats.tls.tx_packets), (INNER, 1), "early {early}, probe {probe}");
                    let filled = packet(from, to, number, INNER.into());
                    dtls_carries(sender, INNER).await;
                    sender.send(&filled);
                    assert_eq!(receiver.receive(), filled);
                    assert_eq!(sender.stats().await.dtls.tx_packets, 1);
                }
                pair.stop();
            }
        }
    });
}

/// Waits until a side knows that DTLS carries this size.
async fn dtls_carries(side: &Side, mtu: u16) {
    let known = async {
        while side.stats().await.dtls_mtu != mtu {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, known).await.is_err() {
        panic!("{:?}", side.stats().await);
    }
}

/// AC-MTU-05, AC-MTU-08: a path that swallows large datagrams without a word; from the first packet on nothing is lost.
#[tokio::test]
async fn a_path_that_swallows_large_datagrams_costs_no_packet() {
    const LARGEST: u16 = 1160;
    let mut pair = Pair::new();
    let relay = Relay::new(pair.udp);
    relay.largest.store(usize::from(LARGEST) + 37 + 1, Ordering::SeqCst);
    let mut plan = Plan { remote: relay.address, ..Plan::new(&pair, Family::Psk) };
    let mtu = MtuPlan { tls: 1400, dtls: None, probe: true, floor: 576 };
    (plan.client.mtu, plan.server.mtu) = (mtu, mtu);
    pair.attach(&plan);
    pair.client.dtls_up().await;
    pair.server.dtls_up().await;
    // Both search at the same time, and neither disturbs the other.
    let mut sent = 0;
    let until = Instant::now() + PATIENCE;
    while [pair.client.stats().await.dtls_mtu, pair.server.stats().await.dtls_mtu] != [LARGEST; 2] {
        assert!(Instant::now() < until, "{:#?} {:#?}", pair.client.stats().await, pair.server.stats().await);
        for size in [1400, 300] {
            sent += 1;
            let (up, down) = (packet(CLIENT, SERVER, sent, size), packet(SERVER, CLIENT, sent, size));
            pair.client.send(&up);
            assert_eq!(pair.server.receive(), up);
            pair.server.send(&down);
            assert_eq!(pair.client.receive(), down);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((pair.client.wait("Mtu", mtu_of).await, pair.server.wait("Mtu", mtu_of).await), (LARGEST, LARGEST));
    pair.both_on(Channel::Dtls).await;
    // What follows a packet that is too large for DTLS is on DTLS again, and takes the server back there (AC-DTLS-23).
    pair.client.send(&packet(CLIENT, SERVER, 0, 1400));
    pair.server.receive();
    pair.client.send(&up(1));
    assert_eq!(pair.server.receive(), up(1));
    assert_eq!(pair.server.stats().await.channel, Channel::Dtls);
    pair.stop();
}

/// AC-MTU-10: who sends into the tunnel hears what fits, and nothing about what may be fragmented. Both kinds arrive.
#[test]
fn the_sender_inside_hears_what_the_path_carries() {
    in_namespace("sizes::the_sender_inside_hears_what_the_path_carries", SMALL, async |_| {
        let mut pair = Pair::new();
        let mut plan = Plan::new(&pair, Family::Psk);
        plan.server.mtu = MtuPlan { tls: 1400, dtls: None, probe: true, floor: 576 };
        pair.attach(&plan);
        assert_eq!(pair.server.wait("Mtu", mtu_of).await, INNER);
        let (cuttable, fixed) = (packet(SERVER, CLIENT, 1, 1400), whole(packet(SERVER, CLIENT, 2, 1400)));
        for packet in [&cuttable, &fixed] {
            pair.server.send(packet);
            assert_eq!(pair.client.receive(), *packet);
        }
        let message = pair.server.receive();
        assert_eq!((&message[12..16], &message[16..20]), (&CLIENT.octets()[..], &SERVER.octets()[..]));
        let size = INNER.to_be_bytes();
        assert_eq!((message[9], &message[20..22], &message[26..28]), (1, &[3, 4][..], &size[..]));
        assert_eq!(message[28..76], fixed[..48]);
        // One message for one packet; and the client's own system does that for a client.
        pair.client.send(&whole(packet(CLIENT, SERVER, 3, 1400)));
        assert_eq!(number(&pair.server.receive()), 3);
        assert!(is_silent(&pair.client.device) && is_silent(&pair.server.device));
        pair.stop();
    });
}

/// A request whose answer has no room on the way back is answered all the same, with nothing: the peer knows that it came.
#[test]
fn a_request_that_is_too_large_for_the_way_back_gets_an_empty_answer() {
    in_namespace("sizes::a_request_that_is_too_large_for_the_way_back_gets_an_empty_answer", 65_536, async |handle| {
        narrow(&handle, SMALL).await;
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut pair = Pair::with(|_| {}, |config| config.udp = vec![socket]);
        // The way to this address is wide, the way back to the client is not.
        let remote = (Ipv4Addr::new(127, 0, 0, 77), port).into();
        let mut plan = Plan { remote, ..Plan::new(&pair, Family::Psk) };
        plan.client.mtu = MtuPlan { tls: 1400, dtls: None, probe: true, floor: 576 };
        pair.attach(&plan);
        assert_eq!(pair.client.wait("Mtu", mtu_of).await, INNER, "the largest that comes back in full");
        let heard = pair.client.plane_stats().await.udp_rx;
        // Each of the sizes between was asked for four times; without those answers less than twenty would have come.
        assert!(heard > 25, "{heard}");
        pair.stop();
    });
}
