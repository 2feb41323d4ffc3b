//! HTTP over TCP without TLS, and what is inside of its tunnels: through a proxy, or behind one that ends TLS.

use interop_evidence::{Layer, View};

use super::cstp::CstpStream;
use super::http::Http;
use crate::Keys;
use crate::found::{FlowDecoder, Found, Piece, Way};
use crate::tls::TlsStream;
use crate::words::Words;

/// One connection.
pub(crate) struct ClearHttp {
    view: View,
    http: Http,
    tunnel: Tunnel,
}

enum Tunnel {
    /// Nothing was sent through it.
    Unknown,
    Cstp(CstpStream),
    Tls(Box<TlsStream>),
    Other,
}

impl ClearHttp {
    /// What is found goes to this view.
    pub(crate) fn new(view: View) -> Self {
        Self { view, http: Http::new(view), tunnel: Tunnel::Unknown }
    }

    /// Whether a stream that begins so is HTTP; eight bytes are enough to tell.
    pub(crate) fn looks_like(start: &[u8]) -> bool {
        Http::looks_like(start)
    }
}

impl FlowDecoder for ClearHttp {
    fn feed(&mut self, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        let rest = self.http.feed(piece, keys, out);
        if rest.is_empty() {
            return;
        }
        let piece = &piece.with(rest);
        if let Tunnel::Unknown = self.tunnel {
            self.tunnel = match rest {
                [b'S', b'T', b'F', ..] => Tunnel::Cstp(CstpStream::default()),
                _ if TlsStream::looks_like(rest) => Tunnel::Tls(Box::default()),
                _ => {
                    let words = Words::new("tunnel of another kind").size(rest.len());
                    out.push(Found::at(piece, self.view, Layer::Http, words));
                    Tunnel::Other
                }
            };
        }
        match &mut self.tunnel {
            Tunnel::Cstp(cstp) => cstp.feed(piece, out),
            Tunnel::Tls(tls) => tls.feed(piece, keys, out),
            Tunnel::Unknown | Tunnel::Other => {}
        }
    }

    fn gap(&mut self, way: Way, bytes: u64) {
        match &mut self.tunnel {
            Tunnel::Tls(tls) => tls.gap(way, bytes),
            Tunnel::Cstp(cstp) => cstp.gap(way),
            _ => self.http.gap(way, bytes),
        }
    }
}
