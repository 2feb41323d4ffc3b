//! One DTLS session: what its handshakes agreed on, epoch by epoch, and the keys that follow from it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::Keys;
use crate::found::Way;
use crate::keys::DtlsSession;
use crate::tls::protect::{self, Protection, RecordHeader};

use super::handshake::Message;
use super::hello::{ClientHello, ServerHello};
use super::record::Record;
use super::window::Window;

/// Epochs of a session that are remembered: the one in use and those that came before.
const MOST_EPOCHS: usize = 4;
/// Messages of one direction that are remembered, to know them when they come again.
const MOST_SEEN: usize = 64;
/// Records that are tried before an epoch is taken for one without keys.
const MOST_TRIES: u8 = 16;

/// A session, from its ClientHello on.
#[derive(Debug)]
pub(super) struct Session {
    /// The direction in which the client sends.
    client: Way,
    epochs: BTreeMap<u16, Epoch>,
    sides: [Side; 2],
}

/// What one end has sent.
#[derive(Debug, Default)]
struct Side {
    /// Epoch and number of messages, with a hash of their content.
    seen: Vec<(u16, u16, u64)>,
    /// The epoch that its last ChangeCipherSpec began.
    reached: u16,
    /// Whether it is sending its last flight once more.
    is_repeating: bool,
}

/// An epoch. The handshake within it agrees on the keys of the next one.
#[derive(Debug, Default)]
pub(super) struct Epoch {
    pub(super) client: Option<ClientHello>,
    pub(super) server: Option<ServerHello>,
    windows: [Window; 2],
    doors: [Door; 2],
}

/// The keys of one direction of an epoch.
#[derive(Debug)]
enum Door {
    /// Not found so far; how many records were tried.
    Unknown(u8),
    /// Known. Boxed: most epochs have none.
    Open(Box<Protection>),
}

impl Default for Door {
    fn default() -> Self {
        Self::Unknown(0)
    }
}

impl Session {
    pub(super) fn new(client: Way) -> Self {
        Self { client, epochs: BTreeMap::new(), sides: Default::default() }
    }

    /// Whether it began with a ClientHello that has this random.
    pub(super) fn began_with(&self, random: &[u8]) -> bool {
        self.epochs.get(&0).and_then(|epoch| epoch.client.as_ref()).is_some_and(|hello| hello.random == random)
    }

    /// Whether an end has announced this epoch.
    pub(super) fn has_reached(&self, way: Way, epoch: u16) -> bool {
        self.side(way).reached >= epoch
    }

    pub(super) fn epoch(&mut self, number: u16) -> &mut Epoch {
        if !self.epochs.contains_key(&number) && self.epochs.len() >= MOST_EPOCHS {
            // One that nobody has announced: a broken packet. Else the oldest, but not the one in which the session
            // began.
            let reached = self.sides.iter().map(|side| side.reached).max().unwrap_or_default();
            let mut known = self.epochs.keys().copied();
            let last = known.next_back().filter(|last| *last > reached);
            if let Some(epoch) = last.or_else(|| self.epochs.keys().copied().find(|epoch| *epoch != 0)) {
                self.epochs.remove(&epoch);
            }
        }
        self.epochs.entry(number).or_default()
    }

    /// Whether a record of the same number came before.
    pub(super) fn is_again(&mut self, way: Way, record: &Record<'_>) -> bool {
        let window = self.epoch(record.epoch).windows.get_mut(way.index());
        window.is_some_and(|window| window.is_again(record.number))
    }

    /// Whether a message came before, with the same number and content.
    pub(super) fn has_seen(&mut self, way: Way, epoch: u16, message: &Message<'_>) -> bool {
        let mut hasher = DefaultHasher::new();
        (message.kind, message.body.as_ref()).hash(&mut hasher);
        let this = (epoch, message.sequence, hasher.finish());
        let side = self.side_mut(way);
        let again = side.seen.contains(&this);
        if !again {
            if side.seen.len() >= MOST_SEEN {
                side.seen.remove(0);
            }
            side.seen.push(this);
        }
        again
    }

