//! What is found when a program behaves differently.

use interop_evidence::{TraceLine, View};
use interop_trace::Difference;

use super::lab::{LOSSY, SLACK, Story, TCP, UDP, difference, golden, session};

/// The difference of a story from the session, and the line of its trace that it points at.
fn found(story: &Story, view: View) -> (Difference, TraceLine) {
    let golden = golden(&session(), view, SLACK);
    assert_eq!(difference(&golden, &session(), view, SLACK), None, "the same run is no difference");
    let difference = difference(&golden, story, view, SLACK).expect("a difference");
    let trace = story.trace();
    let line = trace.lines.iter().find(|line| line.frame == difference.frame).cloned();
    (difference, line.expect("a frame of the trace"))
}

#[test]
fn a_dtls_flow_that_does_not_come() {
    let (difference, line) = found(&session().without(|line| line.flow.starts_with(UDP)), View::OuterFlow);
    assert_eq!(difference.phase, "the client starts");
    assert_eq!(difference.expected.as_deref(), Some("client>gateway UDP/443 #1"));
    assert_eq!((line.flow.as_str(), line.at.0 < 1_200_000), ("client>gateway TCP/443 #1", true));
    assert!(difference.message.contains("more difference"), "{}", difference.message);
}

#[test]
fn no_fall_back_to_tls() {
    let silent = |line: &TraceLine| line.flow.starts_with(TCP) && line.at.0 > 5_000_000 && line.text.ends_with("data");
    let (difference, _) = found(&session().without(silent), View::OuterFlow);
    assert_eq!(difference.phase, "fault block: udp-blocked");
    assert_eq!(difference.expected.as_deref(), Some("client>gateway TCP/443 #1 (continues)"));
}

#[test]
fn another_family_of_dtls() {
    let story = session().replacing("ServerHello 1.2 TLS_PSK_WITH_AES_256_GCM_SHA384", "ServerHello 0.9 AES128-SHA");
    let (difference, line) = found(&story, View::OuterFlow);
    assert_eq!(line.text, "DTLS ServerHello 0.9 AES128-SHA session-id=session-id#1");
    assert_eq!(difference.wire, "access");
    assert_eq!(difference.seen.as_deref(), Some("< DTLS ServerHello 0.9 AES128-SHA session-id=session-id#1"));
    let first = format!(
        "in phase `the client starts`, flow client>gateway UDP/443: expected `< DTLS ServerHello 1.2 \
         TLS_PSK_WITH_AES_256_GCM_SHA384 session-id=session-id#1` after `< DTLS HelloVerifyRequest`, but `< DTLS \
         ServerHello 0.9 AES128-SHA session-id=session-id#1` came (frame {} on `access`); 1 more difference\n",
        line.frame
    );
    assert!(difference.message.starts_with(&first), "{}", difference.message);
    assert!(
        difference.message.ends_with(
            "\n    \
         client>gateway UDP/443 #1\n      \
           > DTLS ClientHello 1.2 app-id=app-id#1\n      \
           < DTLS HelloVerifyRequest\n      \
           > DTLS ClientHello 1.2 app-id=app-id#1 cookie\n"
        ) || difference
            .message
            .contains("\n      > DTLS ClientHello 1.2 app-id=app-id#1 cookie\n  - < DTLS ServerHello 1.2"),
        "{}",
        difference.message
    );
}

#[test]
fn another_suite_of_tls() {
    let (_, line) = found(&session().replacing("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"), View::OuterFlow);
    assert_eq!(line.text, "TLS ServerHello 1.3 TLS_AES_128_GCM_SHA256");
}

#[test]
fn an_additional_connection() {
    let tcp = format!("{TCP} #2");
    let (difference, line) = found(
        &session().with(|story| {
            story.tls(13_000, &tcp);
        }),
        View::OuterFlow,
    );
    assert_eq!(difference.phase, "fault block: udp-blocked");
    assert_eq!((line.flow, line.text), (tcp, "SYN".to_owned()));
    assert!(difference.message.contains("was not expected"), "{}", difference.message);
}

