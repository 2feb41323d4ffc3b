//! What is inside: HTTP, aggregate-auth XML, CSTP, DNS, OpenVPN, ICMP.

mod body;
pub(crate) mod clear;
pub(crate) mod cstp;
pub(crate) mod dns;
mod head;
mod http;
pub(crate) mod icmp;
pub(crate) mod openvpn;
#[cfg(test)]
mod tests;
mod variable;
mod xml;

use interop_evidence::View;

use self::cstp::CstpStream;
use self::http::Http;
use crate::Keys;
use crate::found::{Found, Piece, Way};

/// The plain text of a connection: HTTP until CONNECT is granted, then CSTP.
#[derive(Debug)]
pub(crate) struct Application {
    http: Http,
    cstp: CstpStream,
}

impl Default for Application {
    fn default() -> Self {
        Self { http: Http::new(View::ConnectHeaders), cstp: CstpStream::default() }
    }
}

impl Application {
    /// Takes the plain text of one TLS record.
    pub(crate) fn record(&mut self, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        let rest = self.http.feed(piece, keys, out);
        if !rest.is_empty() {
            self.cstp.feed(&piece.with(rest), out);
        }
    }

    /// Records of the connection are missing, nobody knows with how much in them.
    pub(crate) fn gap(&mut self, way: Way) {
        self.http.gap(way, u64::MAX);
        self.cstp.gap(way);
    }
}
