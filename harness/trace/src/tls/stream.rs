//! One TLS connection as a flow.

use interop_evidence::{Layer, View};

use super::connection::Connection;
use super::records::{self, Records};
use crate::Keys;
use crate::found::{FlowDecoder, Found, Piece, Way};

/// One TLS connection.
#[derive(Debug, Default)]
pub(crate) struct TlsStream {
    records: [Records; 2],
    connection: Connection,
}

impl TlsStream {
    /// Whether a stream that begins so is TLS.
    pub(crate) fn looks_like(start: &[u8]) -> bool {
        records::looks_like(start)
    }

    fn records(&mut self, way: Way) -> &mut Records {
        let [forth, back] = &mut self.records;
        match way {
            Way::Forth => forth,
            Way::Back => back,
        }
    }
}

impl FlowDecoder for TlsStream {
    fn feed(&mut self, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        let [forth, back] = &mut self.records;
        let records = match piece.way {
            Way::Forth => forth,
            Way::Back => back,
        };
        let connection = &mut self.connection;
        if !records.feed(piece.bytes, |record| connection.record(&record, piece, keys, out)) {
            connection.gap(piece.way);
            out.push(Found::at(
                piece,
                View::OuterFlow,
                Layer::Tls,
                "TLS stream goes on with something that is no record",
            ));
        }
    }

    fn gap(&mut self, way: Way, _bytes: u64) {
        self.records(way).lose();
        self.connection.gap(way);
    }
}
