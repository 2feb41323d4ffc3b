//! How sessions and data planes end.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use reference_cstp::frame::{Disconnect, PacketType, header, reason};
use reference_cstp::session::{EndReason, LostReason, Role};
use reference_tunnel::plane::{Device, Farewell, Plane, PlaneConfig, PlaneEvent, SessionId};

use crate::support::{CLIENT, Family, PATIENCE, Pair, Plan, SERVER, packet};

fn ended(event: &PlaneEvent) -> Option<EndReason> {
    match event {
        PlaneEvent::Ended { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn a_disconnect_ends_both_sides_with_its_reason() {
    let mut pair = Pair::new();
    pair.attach(&Plan::new(&pair, Family::Psk));
    pair.client.dtls_up().await;
    let farewell = Farewell::Disconnect { reason: reason::USER, text: "enough".into() };
    pair.client.handle.detach(SessionId(1), farewell);
    assert_eq!(pair.client.wait("Ended", ended).await, EndReason::Requested);
    let EndReason::Disconnect(disconnect) = pair.server.wait("Ended", ended).await else { panic!("another reason") };
    assert!(disconnect.frees_session() && disconnect.text == "enough");
    assert!(pair.server.plane_stats().await.sessions.is_empty());
    pair.stop();
}

/// The first of the two things that an end may look like.
fn end_or_loss(event: &PlaneEvent) -> Option<String> {
    match event {
        PlaneEvent::Ended { reason: EndReason::Disconnect(disconnect), .. } => Some(format!("{:?}", disconnect.reason)),
        PlaneEvent::Ended { .. } | PlaneEvent::Lost { .. } => Some(format!("{event:?}")),
        _ => None,
    }
}

#[tokio::test]
async fn a_disconnect_that_comes_with_the_close_is_no_loss() {
    let mut pair = Pair::new();
    let plan = Plan::new(&pair, Family::None);
    let (client, server) = pair.connect(plan.libraries, plan.version);
    let (client, server) = plan.attaches(client, server);
    pair.client.handle.attach(client);
    let farewell = Farewell::Disconnect { reason: reason::USER, text: String::new() };
    pair.client.handle.detach(SessionId(1), farewell);
    pair.client.wait("Ended", ended).await;
    // The server finds the farewell, close_notify and the end of the connection all at once.
    pair.server.handle.attach(server);
    assert_eq!(pair.server.wait("the end", end_or_loss).await, "Some(176)");
    pair.stop();
}

/// Some clients close without reading what is on its way to them, and the server notices that when it writes.
#[tokio::test]
async fn a_disconnect_in_front_of_a_reset_is_no_loss() {
    for round in 0..25 {
        let mut pair = Pair::new();
        let plan = Plan::new(&pair, Family::None);
        let ((tcp, mut tls), server) = pair.connect(plan.libraries, plan.version);
        let (_, server) = plan.attaches(pair.connect(plan.libraries, plan.version).0, server);
        pair.server.handle.attach(server);
        let device = pair.server.device.try_clone().unwrap();
        let flood = std::thread::spawn(move || {
            let packet = packet(SERVER, CLIENT, 1, 1400);
            (0..3000).for_each(|_| drop(device.send(&packet)));
        });
        std::thread::sleep(Duration::from_millis(2 + round % 5));
        let payload = Disconnect { reason: Some(reason::USER), text: String::new() }.to_payload();
        tls.write_record(&[&header(PacketType::Disconnect, payload.len()).unwrap(), &payload]).unwrap();
        (&tcp).write_all(tls.output()).unwrap();
        drop(tcp);
        assert_eq!(pair.server.wait("the end", end_or_loss).await, "Some(176)", "round {round}");
        flood.join().unwrap();
        pair.stop();
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_takes_no_time() {
    let mut pair = Pair::new();
    for number in 1..=20 {
        pair.attach(&Plan { number, ..Plan::new(&pair, Family::None) });
    }
    assert_eq!(pair.server.plane_stats().await.sessions.len(), 20);
    let started = Instant::now();
    let server = pair.server.handle.clone();
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    for _ in 0..20 {
        assert_eq!(pair.client.wait("Ended", ended).await, EndReason::Terminate);
        assert_eq!(pair.server.wait("Ended", ended).await, EndReason::Requested);
    }
    assert!(pair.server.handle.stats().await.is_err(), "the plane is gone");
    pair.stop();
}

#[tokio::test]
async fn a_client_that_stops_frees_its_session() {
    let mut pair = Pair::new();
    pair.attach(&Plan::new(&pair, Family::None));
    pair.both_ways(1);
    let client = pair.client.handle.clone();
    tokio::task::spawn_blocking(|| client.stop()).await.unwrap();
    let EndReason::Disconnect(disconnect) = pair.server.wait("Ended", ended).await else { panic!("another reason") };
    assert!(disconnect.frees_session());
    pair.stop();
}

#[tokio::test]
async fn a_handle_that_is_dropped_stops_its_plane() {
    let Pair { client, mut server, .. } = Pair::new();
    drop(client);
    let handle = server.handle.clone();
    handle.stop();
    let gone = tokio::time::timeout(Duration::from_secs(5), server.handle.stats()).await.unwrap();
    assert!(gone.is_err());
    assert!(server.pending().is_empty());
}

#[tokio::test]
async fn a_device_that_breaks_is_a_fault_and_nobody_waits_for_the_dead() {
    // A pipe is readable, but no socket.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let broken = UnixDatagram::from(OwnedFd::from(reader));
    let (handle, mut events) = Plane::start(PlaneConfig::new(Role::Client, Device::Pair(broken))).unwrap();
    writer.write_all(b"x").unwrap();
    let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    let PlaneEvent::Fault { message } = event else { panic!("{event:?}") };
    assert!(message.contains("device"), "{message}");
    assert!(tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().is_none());
    assert!(tokio::time::timeout(PATIENCE, handle.stats()).await.unwrap().is_err());
    handle.stop();
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_given_up() {
    for client_sends in [true, false] {
        let quick = |config: &mut PlaneConfig| config.send_deadline = Duration::from_millis(500);
        let mut pair = Pair::with(quick, quick);
        let plan = Plan::new(&pair, Family::None);
        let (client, server) = pair.connect(plan.libraries, plan.version);
        let (client, server) = plan.attaches(client, server);
        let (side, attach, _silent) =
            if client_sends { (&mut pair.client, client, server) } else { (&mut pair.server, server, client) };
        side.handle.attach(attach);
        // More than the kernel's buffers and ours hold.
        let device = side.device.try_clone().unwrap();
        let packet = if client_sends { packet(CLIENT, SERVER, 1, 1400) } else { packet(SERVER, CLIENT, 1, 1400) };
        let flood = std::thread::spawn(move || (0..20_000).all(|_| device.send(&packet).is_ok()));
        let lost = |event: &PlaneEvent| match event {
            PlaneEvent::Lost { reason, detail, .. } => Some((*reason, detail.clone())),
            _ => None,
        };
        let (reason, detail) = side.wait("Lost", lost).await;
        assert_eq!(reason, LostReason::Broken);
        assert!(detail.contains("takes nothing"), "{detail}");
        assert!(flood.join().unwrap());
        assert!(side.stats().await.drops.stuck > 0, "the queue has a limit");
        pair.stop();
    }
}

#[tokio::test]
async fn the_idle_timeout_ends_a_session_that_only_keeps_itself_alive() {
    let mut pair = Pair::new();
    let mut plan = Plan::new(&pair, Family::None);
    plan.server.idle_timeout = Some(Duration::from_millis(400));
    plan.client.tls.dpd = Some(Duration::from_millis(50));
    pair.attach(&plan);
    pair.both_ways(1);
    assert_eq!(pair.server.wait("Ended", ended).await, EndReason::IdleTimeout);
    let EndReason::Disconnect(_) = pair.client.wait("Ended", ended).await else { panic!("another reason") };
    pair.stop();
}
