//! What runs through a tunnel: frames, control packets, compressed packets.

use std::time::{Duration, Instant};

use reference_cstp::compress::{Compression, MAX_OUTPUT, Scratch};
use reference_cstp::frame::{Disconnect, MAX_PAYLOAD, PacketType, Reframer, header, parse, parse_datagram};
use reference_cstp::session::{
    Channel, DtlsEvent, DtlsPolicy, MtuPlan, Output, RetrySchedule, Role, Session, SessionConfig, Timers,
};

use crate::dice::Dice;
use crate::harness::{Parser, Verdict};

fn frame(kind: PacketType, payload: &[u8]) -> Vec<u8> {
    [&header(kind, payload.len()).unwrap()[..], payload].concat()
}

fn disconnects() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 6] = [b"\xb0Bye", b"\x70local error", b"\x91reconnect", b"\xd1", b"", b"\xb0\xc3\xa4\0\r\n"];
    texts.map(<[u8]>::to_vec).to_vec()
}

/// A packet with something to compress in it.
fn packet(length: usize) -> Vec<u8> {
    let text = b"GET /index.html HTTP/1.1\r\nHost: inside.example\r\nAccept: text/html, text/plain, text/css\r\n";
    let mut packet = vec![0x45, 0, 5, 0x78, 0, 0, 0x40, 0, 0x40, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet.extend(text.iter().cycle().take(length.saturating_sub(packet.len())));
    packet
}

/// One record is one frame, or a stream that is cut anywhere.
pub(crate) struct Frames;

impl Frames {
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Parser for Frames {
    fn name(&self) -> &'static str {
        "frames"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let mut samples: Vec<Vec<u8>> = disconnects().iter().map(|it| frame(PacketType::Disconnect, it)).collect();
        for (kind, length) in [
            (PacketType::Data, 1400),
            (PacketType::Data, 20),
            (PacketType::DpdRequest, 0),
            (PacketType::DpdResponse, 40),
            (PacketType::Keepalive, 0),
            (PacketType::Compressed, 300),
            (PacketType::Terminate, 0),
            (PacketType::Other(0x42), 3),
        ] {
            samples.push(frame(kind, &packet(length)[..length]));
        }
        let stream = samples.concat();
        samples.push(stream);
        samples.into_iter().map(|sample| (0, sample)).collect()
    }

    fn feed(&mut self, _: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        if let Ok((kind, payload)) = parse(input) {
            assert_eq!(frame(kind, payload), input, "a frame is read that nobody would write");
        }
        let _ = parse_datagram(input);
        let mut reframer = Reframer::new();
        let (mut rest, mut read) = (input, Vec::new());
        let most = *dice.pick(&[3, 50, 1000, 20_000]);
        while !rest.is_empty() {
            let (piece, later) = rest.split_at((1 + input.len() / 300 + dice.below(most)).min(rest.len()));
            rest = later;
            reframer.push(piece);
            loop {
                match reframer.next_frame() {
                    Ok(Some((kind, payload))) => {
                        assert!(payload.len() <= MAX_PAYLOAD);
                        if kind == PacketType::Disconnect {
                            let Disconnect { text, .. } = Disconnect::parse(payload);
                            assert!(text.chars().count() <= 512 && !text.chars().any(char::is_control), "{text:?}");
                        }
                        read.extend_from_slice(&frame(kind, payload));
                    }
                    Ok(None) => break,
                    Err(error) => return Verdict::Refused(error.to_string()),
                }
            }
            assert!(reframer.pending() < MAX_PAYLOAD + 8);
        }
        assert_eq!(read, input[..input.len() - reframer.pending()], "frames are not what came");
        if reframer.pending() > 0 { Verdict::Waiting } else { Verdict::Accepted }
    }
}

/// The session, which gets a frame on either channel as either side.
pub(crate) struct Control;

impl Control {
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Parser for Control {
    fn name(&self) -> &'static str {
        "control-frames"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        let kinds = [0x03, 0x04, 0x07, 0x09, 0x42];
        let mut samples: Vec<Vec<u8>> = kinds.iter().map(|kind| [&[*kind][..], &packet(100)].concat()).collect();
        samples.extend(disconnects().iter().map(|it| [&[0x05][..], it].concat()));
        samples.into_iter().enumerate().map(|(at, sample)| (at % 4, sample)).collect()
    }

    fn feed(&mut self, state: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        // A record holds no more.
        let Some((kind, payload)) = parse_datagram(&input[..input.len().min(MAX_PAYLOAD)]) else {
            return Verdict::Refused("empty".into());
        };
        let role = if state & 1 == 0 { Role::Client } else { Role::Server };
        let mut config =
            SessionConfig::new(role, MtuPlan { tls: 1400, dtls: Some(1390), probe: state & 2 == 0, floor: 576 });
        config.tls = Timers { dpd: Some(Duration::from_secs(30)), keepalive: Some(Duration::from_secs(20)) };
        config.dtls = config.tls;
        config.dtls_policy = Some(DtlsPolicy { schedule: RetrySchedule::openconnect() });
        let mut now = Instant::now();
        let mut session = Session::new(config, now);
        session.on_dtls(DtlsEvent::Established { data_mtu: 1390 }, now);
        // The frame comes often, between times.
        let mut said = 0;
        for _ in 0..20 {
            let channel = if dice.one_in(2) { Channel::Tls } else { Channel::Dtls };
            for _ in 0..=dice.below(5) {
                session.on_control(channel, kind, payload, now);
            }
            for output in std::iter::from_fn(|| session.poll_output()).take(1000) {
                if let Output::Send { payload: answer, .. } = output {
                    // The search for the MTU sends packets of its own size.
                    assert!(answer.len() <= payload.len().max(1500));
                    said += 1;
                }
            }
            assert!((576..=1400).contains(&session.mtu()), "{}", session.mtu());
            if let Some(next) = session.poll_timeout() {
                now = now.max(next);
                session.on_timeout(now);
            }
        }
        assert!(said <= 400, "{said} answers");
        Verdict::Accepted
    }

    fn memory(&self) -> (usize, usize) {
        (128 << 10, 64)
    }

    fn refuses(&self) -> bool {
        false
    }
}

/// Compressed packets in both methods.
pub(crate) struct Compressed(Vec<(usize, Vec<u8>)>);

const METHODS: [Compression; 2] = [Compression::Lzs, Compression::OcLz4];

impl Compressed {
    pub(crate) fn new() -> Self {
        let (mut samples, mut scratch) = (Vec::new(), Scratch::new());
        let zeros = |length| [packet(100), vec![0; length]].concat();
        for (state, method) in METHODS.iter().enumerate() {
            for plain in [packet(200), packet(600), packet(1400), zeros(1000), zeros(8000)] {
                let mut small = Vec::new();
                assert!(method.compress(&mut scratch, &plain, &mut small));
                samples.push((state, small));
            }
        }
        Self(samples)
    }
}

impl Parser for Compressed {
    fn name(&self) -> &'static str {
        "compressed-packets"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        self.0.clone()
    }

    fn feed(&mut self, state: usize, input: &[u8], dice: &mut Dice) -> Verdict {
        let method = METHODS[state % METHODS.len()];
        let decompress = |limit: usize| {
            let mut out = b"before".to_vec();
            let done = method.decompress(input, &mut out, limit);
            let length = out.len() - 6;
            assert!(out.starts_with(b"before") && length <= limit.min(MAX_OUTPUT), "{length} bytes");
            assert!(done.is_ok() || length == 0, "a refused packet leaves something behind");
            (done, length)
        };
        let (done, length) = decompress(usize::MAX);
        let limit = dice.below(2000);
        // A lower limit refuses more packets, and none is cut.
        let fits = done.is_ok() && length <= limit;
        assert_eq!(decompress(limit), if fits { (done, length) } else { (decompress(limit).0, 0) });
        done.map_or_else(|error| Verdict::Refused(error.to_string()), |()| Verdict::Accepted)
    }
}
