//! Records after the handshake, and what a handshake looks like on the wire.

use std::fmt::Write as _;
use std::time::Duration;

use reference_dtls::{DtlsError, Secret, State, Suite, Version};

use crate::net::{Net, client_config, established, families, records, secret, server_config};

const SECOND: Duration = Duration::from_secs(1);

/// Hands a datagram to one side and gives what it delivers.
fn receive(net: &mut Net, at_server: bool, datagram: &[u8]) -> Vec<Vec<u8>> {
    let connection = if at_server { &mut net.server } else { &mut net.client };
    let mut delivered = Vec::new();
    let _ = connection.receive(&mut datagram.to_vec(), net.now, &mut |data| delivered.push(data.to_vec()));
    delivered
}

fn seal(net: &mut Net, from_client: bool, packet: &[u8]) -> Vec<u8> {
    let connection = if from_client { &mut net.client } else { &mut net.server };
    let mut out = Vec::new();
    connection.seal(&[packet], &mut out).unwrap();
    out
}

/// AC-SEC-03.
#[test]
fn replayed_and_very_old_records_are_dropped() {
    for (version, suite) in families() {
        let mut net = established(version, suite);
        let datagrams: Vec<_> = (0..1200u16).map(|number| seal(&mut net, true, &number.to_be_bytes())).collect();
        assert_eq!(receive(&mut net, true, &datagrams[0]).len(), 1);
        assert_eq!(receive(&mut net, true, &datagrams[0]).len(), 0, "replay");
        assert_eq!(receive(&mut net, true, &datagrams[1100]).len(), 1);
        assert_eq!(receive(&mut net, true, &datagrams[1100 - 959]).len(), 1, "oldest within the window");
        assert_eq!(receive(&mut net, true, &datagrams[1100 - 959]).len(), 0, "replay at the edge");
        assert_eq!(receive(&mut net, true, &datagrams[1100 - 960]).len(), 0, "just behind the window");
        assert_eq!(receive(&mut net, true, &datagrams[1199]).len(), 1);
        assert_eq!(receive(&mut net, false, &datagrams[500]).len(), 0, "its own records mean nothing to the sender");
        assert_eq!(net.server.state(), State::Established);
    }
}

#[test]
fn records_of_a_datagram_stand_each_for_itself() {
    for (version, suite) in families() {
        let mut net = established(version, suite);
        let mut datagram = Vec::new();
        for packet in [b"one", b"two", b"six"] {
            net.server.seal(&[&packet[..1], &packet[1..]], &mut datagram).unwrap();
        }
        let parts = records(&datagram);
        assert_eq!(parts.len(), 3);
        datagram[parts[1].1 - 1] ^= 1;
        assert_eq!(receive(&mut net, false, &datagram), [b"one", b"six"], "{suite:?}");
        datagram[parts[1].1 - 1] ^= 1;
        assert_eq!(receive(&mut net, false, &datagram), [b"two"], "{suite:?}");
    }
}

#[test]
fn overhead_and_capacity_are_exact() {
    for (version, suite) in families() {
        let mut net = established(version, suite);
        let expected = match suite {
            Suite::PskChacha20Poly1305Sha256 => 29,
            suite if suite.is_cbc() => 65,
            _ => 37,
        };
        assert_eq!(net.client.overhead(), expected, "{suite:?}");
        let mut largest = 0;
        for length in 0..300 {
            let record = seal(&mut net, true, &vec![0; length]);
            largest = largest.max(record.len() - length);
            assert!(suite.is_cbc() || record.len() - length == expected);
            assert!(net.client.capacity(record.len()) >= length);
            let fitting = net.client.capacity(length);
            assert!(fitting == 0 || seal(&mut net, true, &vec![0; fitting]).len() <= length);
            assert!(seal(&mut net, true, &vec![0; fitting + 1]).len() > length);
        }
        assert_eq!(largest, expected, "{suite:?}");
    }
    let mut client = client_config(Version::Dtls12, Suite::PskAes128GcmSha256);
    client.suites = vec![Suite::PskChacha20Poly1305Sha256, Suite::PskAes128GcmSha256];
    let server = server_config(Version::Dtls12, Suite::PskChacha20Poly1305Sha256);
    let mut net = Net::new(client, server, 1, false);
    assert_eq!((net.client.overhead(), net.client.capacity(1037)), (37, 1000), "before the choice the worst counts");
    assert!(net.establish(SECOND));
    assert_eq!((net.client.overhead(), net.client.capacity(1029)), (29, 1000));
}

