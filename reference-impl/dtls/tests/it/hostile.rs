//! Datagrams from people who should not send any.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use reference_dtls::{Connection, DtlsError, HelloVerifier, State, Suite, Verdict, Version, peek_client_hello};

use crate::net::{Net, PEER, Random, client_config, established, families, server_config};

/// Spoils a datagram.
type Change = fn(&mut Vec<u8>);

/// Where things are in a datagram that begins with a whole ServerHello.
const HELLO_VERSION: usize = 25;
const SESSION_ID_LENGTH: usize = 59;
const SESSION_ID: usize = 60;

/// Gives the datagrams of a handshake without faults, the client's and the server's.
fn flights(version: Version, suite: Suite) -> [Vec<Vec<u8>>; 2] {
    let mut net = Net::of(version, suite, 1, false);
    let mut sent = [Vec::new(), Vec::new()];
    for _ in 0..4 {
        while let Some(datagram) = net.client.poll_transmit() {
            sent[0].push(datagram.clone());
            net.server.receive(&mut datagram.clone(), net.now, &mut |_| ()).unwrap();
        }
        while let Some(datagram) = net.server.poll_transmit() {
            sent[1].push(datagram.clone());
            net.client.receive(&mut datagram.clone(), net.now, &mut |_| ()).unwrap();
        }
    }
    assert!(net.client.is_established() && net.server.is_established());
    sent
}

/// Gives a client and a server that are as far as those of [`flights`] were when they had sent `steps` datagrams.
fn halfway(version: Version, suite: Suite, steps: usize) -> [Connection; 2] {
    let mut net = Net::of(version, suite, 1, false);
    for _ in 0..steps {
        while let Some(mut datagram) = net.client.poll_transmit() {
            net.server.receive(&mut datagram, net.now, &mut |_| ()).unwrap();
        }
        while let Some(mut datagram) = net.server.poll_transmit() {
            net.client.receive(&mut datagram, net.now, &mut |_| ()).unwrap();
        }
    }
    [net.client, net.server]
}

/// What a client makes of a changed ServerHello.
fn answer(version: Version, suite: Suite, change: impl FnOnce(&mut Vec<u8>)) -> State {
    let mut net = Net::of(version, suite, 1, false);
    let mut hello = net.client.poll_transmit().unwrap();
    net.server.receive(&mut hello, net.now, &mut |_| ()).unwrap();
    let mut reply = net.server.poll_transmit().unwrap();
    change(&mut reply);
    let result = net.client.receive(&mut reply, net.now, &mut |_| ());
    let state = net.client.state();
    if let State::Failed(error) = &state {
        assert_eq!(result, Err(error.clone()));
        let alert = net.client.poll_transmit().unwrap();
        assert_eq!((alert[0], alert[13]), (21, 2), "a fatal alert");
        assert_eq!(net.client.poll_transmit(), None);
        assert_eq!(net.client.poll_timeout(), None);
    }
    state
}

/// AC-DTLS-09 and AC-DTLS-06.
#[test]
fn another_session_or_a_wrong_one_is_refused() {
    for (version, suite) in families() {
        let state = answer(version, suite, |_| ());
        assert!(!matches!(state, State::Failed(_)), "{suite:?} {state:?}");
        if suite.is_psk() {
            let state = answer(version, suite, |reply| {
                // The empty session id becomes the App-ID.
                reply.splice(SESSION_ID_LENGTH..SESSION_ID, [&[32][..], &(50..82).collect::<Vec<_>>()].concat());
                for length in [12, 16, 24] {
                    reply[length] += 32;
                }
            });
            assert_eq!(state, State::Failed(DtlsError::UnexpectedResumption), "{suite:?}");
        } else {
            let state = answer(version, suite, |reply| reply[SESSION_ID] ^= 1);
            let State::Failed(error @ DtlsError::NotResumed(_)) = state else { panic!("{suite:?} {state:?}") };
            assert!(error.to_string().contains("possible man in the middle"));
        }
        let state = answer(version, suite, |reply| reply[HELLO_VERSION + 1] ^= 2);
        assert!(matches!(state, State::Failed(DtlsError::WrongVersion(..))), "{suite:?} {state:?}");
        let at = if suite.is_psk() { SESSION_ID } else { SESSION_ID + 32 };
        let state = answer(version, suite, |reply| reply[at + 1] ^= 0x40);
        assert_eq!(state, State::Failed(DtlsError::NoCommonSuite), "{suite:?}");
        let state = answer(version, suite, |reply| reply[at + 2] = 1);
        assert!(matches!(state, State::Failed(DtlsError::IllegalParameter(_))), "{suite:?} {state:?}");
    }
}

#[test]
fn a_changed_handshake_does_not_finish() {
    for (version, suite) in families().into_iter().filter(|(_, suite)| !suite.is_psk()) {
        // The record number of ClientHello is in no transcript, its compression methods are.
        let mut net = Net::of(version, suite, 1, false);
        let mut hello = net.client.poll_transmit().unwrap();
        let end = hello.len() - 1;
        hello.insert(end, 1);
        for length in [12, 16, 24, end - 1] {
            hello[length] += 1;
        }
        net.server.receive(&mut hello, net.now, &mut |_| ()).unwrap();
        let mut reply = net.server.poll_transmit().unwrap();
        let result = net.client.receive(&mut reply, net.now, &mut |_| ());
        assert_eq!(result, Err(DtlsError::BadFinished), "{version:?} {suite:?}");
    }
}

