//! Every defect is refused with its word, and each mutant accepts its own defect only.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use openssl::hash::MessageDigest;

use super::*;
use crate::trust::test_pki::{HOST, Issued, Leaf, NOW, authority, crl, rsa_key};

struct Pki {
    root: Issued,
    between: Issued,
}

fn pki() -> Pki {
    let root = authority("Test root", None, MessageDigest::sha256());
    let between = authority("Test intermediate", Some(&root), MessageDigest::sha256());
    Pki { root, between }
}

fn policy(root: &Issued, revoked: Option<&[u8]>, mutants: &[Mutant]) -> Policy {
    let file = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    };
    let ca = file(&root.cert.to_pem().unwrap());
    let crl = revoked.map(file);
    let anchors = Anchors::load(false, Some(ca.path()), crl.as_ref().map(|crl| crl.path())).unwrap();
    Policy::new(TrustMode::Strict, anchors, mutants.iter().copied().collect())
}

fn judge(policy: &Policy, chain: &[&Issued], host: &str) -> Result<(), String> {
    let chain: Vec<Vec<u8>> = chain.iter().map(|one| one.cert.to_der().unwrap()).collect();
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    policy.check(&chain, host, UNIX_EPOCH + Duration::from_secs(NOW as u64)).map_err(|r| r.defect.words().to_owned())
}

/// The chains with one defect each: name of the defect, leaf first, host.
fn defective(pki: &Pki) -> Vec<(&'static str, Vec<Issued>, &'static str)> {
    let leaf = |leaf: Leaf| vec![leaf.sign(Some(&pki.between)), pki.between.clone()];
    let other = authority("Other root", None, MessageDigest::sha256());
    let later = Leaf { from: NOW + 86_400, ..Leaf::default() };
    let sha1_between = authority("SHA-1 intermediate", Some(&pki.root), MessageDigest::sha1());
    vec![
        ("expired", leaf(Leaf::expired()), HOST),
        ("not yet valid", leaf(later), HOST),
        ("wrong name", leaf(Leaf { name: "other.example.org", ..Leaf::default() }), HOST),
        ("wrong name", leaf(Leaf::default()), "127.0.0.2"),
        ("unknown authority", vec![Leaf::default().sign(Some(&other)), other.clone()], HOST),
        ("missing intermediate or unknown authority", vec![Leaf::default().sign(Some(&pki.between))], HOST),
        ("self-signed", vec![Leaf::default().sign(None)], HOST),
        ("wrong extended key usage", leaf(Leaf { server: Some(false), ..Leaf::default() }), HOST),
        ("wrong extended key usage", leaf(Leaf { server: None, ..Leaf::default() }), HOST),
        ("wrong key usage", leaf(Leaf { signs_handshakes: false, ..Leaf::default() }), HOST),
        ("weak key", leaf(Leaf { key: rsa_key(1024), ..Leaf::default() }), HOST),
        ("weak signature", leaf(Leaf { digest: MessageDigest::sha1(), ..Leaf::default() }), HOST),
        ("weak signature", vec![Leaf::default().sign(Some(&sha1_between)), sha1_between.clone()], HOST),
    ]
}

#[test]
fn a_sound_chain_is_accepted_in_any_order() {
    let pki = pki();
    let policy = policy(&pki.root, None, &[]);
    let leaf = Leaf { key: rsa_key(2048), ..Leaf::default() }.sign(Some(&pki.between));
    assert_eq!(judge(&policy, &[&leaf, &pki.between], HOST), Ok(()));
    assert_eq!(judge(&policy, &[&leaf, &pki.root, &pki.between], "127.0.0.1"), Ok(()));
    assert_eq!(judge(&policy, &[], HOST), Err("unreadable".into()));
}

#[test]
fn every_defect_is_refused_with_its_word() {
    let pki = pki();
    let policy = policy(&pki.root, None, &[]);
    for (words, chain, host) in defective(&pki) {
        let chain: Vec<&Issued> = chain.iter().collect();
        assert_eq!(judge(&policy, &chain, host), Err(words.to_owned()));
    }
}

#[test]
fn a_mutant_accepts_its_own_defect_only() {
    let pki = pki();
    for (mutant, own) in [
        (Mutant::AcceptsExpiredChain, &["expired"][..]),
        (Mutant::AcceptsWrongName, &["wrong name"]),
        (
            Mutant::AcceptsAnyAuthority,
            &["unknown authority", "missing intermediate or unknown authority", "self-signed"],
        ),
    ] {
        let policy = policy(&pki.root, None, &[mutant]);
        for (words, chain, host) in defective(&pki) {
            let chain: Vec<&Issued> = chain.iter().collect();
            let expected = if own.contains(&words) { Ok(()) } else { Err(words.to_owned()) };
            assert_eq!(judge(&policy, &chain, host), expected, "{mutant}");
        }
    }
}

#[test]
fn a_revoked_leaf_is_refused_and_another_issuers_list_is_not_enough() {
    let pki = pki();
    let (good, bad) = (Leaf::default().sign(Some(&pki.between)), Leaf::default().sign(Some(&pki.between)));
    let list = crl(&pki.between, &[&bad]);
    let checks = policy(&pki.root, Some(&list), &[]);
    assert_eq!(judge(&checks, &[&good, &pki.between], HOST), Ok(()));
    assert_eq!(judge(&checks, &[&bad, &pki.between], HOST), Err("revoked".into()));
    let foreign = policy(&pki.root, Some(&crl(&pki.root, &[])), &[]);
    assert_eq!(judge(&foreign, &[&good, &pki.between], HOST), Err("revocation status unknown".into()));
}

#[test]
fn a_pin_is_all_that_counts() {
    let pki = pki();
    let leaf = Leaf::expired().sign(None);
    let pin = spki_sha256(&leaf.cert.to_der().unwrap()).unwrap();
    let anchors = || Anchors::load(false, None, None).unwrap();
    let pinned = Policy::new(TrustMode::Pin(pin), anchors(), Defects::NONE);
    assert_eq!(judge(&pinned, &[&leaf], "anything"), Ok(()));
    let other = Leaf::default().sign(Some(&pki.between));
    assert_eq!(judge(&pinned, &[&other], HOST), Err("wrong pin".into()));
}

#[test]
fn what_the_user_accepts_stays_accepted_for_this_key() {
    let leaf = Leaf::default().sign(None);
    let asks = Policy::new(TrustMode::Ask, Anchors::load(false, None, None).unwrap(), Defects::NONE);
    assert!(asks.asks());
    assert_eq!(judge(&asks, &[&leaf], HOST), Err("self-signed".into()));
    asks.accept(spki_sha256(&leaf.cert.to_der().unwrap()).unwrap());
    assert_eq!(judge(&asks, &[&leaf], HOST), Ok(()));
    assert_eq!(judge(&asks, &[&Leaf::default().sign(None)], HOST), Err("self-signed".into()));
}

#[test]
fn a_file_without_certificates_or_lists_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Anchors::load(false, Some(file.path()), None).map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("there is no certificate in PEM in it"), "{error}");
    let error = Anchors::load(false, None, Some(file.path())).map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("there is no revocation list in PEM in it"), "{error}");
}
