//! `dns`: the lab's name servers answer something else. Proof: the altered answers that were given.

use interop_catalogue::{DnsFault, DnsReply};
use interop_services::Override;

use super::Evidence;
use crate::Result;
use crate::cell::Cell;

#[derive(Debug)]
pub(super) struct Dns {
    name: String,
    said: DnsReply,
    answer: Override,
}

impl Dns {
    pub(super) fn new(fault: &DnsFault) -> Self {
        let answer = match fault.answer {
            DnsReply::Address(address) => Override::Addresses(vec![address]),
            DnsReply::Nothing => Override::Addresses(Vec::new()),
            DnsReply::Nxdomain => Override::NxDomain,
            DnsReply::Servfail => Override::ServFail,
            DnsReply::Silence => Override::Drop,
        };
        Self { name: fault.name.to_string(), said: fault.answer, answer }
    }

    pub(super) async fn inject(&mut self, cell: &mut Cell<'_>) -> Result<String> {
        for server in cell.internet.dns.values() {
            server.alter(&self.name, self.answer.clone());
        }
        Ok(format!("name servers answer {} for {}", self.said, self.name))
    }

    pub(super) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        for server in cell.internet.dns.values() {
            server.restore(&self.name);
        }
        Ok(())
    }

    pub(super) async fn prove(&mut self, cell: &mut Cell<'_>) -> Evidence {
        let given: u64 = cell.internet.dns.values().map(|server| server.altered(&self.name)).sum();
        Ok((given > 0, format!("{given} altered answers for {} were given", self.name)))
    }
}
