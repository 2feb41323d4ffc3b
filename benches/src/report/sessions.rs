//! Many sessions on one reference server.

use super::Options;
use crate::Result;
use crate::cell::{Job, measure};
use crate::sessions::{Sessions, server};

/// Sessions on one server.
const COUNT: usize = 1000;
/// kB of a session: aim.
const AIM: f64 = 65.536;

pub(super) fn report(options: &Options) -> Result<String> {
    let program = server().ok_or("`vpn-ref-server` is not built beside this program (`make build`)")?;
    let count = if options.quick { COUNT / 10 } else { COUNT };
    let it = measure::<Sessions>(&Job::Sessions { program, count })?.0;
    let (before, after) = it.memory;
    let each = (after - before) / it.count as f64;
    Ok(format!(
        "### Sessions\n\n{} sessions on one `vpn-ref-server`, clients of one process with one data plane, both in \
         namespaces, TLS 1.3 (rustls), password login (sha-crypt), {} of them with DTLS (PSK), n = 1: **{:.0} connects per \
         second** from TCP to the CONNECT reply, clients and server on the same processors; {:.1} ms of the server's \
         processor for each. The server's own memory grew from {:.1} to {:.1} MB: **{each:.1} kB a session** (aim below \
         64 KiB: {}). When nothing happens it takes {:.2} % of a processor.\n",
        it.count,
        it.with_dtls,
        it.count as f64 / it.seconds,
        1000.0 * it.cpu / it.count as f64,
        before / 1000.0,
        after / 1000.0,
        if each < AIM { "met" } else { "missed" },
        it.idle_percent,
    ))
}
