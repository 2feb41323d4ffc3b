//! DTLS of the program against a DTLS server in the test: every family, a loss, and the way back.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reference_dtls::{Connection, Retransmit, Secret, ServerConfig, Suite, Version};
use support::gateway::{Reply, Request, Tunnel, complete, tunnel, xml_form};
use support::program::Program;
use support::sound_gateway;

/// Session id of the resumed families, and application id of the other one.
const ID: [u8; 32] = [0x2a; 32];

/// Answers DTLS on a port of its own until `stop`, and after that nothing any more; answers probes, too.
fn serve(config: ServerConfig, stop: Arc<AtomicBool>) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    thread::spawn(move || {
        let mut connection = Connection::server(config, [0x51; 32], Instant::now());
        let mut buffer = [0; 2048];
        let mut peer = None;
        while !stop.load(Ordering::Relaxed) {
            let mut probes = Vec::new();
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                peer = Some(from);
                let mut deliver = |data: &[u8]| probes.extend((data[0] == 0x03).then(|| data[1..].to_vec()));
                let _ = connection.receive(&mut buffer[..length], Instant::now(), &mut deliver);
            }
            connection.on_timeout(Instant::now());
            let Some(peer) = peer else { continue };
            while let Some(datagram) = connection.poll_transmit() {
                socket.send_to(&datagram, peer).unwrap();
            }
            for probe in probes {
                let mut datagram = Vec::new();
                connection.seal(&[&[0x04], &probe], &mut datagram).unwrap();
                socket.send_to(&datagram, peer).unwrap();
            }
        }
    });
    port
}

/// A gateway that speaks one family, and stops to do so when told.
fn gateway(family: &'static str, stop: &Arc<AtomicBool>) -> impl Fn(&Request) -> Reply + Send + Sync + use<> {
    let stop = stop.clone();
    move |request| {
        if request.is("POST / ") {
            return xml_form();
        }
        if !request.is("CONNECT ") {
            return complete("the-cookie", "");
        }
        let (version, suite, header) = match family {
            "psk" => (Version::Dtls12, Suite::PskAes256GcmSha384, "X-DTLS-CipherSuite: PSK-NEGOTIATE"),
            "cisco12" => (Version::Dtls12, Suite::RsaAes128GcmSha256, "X-DTLS12-CipherSuite: AES128-GCM-SHA256"),
            "openconnect12" => {
                (Version::Dtls12, Suite::RsaAes256GcmSha384, "X-DTLS-CipherSuite: OC-DTLS1_2-AES256-GCM")
            }
            _ => (Version::Dtls09, Suite::RsaAes256CbcSha, "X-DTLS-CipherSuite: AES256-SHA"),
        };
        let secret = if family == "psk" {
            Secret::Psk { identity: Vec::new(), key: request.psk.to_vec() }
        } else {
            let digits = request.header("X-DTLS-Master-Secret").unwrap();
            Secret::Master(hex::decode(digits).unwrap().try_into().unwrap())
        };
        let config = ServerConfig {
            version,
            suites: vec![suite],
            secret,
            session_id: ID.to_vec(),
            mtu: 1200,
            retransmit: Retransmit::default(),
        };
        let name = if family == "psk" { "App-ID" } else { "Session-ID" };
        let id = format!("X-DTLS-{name}: {}", hex::encode(ID));
        let port = format!("X-DTLS-Port: {}", serve(config, stop.clone()));
        tunnel("10.9.0.2", &[&id, &port, header, "X-DTLS-MTU: 1380", "X-DTLS-DPD: 1"], Tunnel::Keep)
    }
}

fn start(gateway: &(support::gateway::Gateway, tempfile::NamedTempFile), more: &[&str]) -> Program {
    let url = format!("127.0.0.1:{}", gateway.0.address.port());
    let ca = gateway.1.path().to_str().unwrap();
    let usual =
        ["connect", &url, "--no-system-trust", "--ca-file", ca, "--no-network", "--user", "alice", "--passwd-on-stdin"];
    let arguments: Vec<&str> = usual.iter().chain(more).copied().collect();
    Program::start(&arguments, "secret\n")
}

#[test]
fn every_family_comes_up_over_either_library() {
    for (family, suite, backend) in [
        ("psk", "TLS_PSK_WITH_AES_256_GCM_SHA384", "rustls"),
        ("psk", "TLS_PSK_WITH_AES_256_GCM_SHA384", "openssl"),
        ("cisco12", "TLS_RSA_WITH_AES_128_GCM_SHA256", "rustls"),
        ("openconnect12", "TLS_RSA_WITH_AES_256_GCM_SHA384", "rustls"),
        ("legacy", "TLS_RSA_WITH_AES_256_CBC_SHA", "rustls"),
    ] {
        let stop = Arc::new(AtomicBool::new(false));
        let gateway = sound_gateway(gateway(family, &stop));
        let mut program = start(&gateway, &["--require-dtls", "--tls-backend", backend]);
        program.wait_for("stage dtls-handshake: done");
        assert_eq!(program.wait_for("dtls: up"), format!("dtls: up suite={suite} family={family} attempt=1"));
        program.wait_for("transport: dtls");
        program.signal("USR1");
        assert!(program.wait_for("status: transport dtls ").contains(suite));
        program.signal("INT");
        assert_eq!(program.finish().code, 0);
        stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_dtls_path_that_dies_is_noticed_and_tls_goes_on() {
    let stop = Arc::new(AtomicBool::new(false));
    let gateway = sound_gateway(gateway("psk", &stop));
    let mut program = start(&gateway, &["--profile", "openconnect"]);
    program.wait_for("dtls: up");
    program.wait_for("transport: dtls");
    stop.store(true, Ordering::Relaxed);
    program.wait_for("dtls: attempt 2");
    program.signal("INT");
    let outcome = program.finish();
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let at = |text: &str| outcome.log.iter().position(|line| line.contains(text));
    assert!(at("dtls: down ").is_some() && at("dtls: down ") < at("dtls: attempt 2"), "{outcome:?}");
    assert!(at("transport: tls").is_some() && at("transport: tls") < at("dtls: attempt 2"), "{outcome:?}");
    assert!(!outcome.says("reconnecting"), "{outcome:?}");
}
