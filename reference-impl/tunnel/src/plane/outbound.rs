//! From the device to the tunnel.

use std::ops::Range;

use reference_cstp::compress::Scratch;
use reference_cstp::defects::Mutant;
use reference_cstp::frame::PacketType;
use reference_cstp::session::{Channel, Role};

use super::inbound::DEFECTIVE_LIMIT;
use super::io::Io;
use super::live::{Core, Live};
use super::packet::Packet;
use super::udp::{Appended, Batch};
use crate::net::clamp_mss;

/// A datagram is too long for the path.
struct TooLong;

impl Live {
    /// Sends the inner packet that lies at `range` of `arena`; on DTLS it leaves with [`flush_batch`](Self::flush_batch).
    pub(super) fn send_packet(&mut self, packet: Packet, arena: &mut [u8], range: Range<usize>, io: &mut Io) {
        let core = &mut self.core;
        if packet.is_traffic {
            core.session.on_traffic(io.now);
        }
        let defective =
            io.role == Role::Server && io.defects.has(Mutant::DropsLargePackets) && range.len() > DEFECTIVE_LIMIT;
        if defective || core.mute_until.is_some_and(|until| io.now < until) {
            core.stats.drops.defect += 1;
            return;
        }
        if packet.may_be_syn {
            clamp_mss(&mut arena[range.clone()], core.session.mtu());
        }
        if io.role == Role::Server && range.len() > usize::from(core.session.mtu()) {
            io.complain(&arena[range.clone()], core.session.mtu());
        }
        // What DTLS is not known to carry goes over TLS, by itself: what follows does not (AC-MTU-08).
        let fits = range.len() <= usize::from(core.session.dtls_mtu()) || self.lane.is_none();
        let on_dtls = core.session.outbound() == Channel::Dtls && fits;
        if on_dtls && self.links.active().is_some() {
            self.batch_packet(arena, range, io);
        } else if on_dtls && io.defects.has(Mutant::NeverFallsBack) {
            core.stats.drops.defect += 1;
        } else {
            self.write_packet(&arena[range], io);
        }
    }

    /// Puts a packet into the TLS channel.
    fn write_packet(&mut self, packet: &[u8], io: &mut Io) {
        let core = &mut self.core;
        let Some(lane) = self.lane.as_mut().filter(|lane| lane.has_room()) else {
            core.stats.drops.stuck += 1;
            return;
        };
        let mut deflated = std::mem::take(&mut io.deflated);
        let (kind, body) = deflate(core, Channel::Tls, packet, &mut io.compressor, &mut deflated);
        match lane.write_frame(kind, body, io) {
            Ok(()) => {
                core.stats.tls.sent(packet.len());
                core.session.on_data_sent(Channel::Tls, io.now);
            }
            Err(_) => core.stats.drops.stuck += 1,
        }
        io.deflated = deflated;
    }

    /// Seals a packet into the batch for the active association.
    fn batch_packet(&mut self, arena: &[u8], range: Range<usize>, io: &mut Io) {
        let mut batch = self.batch.take().unwrap_or_else(|| io.batch());
        let mut deflated = std::mem::take(&mut io.deflated);
        let start = batch.records().len();
        let Some(link) = self.links.active() else { return };
        let (kind, body) = deflate(&self.core, Channel::Dtls, &arena[range.clone()], &mut io.compressor, &mut deflated);
        let sealed = link.connection.seal(&[&[kind.code()], body], batch.records());
        io.deflated = deflated;
        if sealed.is_err() {
            batch.records().truncate(start);
            self.batch = Some(batch);
            self.core.stats.drops.network += 1;
            return;
        }
        self.core.stats.dtls.sent(range.len());
        let Some(udp) = link.udp(io) else { return };
        match batch.appended(start, range.clone(), udp) {
            Appended::Open => {}
            Appended::Full => self.send_batch(&mut batch, usize::MAX, arena, io),
            Appended::DoesNotFit => {
                self.send_batch(&mut batch, start, arena, io);
                batch.restart(start, range);
            }
        }
        self.batch = Some(batch);
    }

