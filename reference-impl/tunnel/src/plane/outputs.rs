//! What the core of a session asks for, and the end of a turn for one session.

use std::os::fd::AsRawFd;
use std::time::Duration;

use reference_cstp::defects::Mutant;
use reference_cstp::session::{Channel, DtlsEvent, EndReason, LostReason, Output, RekeyMethod, Role};

use super::PlaneEvent;
use super::index::Index;
use super::io::Io;
use super::live::Live;

/// With the defect that loses packets at a switch, for how long.
const DEFECTIVE_SILENCE: Duration = Duration::from_secs(3);
/// Bytes of one of the last reads of a broken connection.
const LAST_WORDS: usize = 16 * 1024;
/// Rounds of settling in one turn; each is caused by the one before, and two or three are usual.
const ROUNDS: usize = 32;

impl Live {
    /// Does everything that follows from what happened in this turn; `Some` when the session is over.
    pub(super) fn settle(&mut self, io: &mut Io, index: &mut Index) -> Option<EndReason> {
        for _ in 0..ROUNDS {
            let mut news = self.links.settle(self.slot, &mut self.core, io, index);
            while let Some(output) = self.core.session.poll_output() {
                news = true;
                if let Output::End(reason) = output {
                    return Some(reason);
                }
                self.execute(output, io, index);
            }
            self.settle_retired(io);
            let stuck = self.lane.as_ref().and_then(|lane| lane.gives_up_at(io.send_deadline));
            if stuck.is_some_and(|at| io.now >= at) {
                self.lose(LostReason::Broken, "the peer takes nothing of what is sent".into(), io);
            } else if let Some(Err(error)) = self.lane.as_mut().map(|lane| lane.flush(io)) {
                self.hear_last_words(io);
                self.lose(LostReason::Broken, error.to_string(), io);
            } else if !news {
                break;
            }
        }
        None
    }

    fn execute(&mut self, output: Output, io: &mut Io, index: &mut Index) {
        let id = self.core.stats.id;
        match output {
            Output::Send { channel, kind, payload } => self.send_control(channel, kind, &payload, io),
            Output::StartDtls { attempt } => self.start_dtls(Some(attempt), io),
            Output::RekeyDtls => self.start_dtls(None, io),
            Output::StopDtls(why) => self.links.stop(self.slot, why, &mut self.core, io, index),
            Output::SetMtu(mtu) => io.tell(PlaneEvent::Mtu { id, mtu }),
            Output::RekeyTls(method) => self.rekey_tls(method, io),
            Output::Lost(reason) => self.drop_lane(reason, String::new(), io),
            Output::Transport(channel) => {
                if io.role == Role::Client && io.defects.has(Mutant::LosesPacketsAtSwitch) {
                    self.core.mute_until = Some(io.now + DEFECTIVE_SILENCE);
                }
                io.tell(PlaneEvent::Transport { id, channel });
            }
            Output::End(_) => {}
        }
    }

    fn start_dtls(&mut self, attempt: Option<u32>, io: &mut Io) {
        if let Err(error) = self.links.start(self.slot, self.core.stats.id, attempt, io) {
            let reason = format!("no socket for it: {error}");
            io.tell(PlaneEvent::DtlsDown { id: self.core.stats.id, established: false, reason });
            self.core.session.on_dtls(DtlsEvent::Failed, io.now);
        }
    }

    /// Renews the keys in the connection; where that is impossible, the program makes a new tunnel.
    fn rekey_tls(&mut self, method: RekeyMethod, io: &mut Io) {
        let within =
            method == RekeyMethod::Ssl && self.lane.as_mut().is_some_and(|lane| lane.rekey(&mut self.core, io).is_ok());
        if !within {
            io.tell(PlaneEvent::RekeyTunnel { id: self.core.stats.id });
        }
    }

    /// Reads what came before the connection broke: a DISCONNECT may be among it.
    fn hear_last_words(&mut self, io: &mut Io) {
        if let Some(lane) = &mut self.lane {
            let (mut buffer, mut plain) = (vec![0; LAST_WORDS], Vec::new());
            // Either way nothing more comes.
            let _ = lane.read(&mut self.core, io, &mut buffer, &mut plain);
        }
    }

    /// The TLS channel is gone, as its socket says. After the peer's farewell that is no news.
    pub(super) fn lose(&mut self, reason: LostReason, detail: String, io: &mut Io) {
        if self.core.session.is_ended() {
            return;
        }
        // An alert that explains it may wait.
        if let Some(lane) = &mut self.lane {
            let _ = lane.flush(io);
        }
        self.drop_lane(reason, detail, io);
        self.core.session.on_tls_lost(reason);
    }

    /// Closes the TLS channel and tells the program, once.
    fn drop_lane(&mut self, reason: LostReason, detail: String, io: &Io) {
        if let Some(lane) = self.lane.take() {
            io.forget(lane.tcp().as_raw_fd());
            io.tell(PlaneEvent::Lost { id: self.core.stats.id, reason, detail });
        }
    }

    /// Tells everything that has a clock the time.
    pub(super) fn on_timeout(&mut self, io: &Io) {
        self.links.on_timeout(io.now);
        if self.core.session.poll_timeout().is_some_and(|at| at <= io.now) {
            self.core.session.on_timeout(io.now);
        }
    }

    /// The channel on which a farewell can leave.
    pub(super) fn farewell_channel(&self) -> Channel {
        if self.lane.is_some() { Channel::Tls } else { Channel::Dtls }
    }
}
