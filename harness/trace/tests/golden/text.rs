//! What a person reads.

use interop_evidence::View;
use interop_trace::{Goldens, phases};
use proptest::prelude::*;

use super::lab::{LOSSY, MARKS, SLACK, TCP, UDP, cell, session, shown};

#[test]
fn the_wires_read_like_a_story() {
    let text = shown(&phases(&session().trace(), View::OuterFlow, SLACK));
    assert_eq!(
        text,
        "\
--- before
--- the client starts
client>gateway TCP/443 #1
  > SYN
  < SYN ACK
  > TLS ClientHello 1.3 sni=vpn.example.test
  < TLS ServerHello 1.3 TLS_AES_256_GCM_SHA384
  < TLS ChangeCipherSpec
  < TLS application data
  > TLS ChangeCipherSpec
  > TLS application data
client>gateway UDP/443 #1
  > DTLS ClientHello 1.2 app-id=app-id#1
  < DTLS HelloVerifyRequest
  > DTLS ClientHello 1.2 app-id=app-id#1 cookie
  < DTLS ServerHello 1.2 TLS_PSK_WITH_AES_256_GCM_SHA384 session-id=session-id#1
  < DTLS ServerHelloDone
  > DTLS ClientKeyExchange psk=psk
  > DTLS ChangeCipherSpec
  > DTLS encrypted handshake message
  < DTLS ChangeCipherSpec
  < DTLS encrypted handshake message
  > DTLS application data
  < DTLS application data
--- fault block: udp-blocked
client>gateway TCP/443 #1 (continues)
  > TLS application data
  < TLS application data
client>gateway UDP/443 #1 (continues)
  > DTLS application data
client>gateway UDP/443 #2 (repeated)
  > DTLS ClientHello 1.2 app-id=app-id#1
--- heal block
client>gateway TCP/443 #1 (continues)
  > TLS application data
  < TLS application data
client>gateway UDP/443 #1 at +56 s
  > DTLS ClientHello 1.2 app-id=app-id#1
  < DTLS HelloVerifyRequest
  > DTLS ClientHello 1.2 app-id=app-id#1 cookie
  < DTLS ServerHello 1.2 TLS_PSK_WITH_AES_256_GCM_SHA384 session-id=session-id#1
  < DTLS ServerHelloDone
  > DTLS ClientKeyExchange psk=psk
  > DTLS ChangeCipherSpec
  > DTLS encrypted handshake message
  < DTLS ChangeCipherSpec
  < DTLS encrypted handshake message
  > DTLS application data
  < DTLS application data
--- disconnect
client>gateway TCP/443 #1 (continues)
  closed
client>gateway UDP/443 #1 (continues)
  > DTLS encrypted alert
"
    );
}

#[test]
fn dns_and_headers_are_lists() {
    let trace = session().trace();
    let dns = shown(&phases(&trace, View::Dns, SLACK));
    assert!(dns.contains(
        "--- the client starts\nclient asks public outside: A vpn.example.test = 198.51.100.10\n\
         client asks public outside: AAAA vpn.example.test = nothing\n--- fault"
    ));
    let headers = shown(&phases(&trace, View::ConnectHeaders, SLACK));
    assert_eq!(
        headers,
        "\
--- before
--- the client starts
client>gateway TCP/443 #1
  > HTTP CONNECT /CSCOSSLC/tunnel
  > HTTP   X-CSTP-MTU: 1406
  > HTTP   Cookie: webvpn=cookie#1
  < HTTP 200 CONNECTED
  < HTTP   X-CSTP-DPD: 3
--- fault block: udp-blocked
--- heal block
--- disconnect
client>gateway TCP/443 #1 (continues)
  > CSTP DISCONNECT 0xb0 (user disconnect)
"
    );
}

#[test]
fn questions_belong_to_the_phase_in_which_they_were_asked() {
    let story = session().with(|story| {
        story.dns(MARKS[1] - 1, 3, "A late.example.test", "192.0.2.9");
        story.say(6_000, "client>public UDP/53 #4", '>', "DNS A lost.example.test ?");
        story.say(9_000, "client>public UDP/53 #5", '>', "DNS A again.example.test ?");
        story.dns(12_000, 6, "A again.example.test", "192.0.2.8");
        story.say(7_000, "client/tunnel>inside UDP/53 #1", '>', "DNS A intranet.corp.test ?");
        story.say(7_001, "client/tunnel>inside UDP/53 #1", '<', "DNS A intranet.corp.test = NXDOMAIN");
    });
    let text = shown(&phases(&story.trace(), View::Dns, SLACK));
    let (first, second) = text.split_once("--- fault").unwrap();
    assert!(first.contains("client asks public outside: A late.example.test = 192.0.2.9\n"));
    assert!(second.contains(
        "client asks public outside: A again.example.test = 192.0.2.8\n\
         client asks public outside: A lost.example.test, unanswered\n\
         client/tunnel asks inside in the tunnel: A intranet.corp.test = NXDOMAIN\n--- heal"
    ));
}

