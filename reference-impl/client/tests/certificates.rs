//! The certificate policy through the program: every refusal has its word and exit 2, over both TLS libraries.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use openssl::hash::MessageDigest;
use support::gateway::{Gateway, Options, http};
use support::pem;
use support::pki::{Issued, Leaf, authority, crl};
use support::program::{Outcome, Program};
use tempfile::NamedTempFile;

fn gateway(chain: &[&Issued], asks_for: Option<&Issued>) -> Gateway {
    let options =
        Options { chain: chain.iter().map(|one| (*one).clone()).collect(), max: None, asks_for: asks_for.cloned() };
    // Whoever comes as far as HTTP has accepted the certificate.
    Gateway::start(options, |_| http("403 Forbidden", &[], ""))
}

/// Accepted is exit 3: the gateway refuses every login.
fn visit(gateway: &Gateway, ca: &NamedTempFile, more: &[&str]) -> Outcome {
    let url = format!("127.0.0.1:{}", gateway.address.port());
    let usual = ["connect", &url, "--no-system-trust", "--ca-file", ca.path().to_str().unwrap(), "--no-network"];
    let all: Vec<&str> = usual.iter().chain(more).copied().collect();
    Program::run(&all, "")
}

const BACKENDS: [&[&str]; 2] = [&["--tls-backend", "rustls"], &["--tls-backend", "openssl"]];

#[test]
fn every_refusal_has_its_word() {
    let root = authority("Test root", None, MessageDigest::sha256());
    let between = authority("Test intermediate", Some(&root), MessageDigest::sha256());
    let sound = Leaf::default().sign(Some(&between));
    let expired = Leaf::expired().sign(Some(&between));
    let other = Leaf { name: "other.example.org", ..Leaf::default() }.sign(Some(&between));
    let client = Leaf { server: Some(false), ..Leaf::default() }.sign(Some(&between));
    let own = Leaf::default().sign(None);
    let ca = pem(&[&root]);
    for backend in BACKENDS {
        let accepted = visit(&gateway(&[&sound, &between], None), &ca, backend);
        assert_eq!(accepted.code, 3, "{backend:?} {accepted:?}");
        for (words, chain) in [
            ("expired", &[&expired, &between][..]),
            ("wrong name", &[&other, &between]),
            ("missing intermediate or unknown authority", &[&sound]),
            ("wrong extended key usage", &[&client, &between]),
            ("self-signed", &[&own]),
        ] {
            let gateway = gateway(chain, None);
            let outcome = visit(&gateway, &ca, backend);
            assert_eq!(outcome.code, 2, "{backend:?} {outcome:?}");
            assert!(outcome.says(&format!("certificate refused: {words}")), "{backend:?} {outcome:?}");
            assert!(outcome.says("stage tls-handshake: failed") && outcome.says("hint: "), "{outcome:?}");
            assert!(gateway.requests().is_empty(), "nothing is sent to a stranger");
        }
    }
}

#[test]
fn a_mutant_takes_what_it_should_refuse() {
    let root = authority("Test root", None, MessageDigest::sha256());
    let ca = pem(&[&root]);
    let stranger = Leaf::default().sign(None);
    let expired = Leaf::expired().sign(Some(&root));
    for backend in BACKENDS {
        for (mutant, taken, refused) in
            [("accepts-any-authority", &stranger, &expired), ("accepts-expired-chain", &expired, &stranger)]
        {
            let options = ["--mutant", mutant, "--i-know-this-is-broken", backend[0], backend[1]];
            assert_eq!(visit(&gateway(&[taken], None), &ca, &options).code, 3, "{mutant}");
            assert_eq!(visit(&gateway(&[refused], None), &ca, &options).code, 2, "{mutant}");
        }
    }
}

#[test]
fn a_revoked_certificate_is_refused() {
    let root = authority("Test root", None, MessageDigest::sha256());
    let leaf = Leaf::default().sign(Some(&root));
    let list = NamedTempFile::new().unwrap();
    let ca = pem(&[&root]);
    for backend in BACKENDS {
        let with_list = [backend[0], backend[1], "--crl", list.path().to_str().unwrap()];
        std::fs::write(list.path(), crl(&root, &[&leaf])).unwrap();
        let outcome = visit(&gateway(&[&leaf], None), &ca, &with_list);
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert!(outcome.says("certificate refused: revoked"), "{outcome:?}");
        std::fs::write(list.path(), crl(&root, &[])).unwrap();
        assert_eq!(visit(&gateway(&[&leaf], None), &ca, &with_list).code, 3);
    }
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let root = authority("Test root", None, MessageDigest::sha256());
    let outcome = visit(&gateway(&[&Leaf::default().sign(None)], None), &pem(&[&root]), &["--trust", "ask"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.says("certificate refused: self-signed") && outcome.says("--trust pin:sha256:"), "{outcome:?}");
}

#[test]
fn the_clients_certificate_goes_only_to_those_who_know_its_authority() {
    let root = authority("Test root", None, MessageDigest::sha256());
    let users = authority("Users", None, MessageDigest::sha256());
    let others = authority("Others", None, MessageDigest::sha256());
    let leaf = Leaf::default().sign(Some(&root));
    let alice = pem(&[&Leaf { server: Some(false), ..Leaf::default() }.sign(Some(&users))]);
    for (asks_for, shown) in [(Some(&users), true), (Some(&others), false), (None, false)] {
        let gateway = gateway(&[&leaf], asks_for);
        let outcome = visit(&gateway, &pem(&[&root]), &["--certificate", alice.path().to_str().unwrap()]);
        assert_eq!(outcome.code, 3, "{outcome:?}");
        assert_eq!(gateway.seen.lock().unwrap().certificates[0], shown);
    }
}
