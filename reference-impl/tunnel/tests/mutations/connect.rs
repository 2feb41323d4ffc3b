//! CONNECT: what both sides make of the headers, and the session that follows from them.

use std::time::{Duration, Instant};

use reference_cstp::compress::Compression;
use reference_cstp::connect::{ConnectReply, ConnectRequest, DtlsReply, Family, Suite, negotiate};
use reference_cstp::http::{Expect, Limits, RequestReader, ResponseReader};
use reference_cstp::session::{Output, Rekey, RekeyMethod, Session, SessionConfig};

use crate::conversation::{CLIENTS, SERVERS, request, response};
use crate::dice::Dice;
use crate::harness::{Parser, Verdict};

const MEMORY: (usize, usize) = (256 << 10, 100);

fn asked(client: usize, full: bool) -> ConnectRequest {
    let profile = &CLIENTS[client];
    let mut request = ConnectRequest::new("Y29va2ll+/=");
    if full {
        request.hostname = Some("laptop".into());
        request.base_mtu = Some(1500);
        request.mtu = Some(1390);
        request.master_secret = Some(std::array::from_fn(|at| at as u8));
        (request.dtls_ciphers, request.dtls12_ciphers) = profile.dtls.names(Family::ALL);
        request.wishes = vec!["10.1.2.3".parse().unwrap(), "2001:db8::5".parse().unwrap()];
        request.accept_encoding = vec![Compression::Lzs, Compression::OcLz4];
        request.dtls_accept_encoding = vec![Compression::OcLz4];
        request.local = Some("192.0.2.1".parse().unwrap());
    }
    request
}

/// The requests of every client, with little and with much in them.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    let both = |client: usize| {
        [true, false].map(|full| asked(client, full).to_request(&CLIENTS[client], "vpn.test:4443").to_bytes())
    };
    (0..CLIENTS.len()).flat_map(both).collect()
}

fn reply(suite: Option<&Suite>) -> ConnectReply {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let rekey = Some(Rekey { after: Duration::from_secs(86_400), method: RekeyMethod::Ssl });
    let net = |text: &str| text.parse::<ipnet::IpNet>().unwrap();
    let dtls = suite.map(|suite| DtlsReply {
        session_id: suite.family.resumes().then_some([0xab; 32]),
        app_id: (!suite.family.resumes()).then(|| vec![0xcd; 16]),
        suite: (!suite.in_dtls12_header()).then(|| suite.name.to_owned()),
        suite12: suite.in_dtls12_header().then(|| suite.name.to_owned()),
        port: Some(443),
        mtu: Some(1400),
        dpd: seconds(30),
        keepalive: seconds(20),
        rekey,
        content_encoding: Compression::OcLz4,
    });
    let least = ConnectReply { addresses: vec![net("10.1.2.3/24").into()], cstp_mtu: Some(1390), ..Default::default() };
    if suite.is_none() {
        return least;
    }
    ConnectReply {
        hostname: Some("laptop".into()),
        addresses: vec![net("10.1.2.3/24").into(), net("2001:db8::5/64").into()],
        dns: vec!["10.0.0.2".parse().unwrap(), "2001:db8::53".parse().unwrap()],
        nbns: vec!["10.0.0.9".parse().unwrap()],
        default_domain: vec!["inside.example".into()],
        split_dns: vec!["b.example".into(), "a.example".into()],
        include: vec![net("10.0.0.0/8"), net("2001:db8:1::/48"), net("172.16.0.0/12")],
        exclude: vec![net("10.9.0.0/16")],
        tunnel_all_dns: Some(false),
        client_bypass: Some(true),
        proxy_pac: Some("http://inside.example/proxy.pac".into()),
        banner: Some("Welcome, \u{e4}\nuser".into()),
        base_mtu: Some(1500),
        dpd: seconds(90),
        keepalive: seconds(32),
        idle_timeout: seconds(1200),
        session_timeout: seconds(7200),
        session_remaining: seconds(7000),
        rekey,
        content_encoding: Compression::Lzs,
        dtls,
        ..least
    }
}

/// The replies of every server to every client, in every family.
pub(crate) fn replies() -> Vec<Vec<u8>> {
    let mut replies = Vec::new();
    for (server, client) in (0..SERVERS.len()).flat_map(|one| (0..CLIENTS.len()).map(move |other| (one, other))) {
        let asked = asked(client, true);
        let suites = Family::ALL
            .iter()
            .filter_map(|family| negotiate(&asked.dtls_ciphers, &asked.dtls12_ciphers, true, &[*family]));
        for suite in suites.map(Some).chain([None]) {
            replies.push(reply(suite).to_response(&SERVERS[server], &asked).to_bytes());
        }
    }
    replies.sort();
    replies.dedup();
    replies
}

