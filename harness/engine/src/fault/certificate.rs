//! `certificate`: one defect in the certificates. Proof: the chain as the server presents it to a lab probe, or, where
//! the handshake is not plain TLS or the server does not start, the chain that it was given.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use interop_catalogue::CertificateFault;
use interop_pki::{Defect, Presented, UnknownDefect, prove};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

use super::Evidence;
use crate::cell::Cell;
use crate::{EngineError, Result};

#[derive(Debug)]
pub(super) struct Certificate {
    defect: Defect,
}

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(3);

impl Certificate {
    pub(super) fn new(fault: &CertificateFault) -> Result<Self> {
        let defect = fault.defect.parse().map_err(|error: UnknownDefect| EngineError::plan(error.to_string()))?;
        Ok(Self { defect })
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        if cell.server_pid().is_some() {
            return Err(EngineError::plan("put the certificate before the first connect: the server runs already"));
        }
        cell.setup.defect = self.defect;
        Ok(format!("certificates with a defect: {}", self.defect.help()))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        cell.setup.defect = Defect::None;
        Ok(())
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let pki = cell.pki.as_ref().ok_or_else(|| EngineError::plan("no certificates were made"))?;
        let read = |path: &std::path::Path| fs::read(path).map_err(|source| EngineError::file(path, source));
        let of_client = self.defect == Defect::RevokedClient;
        let (chain, how) = if of_client {
            (read(&pki.client_cert)?, "the client's chain")
        } else {
            match presented(cell) {
                Some(chain) => (chain, "presented to a lab probe"),
                None => (read(&pki.server_chain)?, "the chain that the server was given"),
            }
        };
        let anchor = read(if of_client { &pki.client_ca } else { &pki.ca })?;
        let crl = read(&pki.crl)?;
        let said = prove(
            self.defect,
            &Presented {
                chain_pem: &chain,
                trust_anchor_pem: &anchor,
                name: &cell.world.server_name,
                now: SystemTime::now(),
                crl_pem: Some(&crl),
            },
        );
        Ok(match said {
            Ok(words) => (true, format!("{how}: {words}")),
            Err(words) => (false, format!("{how}: {words}")),
        })
    }
}

/// The chain that the server sends in a TLS handshake, in PEM form.
fn presented(cell: &Cell<'_>) -> Option<Vec<u8>> {
    if !cell.is_anyconnect() || cell.server_pid().is_none() {
        return None;
    }
    let target = SocketAddr::new(cell.world.server_address, cell.settings.port);
    let client = cell.world.clients.first()?;
    let stream = cell.lab.node(client).ok()?.run(|| TcpStream::connect_timeout(&target, PROBE)).ok()?.ok()?;
    stream.set_read_timeout(Some(PROBE)).ok()?;
    stream.set_write_timeout(Some(PROBE)).ok()?;
    let mut connector = SslConnector::builder(SslMethod::tls()).ok()?;
    connector.set_verify(SslVerifyMode::NONE);
    // The probe must see what a strict library would not even accept: short keys and SHA-1.
    connector.set_security_level(0);
    let mut configuration = connector.build().configure().ok()?;
    configuration.set_verify_hostname(false);
    let stream = configuration.connect(&cell.world.server_name, stream).ok()?;
    let mut pem = Vec::new();
    for certificate in stream.ssl().peer_cert_chain()? {
        pem.extend(certificate.to_pem().ok()?);
    }
    Some(pem)
}
