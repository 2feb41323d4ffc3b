//! What the records of a connection say.
//!
//! Lines of [`View::OuterFlow`] come from what is in the clear and from nothing else, so that they are the same with and without
//! keys. What the keys open is in [`View::ConnectHeaders`].

use std::sync::Arc;

use interop_evidence::{Layer, View};

use super::handshake::{self, CLIENT_HELLO, FINISHED, KEY_UPDATE, Message, Messages, SERVER_HELLO};
use super::hello::{ClientHello, ServerHello};
use super::names;
use super::opener::{Agreed, Opener, Outcome};
use super::records::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT, Record};
use crate::Keys;
use crate::app::Application;
use crate::found::{Found, Piece, Way};
use crate::words::Words;

/// A connection.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The ClientHello that was seen last, and who sent it.
    offered: Option<(Way, ClientHello)>,
    agreed: Option<Arc<Agreed>>,
    /// The server chose TLS 1.3, as anyone can see.
    tls13: bool,
    sides: [Side; 2],
    application: Application,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    /// Handshake messages in the clear.
    clear: Messages,
    /// Handshake messages that were opened.
    opened: Messages,
    /// A ChangeCipherSpec was seen.
    changed: bool,
    /// Bytes of the stream are missing.
    gap: bool,
    opener: Opener,
}

impl Side {
    /// A message of this direction cannot be completed any more.
    fn forget(&mut self) {
        self.clear.clear();
        self.opened.clear();
    }
}

/// What lines are made of: where, and with which keys.
struct Context<'a, 'b> {
    piece: &'a Piece<'b>,
    keys: &'a mut Keys,
    out: &'a mut Vec<Found>,
}

impl Context<'_, '_> {
    fn say(&mut self, view: View, words: impl Into<Words>) {
        self.out.push(Found::at(self.piece, view, Layer::Tls, words));
    }
}

impl Connection {
    /// Takes the next record of the direction of `piece`.
    pub(crate) fn record(&mut self, record: &Record<'_>, piece: &Piece<'_>, keys: &mut Keys, out: &mut Vec<Found>) {
        let mut context = Context { piece, keys, out };
        match record.kind {
            CHANGE_CIPHER_SPEC => self.change(record, &mut context),
            APPLICATION_DATA => {
                context.say(View::OuterFlow, Words::new("TLS application data").size(record.body.len()));
                self.assume_change(piece.way);
                self.open(record, &mut context);
            }
            ALERT if !self.is_encrypted(piece.way) && record.body.len() == 2 => {
                context.say(View::OuterFlow, alert(record.body));
            }
            ALERT => {
                context.say(View::OuterFlow, "TLS encrypted alert");
                self.open(record, &mut context);
            }
            HANDSHAKE if !self.is_encrypted(piece.way) => self.clear_handshake(record, &mut context),
            HANDSHAKE => {
                context.say(View::OuterFlow, "TLS encrypted handshake message");
                self.open(record, &mut context);
            }
            HEARTBEAT => {
                context.say(View::OuterFlow, "TLS heartbeat");
                if self.is_encrypted(piece.way) {
                    self.open(record, &mut context);
                }
            }
            _ => {}
        }
    }

    /// Bytes of the stream are missing.
    pub(crate) fn gap(&mut self, way: Way) {
        let side = self.side(way);
        side.forget();
        side.gap = true;
        side.opener.gap();
        self.application.gap(way);
    }

    fn side(&mut self, way: Way) -> &mut Side {
        let [forth, back] = &mut self.sides;
        match way {
            Way::Forth => forth,
            Way::Back => back,
        }
    }

    /// Whether handshake messages and alerts of this direction are encrypted; in TLS 1.3 those that are look like application data.
    fn is_encrypted(&mut self, way: Way) -> bool {
        !self.tls13 && self.side(way).changed
    }

    fn is_client(&self, way: Way) -> bool {
        self.offered.as_ref().is_some_and(|(client, _)| *client == way)
    }

    fn change(&mut self, record: &Record<'_>, context: &mut Context<'_, '_>) {
        context.say(View::OuterFlow, "TLS ChangeCipherSpec");
        let way = context.piece.way;
        if self.is_encrypted(way) {
            // Of a renegotiation; it ends the old keys.
            self.open(record, context);
        }
        self.side(way).forget();
        self.start_session(way);
        self.side(way).changed = true;
    }

    /// The ChangeCipherSpec was in a gap, if there is application data below TLS 1.3 without one.
    fn assume_change(&mut self, way: Way) {
        let side = self.side(way);
        if side.gap && !side.changed {
            side.changed = true;
            self.start_session(way);
            self.side(way).opener.gap();
        }
    }

