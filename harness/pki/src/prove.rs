//! Whether a defect is really there, from what was presented on the wire.

use std::net::IpAddr;
use std::time::SystemTime;

use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509Crl, X509PurposeId, X509StoreContext, X509VerifyResult};

use crate::describe::{info, name, read_chain};
use crate::relation::{issued, issuer_in, names, read_lists, revoked, self_signed};
use crate::{CertInfo, Date, Defect};

/// Security level of OpenSSL that a strict client has: 112 bits, so no SHA-1 and no RSA below 2048 bits.
const STRICT_LEVEL: i32 = 2;

/// A chain as a peer presented it, and what the other side would judge it by.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The certificates in the order of the wire, in PEM form.
    pub chain_pem: &'a [u8],
    /// One or more trust anchors, in PEM form; for a client's chain `client-ca.pem`.
    pub trust_anchor_pem: &'a [u8],
    /// DNS name or address by which the server was called.
    pub name: &'a str,
    /// The judge's date.
    pub now: SystemTime,
    /// Revocation lists that the judge has, in PEM form.
    pub crl_pem: Option<&'a [u8]>,
}

/// Says whether `defect` is in a presented chain: `Ok` with the evidence, or `Err` with what is there instead.
///
/// [`Defect::None`] is proven by a strict verification. [`Defect::RevokedClient`] wants the client's chain, every
/// other defect the server's.
pub fn prove(defect: Defect, presented: &Presented<'_>) -> Result<String, String> {
    Case::read(presented)?.prove(defect)
}

/// Everything parsed.
struct Case<'a> {
    chain: Vec<X509>,
    leaf: CertInfo,
    anchors: Vec<X509>,
    lists: Vec<X509Crl>,
    name: &'a str,
    now: Date,
}

impl<'a> Case<'a> {
    fn read(presented: &Presented<'a>) -> Result<Self, String> {
        let chain = read_chain(presented.chain_pem).map_err(|error| format!("failed to {error}"))?;
        let leaf = info(&chain[0]).map_err(|error| format!("failed to {error}"))?;
        let anchors = read_chain(presented.trust_anchor_pem).map_err(|error| format!("failed to {error}"))?;
        let lists = presented.crl_pem.map(read_lists).unwrap_or_default();
        Ok(Self { chain, leaf, anchors, lists, name: presented.name, now: presented.now.into() })
    }

    fn prove(&self, defect: Defect) -> Result<String, String> {
        let leaf = &self.leaf;
        match defect {
            Defect::None => self.sound(),
            Defect::MissingIntermediate => self.missing_intermediate(),
            Defect::WrongOrder => self.wrong_order(),
            Defect::Expired => {
                let text = format!("leaf expired {}", leaf.not_after);
                yes_if(leaf.not_after < self.now, text, || format!("leaf is valid until {}", leaf.not_after))
            }
            Defect::NotYetValid => {
                let text = format!("leaf is not valid before {}", leaf.not_before);
                yes_if(leaf.not_before > self.now, text, || format!("leaf is valid since {}", leaf.not_before))
            }
            Defect::WrongName => {
                let has = if leaf.sans.is_empty() { "nothing".to_owned() } else { leaf.sans.join(", ") };
                let text = format!("leaf names {has}, not {}", self.name);
                yes_if(!names(leaf, self.name), text, || format!("leaf names {}", self.name))
            }
            Defect::SelfSigned => {
                let trusted = self.anchors.contains(&self.chain[0]);
                let text = format!("leaf {} is signed by itself", leaf.subject);
                yes_if(self_signed(&self.chain[0]) && !trusted, text, || format!("leaf is signed by {}", leaf.issuer))
            }
            Defect::UntrustedRoot => self.untrusted_root(),
            Defect::Sha1 => {
                let weak = leaf.sig_alg.to_ascii_lowercase().contains("sha1");
                let text = format!("signature algorithm {}", leaf.sig_alg);
                yes_if(weak, text.clone(), || text)
            }
            Defect::Rsa1024 => {
                let text = format!("leaf's key is {} with {} bits", leaf.key_alg, leaf.key_bits);
                yes_if(leaf.key_alg == "RSA" && leaf.key_bits <= 1024, text.clone(), || text)
            }
            Defect::WrongEku => {
                let text = match &leaf.ekus {
                    Some(ekus) => format!("extended key usage is {}", ekus.join(", ")),
                    None => "extended key usage is not restricted".to_owned(),
                };
                yes_if(!self.may("serverAuth"), text.clone(), || text)
            }
            Defect::RevokedServer => self.revoked("serverAuth", "server"),
            Defect::RevokedClient => self.revoked("clientAuth", "client"),
        }
    }

