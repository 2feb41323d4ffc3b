//! Connections of real programs, decoded with and without their keys.

mod any;
mod matrix;
mod recorded;

use interop_evidence::{Layer, View};

use super::TlsStream;
use crate::Keys;
use crate::found::{FlowDecoder, Found, Moment, Piece, Way};
use crate::testing::{directed, line};

/// Pieces of both directions, in the order in which they went, and the key log.
#[derive(Clone, Debug, Default)]
struct Conversation {
    pieces: Vec<(Way, Vec<u8>)>,
    key_log: String,
}

impl Conversation {
    /// Reads lines `key ...`, `> HEX` and `< HEX`.
    fn of(text: &str) -> Self {
        let mut conversation = Self::default();
        for line in text.lines() {
            let (kind, rest) = line.split_once(' ').unwrap();
            match kind {
                "key" => conversation.key_log += &format!("{rest}\n"),
                ">" | "<" => {}
                other => panic!("{other}"),
            }
        }
        conversation.pieces = directed(text);
        conversation
    }

    fn keys(&self) -> Keys {
        let mut keys = Keys::new();
        assert_eq!(keys.add_log(&self.key_log), 0);
        keys
    }

    /// What the decoder finds when every piece comes in parts of at most so many bytes.
    fn decode(&self, keys: &mut Keys, most: usize) -> Vec<Found> {
        let (mut stream, mut out) = (TlsStream::default(), Vec::new());
        for (number, (way, bytes)) in (1..).zip(&self.pieces) {
            for bytes in bytes.chunks(most) {
                let moment = Moment { frame: number, ..Moment::default() };
                stream.feed(&Piece { moment, way: *way, bytes }, keys, &mut out);
            }
        }
        out
    }

    fn with_keys(&self) -> Vec<Found> {
        self.decode(&mut self.keys(), usize::MAX)
    }

    fn without_keys(&self) -> Vec<Found> {
        self.decode(&mut Keys::new(), usize::MAX)
    }
}

/// Lines of TLS of a view: `> TLS ClientHello 1.3`.
fn lines(found: &[Found], view: View) -> Vec<String> {
    found.iter().filter(|one| one.view == view && one.layer == Layer::Tls).map(line).collect()
}
