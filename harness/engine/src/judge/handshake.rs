//! Handshakes on the client's wire, stages and words of the peers.

use interop_catalogue::{Condition, Params, Side, Since};
use interop_checks::{Schedule, dtls_attempts, dtls_family, stages, tls_sessions, tls_version};
use interop_evidence::{CheckOutcome, EventKind, HandshakeSeen, Micros, PeerRole, Timeline};

use crate::{EngineError, Result};

/// What was known when a condition was looked at.
pub(crate) struct HandshakeEvidence<'e> {
    /// Handshakes so far.
    pub(crate) seen: &'e [HandshakeSeen],
    /// Events so far.
    pub(crate) timeline: &'e Timeline,
    /// When a client was started last.
    pub(crate) started: Micros,
    /// When its tunnel came up.
    pub(crate) connected: Micros,
}

/// A condition about stages, versions, sessions or attempts.
pub(crate) fn handshake(
    condition: &Condition,
    params: &Params,
    evidence: &HandshakeEvidence<'_>,
) -> Result<CheckOutcome> {
    let HandshakeEvidence { seen, timeline, started: since, connected } = *evidence;
    Ok(match condition {
        Condition::Stages(expect) => {
            let wanted: Vec<_> = expect.stages.iter().map(|wanted| (wanted.stage, wanted.status)).collect();
            stages(timeline, &wanted)
        }
        Condition::Dtls(expect) => dtls_family(seen, since, expect.dtls.eval(params).map_err(EngineError::plan)?),
        Condition::Tls(expect) => tls_version(seen, since, expect.tls.eval(params).map_err(EngineError::plan)?),
        Condition::TlsSessions(expect) => {
            let since = match expect.since {
                Since::Connected => connected,
                Since::Start => since,
            };
            tls_sessions(seen, since, usize::try_from(expect.tls_sessions).unwrap_or(usize::MAX))
        }
        Condition::DtlsAttempts(expect) => {
            let schedule =
                Schedule { pauses: expect.dtls_attempts.clone(), tolerance: expect.tolerance, lasting: expect.lasting };
            dtls_attempts(seen, since, &schedule)
        }
        _ => return Err(EngineError::plan("this condition is not about handshakes")),
    })
}

/// Whether a peer's log has said something yet.
pub(crate) fn said(event: &str, by: Side, timeline: &Timeline) -> CheckOutcome {
    let role = PeerRole::from(by);
    let found = timeline
        .first(|kind| matches!(kind, EventKind::PeerSaid { role: who, what, .. } if *who == role && what == event));
    match found {
        Some(found) => CheckOutcome::pass(format!("the {by} said `{event}` at {}", found.at)),
        None => CheckOutcome::fail(format!("the {by} did not say `{event}`")),
    }
}