    /// A ChangeCipherSpec; says whether it came before.
    pub(super) fn change(&mut self, way: Way, epoch: u16) -> bool {
        let side = self.side_mut(way);
        let next = epoch.saturating_add(1);
        let again = side.reached >= next;
        // At most one may have been missed; more is a broken packet.
        if epoch <= side.reached.saturating_add(1) {
            side.reached = side.reached.max(next);
        }
        again
    }

    /// Says that an end sends a flight once more, or that it goes on.
    pub(super) fn repeats(&mut self, way: Way, again: bool) {
        self.side_mut(way).is_repeating = again;
    }

    /// Whether an end is sending a flight once more.
    pub(super) fn is_repeating(&self, way: Way) -> bool {
        self.side(way).is_repeating
    }

    /// The plain text of a protected record, if there are keys.
    pub(super) fn open(&mut self, way: Way, record: &Record<'_>, keys: &mut Keys) -> Option<Vec<u8>> {
        let header = RecordHeader {
            sequence: u64::from(record.epoch) << 48 | record.number,
            kind: record.kind,
            version: record.version,
        };
        let from_client = way == self.client;
        let before = record.epoch.checked_sub(1)?;
        let tries = match self.epoch(record.epoch).doors.get_mut(way.index())? {
            Door::Open(protection) => {
                return protection.open(&header, record.body, &mut keys.known).map(|opened| opened.bytes);
            }
            Door::Unknown(tries) => tries,
        };
        if *tries >= MOST_TRIES {
            return None;
        }
        let tried = *tries;
        for agreed in self.candidates(before, record.version, keys) {
            let Some(mut protection) = Protection::new(&agreed.session(), from_client) else { continue };
            if let Some(opened) = protection.open(&header, record.body, &mut keys.known) {
                *self.epoch(record.epoch).doors.get_mut(way.index())? = Door::Open(Box::new(protection));
                keys.opened_dtls(agreed);
                return Some(opened.bytes);
            }
            *self.epoch(record.epoch).doors.get_mut(way.index())? = Door::Unknown(tried.saturating_add(1));
        }
        None
    }

    /// What the handshake in the epoch `before` agreed on. Where there is none, an end of a session has moved to another
    /// address or port, and it may be any that was opened.
    fn candidates(&self, before: u16, version: u16, keys: &mut Keys) -> Vec<DtlsSession> {
        match self.epochs.get(&before).filter(|epoch| epoch.client.is_some()) {
            Some(epoch) => epoch.agreed(keys),
            None => keys.lately_dtls().filter(|agreed| agreed.version == version).cloned().collect(),
        }
    }

    fn side(&self, way: Way) -> &Side {
        let [forth, back] = &self.sides;
        if way == Way::Forth { forth } else { back }
    }

    fn side_mut(&mut self, way: Way) -> &mut Side {
        let [forth, back] = &mut self.sides;
        if way == Way::Forth { forth } else { back }
    }
}

impl Epoch {
    /// On what this epoch's handshake agreed; several when it is not certain which secret is in use.
    fn agreed(&self, keys: &mut Keys) -> Vec<DtlsSession> {
        let (Some(client), Some(server)) = (&self.client, &self.server) else { return Vec::new() };
        if server.is_dtls13() {
            return Vec::new();
        }
        let mut masters: Vec<Vec<u8>> = Vec::new();
        if server.resumes(client) {
            masters.extend(keys.resume_dtls(&server.session_id, &client.random));
        }
        if let Some(master) = keys.master(&client.random)
            && !masters.iter().any(|known| known == master)
        {
            masters.push(master.to_vec());
        }
        let agreed = |master: Vec<u8>| DtlsSession {
            version: server.version,
            suite: server.suite,
            master,
            client_random: client.random.clone(),
            server_random: server.random.clone(),
            encrypt_then_mac: server.encrypts_then_macs(client),
        };
        masters.into_iter().map(agreed).collect()
    }
}

impl DtlsSession {
    fn session(&self) -> protect::Session<'_> {
        protect::Session {
            version: self.version,
            suite: self.suite,
            master: &self.master,
            client_random: &self.client_random,
            server_random: &self.server_random,
            encrypt_then_mac: self.encrypt_then_mac,
        }
    }
}
