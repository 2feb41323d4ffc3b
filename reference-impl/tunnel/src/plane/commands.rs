//! Orders of the program: sessions come, change their TLS channel, and go.

use std::mem;
use std::os::fd::AsRawFd;

use reference_cstp::frame::{PacketType, reason};
use reference_cstp::session::{EndReason, LostReason, Role, StopReason};

use super::closing::Closing;
use super::handle::{Command, lock};
use super::lane::{Lane, Reading, Retired};
use super::live::Live;
use super::worker::{Entry, LANE, STOP_PATIENCE, Worker, token};
use super::{Attach, DtlsSetup, Farewell, PlaneEvent, PlaneStats, SessionId};

impl Worker {
    /// Carries out the orders that wait.
    pub(super) fn obey(&mut self) {
        let orders = lock(&self.mailbox).as_mut().map(mem::take).unwrap_or_default();
        for order in orders {
            match order {
                Command::Attach(attach) => self.attach(*attach),
                Command::Detach(id, farewell) => {
                    if let Some(slot) = self.index.ids.get(&id) {
                        self.detach(*slot, &farewell);
                    }
                }
                Command::Stats(sender) => {
                    // Whoever asked may have gone.
                    let _ = sender.send(self.stats());
                }
                Command::Stop => self.stop(),
            }
        }
    }

    fn attach(&mut self, mut attach: Attach) {
        if self.stopping.is_some() {
            return;
        }
        let known = self.index.ids.get(&attach.id).copied();
        let slot = known.unwrap_or_else(|| self.slots.reserve());
        if known.is_some() {
            self.reattach(slot, &mut attach);
        } else {
            let live = Live::new(slot, &mut attach, self.io.now);
            self.index.ids.insert(attach.id, slot);
            self.index.add_inner(&live.core.inner, slot);
            self.listen(slot, live.links.setup.as_ref());
            self.slots.put(slot, Entry::Live(Box::new(live)));
        }
        let Some(live) = self.slots.live(slot) else { return };
        match Lane::new(attach.tcp, attach.tls, slot, &self.io) {
            Ok(mut lane) => {
                let early = if attach.early.is_empty() {
                    Ok(())
                } else {
                    lane.early(&attach.early, &mut live.core, &mut self.io)
                };
                live.lane = Some(lane);
                if let Err(Reading::Lost(reason, detail)) = early {
                    live.lose(reason, detail, &mut self.io);
                }
                // The channel may hold records already.
                if live.ready & (1 << LANE) == 0 {
                    live.ready |= 1 << LANE;
                    self.ready.push_back(token(slot, LANE));
                }
            }
            Err(error) => {
                live.core.session.on_tls_lost(LostReason::Broken);
                let (id, detail) = (attach.id, error.to_string());
                self.io.tell(PlaneEvent::Lost { id, reason: LostReason::Broken, detail });
            }
        }
        self.touch(slot);
    }

    /// A new TLS channel for a session that lives: a reconnect or a new tunnel.
    fn reattach(&mut self, slot: usize, attach: &mut Attach) {
        let Some(live) = self.slots.live(slot) else { return };
        let older = live.retired.take().map(Retired::into_lane);
        live.retired = live.lane.take().map(|lane| Retired::new(lane, slot, &mut self.io));
        let same_dtls = live.links.setup == attach.dtls;
        let same = live.config == attach.session && same_dtls;
        live.core.compression = attach.compression;
        let old_inner = mem::replace(&mut live.core.inner, mem::take(&mut attach.inner));
        let inner = live.core.inner.clone();
        if !same_dtls {
            live.links.stop(slot, StopReason::Replaced, &mut live.core, &mut self.io, &mut self.index);
        }
        let old_setup = if same_dtls { None } else { mem::replace(&mut live.links.setup, attach.dtls.take()) };
        let setup = live.links.setup.clone();
        if same {
            live.core.session.on_tls_replaced(self.io.now);
        } else {
            live.config.clone_from(&attach.session);
            // Ends the old DTLS at once, and a client begins the new one; nothing is sent where nobody listens any more.
            live.core.session.reconfigure(attach.session.clone(), self.io.now);
        }
        self.index.remove_inner(&old_inner, slot);
        self.index.add_inner(&inner, slot);
        if !same_dtls {
            self.unlisten(slot, old_setup.as_ref());
            self.listen(slot, setup.as_ref());
        }
        if let Some(lane) = older {
            self.close(lane);
        }
    }

