//! The data path of the AnyConnect core does without the allocator.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use reference_cstp::compress::{Compression, Scratch};
use reference_cstp::frame::{HEADER_LEN, PacketType, header, parse, parse_datagram};
use reference_cstp::session::{Channel, DtlsEvent, MtuPlan, Role, Session, SessionConfig, Timers};

/// Allocations of this thread while `work` runs: the test runner has a thread of its own, which allocates when it likes.
fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn frames_clocks_and_compression_allocate_nothing_once_they_are_warm() {
    assert!(allocations(|| drop(std::hint::black_box(vec![0_u8; 100]))) > 0, "the counter does not count");

    let mut record = vec![0; HEADER_LEN + 1400];
    let frames = allocations(|| {
        for _ in 0..1000 {
            let head = header(PacketType::Data, 1400).unwrap();
            record[..HEADER_LEN].copy_from_slice(&head);
            assert_eq!(parse(&record).map(|(kind, payload)| (kind, payload.len())), Ok((PacketType::Data, 1400)));
            assert_eq!(parse_datagram(&record).map(|(kind, _)| kind.code()), Some(b'S'));
        }
    });
    assert_eq!(frames, 0, "frames");

    let now = Instant::now();
    let timers = Timers { dpd: Some(Duration::from_secs(90)), keepalive: Some(Duration::from_secs(60)) };
    let config = SessionConfig { tls: timers, dtls: timers, ..SessionConfig::new(Role::Server, MtuPlan::fixed(1400)) };
    let mut session = Session::new(config, now);
    session.on_dtls(DtlsEvent::Established { data_mtu: 1434 }, now);
    while session.poll_output().is_some() {}
    let clocks = allocations(|| {
        for millis in 0..1000 {
            let now = now + Duration::from_millis(millis);
            session.on_data_received(Channel::Tls, true, now);
            session.on_data_received(Channel::Dtls, true, now);
            session.on_data_sent(session.outbound(), now);
            session.on_timeout(now);
            assert!(session.poll_timeout().is_some() && session.poll_output().is_none());
        }
    });
    assert_eq!(clocks, 0, "clocks");

    let packet: Vec<u8> = b"a packet of text, a packet of text; ".iter().cycle().take(1400).copied().collect();
    for method in [Compression::OcLz4, Compression::Lzs] {
        let (mut scratch, mut small, mut plain) = (Scratch::new(), Vec::with_capacity(4096), Vec::with_capacity(4096));
        let mut once = || {
            small.clear();
            plain.clear();
            assert!(method.compress(&mut scratch, &packet, &mut small));
            method.decompress(&small, &mut plain, 1400).unwrap();
            assert_eq!(plain, packet);
        };
        once();
        assert_eq!(allocations(|| (0..100).for_each(|_| once())), 0, "{method}");
    }
}
