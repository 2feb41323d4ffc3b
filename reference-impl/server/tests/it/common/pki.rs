//! Certificates, made anew for each test.

use std::{fs, path::Path};

use openssl::{
    asn1::{Asn1Integer, Asn1Time},
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509Name, X509NameBuilder, X509Ref,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier},
    },
};

pub(crate) struct Authority {
    pub(crate) certificate: X509,
    key: PKey<Private>,
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(entries: &[(&str, &str)]) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    for (field, value) in entries {
        name.append_entry_by_text(field, value).unwrap();
    }
    name.build()
}

impl Authority {
    pub(crate) fn new(common_name: &str) -> Self {
        let key = key();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&BigNum::from_u32(1).unwrap()).unwrap()).unwrap();
        builder.set_subject_name(&name(&[("CN", common_name)])).unwrap();
        builder.set_issuer_name(&name(&[("CN", common_name)])).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_600_000_000).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(identifier).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    /// Writes `STEM.pem` and `STEM.key`; a server has names, a client has none.
    pub(crate) fn issue(&self, folder: &Path, stem: &str, serial: u32, subject: &[(&str, &str)], names: &[&str]) {
        let key = key();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&BigNum::from_u32(serial).unwrap()).unwrap()).unwrap();
        builder.set_subject_name(&name(subject)).unwrap();
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_600_000_000).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(10).unwrap()).unwrap();
        builder.append_extension(BasicConstraints::new().build().unwrap()).unwrap();
        let mut usage = ExtendedKeyUsage::new();
        if names.is_empty() {
            usage.client_auth();
        } else {
            usage.server_auth();
            let mut alternatives = SubjectAlternativeName::new();
            for name in names {
                alternatives.dns(name);
            }
            let extension = alternatives.build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
            builder.append_extension(extension).unwrap();
        }
        builder.append_extension(usage.build().unwrap()).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        fs::write(folder.join(format!("{stem}.pem")), builder.build().to_pem().unwrap()).unwrap();
        fs::write(folder.join(format!("{stem}.key")), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    }

    pub(crate) fn write(&self, path: &Path) {
        fs::write(path, self.certificate.to_pem().unwrap()).unwrap();
    }

    /// Writes a revocation list of these serial numbers.
    pub(crate) fn revoke(&self, folder: &Path, serials: &[u32]) {
        self.revoke_with(folder, serials, &[]);
    }

    /// The same, outdated since 2024.
    pub(crate) fn revoke_long_ago(&self, folder: &Path, serials: &[u32]) {
        self.revoke_with(
            folder,
            serials,
            &["-crl_lastupdate", "20240101000000Z", "-crl_nextupdate", "20240102000000Z"],
        );
    }

    /// Asks the program `openssl` for it.
    fn revoke_with(&self, folder: &Path, serials: &[u32], times: &[&str]) {
        let at = |name: &str| folder.join(name).display().to_string();
        fs::write(at("ca-own.key"), self.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        self.write(&folder.join("ca-own.pem"));
        let line = |serial: &u32| format!("R\t301231235959Z\t240101000000Z\t{serial:02X}\tunknown\t/CN=x\n");
        fs::write(at("index.txt"), serials.iter().map(line).collect::<String>()).unwrap();
        fs::write(at("index.txt.attr"), "unique_subject = no\n").unwrap();
        fs::write(at("crlnumber"), "01\n").unwrap();
        let config = format!(
            "[ca]\ndefault_ca=d\n[d]\ndatabase={}\ncrlnumber={}\ndefault_md=sha256\ndefault_crl_days=5\ncrl_extensions=e\n\
             [e]\nauthorityKeyIdentifier=keyid:always\n",
            at("index.txt"),
            at("crlnumber")
        );
        fs::write(at("ca.cnf"), config).unwrap();
        let made = std::process::Command::new("openssl")
            .args([
                "ca",
                "-gencrl",
                "-config",
                &at("ca.cnf"),
                "-keyfile",
                &at("ca-own.key"),
                "-cert",
                &at("ca-own.pem"),
            ])
            .args(["-out", &at("crl.pem")])
            .args(times)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

pub(crate) fn common_name(certificate: &X509Ref) -> String {
    let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next().unwrap();
    String::from_utf8(entry.data().as_slice().to_vec()).unwrap()
}