#[test]
fn the_key_log_line_has_random_and_master_secret() {
    for (version, suite) in families() {
        let mut net = Net::of(version, suite, 1, false);
        assert_eq!(net.client.key_log_line(), None);
        assert!(net.establish(SECOND));
        let line = net.client.key_log_line().unwrap();
        let fields: Vec<_> = line.split(' ').collect();
        assert_eq!(fields.iter().map(|field| field.len()).collect::<Vec<_>>(), [13, 64, 96], "{line}");
        assert_eq!(fields[0], "CLIENT_RANDOM");
        assert!(fields[1..].concat().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        if let Secret::Master(master) = secret(suite) {
            assert_eq!(fields[2], hex::encode(master));
        }
        let debug = format!("{:?} {:?}", net.client, client_config(version, suite));
        assert!(!debug.contains(fields[2]) && !debug.contains("100, 101"), "secrets are not printed");
    }
}

#[test]
fn closing_tells_the_peer_and_ends_both() {
    for (version, suite) in families() {
        let mut net = established(version, suite);
        net.client.close();
        assert_eq!(net.client.state(), State::Closed);
        assert_eq!(net.client.seal(&[b"x"], &mut Vec::new()), Err(DtlsError::NotEstablished));
        let farewell = net.client.poll_transmit().unwrap();
        assert_eq!((farewell[0], farewell[4]), (21, 1), "a protected alert");
        assert_eq!(net.client.poll_transmit(), None);
        receive(&mut net, true, &farewell);
        assert_eq!(net.server.state(), State::Closed);
        assert!(net.server.poll_transmit().is_some(), "close_notify is answered");
        net.server.close();
        assert_eq!(net.server.poll_transmit(), None);
    }
}

#[test]
fn alerts_that_anybody_can_send_change_nothing() {
    for (version, suite) in families() {
        let [v1, v0] = version.code().to_be_bytes();
        let handshake_failure = [21, v1, v0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
        let mut net = Net::of(version, suite, 1, false);
        receive(&mut net, true, &handshake_failure);
        receive(&mut net, false, &handshake_failure);
        assert!(net.establish(SECOND));
        receive(&mut net, true, &handshake_failure);
        receive(&mut net, false, &handshake_failure);
        assert_eq!((net.client.state(), net.server.state()), (State::Established, State::Established));

        let mut net = Net::of(version, suite, 1, false);
        net.faults.loss = 100;
        receive(&mut net, false, &handshake_failure);
        assert!(!net.establish(200 * SECOND));
        let expected = DtlsError::TimedOut { undecryptable: 0, peer_alert: Some(40) };
        assert_eq!(net.client.state(), State::Failed(expected.clone()));
        assert!(expected.to_string().contains("alert 40"));
    }
}

#[test]
fn data_that_overtake_the_handshake_are_not_lost() {
    for (version, suite) in families() {
        let mut net = Net::of(version, suite, 1, false);
        let client_first = suite.is_psk();
        while !(if client_first { net.server.is_established() } else { net.client.is_established() }) {
            assert!(net.step());
        }
        let early = seal(&mut net, !client_first, b"early");
        assert!(receive(&mut net, client_first, &early).is_empty(), "nothing before the handshake is done");
        if client_first {
            assert!(net.delivered[0].is_empty());
        }
        let early = seal(&mut net, !client_first, b"too early");
        net.send(!client_first, early);
        assert!(net.establish(SECOND), "{suite:?}");
        net.run_for(SECOND);
        assert!(net.delivered[usize::from(!client_first)].contains(&b"too early".to_vec()), "{suite:?}");
    }
}

#[test]
fn nothing_is_delivered_before_finished_is_checked() {
    for (version, suite) in families().into_iter().filter(|(_, suite)| !suite.is_psk()) {
        let mut net = Net::of(version, suite, 1, false);
        let mut hello = net.client.poll_transmit().unwrap();
        net.server.receive(&mut hello, net.now, &mut |_| ()).unwrap();
        let mut reply = net.server.poll_transmit().unwrap();
        net.client.receive(&mut reply, net.now, &mut |_| ()).unwrap();
        let last = net.client.poll_transmit().unwrap();
        let (change_cipher_spec, finished) = last.split_at(records(&last)[0].1);
        let data = seal(&mut net, true, b"data");
        assert!(receive(&mut net, true, change_cipher_spec).is_empty());
        assert!(receive(&mut net, true, &data).is_empty(), "{version:?} {suite:?}");
        assert_eq!(net.server.state(), State::Handshaking);
        assert_eq!(receive(&mut net, true, finished), [b"data"], "kept and delivered later");
        assert_eq!(net.server.state(), State::Established);
    }
}

/// One line a record: direction, type, version, epoch, record number and what can be read of the content.
fn trace(version: Version, suite: Suite, hello_verify: bool) -> String {
    let mut net = Net::of(version, suite, 1, hello_verify);
    let mut out = String::new();
    let mut note = |from: &str, datagram: &[u8]| {
        for (index, (start, end)) in records(datagram).into_iter().enumerate() {
            let record = &datagram[start..end];
            let arrow = if index == 0 { from } else { "     +" };
            write!(out, "{arrow} {} {}", hex::encode(&record[..3]), hex::encode(&record[3..5])).unwrap();
            write!(out, " {} ", record[10]).unwrap();
            match (record[4], record[0]) {
                (1, _) => writeln!(out, "protected {}", record.len() - 13).unwrap(),
                (_, 22) => writeln!(out, "message {} number {}", record[13], record[18]).unwrap(),
                _ => writeln!(out, "{}", hex::encode(&record[13..])).unwrap(),
            }
        }
    };
    for _ in 0..6 {
        while let Some(mut datagram) = net.client.poll_transmit() {
            note("client", &datagram);
            if let Some(verifier) = &net.verifier
                && let reference_dtls::Verdict::Reply(mut reply) = verifier.respond(&datagram, crate::net::PEER)
            {
                note("cookie", &reply);
                net.verifier = None;
                net.client.receive(&mut reply, net.now, &mut |_| ()).unwrap();
                continue;
            }
            net.server.receive(&mut datagram, net.now, &mut |_| ()).unwrap();
        }
        while let Some(mut datagram) = net.server.poll_transmit() {
            note("server", &datagram);
            net.client.receive(&mut datagram, net.now, &mut |_| ()).unwrap();
        }
    }
    assert!(net.client.is_established() && net.server.is_established());
    out
}

#[test]
fn the_legacy_handshake_on_the_wire() {
    // A ChangeCipherSpec carries a message number of its own.
    assert_eq!(
        trace(Version::Dtls09, Suite::RsaAes128CbcSha, true),
        "client 160100 0000 0 message 1 number 0\n\
         cookie 160100 0000 0 message 3 number 0\n\
         client 160100 0000 1 message 1 number 1\n\
         server 160100 0000 1 message 2 number 1\n     \
              + 140100 0000 2 010002\n     \
              + 160100 0001 0 protected 64\n\
         client 140100 0000 2 010002\n     \
              + 160100 0001 0 protected 64\n"
    );
}

#[test]
fn the_resumption_on_the_wire() {
    assert_eq!(
        trace(Version::Dtls12, Suite::RsaAes128GcmSha256, false),
        "client 16feff 0000 0 message 1 number 0\n\
         server 16fefd 0000 0 message 2 number 0\n     \
              + 14fefd 0000 1 01\n     \
              + 16fefd 0001 0 protected 48\n\
         client 14fefd 0000 1 01\n     \
              + 16fefd 0001 0 protected 48\n"
    );
}

#[test]
fn the_handshake_with_a_pre_shared_key_on_the_wire() {
    assert_eq!(
        trace(Version::Dtls12, Suite::PskChacha20Poly1305Sha256, true),
        "client 16feff 0000 0 message 1 number 0\n\
         cookie 16feff 0000 0 message 3 number 0\n\
         client 16feff 0000 1 message 1 number 1\n\
         server 16fefd 0000 1 message 2 number 1\n     \
              + 16fefd 0000 2 message 14 number 2\n\
         client 16fefd 0000 2 message 16 number 2\n     \
              + 14fefd 0000 3 01\n     \
              + 16fefd 0001 0 protected 40\n\
         server 14fefd 0000 3 01\n     \
              + 16fefd 0001 0 protected 40\n"
    );
}