#[test]
fn one_reconnect_too_many() {
    let flow = |number: u64| format!("{TCP} #{number}");
    let reconnects = |numbers: &[u64]| {
        session().with(|story| {
            for number in numbers {
                story.tls(12_000 + number * 1000, &flow(*number));
            }
        })
    };
    let golden = golden(&reconnects(&[2]), View::OuterFlow, SLACK);
    let difference = difference(&golden, &reconnects(&[2, 3]), View::OuterFlow, SLACK).unwrap();
    assert_eq!(difference.seen.as_deref(), Some("client>gateway TCP/443 #2 (repeated)"));
}

#[test]
fn a_missing_alert() {
    let (difference, line) = found(&session().without(|line| line.text == "DTLS encrypted alert"), View::OuterFlow);
    assert_eq!((difference.phase.as_str(), difference.seen), ("disconnect", None));
    assert_eq!(difference.expected.as_deref(), Some("client>gateway UDP/443 #1 (continues)"));
    assert_eq!(line.text, "FIN");
}

#[test]
fn another_time() {
    let late = |line: &mut TraceLine| {
        if line.flow == format!("{UDP} #4") && line.at.0 < 99_000_000 {
            line.at.0 -= 30_000_000;
            line.until.0 -= 30_000_000;
        }
    };
    let (difference, line) = found(&session().with(|story| story.0.iter_mut().for_each(late)), View::OuterFlow);
    assert_eq!(difference.seen.as_deref(), Some("client>gateway UDP/443 #1 at +26 s"));
    assert_eq!(line.text, "DTLS ClientHello 1.2 app-id=app-id#1");
}

#[test]
fn another_resolver_and_another_answer() {
    let asked = session().with(|story| {
        for line in story.0.iter_mut().filter(|line| line.flow == "client>public UDP/53 #1") {
            line.flow = "client>isp UDP/53 #1".into();
            for end in [&mut line.from, &mut line.to] {
                *end = end.replace("public", "isp");
            }
        }
    });
    let (difference, line) = found(&asked, View::Dns);
    assert!(difference.message.contains("asks isp outside"), "{}", difference.message);
    assert_eq!(line.text, "DNS A vpn.example.test ?");
    let (difference, _) = found(&session().replacing("198.51.100.10", "203.0.113.66"), View::Dns);
    assert!(difference.message.contains(
        "expected `client asks public outside: A vpn.example.test = 198.51.100.10`, but `client asks public outside: A \
         vpn.example.test = 203.0.113.66` came (frame "
    ), "{}", difference.message);
}

#[test]
fn a_changed_header() {
    let (difference, line) = found(&session().replacing("X-CSTP-DPD: 3", "X-CSTP-DPD: 30"), View::ConnectHeaders);
    assert_eq!(line.text, "HTTP   X-CSTP-DPD: 30");
    assert_eq!(difference.expected.as_deref(), Some("< HTTP   X-CSTP-DPD: 3"));
    let (difference, line) = found(&session().without(|line| line.text.contains("Cookie")), View::ConnectHeaders);
    assert_eq!((difference.seen, line.text.as_str()), (None, "HTTP   X-CSTP-MTU: 1406"));
}

#[test]
fn a_run_that_ended_early_and_one_that_did_more() {
    let golden = golden(&session(), View::OuterFlow, SLACK);
    let compare = |trace: &interop_evidence::Trace| {
        interop_trace::compare(&golden, &interop_trace::phases(trace, View::OuterFlow, SLACK), trace, SLACK).unwrap()
    };
    let mut early = session().trace();
    early.marks.truncate(2);
    early.lines.retain(|line| line.at.0 < 30_000_000);
    let difference = compare(&early);
    assert_eq!(difference.phase, "heal block");
    assert!(difference.message.contains("the run ended before this phase began"), "{}", difference.message);
    let mut more = session().trace();
    let last = more.marks.last().cloned().unwrap();
    more.marks.push(interop_evidence::TraceMark {
        at: interop_evidence::Micros(200_000_000),
        text: "again".into(),
        ..last
    });
    assert!(compare(&more).message.contains("in phase `again`: this phase is additional"));
}

#[test]
fn loss_hides_neither_a_suite_nor_a_connection() {
    let golden = golden(&session(), View::OuterFlow, LOSSY);
    let other = session().replacing("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256");
    assert!(difference(&golden, &other, View::OuterFlow, LOSSY).is_some());
    let more = session().with(|story| {
        story.tls(13_000, &format!("{TCP} #2"));
    });
    assert!(difference(&golden, &more, View::OuterFlow, LOSSY).is_some());
}
