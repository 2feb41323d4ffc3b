//! What Wireshark makes of our captures.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use interop_capture::{LinkType, Side};

use crate::capture::{START, WIRE, create, folder, interface};
use crate::frames::*;

/// Runs tshark on a file; `None` where there is no tshark.
fn tshark(path: &Path, arguments: &[&str]) -> Option<Vec<String>> {
    let output = match Command::new("tshark").arg("-r").arg(path).args(arguments).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: tshark cannot be run: {error}");
            return None;
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains("malformed") && !errors.contains("cut short"), "{errors}");
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

#[test]
fn tshark_shows_interfaces_times_and_comments() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    let frame = ip4(CLIENT, GATEWAY, UDP, &udp(4000, 5000, b"hello"));
    writer.frame(WIRE, START, Side::A, &frame, Some("lost on the wire"));
    let tun = writer.add_interface(interface("client/tun0", LinkType::RawIp));
    writer.frame(tun, START + Duration::from_nanos(1), Side::B, &frame[14..], None);
    writer.finish(&["CLIENT_RANDOM 00 11".to_owned()]).unwrap();
    let fields = [
        "frame.interface_name",
        "frame.interface_description",
        "frame.time_epoch",
        "frame.comment",
        "frame.packet_flags_direction",
        "udp.dstport",
    ];
    let arguments: Vec<&str> = ["-T", "fields"].into_iter().chain(fields.into_iter().flat_map(|f| ["-e", f])).collect();
    let Some(lines) = tshark(&path, &arguments) else { return };
    let lines: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
    let expected = [
        ["isp", "the isp of the test", "1700000000.123456789", "lost on the wire", "0x00000002", "5000"],
        ["client/tun0", "the client/tun0 of the test", "1700000000.123456790", "", "0x00000001", "5000"],
    ];
    assert_eq!(lines, expected);
}

/// Writes the recorded TLS connection as a capture; returns what tshark finds of HTTP in it.
fn http_in(with_keys: bool) -> Option<Vec<String>> {
    let mut keys = Vec::new();
    let (_folder, path) = folder();
    let mut writer = create(&path);
    let mut position = [1_u32, 1];
    for line in include_str!("data/tls12.txt").lines() {
        let (what, rest) = line.split_once(' ').expect("two words");
        let way = match what {
            ">" => 0,
            "<" => 1,
            "key" => {
                keys.push(rest.to_owned());
                continue;
            }
            _ => continue,
        };
        let bytes: Vec<u8> = rest.as_bytes().chunks(2).map(hex).collect();
        let (ports, addresses) = [((4000, 443), (CLIENT, GATEWAY)), ((443, 4000), (GATEWAY, CLIENT))][way];
        let segment = tcp(ports.0, ports.1, position[way], position[1 - way], &bytes);
        position[way] += u32::try_from(bytes.len()).expect("a short flight");
        let side = [Side::A, Side::B][way];
        writer.frame(WIRE, START, side, &ip4(addresses.0, addresses.1, TCP, &segment), None);
    }
    writer.finish(if with_keys { &keys } else { &[] }).expect("a capture");
    tshark(&path, &["-Y", "http", "-T", "fields", "-e", "http.request.uri", "-e", "http.response.code"])
}

fn hex(pair: &[u8]) -> u8 {
    let text = std::str::from_utf8(pair).expect("text");
    u8::from_str_radix(text, 16).expect("hexadecimal")
}

#[test]
fn tshark_decrypts_with_the_keys_in_the_file() {
    let Some(without) = http_in(false) else { return };
    assert_eq!(without, [""; 0]);
    assert_eq!(http_in(true), Some(vec!["/secret\t".to_owned(), "\t204".to_owned()]));
}