    /// Makes a ClientHello with the session's id lead to it.
    fn listen(&mut self, slot: usize, setup: Option<&DtlsSetup>) {
        if let Some(DtlsSetup::Server { config }) = setup {
            self.index.hellos.insert(config.session_id.clone(), slot);
        }
    }

    fn unlisten(&mut self, slot: usize, setup: Option<&DtlsSetup>) {
        if let Some(DtlsSetup::Server { config }) = setup
            && self.index.hellos.get(&config.session_id) == Some(&slot)
        {
            self.index.hellos.remove(&config.session_id);
        }
    }

    fn detach(&mut self, slot: usize, farewell: &Farewell) {
        let Some(live) = self.slots.live(slot) else { return };
        match farewell {
            Farewell::Disconnect { reason, text } => {
                live.core.session.disconnect(*reason, text, self.io.now);
                self.touch(slot);
            }
            Farewell::Terminate => {
                let channel = live.farewell_channel();
                live.send_control(channel, PacketType::Terminate, &[], &mut self.io);
                self.finish(slot, EndReason::Requested);
            }
            Farewell::Silent => self.finish(slot, EndReason::Requested),
        }
    }

    /// A session is over: its tables and sockets go, its TLS channel is closed in good order.
    pub(super) fn finish(&mut self, slot: usize, reason: EndReason) {
        let Some(Entry::Live(mut live)) = self.slots.take(slot) else { return };
        self.timers.disarm(slot, &mut live.armed);
        self.index.ids.remove(&live.core.stats.id);
        self.index.remove_inner(&live.core.inner, slot);
        self.unlisten(slot, live.links.setup.as_ref());
        let stats = Box::new(live.stats());
        live.links.remove_where(slot, &self.io, &mut self.index, |_| true);
        for lane in [live.lane.take(), live.retired.take().map(Retired::into_lane)].into_iter().flatten() {
            self.close(lane);
        }
        self.io.tell(PlaneEvent::Ended { id: stats.id, reason, stats });
    }

    /// Closes a TLS channel in good order, in a slot of its own.
    fn close(&mut self, lane: Lane) {
        let slot = self.slots.reserve();
        let fd = lane.tcp().as_raw_fd();
        let mut closing = Closing::new(lane, &self.io);
        if self.io.rename(fd, token(slot, LANE)).is_err() || !closing.goes_on(&mut self.io, &mut self.scratch.tcp) {
            self.slots.put(slot, Entry::Closing(Box::new(closing)));
            self.release(slot);
            return;
        }
        let until = Some(closing.until);
        self.timers.arm(slot, &mut closing.armed, until);
        self.slots.put(slot, Entry::Closing(Box::new(closing)));
    }

    /// Frees a slot whose TLS channel is closed.
    pub(super) fn release(&mut self, slot: usize) {
        if let Some(Entry::Closing(mut closing)) = self.slots.take(slot) {
            self.timers.disarm(slot, &mut closing.armed);
            closing.close(&self.io);
        }
    }

    fn stop(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        self.stopping = Some(self.io.now + STOP_PATIENCE);
        let farewell = match self.io.role {
            Role::Client => Farewell::Disconnect { reason: reason::USER, text: "the client stops".into() },
            Role::Server => Farewell::Terminate,
        };
        for slot in self.index.ids.values().copied().collect::<Vec<_>>() {
            self.detach(slot, &farewell);
        }
    }

    fn stats(&mut self) -> PlaneStats {
        let slots: Vec<(SessionId, usize)> = self.index.ids.iter().map(|(id, slot)| (*id, *slot)).collect();
        let sessions = slots.iter().filter_map(|(_, slot)| self.slots.live(*slot).map(|live| live.stats()));
        PlaneStats { sessions: sessions.collect(), ..self.io.counters.clone() }
    }
}
