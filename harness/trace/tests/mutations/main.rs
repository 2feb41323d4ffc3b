//! A million mutations of captures, for everything that reads what was captured.
//!
//! The captures lie in `corpus`: cut from cells of this project, with their keys. Most mutations change some frames of a
//! short part of a capture or of all of it; others change files of every kind byte by byte. None may panic, take long or
//! take much memory; what cannot be read ends in a trace that says so.
//!
//! `VPN_INTEROP_SEED` repeats a run; without it the clock gives the seed, which is printed. A capture that fails is
//! written to the disk; put into `corpus/kept`, it is read by each run from then on.

#![expect(clippy::unwrap_used, reason = "a test program: a panic is its failure")]
#![expect(clippy::print_stdout, reason = "the seed of a run and its numbers")]

mod clear;
mod dice;
mod files;
mod mutate;
mod run;
mod seeds;

use std::path::Path;

use interop_evidence::View;
use interop_trace::{Decoder, Setup, decode_file};

use run::{Case, Report, run};
use seeds::Seed;

/// Mutations of all tests together.
const MUTATIONS: u64 = 1_000_000;

/// How many of them each capture gets, and files of all kinds.
const SHARES: &[(&str, u64)] = &[
    ("anyconnect-asa", 150_000),
    ("clear", 100_000),
    ("dtls-legacy", 110_000),
    (FILES, 5_000),
    ("fragments", 145_000),
    ("ipv6", 145_000),
    ("openconnect-ocserv", 145_000),
    ("openvpn", 100_000),
    ("openvpn-tcp", 100_000),
];

const FILES: &str = "files";

fn share(name: &str) -> u64 {
    SHARES.iter().find(|(known, _)| *known == name).unwrap().1
}

fn mutate_frames_of(name: &str) {
    let seeds = seeds::all();
    let seed = seeds.iter().find(|seed| seed.name == name).unwrap();
    let others: Vec<_> = seeds.iter().flat_map(|seed| seed.frames.iter().cloned()).collect();
    let number = dice::seed();
    println!("VPN_INTEROP_SEED={number}");
    let report = run(number, share(name), |dice| seed.part(&others, dice), run::frames);
    report.check(share(name));
}

#[test]
fn mutations_of_anyconnect_and_asa() {
    mutate_frames_of("anyconnect-asa");
}

#[test]
fn mutations_of_what_is_inside() {
    mutate_frames_of("clear");
}

#[test]
fn mutations_of_dtls_0_9() {
    mutate_frames_of("dtls-legacy");
}

#[test]
fn mutations_of_fragments() {
    mutate_frames_of("fragments");
}

#[test]
fn mutations_of_ipv6() {
    mutate_frames_of("ipv6");
}

#[test]
fn mutations_of_openconnect_and_ocserv() {
    mutate_frames_of("openconnect-ocserv");
}

#[test]
fn mutations_of_openvpn_over_udp() {
    mutate_frames_of("openvpn");
}

#[test]
fn mutations_of_openvpn_over_tcp() {
    mutate_frames_of("openvpn-tcp");
}

#[test]
fn mutations_of_files() {
    let images = seeds::images();
    let number = dice::seed();
    println!("VPN_INTEROP_SEED={number}");
    let make = |dice: &mut dice::Dice| {
        let mut bytes = dice.pick(&images).clone();
        let other = dice.pick(&images);
        mutate::file(&mut bytes, other, dice);
        Case::File(bytes)
    };
    run(number, share(FILES), make, run::file).check(share(FILES));
}

#[test]
fn the_shares_make_a_million() {
    assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u64>(), MUTATIONS);
    let mut names: Vec<_> = seeds::all().into_iter().map(|seed| seed.name).chain([FILES.to_owned()]).collect();
    names.sort();
    assert_eq!(SHARES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
}

