//! From the tunnel to the device.

use reference_cstp::compress::{Compression, MAX_OUTPUT};
use reference_cstp::defects::Mutant;
use reference_cstp::frame;
use reference_cstp::frame::PacketType;
use reference_cstp::session::{Channel, Role};

use super::io::Io;
use super::live::Core;
use super::packet::Packet;
use crate::net::clamp_mss;

/// With the defect that drops large packets, the largest that passes.
pub(super) const DEFECTIVE_LIMIT: usize = 1000;

/// Takes the plaintext of one DTLS record: a type byte and a payload (AC-DTLS-26).
pub(super) fn datagram_record(core: &mut Core, io: &mut Io, record: &[u8]) {
    if let Some((kind, payload)) = frame::parse_datagram(record) {
        frame(core, io, Channel::Dtls, kind, payload);
    }
}

/// Takes one frame of either channel.
pub(super) fn frame(core: &mut Core, io: &mut Io, channel: Channel, kind: PacketType, payload: &[u8]) {
    match kind {
        PacketType::Data => packet(core, io, channel, payload),
        PacketType::Compressed => {
            let method = core.compression(channel);
            let mut inflated = std::mem::take(&mut io.inflated);
            inflated.clear();
            let whole = method != Compression::None && method.decompress(payload, &mut inflated, MAX_OUTPUT).is_ok();
            if whole {
                packet(core, io, channel, &inflated);
            } else {
                // Never delivered without having been negotiated (AC-CSTP-13).
                core.stats.drops.malformed += 1;
            }
            io.inflated = inflated;
        }
        PacketType::Disconnect | PacketType::Terminate if core.from_retired => {}
        control => core.session.on_control(channel, control, payload, io.now),
    }
}

fn packet(core: &mut Core, io: &mut Io, channel: Channel, packet: &[u8]) {
    let parsed = Packet::parse(packet);
    core.session.on_data_received(channel, parsed.is_some_and(|parsed| parsed.is_traffic), io.now);
    let Some(parsed) = parsed else {
        core.stats.drops.malformed += 1;
        return;
    };
    if io.role == Role::Server {
        if !core.inner.iter().any(|network| network.contains(&parsed.source)) {
            core.stats.drops.spoofed += 1;
            return;
        }
        if io.defects.has(Mutant::DropsLargePackets) && packet.len() > DEFECTIVE_LIMIT {
            core.stats.drops.defect += 1;
            return;
        }
    }
    core.stats.traffic(channel).received(packet.len());
    let written = if parsed.may_be_syn {
        let mut changed = std::mem::take(&mut io.deflated);
        changed.clear();
        changed.extend_from_slice(packet);
        clamp_mss(&mut changed, core.session.mtu());
        let written = io.device.write(&changed);
        io.deflated = changed;
        written
    } else {
        io.device.write(packet)
    };
    if written.is_ok() {
        io.counters.device_tx += 1;
    } else {
        core.stats.drops.device += 1;
    }
}
