//! Paths that are smaller than what was negotiated, in a network namespace of their own.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use reference_cstp::session::{Channel, MtuPlan};
use reference_tunnel::plane::PlaneEvent;
use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use crate::support::{CLIENT, Family, Pair, Plan, SERVER, packet, up};

/// Says that this process is the one with the namespace.
const INSIDE: &str = "PLANE_TEST_INSIDE";
/// The MTU of the loopback device there.
const SMALL: u32 = 1300;

/// Runs `test` in a process that is alone in a network namespace; says why when that is impossible here.
fn in_namespace(name: &str, test: impl AsyncFnOnce()) {
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
        let loopback = LinkMessageBuilder::<LinkUnspec>::new().index(1).mtu(SMALL).up().build();
        handle.link().set(loopback).execute().await.unwrap();
        test().await;
    });
}

#[test]
fn packets_that_are_too_long_for_udp_go_over_tls_and_the_size_goes_down() {
    in_namespace("sizes::packets_that_are_too_long_for_udp_go_over_tls_and_the_size_goes_down", async || {
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
    in_namespace("sizes::probes_find_what_the_path_carries", async || {
        let mut pair = Pair::new();
        let mut plan = Plan::new(&pair, Family::Psk);
        plan.client.mtu = MtuPlan { tls: 1400, dtls: None, probe: true, floor: 576 };
        pair.attach(&plan);
        // IP, UDP, the record and the type byte; one byte more or less is for the search.
        let most = u16::try_from(SMALL).unwrap() - 20 - 8 - 37 - 1;
        let found = |event: &PlaneEvent| match event {
            PlaneEvent::Mtu { mtu, .. } => (*mtu <= most && *mtu >= most - 8).then_some(*mtu),
            _ => None,
        };
        pair.client.wait("Mtu", found).await;
        pair.client.send(&up(1));
        assert_eq!(pair.server.receive(), up(1));
        pair.stop();
    });
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    in_namespace("sizes::an_answer_leaves_from_the_address_that_was_asked", async || {
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