#[test]
fn the_inside_is_who_reached_whom() {
    let story = session().with(|story| {
        let ping = "client/tunnel>inside ICMP #1";
        story.lasting(2_000, 4_000, ping, '>', "ICMP echo request").lasting(2_001, 4_001, ping, '<', "ICMP echo reply");
        story.lasting(6_000, 8_000, ping, '>', "ICMP echo request");
        story.say(9_000, "client/tunnel>inside TCP/80 #3", '>', "SYN").say(
            9_001,
            "client/tunnel>inside TCP/80 #3",
            '<',
            "SYN ACK",
        );
        story.say(9_500, "gateway>client/tunnel ICMP #1", '>', "ICMP fragmentation needed MTU 1300 TCP/80");
    });
    let text = shown(&phases(&story.trace(), View::InnerFlow, SLACK));
    assert!(text.contains("starts\nclient/tunnel > inside ICMP echo request, answered\n--- fault"));
    assert!(text.contains(
        "udp-blocked\nclient/tunnel > inside ICMP echo request, not answered\nclient/tunnel > inside TCP/80, answered\n\
         gateway > client/tunnel: ICMP fragmentation needed MTU 1300 TCP/80\n--- heal"
    ));
}

#[test]
fn phases_of_one_name_are_told_apart() {
    let mut trace = session().trace();
    for mark in &mut trace.marks {
        mark.text = "again (absent)".into();
    }
    let names: Vec<String> = phases(&trace, View::Dns, SLACK).phases.into_iter().map(|phase| phase.name).collect();
    assert_eq!(names, ["before", "again [absent]", "again [absent] (2)", "again [absent] (3)", "again [absent] (4)"]);
}

#[test]
fn how_a_connection_ends() {
    let end = |story: &super::lab::Story| {
        let text = shown(&phases(&story.trace(), View::OuterFlow, SLACK));
        text.lines().rfind(|line| line.contains("closed") || line.contains("reset")).map(|line| line.trim().to_owned())
    };
    let open = session().without(|line| line.text == "FIN");
    let tcp = format!("{TCP} #1");
    assert_eq!(end(&open), None);
    let farewell = |way, at| {
        open.with(|story| {
            story.say(at, &tcp, way, "RST").say(at + 1, &tcp, '<', "FIN");
        })
    };
    assert_eq!(end(&farewell('>', 100_100)).as_deref(), Some("closed"), "asked to leave, something was unread");
    assert_eq!(end(&farewell('<', 95_000)).as_deref(), Some("reset by gateway"), "out of the blue");
    assert_eq!(end(&farewell('<', 86_200)).as_deref(), Some("closed"), "right after the client spoke");
    let alerts = session().with(|story| {
        story.say(100_011, &tcp, '>', "TLS encrypted alert").say(100_011, &tcp, '<', "TLS alert warning close_notify");
    });
    assert_eq!(alerts.0.len(), session().0.len() + 2);
    let outer = |story: &super::lab::Story| shown(&phases(&story.trace(), View::OuterFlow, SLACK));
    assert_eq!(outer(&alerts), outer(&session()));
    let fatal = session().with(|story| {
        story.say(100_011, &tcp, '<', "TLS alert fatal bad_certificate");
    });
    assert!(outer(&fatal).contains("< TLS alert fatal bad_certificate"));
}

#[test]
fn several_wires_are_named() {
    let mut story = session();
    for line in &mut story.0 {
        if line.flow == format!("{UDP} #4") {
            line.wire = "lte".into();
        }
    }
    let text = shown(&phases(&story.trace(), View::OuterFlow, SLACK));
    assert!(
        text.contains("client>gateway UDP/443 on lte #1 at +56 s")
            && text.contains("client>gateway TCP/443 on access #1\n")
    );
}

#[test]
fn under_loss_attempts_are_not_counted() {
    let text = shown(&phases(&session().trace(), View::OuterFlow, LOSSY));
    assert!(!text.contains("repeated"));
}

#[test]
fn mistakes_in_files_are_explained_with_their_line() {
    let wrong = |path: &str, text: &str| {
        let errors = Goldens::read([(path.into(), text)]).unwrap_err();
        format!("{}", errors[0])
    };
    let title = "# golden trace: a, view dns\n";
    assert!(
        wrong("a/dns.golden", "").contains("line 1: the first line of this file must be `# golden trace: a, view dns`")
    );
    assert!(wrong("a/dsn.golden", title).contains("there is no view `dsn`; views are outer-flow"));
    assert!(wrong("dns.golden", title).contains("SCENARIO/VIEW.golden"));
    assert!(wrong("a/dns.golden", &format!("{title}for: a x y\n")).contains("a base holds for all"));
    assert!(wrong("a/dns@b.golden", title).contains("must say for whom it holds"));
    let any =
        wrong("any-scenario/dns.golden", "# golden trace: any-scenario, view dns\nreason: none\n--- before\nline\n");
    assert!(any.contains("say with `for:` who shows this in any scenario"), "{any}");
    assert!(wrong("a/dns@b.golden", &format!("{title}\nfor: b x\n")).contains("line 3"));
    assert!(wrong("a/dns.golden", &format!("{title}reasn: b\n")).contains("line 2: `reasn: b` is none of"));
    assert!(wrong("a/dns.golden", &format!("{title}--- a\n--- a\n")).contains("line 3: there is a phase `a` already"));
    assert!(
        wrong("a/dns@b.golden", &format!("{title}for: b x c\n--- a (absent)\nline\n"))
            .contains("is absent and has lines")
    );
}

