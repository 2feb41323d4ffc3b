//! What may differ from run to run, and is no difference.

use interop_evidence::{TraceLine, View};
use interop_trace::phases;
use proptest::prelude::*;

use super::lab::{LOSSY, MARKS, SLACK, Story, TCP, UDP, difference, golden, session, shown};

fn is_same(story: &Story) {
    for view in [View::OuterFlow, View::ConnectHeaders, View::Dns, View::InnerFlow] {
        let found = difference(&golden(&session(), view, SLACK), story, view, SLACK);
        assert_eq!(found.map(|found| found.message), None);
        // Nor is it when this run is the golden.
        let found = difference(&golden(story, view, SLACK), &session(), view, SLACK);
        assert_eq!(found.map(|found| found.message), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The two sides of a flow race; each keeps its own order.
    #[test]
    fn the_interleaving_of_the_sides(delays in prop::collection::vec(0_u64..40_000, 80)) {
        let mut story = session();
        let mut latest = std::collections::HashMap::<(String, String), u64>::new();
        let mut lines: Vec<&mut TraceLine> = story.0.iter_mut().collect();
        lines.sort_by_key(|line| line.at);
        let openings: Vec<(String, u64)> = session().0.iter().map(|line| (line.flow.clone(), line.at.0)).collect();
        for (line, delay) in lines.into_iter().zip(delays) {
            let opening = openings.iter().filter(|(flow, _)| *flow == line.flow).map(|(_, at)| *at).min().unwrap();
            let behind = latest.entry((line.flow.clone(), line.from.clone())).or_default();
            // Who opens a flow is first, and nothing moves back over a mark.
            let at = if line.at.0 == opening { opening } else { (line.at.0 + delay).max(*behind + 1) };
            let end = MARKS.iter().map(|mark| mark * 1000).find(|mark| *mark > line.at.0).unwrap_or(u64::MAX);
            line.at.0 = at.min(end - 1);
            line.until.0 = line.until.0.max(line.at.0);
            *behind = line.at.0;
        }
        let view = View::OuterFlow;
        let found = difference(&golden(&session(), view, SLACK), &story, view, SLACK);
        prop_assert_eq!(found.map(|found| found.message), None);
    }

    /// Packets that were sent before a mark and arrive behind it, or the other way round.
    #[test]
    fn data_moves_over_a_mark(late in 0_u64..200, early in 0_u64..200, mark in 1_usize..4) {
        let data = "DTLS application data";
        let flow = format!("{UDP} #{}", if mark == 3 { 4 } else { 1 });
        if mark == 2 {
            // The client speaks over TLS then, both ways.
            let tcp = format!("{TCP} #1");
            let story = session().with(|story| { story.say(MARKS[2] + late, &tcp, '<', "TLS application data"); });
            is_same(&story);
            return Ok(());
        }
        is_same(&session().with(|story| { story.lasting(MARKS[mark], MARKS[mark] + late, &flow, '<', data); }));
        is_same(&session().with(|story| { story.lasting(MARKS[mark] - early, MARKS[mark], &flow, '>', data); }));
        // A flow that begins where the mark is.
        let begins = MARKS[0] + late.min(99);
        let moved = session().with(|story| {
            let tcp = format!("{TCP} #1");
            let line = story.0.iter_mut().find(|line| line.flow == tcp && line.text == "SYN").unwrap();
            line.at.0 = begins * 1000;
            line.until.0 = begins * 1000;
        });
        let view = View::OuterFlow;
        let found = difference(&golden(&session(), view, SLACK), &moved, view, SLACK);
        prop_assert_eq!(found.map(|found| found.message), None);
    }

    /// Times may lie apart by the slack; also where one of them is too short to be shown.
    #[test]
    fn times_lie_apart(seconds in 86_050_u64..89_950, around in 8_500_u64..11_500) {
        let at = |begin: u64| session().with(|story| {
            let shift = |line: &mut TraceLine| {
                if line.flow == format!("{UDP} #4") && line.at.0 < 99_000_000 {
                    line.at.0 = line.at.0 - 86_050_000 + begin * 1000;
                    line.until.0 = line.until.0.max(line.at.0);
                }
            };
            story.0.iter_mut().for_each(shift);
        });
        let view = View::OuterFlow;
        let found = difference(&golden(&at(88_000), view, SLACK), &at(seconds), view, SLACK);
        prop_assert_eq!(found.map(|found| found.message), None);
        // Five times the slack is ten seconds: one run has a time and the other has none.
        let found = difference(&golden(&at(30_000 + 10_000), view, SLACK), &at(30_000 + around), view, SLACK);
        prop_assert_eq!(found.map(|found| found.message), None);
    }

    /// Under loss any number of attempts is the same, also of those that got lost half-way.
    #[test]
    fn one_more_attempt_under_loss(at in 12_000_u64..29_000, lines in 1_usize..11) {
        let mut attempt = Story::default();
        attempt.dtls(at, &format!("{UDP} #9"), 7);
        let story = session().with(|story| story.0.extend(attempt.0.iter().take(lines).cloned()));
        let whole = |story: &Story| story.with(|story| { story.dtls(12_000, &format!("{UDP} #8"), 6); });
        let view = View::OuterFlow;
        let found = difference(&golden(&whole(&session()), view, LOSSY), &whole(&story), view, LOSSY);
        prop_assert_eq!(found.map(|found| found.message), None);
    }
}

#[test]
fn dead_peer_detection_and_retransmissions() {
    let [tcp, udp] = [format!("{TCP} #1"), format!("{UDP} #1")];
    is_same(&session().with(|story| {
        for at in [3_000, 8_000, 40_000, 99_000] {
            story.say(at, &tcp, '>', "TLS application data (small)").say(
                at + 1,
                &tcp,
                '<',
                "TLS application data (small)",
            );
            story.say(at, &udp, '>', "DTLS application data (small)");
            story.say(at, &tcp, '<', "TCP retransmission");
        }
        // A handshake message that was sent again belongs to what it repeats.
        story.say(6_000, &udp, '>', "DTLS encrypted handshake message");
        story.0.last_mut().unwrap().retransmissions = 1;
        // A repeated segment is counted at the line before it.
        story.0.iter_mut().find(|line| line.text == "SYN ACK").unwrap().retransmissions = 1;
    }));
}

#[test]
fn who_closes_first_and_how() {
    let tcp = format!("{TCP} #1");
    let open = session().without(|line| line.text == "FIN");
    is_same(&open.with(|story| {
        story.say(100_012, &tcp, '<', "FIN").say(100_020, &tcp, '>', "RST");
    }));
    is_same(&open.with(|story| {
        story.say(100_012, &tcp, '>', "RST");
    }));
    is_same(&session().with(|story| {
        story.say(100_030, &tcp, '<', "TLS application data");
    }));
}

#[test]
fn knocking_in_vain_once_more_or_once_less() {
    let again = format!("{UDP} #7");
    is_same(&session().with(|story| {
        story.say(28_000, &again, '>', "DTLS ClientHello 1.2 app-id=app-id#1");
    }));
    is_same(&session().without(|line| line.flow == format!("{UDP} #3")));
}

#[test]
fn an_attempt_that_is_answered_behind_the_mark() {
    // The client tried once more just before the fault was taken away, and the same attempt is answered after it.
    let flow = format!("{UDP} #4");
    let golden_at = |at: u64| {
        session().without(|line| line.flow == flow).with(|story| {
            story.dtls(at, &flow, 2);
            story.lasting(at + 100, 99_990, &flow, '>', "DTLS application data");
            story.lasting(at + 100, 99_999, &flow, '<', "DTLS application data");
            story.say(100_010, &flow, '>', "DTLS encrypted alert");
        })
    };
    let carried = golden_at(30_900).with(|story| {
        let first = story.0.iter_mut().find(|line| line.flow == flow).unwrap();
        first.at.0 = 29_400_000;
        first.until.0 = 29_400_000;
    });
    let view = View::OuterFlow;
    let text = shown(&phases(&carried.trace(), view, SLACK));
    let healed = text.split_once("--- heal").unwrap().1;
    assert!(
        healed.contains("UDP/443 #1\n  > DTLS ClientHello 1.2 app-id=app-id#1\n  < DTLS HelloVerifyRequest\n"),
        "{text}"
    );
    assert_eq!(difference(&golden(&golden_at(30_900), view, SLACK), &carried, view, SLACK), None);
}

#[test]
fn errors_of_closed_sockets_and_the_order_of_flows() {
    is_same(&session().with(|story| {
        // A late packet for a socket that the client has closed.
        story.say(100_200, "client>gateway ICMP #1", '>', "ICMP port unreachable UDP/443");
        story.say(50, "client>gateway ICMP #2", '>', "ICMP echo request");
    }));
    let swapped = session().with(|story| {
        for line in story.0.iter_mut().filter(|line| line.flow == format!("{UDP} #1") && line.at.0 < 1_299_000) {
            line.at.0 -= 105_000;
            line.until.0 = line.at.0;
        }
    });
    is_same(&swapped);
}

#[test]
fn errors_of_the_network_are_in_their_phase_once() {
    let story = session().with(|story| {
        for at in [6_000, 9_000, 12_000, MARKS[2] + 40] {
            story.say(at, "firewall>client ICMP #1", '>', "ICMP administratively prohibited UDP/443");
        }
    });
    let text = shown(&phases(&story.trace(), View::OuterFlow, SLACK));
    assert_eq!(text.matches("firewall>client ICMP administratively prohibited UDP/443").count(), 1);
    assert!(difference(&golden(&session(), View::OuterFlow, SLACK), &story, View::OuterFlow, SLACK).is_some());
}