/// What was opened of a capture; the mutations begin with what is understood.
#[test]
fn captures_are_understood_before_they_are_changed() {
    for Seed { name, path, frames, keys, .. } in seeds::all() {
        let decoded = match path {
            Some(path) => decode_file(path, Setup::default()).unwrap(),
            None => {
                let mut decoder = Decoder::new(Setup { keys, ..Setup::default() });
                frames.iter().for_each(|frame| decoder.frame(frame));
                decoder.finish()
            }
        };
        assert_eq!(decoded.broken, None, "{name}");
        let has = |view, wanted: &str| {
            decoded.trace.lines.iter().any(|line| line.view == view && line.text.starts_with(wanted))
        };
        let wanted: &[(View, &str)] = match name.as_str() {
            "anyconnect-asa" | "dtls-legacy" | "openconnect-ocserv" => &[
                (View::OuterFlow, "TLS ClientHello"),
                (View::OuterFlow, "DTLS ClientHello"),
                (View::ConnectHeaders, "HTTP CONNECT /CSCOSSLC/tunnel"),
                (View::ConnectHeaders, "XML auth-reply"),
                (View::ConnectHeaders, "CSTP"),
            ],
            "clear" => &[
                (View::OuterFlow, "HTTP CONNECT /CSCOSSLC/tunnel"),
                (View::OuterFlow, "XML auth-reply"),
                (View::ConnectHeaders, "CSTP DISCONNECT"),
            ],
            "openvpn" | "openvpn-tcp" => &[(View::OuterFlow, "OpenVPN"), (View::Dns, "DNS A vpn.example.test ?")],
            "ipv6" => &[(View::InnerFlow, "ICMP")],
            _ => &[(View::OuterFlow, "")],
        };
        for (view, text) in wanted {
            assert!(has(*view, text), "{name}: {view} {text}");
        }
    }
}

/// Files that other programs write say the same as ours.
#[test]
fn files_of_every_kind_are_read() {
    let seed = seeds::all().into_iter().find(|seed| seed.name == "openconnect-ocserv").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let hellos = |bytes: &[u8]| {
        let path = folder.path().join("capture");
        std::fs::write(&path, bytes).unwrap();
        let decoded = decode_file(&path, Setup::default()).unwrap();
        assert_eq!(decoded.broken, None);
        decoded.trace.lines.iter().filter(|line| line.text.contains("TLS ClientHello")).count()
    };
    // Packets without a link layer are those of a tunnel, in which nothing is opened.
    for kind in files::kinds().filter(|kind| kind.link_type != 101) {
        assert!(hellos(&kind.file(&seed.frames)) >= 2, "{kind:?}");
    }
    assert!(hellos(&files::big_endian_pcapng(&seed.frames)) >= 2);
}

#[test]
fn kept_captures_are_read() {
    let kept = seeds::kept();
    for path in &kept {
        for raw in [false, true] {
            // Some are no captures, and that is what they show.
            let decoded = decode_file(path, Setup { raw, ..Setup::default() });
            let told = decoded.map_or_else(
                |error| error.to_string(),
                |decoded| format!("{} frames, {:?}", decoded.frames, decoded.broken),
            );
            println!("{}: {told}", path.display());
        }
    }
}

#[test]
fn a_reader_that_does_harm_is_noticed() {
    let seeds = seeds::all();
    let make = |dice: &mut dice::Dice| seeds[0].part(&seeds[1].frames, dice);
    let read: fn(&Case<'_>, &Path) -> run::Read = |case, _| match case {
        Case::Frames { frames, .. } if frames.len() % 5 == 0 => panic!("a planted panic"),
        _ => run::Read { lines: 1, opened: true },
    };
    let Report { failures, .. } = run(7, 1000, make, read);
    assert!(failures[0].what.contains("a planted panic"), "{}", failures[0].what);
    // What failed can be read again from the file.
    let written = decode_file(&failures[0].path, Setup::default()).unwrap();
    assert_eq!(written.frames % 5, 0);
}