    fn missing_intermediate(&self) -> Result<String, String> {
        let leaf = &self.chain[0];
        let count = counted(self.chain.len());
        if self_signed(leaf) {
            return Err("leaf is signed by itself, no intermediate is needed".to_owned());
        }
        if issuer_in(&self.anchors, leaf).is_some() {
            return Err("leaf is signed by the trust anchor, no intermediate is needed".to_owned());
        }
        match issuer_in(&self.chain, leaf) {
            Some(_) => Err(format!("chain has {count}, among them the intermediate {}", self.leaf.issuer)),
            None => Ok(format!("chain has {count}, the intermediate {} is missing", self.leaf.issuer)),
        }
    }

    fn wrong_order(&self) -> Result<String, String> {
        let subjects = || {
            let each = self.chain.iter().map(|cert| name(cert.subject_name()));
            each.collect::<Vec<_>>().join("; ")
        };
        for (index, pair) in self.chain.windows(2).enumerate() {
            let here = index + 1;
            if !self_signed(&pair[0]) && !issued(&pair[1], &pair[0]) && issuer_in(&self.chain, &pair[0]).is_some() {
                return Ok(format!("certificate {} did not issue certificate {here}: {}", here + 1, subjects()));
            }
            if issued(&pair[0], &pair[1]) && pair[0] != pair[1] {
                return Ok(format!("certificate {here} issued the one after it: {}", subjects()));
            }
        }
        Err(format!("each certificate is followed by its issuer: {}", subjects()))
    }

    /// Follows the chain upwards; only a chain that has an issuer for its leaf has a root to speak of.
    fn untrusted_root(&self) -> Result<String, String> {
        let mut top = &self.chain[0];
        for _ in 0..self.chain.len() {
            if self.anchors.contains(top) || issuer_in(&self.anchors, top).is_some() {
                return Err(format!("chain leads to the trust anchor {}", self.anchor_names()));
            }
            match issuer_in(&self.chain, top) {
                Some(issuer) => top = issuer,
                None => break,
            }
        }
        if top == &self.chain[0] {
            return Err("chain has no issuer of the leaf, so its root is unknown".to_owned());
        }
        let root = name(top.issuer_name());
        Ok(format!("chain leads to {root}, the trust anchor is {}", self.anchor_names()))
    }

    fn revoked(&self, usage: &str, side: &str) -> Result<String, String> {
        if !self.may(usage) {
            return Err(format!("the chain is not a {side}'s: its leaf is not for {usage}"));
        }
        let pool: Vec<X509> = self.chain.iter().chain(&self.anchors).cloned().collect();
        let serial = self.chain[0].serial_number().to_bn().and_then(|number| number.to_hex_str());
        let serial = serial.map(|hex| hex.to_lowercase()).unwrap_or_default();
        let count = self.lists.len();
        let text = format!("serial {serial} is in the revocation list of {}", self.leaf.issuer);
        yes_if(revoked(&self.lists, &pool, &self.chain[0]), text, || {
            format!("serial {serial} is in none of {count} revocation lists")
        })
    }

    /// A strict client's verification; with revocation lists, revocation counts as well.
    fn sound(&self) -> Result<String, String> {
        let verdict = self.verify().map_err(|error| format!("failed to verify the chain: {error}"))?;
        if verdict != X509VerifyResult::OK {
            return Err(format!("verification says: {}", verdict.error_string()));
        }
        if let Ok(text) = self.wrong_order() {
            return Err(text);
        }
        if let Ok(text) = self.revoked("serverAuth", "server") {
            return Err(text);
        }
        Ok(format!("{} verified for {} up to {}", counted(self.chain.len()), self.name, self.anchor_names()))
    }

    fn verify(&self) -> Result<X509VerifyResult, ErrorStack> {
        let mut param = X509VerifyParam::new()?;
        param.set_time(self.now.0);
        param.set_purpose(X509PurposeId::SSL_SERVER)?;
        param.set_auth_level(STRICT_LEVEL);
        match self.name.parse::<IpAddr>() {
            Ok(address) => param.set_ip(address)?,
            Err(_) => param.set_host(self.name)?,
        }
        let mut store = X509StoreBuilder::new()?;
        for anchor in &self.anchors {
            store.add_cert(anchor.clone())?;
        }
        store.set_param(&param)?;
        let mut others = Stack::new()?;
        for cert in &self.chain {
            others.push(cert.clone())?;
        }
        X509StoreContext::new()?.init(&store.build(), &self.chain[0], &others, |context| {
            context.verify_cert()?;
            Ok(context.error())
        })
    }

    fn may(&self, usage: &str) -> bool {
        let any = |ekus: &Vec<String>| ekus.iter().any(|eku| eku == usage || eku == "anyExtendedKeyUsage");
        self.leaf.ekus.as_ref().is_none_or(any)
    }

    fn anchor_names(&self) -> String {
        self.anchors.iter().map(|cert| name(cert.subject_name())).collect::<Vec<_>>().join(" or ")
    }
}

fn yes_if(there: bool, evidence: String, instead: impl FnOnce() -> String) -> Result<String, String> {
    if there { Ok(evidence) } else { Err(instead()) }
}

fn counted(certificates: usize) -> String {
    format!("{certificates} certificate{}", if certificates == 1 { "" } else { "s" })
}
