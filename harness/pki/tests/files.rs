//! What is in the folder, and what other programs think of it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use interop_pki::{ClientSpec, Defect, Factory, Issued, KeyKind, ServerSpec, describe, pem_from_der};
use openssl::pkey::PKey;
use openssl::x509::X509;

fn issue(folder: &Path, defect: Defect) -> Issued {
    let addresses: Vec<IpAddr> = vec!["203.0.113.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let server = ServerSpec { names: vec!["vpn.example".into(), "gw.example".into()], addresses, defect };
    let client = ClientSpec { common_name: "alice".into(), revoked: false };
    Factory::new(KeyKind::EcP256).unwrap().issue(&server, &client, folder).unwrap()
}

#[test]
fn a_sound_leaf_says_what_servers_need() {
    let folder = tempfile::tempdir().unwrap();
    let issued = issue(folder.path(), Defect::None);
    let chain = describe(&std::fs::read(&issued.server_chain).unwrap()).unwrap();
    assert_eq!(chain.len(), 2);
    let leaf = &chain[0];
    assert_eq!(leaf.subject, "CN=vpn.example");
    assert_eq!(leaf.issuer, chain[1].subject);
    assert_eq!(leaf.sans, ["DNS:vpn.example", "DNS:gw.example", "IP:203.0.113.7", "IP:2001:db8::7"]);
    assert_eq!(leaf.ekus.as_deref(), Some(&["serverAuth".to_owned()][..]));
    assert_eq!((leaf.key_alg.as_str(), leaf.key_bits, leaf.sig_alg.as_str()), ("EC", 256, "ecdsa-with-SHA256"));
    assert_eq!(leaf.fingerprint, issued.server_fingerprint);
    assert_eq!(leaf.pin, issued.server_pin);
    assert!(leaf.pin.starts_with("pin-sha256:") && leaf.pin.len() == 11 + 44, "{}", leaf.pin);
    assert_eq!(describe(&std::fs::read(&issued.client_cert).unwrap()).unwrap()[0].subject, "CN=alice");
}

#[test]
fn keys_are_secret_and_belong_to_the_first_certificate() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("server-key.pem"), "left by somebody, readable by all").unwrap();
    for &defect in Defect::ALL {
        let issued = issue(folder.path(), defect);
        for (key, chain) in [(&issued.server_key, &issued.server_chain), (&issued.client_key, &issued.client_cert)] {
            assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
            let key = PKey::private_key_from_pem(&std::fs::read(key).unwrap()).unwrap();
            let leaf = X509::from_pem(&std::fs::read(chain).unwrap()).unwrap();
            assert!(leaf.public_key().unwrap().public_eq(&key), "{defect}");
        }
    }
}

#[test]
fn a_server_without_a_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let client = ClientSpec { common_name: "alice".into(), revoked: false };
    let factory = Factory::new(KeyKind::EcP256).unwrap();
    let error = factory.issue(&ServerSpec::default(), &client, folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "issue a server certificate without any name or address");
}

#[test]
fn der_becomes_pem() {
    let folder = tempfile::tempdir().unwrap();
    let pem = std::fs::read(issue(folder.path(), Defect::None).server_chain).unwrap();
    let der: Vec<Vec<u8>> = X509::stack_from_pem(&pem).unwrap().iter().map(|cert| cert.to_der().unwrap()).collect();
    assert_eq!(pem_from_der(&der).unwrap(), pem);
    assert!(pem_from_der([b"rubbish"]).is_err());
}

/// Runs a program with the folder as its working directory; `None` if it is not installed.
fn run(folder: &Path, program: &str, arguments: &str) -> Option<(bool, String)> {
    match Command::new(program).args(arguments.split(' ')).current_dir(folder).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(_) => {
            println!("SKIPPED: {program} is not installed");
            None
        }
    }
}

#[test]
fn other_programs_accept_the_sound_chain_and_refuse_the_revoked_one() {
    let openssl = "verify -CAfile ca.pem -untrusted server-chain.pem -CRLfile crl.pem -crl_check_all -x509_strict \
                   -purpose sslserver -verify_hostname gw.example server-chain.pem";
    let certtool = "--verify --verify-profile medium --verify-hostname gw.example --load-ca-certificate ca.pem \
                    --load-crl crl.pem --infile server-chain.pem";
    for (program, arguments) in [("openssl", openssl), ("certtool", certtool)] {
        for (defect, good) in [(Defect::None, true), (Defect::RevokedServer, false), (Defect::Expired, false)] {
            let folder = tempfile::tempdir().unwrap();
            issue(folder.path(), defect);
            if let Some((success, text)) = run(folder.path(), program, arguments) {
                assert_eq!(success, good, "{program}, {defect}: {text}");
            }
        }
    }
}