    fn start_session(&mut self, way: Way) {
        let is_client = self.is_client(way);
        if let Some(agreed) = self.agreed.clone()
            && !self.tls13
        {
            self.side(way).opener.change(agreed, is_client);
        }
    }

    fn clear_handshake(&mut self, record: &Record<'_>, context: &mut Context<'_, '_>) {
        let mut messages = Vec::new();
        let whole = self.side(context.piece.way).clear.feed(record.body, &mut messages);
        messages.iter().for_each(|message| self.message(message, View::OuterFlow, context));
        if !whole {
            context.say(View::OuterFlow, "TLS encrypted handshake message");
        }
    }

    /// Opens a record and reads what is in it.
    fn open(&mut self, record: &Record<'_>, context: &mut Context<'_, '_>) {
        let way = context.piece.way;
        let opened = match self.side(way).opener.open(record, context.keys) {
            Outcome::Opened(opened) => opened,
            Outcome::Closed => return,
            Outcome::Failed => {
                let words = "TLS records cannot be opened: wrong key or lost records";
                return context.say(View::ConnectHeaders, words);
            }
        };
        match opened.kind {
            APPLICATION_DATA => self.application.record(&context.piece.with(&opened.bytes), context.keys, context.out),
            ALERT => context.say(View::ConnectHeaders, alert(&opened.bytes)),
            HANDSHAKE => {
                let mut messages = Vec::new();
                let whole = self.side(way).opened.feed(&opened.bytes, &mut messages);
                for message in &messages {
                    self.message(message, View::ConnectHeaders, context);
                    match message.kind {
                        FINISHED => self.side(way).opener.finished(),
                        KEY_UPDATE => self.side(way).opener.update(),
                        _ => {}
                    }
                }
                if !whole {
                    context.say(View::ConnectHeaders, "TLS handshake message that cannot be read");
                }
            }
            _ => {}
        }
    }

    /// Says what a handshake message is, and keeps what the keys depend on.
    fn message(&mut self, message: &Message, view: View, context: &mut Context<'_, '_>) {
        let details = match message.kind {
            CLIENT_HELLO => ClientHello::of(&message.body).map(|hello| {
                let words = hello.words();
                self.offered = Some((context.piece.way, hello));
                words
            }),
            SERVER_HELLO => {
                if let Some(hello) = ServerHello::of(&message.body) {
                    return self.server_hello(hello, view, context);
                }
                None
            }
            _ => {
                let name = names::handshake(message.kind).unwrap_or("handshake message");
                let details = handshake::details(message, self.tls13);
                let line = details.map_or_else(|| format!("TLS {name}"), |details| format!("TLS {name} {details}"));
                return context.say(view, line);
            }
        };
        let name = names::handshake(message.kind).unwrap_or_default();
        let details = details.unwrap_or_else(|| "that cannot be read".to_owned());
        context.say(view, format!("TLS {name} {details}"));
    }

    fn server_hello(&mut self, hello: ServerHello, view: View, context: &mut Context<'_, '_>) {
        let in_clear = view == View::OuterFlow;
        let tls13 = hello.version >= 0x0304;
        if in_clear {
            self.tls13 = tls13;
        }
        if hello.retry {
            return context.say(view, format!("TLS HelloRetryRequest {}", hello.words(false)));
        }
        let offered = self.offered.as_ref().map(|(_, offered)| offered);
        let same_id = !hello.session_id.is_empty() && offered.is_some_and(|one| one.session_id == hello.session_id);
        let resumed = if tls13 { hello.psk } else { same_id };
        context.say(view, format!("TLS ServerHello {}", hello.words(resumed)));
        let Some(offered) = offered else { return };
        let agreed = Arc::new(Agreed {
            version: hello.version,
            suite: hello.suite,
            client_random: offered.random.clone(),
            server_random: hello.random,
            session_id: hello.session_id,
            encrypt_then_mac: hello.encrypt_then_mac,
            early_data: offered.early_data,
        });
        self.agreed = Some(Arc::clone(&agreed));
        if tls13 && in_clear {
            for way in [Way::Forth, Way::Back] {
                let is_client = self.is_client(way);
                self.side(way).opener.handshake(Arc::clone(&agreed), is_client);
            }
        }
    }
}

fn alert(body: &[u8]) -> String {
    match body {
        &[level, description] => format!("TLS alert {}", names::alert(level, description)),
        _ => "TLS alert that cannot be read".to_owned(),
    }
}
