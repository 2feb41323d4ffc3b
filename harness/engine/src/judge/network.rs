//! Pings, names, carriers.

use interop_catalogue::{Answer, ExpectResolves, TransportWanted};
use interop_checks::WantedTransport;
use interop_evidence::{Carrier, CheckOutcome, DnsAnswer, PingResult, TransportSample};

/// What carries the tunnel.
pub(crate) fn transport(wanted: TransportWanted, sample: &TransportSample) -> CheckOutcome {
    let wanted = match wanted {
        TransportWanted::Any => WantedTransport::Any,
        TransportWanted::Datagram => WantedTransport::Datagram,
        TransportWanted::Dtls => WantedTransport::Exactly(Carrier::Dtls),
        TransportWanted::OpenvpnTcp => WantedTransport::Exactly(Carrier::OpenvpnTcp),
        TransportWanted::OpenvpnUdp => WantedTransport::Exactly(Carrier::OpenvpnUdp),
        TransportWanted::Stream => WantedTransport::Stream,
        TransportWanted::Tls => WantedTransport::Exactly(Carrier::Tls),
    };
    interop_checks::transport(wanted, sample)
}

/// A ping is answered.
pub(crate) fn reachable(result: &PingResult) -> CheckOutcome {
    let to = &result.to;
    match (&result.error, result.received) {
        (_, 1..) => CheckOutcome::pass(format!("{to} answers")),
        (Some(error), 0) => CheckOutcome::fail(format!("{to} cannot be pinged: {error}")),
        (None, 0) => CheckOutcome::fail(format!("{to} does not answer")),
    }
}

/// A ping is answered where none may be.
pub(crate) fn answers_though_it_must_not(result: &PingResult) -> Option<CheckOutcome> {
    let said = || format!("{} answers {}, but must not", result.to, result.from);
    (result.received > 0).then(|| CheckOutcome::fail(said()))
}

/// No ping was answered, of which this is the last.
pub(crate) fn silent(last: &PingResult) -> CheckOutcome {
    let why = last.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    CheckOutcome::pass(format!("{} does not answer {}{why}", last.to, last.from))
}

/// A name has an address.
pub(crate) fn resolves(expect: &ExpectResolves, answer: &DnsAnswer) -> CheckOutcome {
    let by = answer.resolver.map_or_else(|| "no resolver".to_owned(), |resolver| resolver.to_string());
    let seen = if answer.addresses.is_empty() {
        answer.code.clone()
    } else {
        answer.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let holds = match expect.to {
        Answer::Address(address) => answer.addresses.contains(&address),
        Answer::Nothing => answer.addresses.is_empty(),
    };
    let said = format!("{} resolves to {seen} by {by}", expect.resolves);
    if holds { CheckOutcome::pass(said) } else { CheckOutcome::fail(format!("{said}; expected {}", expect.to)) }
}
