//! Certificates and pairs of channels for the tests.

use std::sync::Arc;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use reference_tunnel::tls::{Role, TlsChannel};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

pub const NAME: &str = "gateway.test";

static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
static TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

/// A self-signed certificate with its key.
#[derive(Clone)]
pub struct Identity {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Identity {
    pub fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", NAME).unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        let names = SubjectAlternativeName::new().dns(NAME).build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }
}

/// The library of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    OpenSsl,
    Rustls,
}

/// The only version that both ends allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    Tls12,
    Tls13,
}

impl Only {
    fn rustls(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Tls12 => &TLS12,
            Self::Tls13 => &TLS13,
        }
    }

    fn openssl(self) -> Option<SslVersion> {
        Some(match self {
            Self::Tls12 => SslVersion::TLS1_2,
            Self::Tls13 => SslVersion::TLS1_3,
        })
    }
}

pub fn client(library: Library, version: Only, identity: &Identity) -> TlsChannel {
    match library {
        Library::Rustls => {
            let mut roots = RootCertStore::empty();
            roots.add(identity.certificate.to_der().unwrap().into()).unwrap();
            let config = ClientConfig::builder_with_protocol_versions(version.rustls())
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from(NAME).unwrap();
            TlsChannel::from_rustls_client(ClientConnection::new(Arc::new(config), name).unwrap())
        }
        Library::OpenSsl => {
            let context = openssl_client_context(version, identity);
            let mut ssl = Ssl::new(&context.build()).unwrap();
            ssl.set_hostname(NAME).unwrap();
            ssl.param_mut().set_host(NAME).unwrap();
            TlsChannel::from_openssl(ssl, Role::Client).unwrap()
        }
    }
}

pub fn server(library: Library, version: Only, identity: &Identity) -> TlsChannel {
    match library {
        Library::Rustls => {
            let chain = vec![identity.certificate.to_der().unwrap().into()];
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.private_key_to_pkcs8().unwrap()));
            let config = ServerConfig::builder_with_protocol_versions(version.rustls())
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
            TlsChannel::from_rustls_server(ServerConnection::new(Arc::new(config)).unwrap())
        }
        Library::OpenSsl => {
            let context = openssl_server_context(version, identity).build();
            TlsChannel::from_openssl(Ssl::new(&context).unwrap(), Role::Server).unwrap()
        }
    }
}

pub fn openssl_client_context(version: Only, identity: &Identity) -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
    context.set_min_proto_version(version.openssl()).unwrap();
    context.set_max_proto_version(version.openssl()).unwrap();
    context.cert_store_mut().add_cert(identity.certificate.clone()).unwrap();
    context.set_verify(SslVerifyMode::PEER);
    context
}

pub fn openssl_server_context(version: Only, identity: &Identity) -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
    context.set_min_proto_version(version.openssl()).unwrap();
    context.set_max_proto_version(version.openssl()).unwrap();
    context.set_certificate(&identity.certificate).unwrap();
    context.set_private_key(&identity.key).unwrap();
    context
}

/// Carries output both ways until both sides are silent, and gives the application records each side received.
pub fn exchange(one: &mut TlsChannel, two: &mut TlsChannel) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut to_one, mut to_two) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let (first, second) = (one.take_output(), two.take_output());
        if first.is_empty() && second.is_empty() {
            return (to_one, to_two);
        }
        receive(two, &first, &mut to_two);
        receive(one, &second, &mut to_one);
    }
    panic!("both sides talk without end");
}

fn receive(channel: &mut TlsChannel, ciphertext: &[u8], records: &mut Vec<Vec<u8>>) {
    // Odd pieces: record borders must not depend on how the bytes arrive.
    for piece in ciphertext.chunks(777) {
        let mut input = piece;
        let mut plain = Vec::new();
        while channel.next_record_from(&mut input, &mut plain).unwrap() {
            records.push(std::mem::take(&mut plain));
        }
        assert!(input.is_empty() && plain.is_empty());
    }
}
