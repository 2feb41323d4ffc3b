//! No input makes a dissector or the reader panic.

use std::fs;

use interop_capture::{
    Family, FlowTable, LinkType, MarkerWatch, Side, Summary, Way, classify, dns_names, read_all, recover,
};
use interop_evidence::Micros;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use crate::capture::{START, WIRE, create, folder};
use crate::frames::zoo;

const SEED: u64 = 4711;

/// Changes, cuts, repeats or stretches a part of `bytes`.
fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    for _ in 0..=random.next_u32() % 4 {
        let at = random.next_u32() as usize % (bytes.len() + 1);
        match random.next_u32() % 6 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.next_u32() as u8),
            2 => bytes.extend_from_within(at..),
            3 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (random.next_u32() % 8)),
            4 => bytes.iter_mut().skip(at).take(2).for_each(|byte| *byte = 0xff),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.next_u32() as u8),
        }
    }
}

/// Everything that looks at frames.
fn look(frame: &[u8], table: &mut FlowTable, watch: &mut MarkerWatch) {
    for link_type in [LinkType::Ethernet, LinkType::RawIp] {
        let summary = Summary::of(link_type, frame);
        let payload = summary.payload(frame);
        assert!(payload.len() <= frame.len());
        for family in [Family::Anyconnect, Family::Openvpn] {
            classify(&summary, payload, family, &[443, 1194]);
        }
        dns_names(payload);
        table.observe("wire", Micros(1), 1, &summary, frame);
        watch.observe(Way::ToServer, &summary, frame);
    }
}

#[test]
fn five_thousand_mutations_of_frames() {
    println!("seed {SEED}");
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut table = FlowTable::new();
    let mut watch = MarkerWatch::new(Family::Anyconnect, [443]);
    watch.arm(0..=usize::MAX);
    let zoo = zoo();
    let mut understood = 0;
    for round in 0..5000 {
        let mut frame = zoo[round % zoo.len()].clone();
        mutate(&mut frame, &mut random);
        look(&frame, &mut table, &mut watch);
        understood += u32::from(Summary::of_ethernet(&frame).ip().is_some());
    }
    // Else the mutations would be too rough to get anywhere.
    assert!(understood > 1500, "only {understood} were IP packets");
    assert!(table.flows().count() > 100);
}

/// etherparse 0.21 reads beyond the end when the extension headers of such a packet are iterated.
#[test]
fn a_chain_of_extension_headers_that_is_cut_off() {
    let zoo = zoo();
    let packet =
        zoo.iter().map(|frame| Summary::of_ethernet(frame)).zip(&zoo).find_map(|(summary, frame)| {
            summary.ip()?.fragment.filter(|_| frame[12..14] == [0x86, 0xdd]).map(|_| frame)
        });
    let mut frame = packet.expect("a fragment of IPv6").clone();
    // The fragment header announces destination options behind itself, and nothing follows.
    frame[54] = 60;
    frame.truncate(62);
    let summary = Summary::of_ethernet(&frame);
    assert!(summary.ip().is_some_and(|ip| ip.fragment.is_some() && ip.transport.ports().is_none()));
}

#[test]
fn every_frame_cut_anywhere() {
    let mut table = FlowTable::new();
    let mut watch = MarkerWatch::new(Family::Openvpn, [1194]);
    watch.arm(0..=usize::MAX);
    for frame in zoo() {
        for length in 0..=frame.len() {
            look(&frame[..length], &mut table, &mut watch);
            look(&frame[frame.len() - length..], &mut table, &mut watch);
        }
    }
}

#[test]
fn a_thousand_mutations_of_capture_files() {
    println!("seed {SEED}");
    let (_folder, path) = folder();
    let mut writer = create(&path);
    for frame in zoo() {
        writer.frame(WIRE, START, Side::A, &frame, Some("comment"));
    }
    writer.finish(&["CLIENT_RANDOM 00 11".to_owned()]).unwrap();
    let whole = fs::read(&path).unwrap();
    let part = path.with_extension("pcapng.part");
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut broken, mut readable) = (0, 0);
    for round in 0..1000 {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut random);
        fs::write(&path, &bytes).unwrap();
        match read_all(&path) {
            Ok((_, None)) => readable += 1,
            Ok((_, Some(_))) | Err(_) => broken += 1,
        }
        if round % 10 == 0 {
            fs::write(&part, &bytes).unwrap();
            if recover(&path, &[]).is_ok() {
                let (_, error) = read_all(&path).unwrap();
                // What is wrong inside a packet is kept as it is; the file around it is whole.
                assert!(error.is_none_or(|error| !error.to_string().contains("EOF")));
            }
        }
    }
    assert!(broken > 100 && readable > 100, "{broken} broken, {readable} readable");
}
