//! NAT behaviours, seen from outside.

use std::net::{SocketAddr, UdpSocket};

use interop_lab::{Lab, LinkKind, Nat, NatKind};

use crate::support::{Cell, build, socket, three_nodes};

fn nat(kind: NatKind) -> Nat {
    Nat { kind, outside: "far".to_owned(), udp_timeout: None, generation: 0 }
}

/// The source that `to` sees of a packet from `from`.
fn seen_by(from: &UdpSocket, to: &UdpSocket) -> SocketAddr {
    from.send_to(b"x", to.local_addr().unwrap()).unwrap();
    to.recv_from(&mut [0; 10]).expect("the packet arrives").1
}

fn sockets(lab: &Lab) -> (UdpSocket, UdpSocket, UdpSocket) {
    (socket(lab, "left", "10.1.0.2:5000"), socket(lab, "right", "10.2.0.2:6000"), socket(lab, "right", "10.2.0.3:6000"))
}

pub fn port_restricted_keeps_the_port(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, Some(nat(NatKind::PortRestricted)))).await;
        let (inside, one, two) = sockets(&lab);
        let mapped = seen_by(&inside, &one);
        assert_eq!(mapped, "10.2.0.1:5000".parse().unwrap());
        assert_eq!(seen_by(&inside, &two), mapped, "the same port for another destination");
        let stranger = socket(&lab, "right", "10.2.0.3:7000");
        stranger.send_to(b"x", mapped).unwrap();
        assert!(inside.recv(&mut [0; 10]).is_err(), "a port that was not written to is kept out");
        one.send_to(b"x", mapped).unwrap();
        assert!(inside.recv(&mut [0; 10]).is_ok(), "an answer comes in");
    });
}

pub fn symmetric_changes_port_by_destination(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, Some(nat(NatKind::Symmetric)))).await;
        let (inside, one, two) = sockets(&lab);
        assert_ne!(seen_by(&inside, &one), seen_by(&inside, &two));
    });
}

pub fn full_cone_lets_strangers_in(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, Some(nat(NatKind::FullCone)))).await;
        let (inside, one, _) = sockets(&lab);
        let mapped = seen_by(&inside, &one);
        let stranger = socket(&lab, "right", "10.2.0.3:7000");
        stranger.send_to(b"x", mapped).unwrap();
        assert!(inside.recv(&mut [0; 10]).is_ok());
    });
}

pub fn rebinding_moves_the_port(cell: &Cell) {
    cell.runtime.block_on(async {
        let mut nat = nat(NatKind::PortRestricted);
        let (lab, _) = build(&three_nodes(LinkKind::Wire, Some(nat.clone()))).await;
        let (inside, one, _) = sockets(&lab);
        let before = seen_by(&inside, &one);
        assert_eq!(seen_by(&inside, &one), before);
        nat.rebind(lab.node("router").unwrap()).unwrap();
        let after = seen_by(&inside, &one);
        assert_ne!(after, before);
        one.send_to(b"x", before).unwrap();
        assert!(inside.recv(&mut [0; 10]).is_err(), "the old port is dead");
        one.send_to(b"x", after).unwrap();
        assert!(inside.recv(&mut [0; 10]).is_ok());
    });
}

pub fn counters_and_bad_rules(cell: &Cell) {
    cell.runtime.block_on(async {
        let (lab, _) = build(&three_nodes(LinkKind::Wire, None)).await;
        let router = lab.node("router").unwrap();
        router
            .nft(
                "table inet fault { counter hit { }\n chain forward { type filter hook forward priority 0; \
                 meta l4proto udp counter name hit drop\n }\n }\n",
            )
            .unwrap();
        let (inside, one, _) = sockets(&lab);
        inside.send_to(b"x", one.local_addr().unwrap()).unwrap();
        assert!(one.recv(&mut [0; 10]).is_err());
        assert_eq!(router.nft_counters("inet", "fault").unwrap().packets, 1);
        let error = router.nft("table inet fault { chain forward { udp drip } }\n").unwrap_err().to_string();
        assert!(error.contains("router") && error.contains("drip"), "{error}");
        router.nft_delete("inet", "fault").unwrap();
        assert!(router.nft_counters("inet", "fault").is_err());
        inside.send_to(b"x", one.local_addr().unwrap()).unwrap();
        assert!(one.recv(&mut [0; 10]).is_ok());
    });
}
