//! Real frames through real wires.

use std::time::{Duration, Instant};

use interop_lab::link::{End, Profile};
use interop_lab::{Lab, LinkKind};

use crate::support::{Cell, build, socket, three_nodes};

/// Sends one packet to `right` and says whether it came, and how long it took.
fn crosses(lab: &Lab, size: usize) -> Option<Duration> {
    let (from, to) = (socket(lab, "left", "10.1.0.2:0"), socket(lab, "right", "10.2.0.2:0"));
    let start = Instant::now();
    from.send_to(&vec![7; size], to.local_addr().unwrap()).ok()?;
    let mut buffer = [0; 2000];
    (to.recv(&mut buffer).ok()? == size).then(|| start.elapsed())
}

pub fn udp_crosses_a_router_and_is_seen(cell: &Cell) {
    cell.runtime.block_on(async {
        let (mut lab, frames) = build(&three_nodes(LinkKind::Wire, None)).await;
        assert!(crosses(&lab, 333).is_some());
        lab.wires_mut().stop().unwrap();
        let seen = frames.0.lock().unwrap();
        let udp: Vec<(usize, End)> =
            seen.iter().filter(|frame| frame.bytes.len() == 333 + 42).map(|frame| (frame.wire, frame.from)).collect();
        assert_eq!(udp, [(0, End::A), (1, End::A)], "once on each wire, in order");
    });
}

pub fn one_way_cut_and_heal(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, frames) = build(&three_nodes(LinkKind::Wire, None)).await;
        assert!(crosses(&lab, 100).is_some());
        let cut = Profile { cut: true, ..Profile::default() };
        lab.wires().set_profile("far", Some(End::A), cut).unwrap();
        assert!(crosses(&lab, 101).is_none());
        let [from_a, from_b] = lab.wires().stats().unwrap()[1];
        assert!(from_a.dropped_cut > 0 && from_b.dropped_cut == 0, "{from_a:?} {from_b:?}");
        lab.wires().set_profile("far", None, Profile::default()).unwrap();
        assert!(crosses(&lab, 102).is_some());
        let seen = frames.0.lock().unwrap();
        assert!(seen.iter().any(|frame| frame.remark.as_deref() == Some("dropped: wire cut")));
    });
}

pub fn delay_within_a_millisecond(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, None)).await;
        assert!(crosses(&lab, 100).is_some(), "addresses are resolved now");
        let profile = Profile { delay: Duration::from_millis(40), ..Profile::default() };
        lab.wires().set_profile("far", Some(End::A), profile).unwrap();
        let mut best = Duration::MAX;
        for _ in 0..10 {
            let took = crosses(&lab, 100).expect("it comes");
            assert!(took >= Duration::from_millis(40), "never early: {took:?}");
            best = best.min(took);
        }
        // The least of ten: a busy machine may delay any one of them.
        assert!(best < Duration::from_millis(41), "{best:?}");
    });
}

pub fn black_hole_by_size(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, None)).await;
        let profile = Profile { mtu: Some(1280), ..Profile::default() };
        lab.wires().set_profile("far", None, profile).unwrap();
        assert!(crosses(&lab, 1280 - 28).is_some(), "exactly the MTU passes");
        assert!(crosses(&lab, 1280 - 27).is_none(), "one byte more vanishes");
        assert_eq!(lab.wires().stats().unwrap()[1][0].dropped_mtu, 1);
    });
}

pub fn snapshot_shows_addresses_routes_sockets(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, None)).await;
        let _bound = socket(&lab, "right", "10.2.0.3:5353");
        let right = lab.node("right").unwrap();
        let snapshot = right.snapshot(Default::default()).await.unwrap();
        let addresses: Vec<String> =
            snapshot.addresses.iter().map(|entry| format!("{} {}", entry.interface, entry.address)).collect();
        assert_eq!(addresses, ["far 10.2.0.2", "far 10.2.0.3", "lo 127.0.0.1", "lo ::1"]);
        let routes: Vec<String> = snapshot
            .routes
            .iter()
            .map(|route| format!("{} {}", route.to, route.interface.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(routes, ["0.0.0.0/0 far", "10.2.0.0/24 far"]);
        assert!(snapshot.sockets.iter().any(|socket| socket.protocol == "udp" && socket.port == 5353));
        assert_eq!(snapshot, right.snapshot(Default::default()).await.unwrap(), "twice the same");
    });
}

pub fn veth_in_place(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, frames) = build(&three_nodes(LinkKind::Veth, None)).await;
        assert!(crosses(&lab, 1000).is_some());
        assert!(frames.0.lock().unwrap().is_empty(), "veth links are not captured");
    });
}
