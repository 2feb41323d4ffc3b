//! Which transport carries the tunnel: what the wires carried, not what a log said (design section 2).

use interop_evidence::{Carrier, CheckOutcome, TransportSample};

/// A transport as a scenario asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedTransport {
    /// Exactly this one.
    Exactly(Carrier),
    /// DTLS or OpenVPN over UDP.
    Datagram,
    /// TLS or OpenVPN over TCP.
    Stream,
    /// Any but clear text.
    Any,
}

impl WantedTransport {
    fn accepts(self, carrier: Carrier) -> bool {
        match self {
            Self::Exactly(wanted) => carrier == wanted,
            Self::Datagram => matches!(carrier, Carrier::Dtls | Carrier::OpenvpnUdp),
            Self::Stream => matches!(carrier, Carrier::Tls | Carrier::OpenvpnTcp),
            Self::Any => carrier != Carrier::Clear,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Exactly(carrier) => carrier.as_str(),
            Self::Datagram => "a datagram transport",
            Self::Stream => "a stream transport",
            Self::Any => "any tunnel",
        }
    }
}

/// Judges a marked ping.
pub fn transport(wanted: WantedTransport, sample: &TransportSample) -> CheckOutcome {
    let name = wanted.name();
    if !sample.answered {
        return CheckOutcome::fail(format!("expected {name}; the marked ping through the tunnel was not answered"));
    }
    match sample.carrier() {
        Some(carrier) if wanted.accepts(carrier) => CheckOutcome::pass(format!("the tunnel runs over {carrier}")),
        Some(carrier) => CheckOutcome::fail(format!("expected {name}; the tunnel runs over {carrier}")),
        None => {
            let list = |carriers: &interop_evidence::Carriers| {
                let names: Vec<&str> = carriers.keys().map(|carrier| carrier.as_str()).collect();
                if names.is_empty() { "nothing seen".to_owned() } else { names.join(" and ") }
            };
            CheckOutcome::fail(format!(
                "expected {name}; to the server {}, to the client {}",
                list(&sample.to_server),
                list(&sample.to_client)
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use interop_evidence::{Carriers, Verdict};

    use super::*;

    fn sample(answered: bool, up: &[Carrier], down: &[Carrier]) -> TransportSample {
        let carriers = |list: &[Carrier]| list.iter().map(|carrier| (*carrier, 1)).collect::<Carriers>();
        TransportSample { answered, rtt_us: Some(1), to_server: carriers(up), to_client: carriers(down) }
    }

    #[test]
    fn both_directions_must_agree() {
        let judge = |wanted, sample: &TransportSample| transport(wanted, sample).verdict;
        let dtls = sample(true, &[Carrier::Dtls], &[Carrier::Dtls]);
        assert_eq!(judge(WantedTransport::Exactly(Carrier::Dtls), &dtls), Verdict::Pass);
        assert_eq!(judge(WantedTransport::Datagram, &dtls), Verdict::Pass);
        assert_eq!(judge(WantedTransport::Stream, &dtls), Verdict::Fail);
        let mixed = sample(true, &[Carrier::Dtls], &[Carrier::Tls]);
        assert_eq!(judge(WantedTransport::Any, &mixed), Verdict::Fail);
        let clear = sample(true, &[Carrier::Clear], &[Carrier::Clear]);
        assert_eq!(judge(WantedTransport::Any, &clear), Verdict::Fail);
        let silent = sample(false, &[Carrier::Dtls], &[]);
        assert_eq!(judge(WantedTransport::Exactly(Carrier::Dtls), &silent), Verdict::Fail);
    }
}
