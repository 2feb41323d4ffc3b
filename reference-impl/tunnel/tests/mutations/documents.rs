//! Documents and addresses.

use reference_cstp::http::{
    CookieJar, Headers, ServerUrl, form_decode, form_encode, percent_decode, percent_encode, request_cookie,
};
use reference_cstp::xml::{ClientMessage, ServerMessage};

use crate::conversation::{LOGINS, request, response};
use crate::dice::Dice;
use crate::harness::{Parser, Verdict};
use reference_cstp::http::Expect;

/// A tree of elements costs more than its text: an empty one is four bytes in the document.
const MEMORY: (usize, usize) = (64 << 10, 400);

fn bodies(of: impl Iterator<Item = Vec<u8>>) -> Vec<(usize, Vec<u8>)> {
    let mut bodies: Vec<Vec<u8>> = of.filter(|body| body.starts_with(b"<?xml")).collect();
    bodies.sort();
    bodies.dedup();
    bodies.into_iter().map(|body| (0, body)).collect()
}

/// What clients say.
pub(crate) struct Clients(Vec<(usize, Vec<u8>)>);

impl Clients {
    pub(crate) fn new() -> Self {
        let mut samples = bodies(LOGINS.iter().flat_map(|login| login.turns.iter().map(|turn| request(&turn.0).body)));
        samples.push((
            0,
            b"<?xml version=\"1.0\"?><config-auth client=\"vpn\" type=\"logout\"><version who=\"vpn\">1</version>\
            <session-token>abc</session-token></config-auth>"
                .to_vec(),
        ));
        Self(samples)
    }
}

impl Parser for Clients {
    fn name(&self) -> &'static str {
        "xml-from-clients"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        self.0.clone()
    }

    fn feed(&mut self, _: usize, input: &[u8], _: &mut Dice) -> Verdict {
        match ClientMessage::parse(input) {
            Ok(message) => {
                let again = ClientMessage::parse(&message.render());
                assert!(again.is_ok(), "what was read cannot be written: {again:?}");
                Verdict::Accepted
            }
            Err(error) => Verdict::Refused(error.to_string()),
        }
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}

/// What servers say, in both dialects.
pub(crate) struct Servers(Vec<(usize, Vec<u8>)>);

impl Servers {
    pub(crate) fn new() -> Self {
        let answers = LOGINS.iter().flat_map(|login| login.turns.iter());
        Self(bodies(answers.map(|turn| response(&turn.2, Expect::Body).body)))
    }
}

impl Parser for Servers {
    fn name(&self) -> &'static str {
        "xml-from-servers"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        self.0.clone()
    }

    fn feed(&mut self, _: usize, input: &[u8], _: &mut Dice) -> Verdict {
        match ServerMessage::parse(input) {
            Ok((dialect, message)) => {
                let again = ServerMessage::parse(&message.render(dialect));
                assert!(again.is_ok(), "what was read cannot be written: {again:?}");
                Verdict::Accepted
            }
            Err(error) => Verdict::Refused(error.to_string()),
        }
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}

/// Addresses, cookies and the encodings of forms.
pub(crate) struct Urls;

impl Urls {
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Parser for Urls {
    fn name(&self) -> &'static str {
        "urls-and-cookies"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let samples = [
            "https://vpn.test:4443/staff?x=y",
            "vpn.test",
            "[2001:db8::1]:443/a/b",
            "https://192.0.2.1/",
            "webvpn=Y29va2ll; webvpncontext=Y3R4; a=%41+b&c=d",
            "webvpnc=bu:/profiles&p:t&iu:1/&sh:0123456789&; path=/; secure; HttpOnly; Max-Age=3600",
        ];
        samples.map(|sample| (0, sample.as_bytes().to_vec())).to_vec()
    }

    fn feed(&mut self, _: usize, input: &[u8], _: &mut Dice) -> Verdict {
        // No header is longer.
        let text = String::from_utf8_lossy(&input[..input.len().min(64 << 10)]);
        let mut headers = Headers::new();
        headers.push("Cookie", &text);
        headers.push("Set-Cookie", &text);
        let mut jar = CookieJar::new();
        jar.absorb(&headers);
        assert!(jar.header().is_none_or(|header| !header.contains(['\r', '\n'])));
        let _ = (request_cookie(&headers, "webvpn"), headers.has_token("Cookie", "a"));
        assert_eq!(percent_decode(&percent_encode(&text)), text);
        let fields = form_decode(&text);
        let encoded = form_encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        assert_eq!(form_decode(&encoded), fields);
        let base = ServerUrl::new("vpn.test", 443);
        if let Ok(url) = base.join(&text) {
            assert!(!url.authority().contains([' ', '/', '@']), "{url:?}");
        }
        match text.parse::<ServerUrl>() {
            Ok(url) => {
                assert!(!url.authority().contains([' ', '/', '@']), "{url:?}");
                Verdict::Accepted
            }
            Err(error) if text.contains("webvpn") => {
                let _ = error;
                Verdict::Accepted
            }
            Err(error) => Verdict::Refused(error.to_string()),
        }
    }

    fn memory(&self) -> (usize, usize) {
        (64 << 10, 100)
    }
}
