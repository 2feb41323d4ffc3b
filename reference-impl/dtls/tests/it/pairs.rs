//! The client against the server, in every family and over networks of every quality, in virtual time.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use reference_dtls::{DtlsError, Secret, State, Suite, Version};

use crate::net::{Faults, Net, client_config, families, server_config};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn every_family_with_and_without_a_cookie() {
    for (version, suite) in families() {
        for hello_verify in [false, true] {
            let mut net = Net::of(version, suite, 3, hello_verify);
            assert_eq!(net.client.suite(), None);
            assert!(net.establish(SECOND), "{version:?} {suite:?} {hello_verify} {:?}", net.client.state());
            for connection in [&net.client, &net.server] {
                assert_eq!((connection.suite(), connection.version()), (Some(suite), version));
                assert_eq!(connection.resumed(), !suite.is_psk());
                assert_eq!(connection.poll_timeout(), None);
            }
            // Hello, (request, hello with cookie,) and then two flights more in a full handshake.
            let flights = [1 + usize::from(suite.is_psk()) + usize::from(!suite.is_psk()), 1];
            let cookie = usize::from(hello_verify);
            let expected = [flights[0] + cookie, flights[1] + cookie + usize::from(suite.is_psk())];
            assert_eq!(net.sent, expected, "{version:?} {suite:?}");
            for number in 0..20u8 {
                net.data(number % 2 == 0, &[number; 100]);
            }
            net.run_for(SECOND);
            assert_eq!(net.delivered[0].len(), 10);
            assert_eq!(net.delivered[1].len(), 10);
            assert_eq!(net.delivered[1][1][..], [&[0][..], &[2; 100]].concat());
            let lines = (net.client.key_log_line().unwrap(), net.server.key_log_line().unwrap());
            assert_eq!(lines.0, lines.1);
        }
    }
}

proptest! {
    /// A handshake once failed in one session of many (its keys were not kept): no value may be special.
    #[test]
    fn no_secret_id_or_random_is_special(
        master in any::<[u8; 32]>(), half in any::<[u8; 16]>(), id in any::<[u8; 32]>(), seed in any::<u64>(), cookie in any::<bool>(),
    ) {
        for (version, suite) in families() {
            let (mut client, mut server) = (client_config(version, suite), server_config(version, suite));
            for secret in [&mut client.secret, &mut server.secret] {
                match secret {
                    Secret::Psk { key, .. } => *key = master.to_vec(),
                    Secret::Master(bytes) => {
                        bytes[..32].copy_from_slice(&master);
                        bytes[32..].copy_from_slice(&half);
                    }
                }
            }
            (client.session_id, server.session_id) = (id.to_vec(), id.to_vec());
            let mut net = Net::new(client, server, seed, cookie);
            prop_assert!(net.establish(SECOND), "{version:?} {suite:?} {:?}", net.client.state());
        }
    }
}

#[test]
fn any_identity_and_any_length_of_app_id() {
    for identity in [&b""[..], b"psk", &[0xff; 128]] {
        for length in [1, 8, 16, 31, 32] {
            let suite = Suite::PskAes256GcmSha384;
            let (mut client, mut server) =
                (client_config(Version::Dtls12, suite), server_config(Version::Dtls12, suite));
            if let Secret::Psk { identity: sent, .. } = &mut client.secret {
                *sent = identity.to_vec();
            }
            client.session_id.truncate(length);
            server.session_id.truncate(length);
            assert!(Net::new(client, server, 3, true).establish(SECOND), "{identity:?} {length}");
        }
    }
}

#[test]
fn the_server_prefers_and_both_refuse_what_is_not_common() {
    let mut client = client_config(Version::Dtls12, Suite::PskAes128GcmSha256);
    let mut server = server_config(Version::Dtls12, Suite::PskAes128GcmSha256);
    client.suites = vec![Suite::PskAes128GcmSha256, Suite::PskAes256GcmSha384];
    server.suites = vec![Suite::PskChacha20Poly1305Sha256, Suite::PskAes256GcmSha384, Suite::PskAes128GcmSha256];
    let mut net = Net::new(client.clone(), server.clone(), 3, false);
    assert!(net.establish(SECOND));
    assert_eq!(net.client.suite(), Some(Suite::PskAes256GcmSha384));

    server.suites = vec![Suite::PskChacha20Poly1305Sha256];
    let mut net = Net::new(client.clone(), server, 3, false);
    assert!(!net.establish(SECOND));
    assert_eq!(net.server.state(), State::Failed(DtlsError::NoCommonSuite));

    client.version = Version::Dtls09;
    let net = Net::new(client, server_config(Version::Dtls12, Suite::PskAes128GcmSha256), 3, false);
    assert!(matches!(net.client.state(), State::Failed(DtlsError::BadConfig(_))));
}

#[test]
fn another_secret_never_connects_and_the_error_says_why() {
    for (version, suite) in families() {
        let mut server = server_config(version, suite);
        match &mut server.secret {
            Secret::Psk { key, .. } => key[0] ^= 1,
            Secret::Master(master) => master[0] ^= 1,
        }
        let mut net = Net::new(client_config(version, suite), server, 3, false);
        assert!(!net.establish(200 * SECOND));
        let states = [net.client.state(), net.server.state()];
        let told = states.iter().any(|state| {
            matches!(state, State::Failed(error @ DtlsError::TimedOut { undecryptable: 1.., .. })
                if error.to_string().contains("different secrets"))
        });
        assert!(told, "{version:?} {suite:?} {states:?}");
        assert!(net.delivered.iter().all(Vec::is_empty));
    }
}