#[test]
fn overlays_that_clash_are_named_both() {
    let text = |who: &str| format!("# golden trace: a, view dns\nfor: {who}\nreason: none\n--- before\n");
    let read = |one: &str, other: &str| {
        let (one, other) = (text(one), text(other));
        Goldens::read([("a/dns@1.golden".into(), one.as_str()), ("a/dns@2.golden".into(), other.as_str())]).map(drop)
    };
    let message = read("openconnect x *", "* x ocserv").unwrap_err()[0].to_string();
    for part in ["a/dns@1.golden", "a/dns@2.golden", "line 2", "openconnect x *", "* x ocserv"] {
        assert!(message.contains(part), "{message}");
    }
    read("openconnect x *", "openconnect x ocserv").unwrap();
    read("openconnect <9.0 x *", "openconnect >=9.0 x *").unwrap();
    read("dpd=3s", "dpd=10s").unwrap();
    assert!(read("dpd=3s", "mtu=1300").is_err());
}

#[test]
fn files_that_nobody_asks_for_are_stale() {
    let text = |scenario: &str, view: &str| format!("# golden trace: {scenario}, view {view}\nreason: none\n");
    let files = [("a", "dns"), ("a", "routes"), ("b", "dns")];
    let texts: Vec<_> = files
        .iter()
        .map(|(scenario, view)| (format!("{scenario}/{view}.golden").into(), text(scenario, view)))
        .collect();
    let goldens =
        Goldens::read(texts.iter().map(|(path, text): &(std::path::PathBuf, String)| (path.clone(), text.as_str())))
            .unwrap();
    let stale = goldens.stale(&[("a".into(), vec![View::Dns])]);
    let words: Vec<String> = stale.iter().map(|file| format!("{}: {}", file.path.display(), file.why)).collect();
    assert_eq!(
        words,
        ["a/routes.golden: scenario `a` does not claim view `routes`", "b/dns.golden: there is no scenario `b`"]
    );
}

fn arbitrary_phases() -> impl Strategy<Value = interop_trace::Phases> {
    let line = prop_oneof![
        "[-+]? ?[a-z]{1,8}( [a-z#:=.>]{1,8}){0,3}",
        (1_u8..4).prop_map(|number| format!("client>gateway UDP/443 #{number} (repeated) at +56 s")),
        "  [<>] [A-Z]{1,5} [a-z]{1,5}-id#[1-9]",
        Just("--- not a phase".to_owned()),
    ];
    let phase = ("[a-z]{1,6}(: [a-z]{1,5} at [a-z]{1,5})?", prop::collection::vec(line, 0..6));
    prop::collection::vec(phase, 0..6).prop_map(|phases| {
        let mut names = std::collections::HashSet::new();
        let phases = phases.into_iter().filter(|(name, _)| names.insert(name.clone()));
        let phase = |(name, lines): (String, Vec<String>)| interop_trace::Phase {
            name,
            mark: None,
            lines: lines.into_iter().map(|line| (line.trim_end().to_owned(), 0)).collect(),
        };
        interop_trace::Phases { phases: phases.map(phase).collect() }
    })
}

proptest! {
    #[test]
    fn what_is_accepted_is_read(one in arbitrary_phases(), other in arbitrary_phases()) {
        let cells = [cell("openconnect", "ocserv"), cell("reference", "ocserv")];
        let seen: Vec<_> = cells.iter().cloned().zip([one, other]).collect();
        let mut files = Vec::new();
        super::lab::apply(&mut files, &Goldens::default().accept(View::Dns, &seen, "two\nlines"));
        let goldens = super::lab::read(&files);
        for (cell, phases) in &seen {
            let golden = goldens.of(cell, View::Dns).unwrap();
            // A line that looks like the beginning of a phase is the one thing that does not stay.
            let trace = interop_evidence::Trace::default();
            let mut phases = phases.clone();
            for line in phases.phases.iter_mut().flat_map(|phase| &mut phase.lines) {
                line.0 = line.0.replace("--- ", ". --- ");
            }
            prop_assert_eq!(interop_trace::compare(&golden, &phases, &trace, SLACK), None);
        }
        prop_assert_eq!(goldens.accept(View::Dns, &seen, "again"), []);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(# golden trace: a, view dns\n)?(for: .{0,20}\n)?(.{0,20}\n){0,5}(--- .{0,9}\n.{0,20}\n){0,3}") {
        for path in ["a/dns.golden", "a/dns@b.golden"] {
            let _ = Goldens::read([(path.into(), text.as_str())]);
        }
    }
}
