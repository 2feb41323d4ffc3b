//! The readers of requests and responses.

use reference_cstp::http::{Expect, Limits, RequestReader, ResponseReader};

use crate::connect;
use crate::conversation::{LOGINS, download};
use crate::dice::Dice;
use crate::harness::{Parser, Verdict};

/// Memory of a reader: what is pushed, what a body may grow to while it is copied, and what headers cost as strings.
const MEMORY: (usize, usize) = (64 << 10, 24);

/// Cuts an input as a network might.
fn pieces<'a>(mut input: &'a [u8], dice: &mut Dice) -> Vec<&'a [u8]> {
    let most = *dice.pick(&[7, 100, 1500, 16_384]);
    let mut pieces = Vec::new();
    // Many tiny pieces of a long input would only take time.
    let least = 1 + input.len() / 200;
    while !input.is_empty() {
        let (piece, rest) = input.split_at((least + dice.below(most)).min(input.len()).min(16_384));
        pieces.push(piece);
        input = rest;
    }
    pieces
}

/// The server's reader, with the requests of whole connections.
pub(crate) struct Requests;

impl Requests {
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Parser for Requests {
    fn name(&self) -> &'static str {
        "http-requests"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let mut samples: Vec<Vec<u8>> =
            LOGINS.iter().map(|login| login.turns.iter().flat_map(|turn| turn.0.clone()).collect()).collect();
        samples.push([download().0, connect::requests().remove(0), b"STF\x01\0\0\x03\0".to_vec()].concat());
        samples.push(
            b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n\
            5;x=y\r\nabcde\r\n00a\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
                .to_vec(),
        );
        samples.into_iter().map(|sample| (0, sample)).collect()
    }

    fn feed(&mut self, _: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        if dice.one_in(4) {
            read(input, Limits { head: 1500, headers: 20, body: 2000 }, dice);
        }
        read(input, Limits::server(), dice)
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}

/// Reads all requests of a connection.
fn read(input: &[u8], limits: Limits, dice: &mut Dice) -> Verdict {
    let mut reader = RequestReader::new(limits);
    let mut count = 0;
    for piece in pieces(input, dice) {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(request)) => {
                    assert!(request.body.len() <= limits.body && request.headers.len() <= limits.headers);
                    let fields: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
                    assert!(fields + request.target.len() <= limits.head * 3, "{fields} bytes of fields");
                    let _ = (request.path(), request.closes());
                    if request.method == "CONNECT" {
                        // What follows is not HTTP.
                        reader.take_rest();
                        return Verdict::Accepted;
                    }
                    count += 1;
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.next(), Err(error.clone()), "an error is not for ever");
                    return Verdict::Refused(error.to_string());
                }
            }
        }
        let _ = reader.wants_continue();
    }
    reader.close();
    match reader.next() {
        Err(error) => Verdict::Refused(error.to_string()),
        Ok(_) if count == 0 => Verdict::Waiting,
        Ok(_) => Verdict::Accepted,
    }
}

/// The client's reader, with the responses of whole connections.
pub(crate) struct Responses {
    /// State 0 expects bodies, state 1 the reply to CONNECT.
    samples: Vec<(usize, Vec<u8>)>,
}

impl Responses {
    pub(crate) fn new() -> Self {
        let mut samples: Vec<(usize, Vec<u8>)> =
            LOGINS.iter().map(|login| (0, login.turns.iter().flat_map(|turn| turn.2.clone()).collect())).collect();
        samples.push((0, download().1));
        samples.push((
            0,
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\r\nX-Folded: a\r\n b\r\nno field\r\n\r\n<auth/>".to_vec(),
        ));
        samples
            .extend(connect::replies().into_iter().map(|reply| (1, [reply, b"STF\x01\0\0\x03\0".to_vec()].concat())));
        Self { samples }
    }
}

impl Parser for Responses {
    fn name(&self) -> &'static str {
        "http-responses"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        self.samples.clone()
    }

    fn feed(&mut self, state: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let limits = Limits::default();
        let mut reader = ResponseReader::new(limits);
        let mut count = 0;
        if state == 1 {
            reader.expect(Expect::ConnectReply);
        }
        let mut pieces = pieces(input, dice).into_iter();
        loop {
            match reader.next() {
                Ok(Some(response)) => {
                    assert!(response.body.len() <= limits.body && response.headers.len() <= limits.headers);
                    let _ = (response.closes(), response.to_bytes());
                    count += 1;
                    continue;
                }
                Ok(None) => {}
                Err(error) => return Verdict::Refused(error.to_string()),
            }
            let Some(piece) = pieces.next() else { break };
            reader.push(piece);
        }
        reader.close();
        match reader.next() {
            Err(error) => Verdict::Refused(error.to_string()),
            Ok(None) if count == 0 => Verdict::Waiting,
            Ok(_) => Verdict::Accepted,
        }
    }

    fn memory(&self) -> (usize, usize) {
        MEMORY
    }
}
