//! Each defect is really there, OpenSSL's own verification agrees, and the proof tells the defects apart.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::time::{Duration, SystemTime};

use interop_pki::{ClientSpec, Defect, Factory, Issued, KeyKind, Presented, Reaction, ServerSpec, describe, prove};
use openssl::stack::Stack;
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext};

const NAME: &str = "vpn.example";
const ADDRESS: &str = "203.0.113.7";

/// Error numbers of `X509_V_ERR_*` (x509_vfy.h).
const OK: i32 = 0;
const CERT_NOT_YET_VALID: i32 = 9;
const CERT_HAS_EXPIRED: i32 = 10;
const DEPTH_ZERO_SELF_SIGNED_CERT: i32 = 18;
const UNABLE_TO_GET_ISSUER_CERT_LOCALLY: i32 = 20;
const CERT_REVOKED: i32 = 23;
const INVALID_PURPOSE: i32 = 26;
const HOSTNAME_MISMATCH: i32 = 62;
const EE_KEY_TOO_SMALL: i32 = 66;
const CA_MD_TOO_WEAK: i32 = 68;

fn issue(factory: &Factory, defect: Defect, folder: &Path) -> Issued {
    let server = ServerSpec { names: vec![NAME.into()], addresses: vec![ADDRESS.parse().unwrap()], defect };
    let client = ClientSpec { common_name: "alice".into(), revoked: false };
    factory.issue(&server, &client, folder).unwrap()
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn proof(asked: Defect, issued: &Issued) -> Result<String, String> {
    let client = asked == Defect::RevokedClient;
    let presented = Presented {
        chain_pem: &read(if client { &issued.client_cert } else { &issued.server_chain }),
        trust_anchor_pem: &read(if client { &issued.client_ca } else { &issued.ca }),
        name: NAME,
        now: SystemTime::now(),
        crl_pem: Some(&read(&issued.crl)),
    };
    prove(asked, &presented)
}

/// A strict verification by OpenSSL, with revocation lists for the whole chain.
fn verify(chain: &Path, anchor: &Path, crl: &Path, purpose: X509PurposeId, name: Option<&str>) -> i32 {
    let mut store = X509StoreBuilder::new().unwrap();
    for cert in X509::stack_from_pem(&read(anchor)).unwrap() {
        store.add_cert(cert).unwrap();
    }
    let lookup = store.add_lookup(X509Lookup::file()).unwrap();
    assert_eq!(lookup.load_crl_file(crl, openssl::ssl::SslFiletype::PEM).unwrap(), 2, "two revocation lists");
    let mut param = X509VerifyParam::new().unwrap();
    param.set_purpose(purpose).unwrap();
    param.set_auth_level(2);
    param.set_flags(X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL).unwrap();
    if let Some(name) = name {
        param.set_host(name).unwrap();
    }
    store.set_param(&param).unwrap();
    let chain = X509::stack_from_pem(&read(chain)).unwrap();
    let mut others = Stack::new().unwrap();
    for cert in &chain[1..] {
        others.push(cert.clone()).unwrap();
    }
    let mut context = X509StoreContext::new().unwrap();
    context
        .init(&store.build(), &chain[0], &others, |context| {
            context.verify_cert()?;
            Ok(context.error().as_raw())
        })
        .unwrap()
}

/// What OpenSSL says of the server's chain; the order of the chain does not matter to it.
fn expected_error(defect: Defect) -> i32 {
    match defect {
        Defect::None | Defect::WrongOrder | Defect::RevokedClient => OK,
        Defect::MissingIntermediate | Defect::UntrustedRoot => UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        Defect::Expired => CERT_HAS_EXPIRED,
        Defect::NotYetValid => CERT_NOT_YET_VALID,
        Defect::WrongName => HOSTNAME_MISMATCH,
        Defect::SelfSigned => DEPTH_ZERO_SELF_SIGNED_CERT,
        Defect::Sha1 => CA_MD_TOO_WEAK,
        Defect::Rsa1024 => EE_KEY_TOO_SMALL,
        Defect::WrongEku => INVALID_PURPOSE,
        Defect::RevokedServer => CERT_REVOKED,
    }
}

fn every_defect_is_there(kind: KeyKind) {
    let factory = Factory::new(kind).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for &defect in Defect::ALL {
        let issued = issue(&factory, defect, &folder.path().join(defect.id()));
        let server = verify(&issued.server_chain, &issued.ca, &issued.crl, X509PurposeId::SSL_SERVER, Some(NAME));
        assert_eq!(server, expected_error(defect), "{defect}");
        assert_eq!(server != OK, defect.strict() == Reaction::ClientRefuses, "{defect}: the strict reaction");

        let client = verify(&issued.client_cert, &issued.client_ca, &issued.crl, X509PurposeId::SSL_CLIENT, None);
        assert_eq!(client, if defect == Defect::RevokedClient { CERT_REVOKED } else { OK }, "{defect}");
    }
}

#[test]
fn every_defect_is_there_with_ec_keys() {
    every_defect_is_there(KeyKind::EcP256);
}

#[test]
fn every_defect_is_there_with_rsa_keys() {
    every_defect_is_there(KeyKind::Rsa2048);
}

/// The whole table: rows are what was issued, columns are what is asked.
#[test]
fn proofs_tell_the_defects_apart() {
    let factory = Factory::new(KeyKind::EcP256).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for &made in Defect::ALL {
        let issued = issue(&factory, made, &folder.path().join(made.id()));
        for &asked in Defect::ALL {
            let expected = made == asked || (asked == Defect::None && made == Defect::RevokedClient);
            let answer = proof(asked, &issued);
            assert_eq!(answer.is_ok(), expected, "made {made}, asked {asked}: {answer:?}");
        }
    }
}

#[test]
fn proofs_say_it_in_words() {
    let factory = Factory::new(KeyKind::EcP256).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let said = |defect: Defect| proof(defect, &issue(&factory, defect, &folder.path().join(defect.id()))).unwrap();
    assert_eq!(said(Defect::None), "2 certificates verified for vpn.example up to CN=vpn-interop root");
    assert_eq!(
        said(Defect::MissingIntermediate),
        "chain has 1 certificate, the intermediate CN=vpn-interop intermediate is missing"
    );
    assert_eq!(
        said(Defect::WrongOrder),
        "certificate 2 did not issue certificate 1: CN=vpn.example; CN=vpn-interop root; CN=vpn-interop intermediate"
    );
    assert_eq!(said(Defect::WrongName), "leaf names DNS:elsewhere.example, not vpn.example");
    assert_eq!(said(Defect::SelfSigned), "leaf CN=vpn.example is signed by itself");
    assert_eq!(said(Defect::UntrustedRoot), "chain leads to CN=stranger root, the trust anchor is CN=vpn-interop root");
    assert_eq!(said(Defect::Sha1), "signature algorithm sha1WithRSAEncryption");
    assert_eq!(said(Defect::Rsa1024), "leaf's key is RSA with 1024 bits");
    assert_eq!(said(Defect::WrongEku), "extended key usage is clientAuth");
    assert!(said(Defect::Expired).starts_with("leaf expired 20"));
    assert!(said(Defect::RevokedServer).ends_with("is in the revocation list of CN=vpn-interop intermediate"));
}

#[test]
fn an_intermediate_sent_first_is_a_wrong_order_too() {
    let folder = tempfile::tempdir().unwrap();
    let issued = issue(&Factory::new(KeyKind::EcP256).unwrap(), Defect::None, folder.path());
    let mut chain = X509::stack_from_pem(&read(&issued.server_chain)).unwrap();
    chain.reverse();
    let pem: Vec<u8> = chain.iter().flat_map(|cert| cert.to_pem().unwrap()).collect();
    std::fs::write(&issued.server_chain, pem).unwrap();
    assert!(proof(Defect::WrongOrder, &issued).unwrap().starts_with("certificate 1 issued the one after it"));
}

/// A clock fault: the sound chain has expired for a peer that lives three years later.
#[test]
fn the_date_of_the_judge_counts() {
    let folder = tempfile::tempdir().unwrap();
    let three_years_ago = SystemTime::now() - Duration::from_secs(3 * 365 * 86_400);
    let issued = issue(&Factory::at(KeyKind::EcP256, three_years_ago).unwrap(), Defect::None, folder.path());
    assert!(proof(Defect::Expired, &issued).is_ok());
    assert_eq!(proof(Defect::None, &issued).unwrap_err(), "verification says: certificate has expired");
}

#[test]
fn rubbish_is_an_error_and_no_panic() {
    let now = SystemTime::now();
    for rubbish in [&b""[..], b"rubbish", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let presented =
            Presented { chain_pem: rubbish, trust_anchor_pem: rubbish, name: NAME, now, crl_pem: Some(rubbish) };
        assert!(prove(Defect::None, &presented).is_err());
        assert!(describe(rubbish).is_err());
    }
}
