//! What the AnyConnect core costs: frames, the CONNECT exchange, compression, the clocks of a session.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use reference_cstp::compress::{Compression, Scratch};
use reference_cstp::connect::{ConnectReply, ConnectRequest, InnerAddress};
use reference_cstp::frame::{PacketType, Reframer, header, parse};
use reference_cstp::profile::{ClientProfile, ServerProfile};
use reference_cstp::session::{Channel, DtlsEvent, MtuPlan, Role, Session, SessionConfig, Timers};

/// Bytes of the packets that are measured.
const PACKET: usize = 1400;

/// A packet with text in it, as a web page has it.
fn text() -> Vec<u8> {
    let text =
        b"<li class=\"item\"><a href=\"/inside/page.html\">A page on the inside</a></li>\n<p>More of the same.</p>\n";
    text.iter().cycle().take(PACKET).copied().collect()
}

/// A packet that cannot shrink.
fn noise() -> Vec<u8> {
    let mut state = 0x1234_5678_u32;
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8
    };
    (0..PACKET).map(|_| next(&mut state)).collect()
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cstp/frame");
    group.throughput(Throughput::Elements(1));
    let mut record = header(PacketType::Data, PACKET).expect("a small packet").to_vec();
    record.extend(text());
    group.bench_function("build", |bencher| bencher.iter(|| header(black_box(PacketType::Data), black_box(PACKET))));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| parse(black_box(&record)).map(|(_, payload)| payload.len()))
    });
    let mut reframer = Reframer::new();
    group.bench_function("reframe", |bencher| {
        bencher.iter(|| {
            reframer.push(black_box(&record));
            reframer.next_frame().map(|frame| frame.map(|(_, payload)| payload.len()))
        });
    });
    group.finish();
}

fn connect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cstp/connect");
    group.throughput(Throughput::Elements(1));
    let client = ClientProfile::named("openconnect").expect("an embedded profile");
    let server = ServerProfile::named("ocserv").expect("an embedded profile");
    let mut request = ConnectRequest::new("cookie");
    (request.dtls_ciphers, request.dtls12_ciphers) = client.dtls.names(&client.dtls.offer);
    let reply = ConnectReply {
        addresses: vec![InnerAddress { addr: Ipv4Addr::new(10, 1, 2, 3).into(), prefix: 24 }],
        cstp_mtu: Some(1390),
        dpd: Some(Duration::from_secs(90)),
        ..ConnectReply::default()
    };
    let (asked, answered) = (request.to_request(&client, "vpn.example"), reply.to_response(&server, &request));
    group.bench_function("request/build", |bencher| {
        bencher.iter(|| request.to_request(black_box(&client), "vpn.example"))
    });
    group.bench_function("request/parse", |bencher| bencher.iter(|| ConnectRequest::parse(black_box(&asked))));
    group.bench_function("reply/build", |bencher| bencher.iter(|| reply.to_response(black_box(&server), &request)));
    group.bench_function("reply/parse", |bencher| bencher.iter(|| ConnectReply::parse(black_box(&answered))));
    group.finish();
}

fn compression(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cstp/compress");
    group.throughput(Throughput::Bytes(PACKET as u64));
    for method in [Compression::OcLz4, Compression::Lzs] {
        let (mut scratch, mut out) = (Scratch::new(), Vec::with_capacity(2 * PACKET));
        for (name, packet) in [("text", text()), ("noise", noise())] {
            group.bench_function(format!("{method}/compress/{name}"), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    method.compress(&mut scratch, black_box(&packet), &mut out)
                });
            });
        }
        let mut small = Vec::new();
        assert!(method.compress(&mut scratch, &text(), &mut small), "text shrinks");
        group.bench_function(format!("{method}/decompress/text"), |bencher| {
            bencher.iter(|| {
                out.clear();
                method.decompress(black_box(&small), &mut out, PACKET)
            });
        });
    }
    group.finish();
}

fn session(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cstp/session");
    group.throughput(Throughput::Elements(1));
    let timers = Timers { dpd: Some(Duration::from_secs(90)), keepalive: Some(Duration::from_secs(60)) };
    let config = SessionConfig { tls: timers, dtls: timers, ..SessionConfig::new(Role::Server, MtuPlan::fixed(1400)) };
    let now = Instant::now();
    let up = |config: &SessionConfig| {
        let mut session = Session::new(config.clone(), now);
        session.on_dtls(DtlsEvent::Established { data_mtu: 1434 }, now);
        session
    };
    let mut session = up(&config);
    group.bench_function("packet", |bencher| {
        bencher.iter(|| {
            session.on_data_received(Channel::Dtls, true, black_box(now));
            session.on_data_sent(Channel::Dtls, now);
            session.outbound()
        });
    });
    group.bench_function("timeout", |bencher| {
        let later = now + Duration::from_secs(60);
        bencher.iter_batched(
            || up(&config),
            |mut session| {
                session.on_timeout(later);
                session.poll_timeout()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, frames, connect, compression, session);
criterion_main!(benches);
