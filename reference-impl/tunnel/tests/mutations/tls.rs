//! TLS channels over both libraries, in their handshake and behind it.

use reference_tunnel::tls::TlsChannel;

use crate::common::{Identity, Library, Only, client, server};
use crate::dice::Dice;
use crate::harness::{Parser, Verdict};

/// Calls after which a handshake has to be over.
const FLIGHTS: usize = 10;

/// What comes in the records of a channel that is up.
const PLAIN: &[&[u8]] = &[b"HTTP/1.1 200 OK\r\n\r\n", b"STF\x01\0\x03\0\0abc", b"STF\x01\0\0\x03\0"];

/// Which version, whether the client is looked at, and which of the flights that it gets is changed; the one behind
/// those of the handshake holds packets.
type Stage = (Only, bool, usize);

/// Live pairs of channels: keys are fresh each time, so nothing can be recorded.
pub(crate) struct Channels {
    name: &'static str,
    library: Library,
    identity: Identity,
    stages: Vec<Stage>,
    /// The side that is looked at, and its peer.
    pair: Option<(TlsChannel, TlsChannel)>,
}

impl Channels {
    pub(crate) fn rustls() -> Self {
        Self::of("tls-rustls", Library::Rustls)
    }

    pub(crate) fn openssl() -> Self {
        Self::of("tls-openssl", Library::OpenSsl)
    }

    fn of(name: &'static str, library: Library) -> Self {
        let identity = Identity::new();
        let mut stages = Vec::new();
        for (version, is_client) in [Only::Tls12, Only::Tls13].into_iter().flat_map(|it| [(it, true), (it, false)]) {
            for number in 0..3 {
                stages.push((version, is_client, number));
            }
        }
        let mut channels = Self { name, library, identity, stages, pair: None };
        // Sides get different numbers of flights; there is nothing to change behind the last one.
        let stages = channels.stages.clone();
        channels.stages = stages.into_iter().filter(|stage| !channels.flight(*stage).is_empty()).collect();
        channels
    }

    /// Makes a fresh pair and returns what the side gets next in this stage.
    fn flight(&mut self, (version, is_client, number): Stage) -> Vec<u8> {
        let one = client(self.library, version, &self.identity);
        let two = server(self.library, version, &self.identity);
        let (mut own, mut peer) = if is_client { (one, two) } else { (two, one) };
        let mut got = 0;
        for _ in 0..FLIGHTS {
            let flight = peer.take_output();
            if !flight.is_empty() {
                if got == number {
                    self.pair = Some((own, peer));
                    return flight;
                }
                got += 1;
                give(&mut own, &flight);
            }
            give(&mut peer, &own.take_output());
            if !own.is_handshaking() && !peer.is_handshaking() && peer.output().is_empty() {
                if got > number {
                    return Vec::new();
                }
                for plain in PLAIN {
                    peer.write_record(&[plain]).unwrap();
                }
                if version == Only::Tls13 {
                    peer.update_keys().unwrap();
                    peer.write_record(&[PLAIN[0]]).unwrap();
                }
            }
        }
        panic!("the handshake does not end");
    }
}

fn give(channel: &mut TlsChannel, flight: &[u8]) {
    channel.feed(flight);
    while channel.next_record(&mut Vec::new()).unwrap() {}
}

impl Parser for Channels {
    fn name(&self) -> &'static str {
        self.name
    }

    /// The bytes are those of [`Parser::prepare`]; here they only serve as pieces for others.
    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let hello = client(self.library, Only::Tls13, &self.identity).take_output();
        (0..self.stages.len()).map(|stage| (stage, hello.clone())).collect()
    }

    fn prepare(&mut self, state: usize) -> Option<Vec<u8>> {
        Some(self.flight(self.stages[state % self.stages.len()]))
    }

    fn feed(&mut self, _: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let (mut own, mut peer) = self.pair.take().expect("nothing is prepared");
        let (mut rest, mut plain) = (input, Vec::new());
        let mut refusal = None;
        let mut count = 0;
        'pieces: while !rest.is_empty() {
            let most = input.len();
            let (mut piece, later) = rest.split_at((1 + most / 8 + dice.below(most)).min(rest.len()));
            rest = later;
            loop {
                let before = plain.len();
                let read = if dice.one_in(2) {
                    own.feed(piece);
                    piece = &[];
                    own.next_record(&mut plain)
                } else {
                    own.next_record_from(&mut piece, &mut plain)
                };
                match read {
                    Ok(true) => {
                        let expected = PLAIN.get(count).unwrap_or(&PLAIN[0]);
                        assert!(plain[before..] == **expected, "a record arrives that was never sent");
                        count += 1;
                    }
                    Ok(false) => break,
                    Err(error) => {
                        assert_eq!(plain.len(), before, "a refused record leaves something behind");
                        refusal = Some(error.to_string());
                        break 'pieces;
                    }
                }
            }
        }
        assert!(count <= PLAIN.len() + 1, "a record arrives twice");
        // Alerts and answers, and the peer takes them as it likes.
        let answer = own.take_output();
        assert!(answer.len() <= 64 << 10, "{} bytes in answer", answer.len());
        peer.feed(&answer);
        while matches!(peer.next_record(&mut Vec::new()), Ok(true)) {}
        let _ = (own.sni(), own.suite(), own.version(), own.peer_certificates(), own.peer_closed(), own.alpn());
        own.close_notify();
        match refusal {
            Some(reason) => Verdict::Refused(reason),
            None if !own.is_handshaking() || !answer.is_empty() => Verdict::Accepted,
            None => Verdict::Waiting,
        }
    }

    fn memory(&self) -> (usize, usize) {
        (512 << 10, 64)
    }
}