/// AC-DTLS-17.
#[test]
fn a_server_does_not_answer_malformed_hellos() {
    for (version, suite) in families() {
        let hello = flights(version, suite)[0][0].clone();
        assert!(peek_client_hello(&hello).is_some());
        let wrong: [(&str, Change); 5] = [
            ("zero random", |hello| hello[27..59].fill(0)),
            ("fragment", |hello| hello[16] += 1),
            ("too short", |hello| hello.truncate(92)),
            ("protected", |hello| hello[4] = 1),
            ("another message", |hello| hello[13] = 2),
        ];
        for (what, change) in wrong {
            let mut hello = hello.clone();
            change(&mut hello);
            assert_eq!(peek_client_hello(&hello), None, "{what}");
            let now = Instant::now();
            let mut server = Connection::server(server_config(version, suite), [1; 32], now);
            server.receive(&mut hello, now, &mut |_| ()).unwrap();
            assert_eq!((server.state(), server.poll_transmit()), (State::Handshaking, None), "{what}");
        }
    }
}

#[test]
fn a_repeated_hello_brings_the_flight_again_but_not_for_each_copy() {
    for (version, suite) in families() {
        let now = Instant::now();
        let mut server = Connection::server(server_config(version, suite), [1; 32], now);
        let hello = flights(version, suite)[0][0].clone();
        for millis in [0, 1, 50, 99] {
            server.receive(&mut hello.clone(), now + Duration::from_millis(millis), &mut |_| ()).unwrap();
        }
        let first = server.poll_transmit().unwrap();
        assert_eq!(server.poll_transmit(), None, "copies within a moment are duplicates of the network");
        server.receive(&mut hello.clone(), now + Duration::from_millis(400), &mut |_| ()).unwrap();
        let again = server.poll_transmit().unwrap();
        assert_eq!(first.len(), again.len());
        assert_ne!(first, again, "with other record numbers");
    }
}

fn change(datagram: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        if datagram.is_empty() {
            return;
        }
        let at = random.below(datagram.len());
        match random.below(6) {
            0 => datagram.truncate(at),
            1 => datagram[at] = random.next() as u8,
            2 => datagram[at] ^= 1 << random.below(8),
            3 => datagram.insert(at, random.next() as u8),
            4 => {
                datagram.remove(at);
            }
            _ => datagram.extend_from_within(at..),
        }
        datagram.truncate(4000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn changed_flights_never_panic(which in any::<prop::sample::Index>(), seed: u64, steps in 0usize..4) {
        let all = families();
        let (version, suite) = all[which.index(all.len())];
        let mut random = Random(seed);
        let flights = flights(version, suite).concat();
        let verifier = HelloVerifier::new([1; 32]);
        let mut now = Instant::now();
        for connection in &mut halfway(version, suite, steps) {
            let established = connection.is_established();
            for _ in 0..40 {
                let mut datagram = flights[random.below(flights.len())].clone();
                change(&mut datagram, &mut random);
                let _ = peek_client_hello(&datagram);
                if let Verdict::Reply(reply) = verifier.respond(&datagram, PEER) {
                    prop_assert!(reply.len() <= datagram.len());
                }
                now += Duration::from_millis(random.below(500) as u64);
                let _ = connection.receive(&mut datagram, now, &mut |_| panic!("nothing of this is data"));
                connection.on_timeout(now);
                let mut count = 0;
                while let Some(datagram) = connection.poll_transmit() {
                    prop_assert!(datagram.len() <= 1400);
                    count += 1;
                }
                prop_assert!(count <= 4, "{} datagrams for one", count);
                if established {
                    prop_assert!(connection.is_established(), "{:?}", connection.state());
                }
            }
        }
    }

    #[test]
    fn noise_never_panics(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        header: bool,
    ) {
        let now = Instant::now();
        let suite = Suite::PskAes128GcmSha256;
        let mut fresh = [
            Connection::client(client_config(Version::Dtls12, suite), [1; 32], now),
            Connection::server(server_config(Version::Dtls12, suite), [1; 32], now),
        ];
        for datagram in &datagrams {
            let mut datagram = datagram.clone();
            if header {
                let length = (datagram.len() as u16).to_be_bytes();
                let kind = datagram.first().map_or(22, |byte| 20 + byte % 5);
                datagram.splice(0..0, [kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, length[0], length[1]]);
            }
            let _ = peek_client_hello(&datagram);
            for connection in &mut fresh {
                let _ = connection.receive(&mut datagram.clone(), now, &mut |_| panic!("nothing of this is data"));
            }
        }
    }
}

#[test]
fn an_established_connection_survives_noise() {
    for (version, suite) in families() {
        let mut net = established(version, suite);
        let flights = flights(version, suite).concat();
        let mut random = Random(7);
        for _ in 0..500 {
            let mut datagram = flights[random.below(flights.len())].clone();
            change(&mut datagram, &mut random);
            net.server.receive(&mut datagram.clone(), net.now, &mut |_| panic!("no data")).unwrap();
            net.client.receive(&mut datagram, net.now, &mut |_| panic!("no data")).unwrap();
        }
        net.data(true, b"up");
        net.data(false, b"down");
        net.run_for(Duration::from_secs(1));
        assert_eq!((net.delivered[0].len(), net.delivered[1].len()), (1, 1), "{version:?} {suite:?}");
    }
}