#[test]
fn a_session_id_of_somebody_else_gets_silence() {
    for (version, suite) in [(Version::Dtls12, Suite::PskAes128GcmSha256), (Version::Dtls09, Suite::RsaAes128CbcSha)] {
        let mut server = server_config(version, suite);
        server.session_id[31] ^= 1;
        let mut net = Net::new(client_config(version, suite), server, 3, false);
        assert!(!net.establish(200 * SECOND));
        assert_eq!(net.sent[1], 0, "the server says nothing");
        assert!(matches!(net.client.state(), State::Failed(DtlsError::TimedOut { undecryptable: 0, .. })));
    }
}

#[test]
fn a_small_mtu_costs_datagrams_but_no_handshake() {
    for (version, suite) in families() {
        let (mut client, mut server) = (client_config(version, suite), server_config(version, suite));
        client.mtu = 1;
        server.mtu = 1;
        let mut net = Net::new(client, server, 3, true);
        assert!(net.establish(SECOND), "{version:?} {suite:?}");
    }
}

#[test]
fn the_last_flight_comes_again_as_long_as_the_peer_asks() {
    for (version, suite) in families() {
        let mut net = Net::of(version, suite, 3, false);
        while !(net.client.is_established() || net.server.is_established()) {
            assert!(net.step());
        }
        // The side that is done has just sent its last flight, and has no timer any more.
        for _ in 0..3 {
            net.lose_everything();
            net.faults.loss = 100;
            net.run_for(Duration::from_millis(100));
            net.faults.loss = 0;
            assert!(!(net.client.is_established() && net.server.is_established()));
        }
        assert!(net.establish(20 * SECOND), "{version:?} {suite:?} {:?} {:?}", net.client.state(), net.server.state());
        net.data(true, b"up");
        net.data(false, b"down");
        net.run_for(SECOND);
        assert_eq!((net.delivered[0].len(), net.delivered[1].len()), (1, 1));
    }
}

fn faults(anywhere: bool) -> impl Strategy<Value = Faults> {
    (0u8..60, 0u8..40, 0u8..60, 0u8..40).prop_map(move |(loss, duplication, reordering, corruption)| Faults {
        loss,
        duplication,
        reordering,
        corruption,
        anywhere,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// AC-DTLS-29: whatever the network does, the handshake is done soon after it stops, and then data flow.
    #[test]
    fn a_bad_network_delays_and_does_not_prevent(
        which in any::<prop::sample::Index>(),
        hello_verify: bool,
        seed: u64,
        small: bool,
        faults in faults(false),
        bad_for in 0u64..8000,
    ) {
        let all = families();
        let (version, suite) = all[which.index(all.len())];
        let (mut client, mut server) = (client_config(version, suite), server_config(version, suite));
        if small {
            (client.mtu, server.mtu) = (150, 150);
        }
        let mut net = Net::new(client, server, seed, hello_verify);
        net.faults = faults;
        net.run_for(Duration::from_millis(bad_for));
        net.faults = Faults::default();
        prop_assert!(net.establish(20 * SECOND), "{:?} {:?}", net.client.state(), net.server.state());
        net.run_for(10 * SECOND);

        net.faults = faults;
        let mut expected = [BTreeSet::new(), BTreeSet::new()];
        for number in 0u16..60 {
            let packet = number.to_be_bytes();
            net.data(number % 2 == 0, &packet);
            expected[usize::from(number % 2 == 0)].insert([&[0][..], &packet].concat());
            net.run_for(Duration::from_millis(7));
        }
        net.run_for(SECOND);
        for (delivered, expected) in net.delivered.iter().zip(&expected) {
            let got: BTreeSet<_> = delivered.iter().cloned().collect();
            prop_assert_eq!(got.len(), delivered.len(), "nothing comes twice");
            prop_assert!(got.is_subset(expected), "nothing comes changed");
        }
        net.faults = Faults::default();
        net.data(true, b"last");
        net.data(false, b"last");
        net.run_for(SECOND);
        prop_assert!(net.delivered.iter().all(|got| got.last().is_some_and(|last| last == b"\0last")));
        prop_assert!(net.client.is_established() && net.server.is_established());
    }

    /// Changes in unprotected messages may end a handshake, but never in anything else than an error or a success.
    #[test]
    fn corruption_anywhere_ends_in_success_or_an_error(
        which in any::<prop::sample::Index>(),
        seed: u64,
        faults in faults(true),
    ) {
        let all = families();
        let (version, suite) = all[which.index(all.len())];
        let mut net = Net::of(version, suite, seed, seed % 2 == 0);
        net.faults = faults;
        net.run_for(200 * SECOND);
        for connection in [&net.client, &net.server] {
            prop_assert!(connection.state() != State::Handshaking);
            prop_assert_eq!(connection.poll_timeout(), None);
        }
        prop_assert!(net.delivered.iter().all(Vec::is_empty));
        if net.client.is_established() && net.server.is_established() {
            prop_assert_eq!(net.client.key_log_line(), net.server.key_log_line());
        }
    }
}
