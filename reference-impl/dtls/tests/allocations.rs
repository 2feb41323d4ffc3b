//! The data path does without the allocator.

#![forbid(unsafe_code)]

use std::time::Instant;

use reference_dtls::{ClientConfig, Connection, Retransmit, Secret, ServerConfig, Suite, Version};

#[test]
fn sealing_and_opening_allocate_nothing() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert!(counted.count_total > 0, "the counter does not count");
    let now = Instant::now();
    for suite in Suite::ALL.iter().copied().filter(|suite| !suite.is_cbc()) {
        let secret = if suite.is_psk() {
            Secret::Psk { identity: b"psk".to_vec(), key: vec![1; 32] }
        } else {
            Secret::Master([1; 48])
        };
        let (version, retransmit) = (Version::Dtls12, Retransmit::default());
        let server =
            ServerConfig { version, suites: vec![suite], secret, session_id: vec![3; 32], mtu: 1400, retransmit };
        let ServerConfig { suites, secret, session_id, mtu, .. } = server.clone();
        let client = ClientConfig { version, suites, secret, session_id, mtu, retransmit };
        let mut client = Connection::client(client, [1; 32], now);
        let mut server = Connection::server(server, [2; 32], now);
        for _ in 0..3 {
            while let Some(mut datagram) = client.poll_transmit() {
                server.receive(&mut datagram, now, &mut |_| ()).unwrap();
            }
            while let Some(mut datagram) = server.poll_transmit() {
                client.receive(&mut datagram, now, &mut |_| ()).unwrap();
            }
        }
        assert!(client.is_established() && server.is_established());
        let packet = [7; 1300];
        let mut out = Vec::with_capacity(16 * 1400);
        let mut count = 0;
        let allocations = allocation_counter::measure(|| {
            for _ in 0..100 {
                out.clear();
                for _ in 0..16 {
                    client.seal(&[&[0], &packet], &mut out).unwrap();
                }
                server.receive(&mut out, now, &mut |data| count += data.len()).unwrap();
                assert!(server.poll_transmit().is_none() && server.poll_timeout().is_none());
            }
        });
        assert_eq!(allocations.count_total, 0, "{suite:?}");
        assert_eq!(count, 1600 * 1301);
    }
}