/// Runs a session for a while of its own time; a value of the peer must not make it spin, fail or talk without end.
fn live(config: SessionConfig) {
    let began = Instant::now();
    let mut now = began;
    let mut session = Session::new(config, now);
    for _ in 0..30 {
        let outputs = std::iter::from_fn(|| session.poll_output()).inspect(|output| {
            if let Output::Send { payload, .. } = output {
                assert!(payload.len() <= 16_384);
            }
        });
        assert!(outputs.count() <= 100, "a session talks without end");
        let Some(next) = session.poll_timeout() else { break };
        now = now.max(next);
        session.on_timeout(now);
        assert!(session.poll_timeout().is_none_or(|next| next > now), "a session spins");
    }
    assert!(now - began > Duration::from_secs(10) || session.poll_timeout().is_none(), "a session hurries");
}

/// The server's view.
pub(crate) struct Requests;

impl Requests {
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Parser for Requests {
    fn name(&self) -> &'static str {
        "connect-request"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        requests().into_iter().map(|sample| (0, sample)).collect()
    }

    fn feed(&mut self, _: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let mut reader = RequestReader::new(Limits::server());
        reader.push(input);
        let read = match reader.next() {
            Ok(Some(read)) => read,
            Ok(None) => return Verdict::Waiting,
            Err(error) => return Verdict::Refused(error.to_string()),
        };
        let asked = match ConnectRequest::parse(&read) {
            Ok(asked) => asked,
            Err(error) => return Verdict::Refused(error.to_string()),
        };
        assert!(!format!("{asked:?}").contains(&hex::encode([7; 48])) && asked.notes.len() <= 64);
        let _ = (asked.offers_dtls(), asked.is_mobile(), asked.is_anyconnect());
        let secret = asked.master_secret.is_some();
        let suite = negotiate(&asked.dtls_ciphers, &asked.dtls12_ciphers, secret, Family::ALL);
        let answer = reply(suite).to_response(dice.pick(&SERVERS), &asked);
        let wire = response(&answer.to_bytes(), Expect::ConnectReply);
        assert_eq!(wire.headers, answer.headers, "the reply reads otherwise");
        live(reply(suite).server_session());
        // What was read can be sent, by whatever client.
        let sent = asked.to_request(dice.pick(&CLIENTS), "vpn.test");
        assert_eq!(request(&sent.to_bytes()).headers.len(), sent.headers.len());
        Verdict::Accepted
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}

/// The client's view.
pub(crate) struct Replies(Vec<(usize, Vec<u8>)>);

impl Replies {
    pub(crate) fn new() -> Self {
        Self(replies().into_iter().map(|sample| (0, sample)).collect())
    }
}

impl Parser for Replies {
    fn name(&self) -> &'static str {
        "connect-reply"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        self.0.clone()
    }

    fn feed(&mut self, _: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let mut reader = ResponseReader::new(Limits::default());
        reader.expect(Expect::ConnectReply);
        reader.push(input);
        let read = match reader.next() {
            Ok(Some(read)) => read,
            Ok(None) => return Verdict::Waiting,
            Err(error) => return Verdict::Refused(error.to_string()),
        };
        let reply = match ConnectReply::parse(&read) {
            Ok(reply) => reply,
            Err(error) => return Verdict::Refused(error.to_string()),
        };
        assert!(reply.notes.len() <= 64, "{} remarks", reply.notes.len());
        assert!(reply.addresses.iter().all(|address| address.to_net().addr() == address.addr));
        let client = dice.below(CLIENTS.len());
        let plan = reply.dtls_plan(&asked(client, true));
        if let Ok(plan) = &plan {
            assert!((1..=32).contains(&plan.session_id.len()) && plan.port > 0, "{plan:?}");
        }
        let mtu = reply.mtu_plan(&CLIENTS[client], plan.is_ok());
        assert!(mtu.floor <= mtu.tls && mtu.tls <= 16_384, "{mtu:?}");
        live(reply.client_session(&CLIENTS[client], plan.is_ok()));
        let _ = (reply.ends_after(), format!("{reply:?}"));
        Verdict::Accepted
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}