    /// Sends what the batch holds and gives its memory back; `arena` is where its packets lie.
    pub(super) fn flush_batch(&mut self, arena: &[u8], io: &mut Io) {
        let Some(mut batch) = self.batch.take() else { return };
        if !batch.is_empty() {
            self.send_batch(&mut batch, usize::MAX, arena, io);
        }
        io.recycle_batch(batch);
    }

    /// Sends the records in front of `end`; packets that are too long for the path go over TLS (AC-MTU-08).
    fn send_batch(&mut self, batch: &mut Batch, end: usize, arena: &[u8], io: &mut Io) {
        let mut back: Vec<Range<usize>> = Vec::new();
        if let Some(link) = self.links.active()
            && let Some(udp) = link.udp(io)
        {
            let all = end == usize::MAX;
            let end = end.min(batch.records().len());
            self.core.stats.drops.network += batch.send(udp, link.route, end, &mut |packet| back.push(packet));
            if all {
                batch.clear();
            }
        }
        self.core.session.on_data_sent(Channel::Dtls, io.now);
        if let Some(longest) = back.iter().map(Range::len).max() {
            self.note_too_long(longest, io);
        }
        for packet in back {
            let traffic = &mut self.core.stats.dtls;
            traffic.tx_packets -= 1;
            traffic.tx_bytes -= packet.len() as u64;
            self.write_packet(&arena[packet], io);
        }
    }

    /// The kernel refused a datagram for its size: it knows something about the path.
    fn note_too_long(&mut self, size: usize, io: &Io) {
        let known = self.links.active().and_then(|link| link.known_mtu(io)).filter(|known| usize::from(*known) < size);
        match known {
            Some(known) => self.core.session.on_path_mtu(known, io.now),
            None => self.core.session.on_message_too_long(Channel::Dtls, size, io.now),
        }
    }

    /// Sends one control frame.
    pub(super) fn send_control(&mut self, channel: Channel, kind: PacketType, payload: &[u8], io: &mut Io) {
        match channel {
            Channel::Tls => {
                if let Some(lane) = &mut self.lane {
                    // What waits for a peer that takes nothing is bounded; its silence ends the channel anyway.
                    let _ = lane.write_frame(kind, payload, io);
                }
            }
            Channel::Dtls => {
                if self.send_record(kind, payload, io).is_err() {
                    self.note_too_long(payload.len(), io);
                    if kind == PacketType::DpdResponse {
                        // The peer learns that its request came, and that there is no way back for its size.
                        let _ = self.send_record(kind, &[], io);
                    }
                }
            }
        }
    }

    /// Sends one record on DTLS; an error means that it is too long, and all else is a loss like any other.
    fn send_record(&mut self, kind: PacketType, payload: &[u8], io: &mut Io) -> Result<(), TooLong> {
        let mut record = io.buffer();
        let mut result = Ok(());
        if let Some(link) = self.links.active()
            && link.connection.seal(&[&[kind.code()], payload], &mut record).is_ok()
            && let Some(udp) = link.udp(io)
            && let Err(error) = udp.send(link.route, &record, None)
            && super::udp::is_too_long(&error)
        {
            result = Err(TooLong);
        }
        record.clear();
        io.recycle(record);
        result
    }
}

/// Compresses a packet when that was negotiated and makes it smaller (AC-CMP-04).
fn deflate<'a>(
    core: &Core,
    channel: Channel,
    packet: &'a [u8],
    scratch: &mut Scratch,
    out: &'a mut Vec<u8>,
) -> (PacketType, &'a [u8]) {
    out.clear();
    if core.compression(channel).compress(scratch, packet, out) {
        (PacketType::Compressed, out)
    } else {
        (PacketType::Data, packet)
    }
}
