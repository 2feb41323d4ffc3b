//! Sizes: what is planned, what DTLS allows, what the path carries (AC-MTU-01, AC-MTU-05 to AC-MTU-09).

use reference_cstp::frame::PacketType;
use reference_cstp::session::{Channel, DtlsEvent, MtuPlan, Output, RetrySchedule, Role, SessionConfig};

use crate::driver::{DTLS_UP, Sim, client_with_dtls, quiet};

fn prober(mtu: u16, floor: u16) -> SessionConfig {
    let mtu = MtuPlan { tls: mtu, dtls: None, probe: true, floor };
    SessionConfig { mtu, ..client_with_dtls(RetrySchedule::openconnect()) }
}

fn server(mtu: u16, floor: u16) -> SessionConfig {
    SessionConfig { mtu: MtuPlan { tls: mtu, dtls: None, probe: true, floor }, ..quiet(Role::Server) }
}

/// A path that carries packets up to a size, after a while, or loses every so manieth.
struct Route {
    largest: usize,
    delay: u64,
    /// Nothing passes before this time.
    open_from: u64,
    drop_each: usize,
    /// What comes back.
    answer: Answer,
}

enum Answer {
    Same,
    /// Other content, as some peers send it.
    Zeros,
    /// Nothing but the type, as OpenConnect sends it.
    Empty,
}

/// Lets the search run over a path and returns the sizes that were set and the time of the last probe.
fn search(config: SessionConfig, route: &Route, until: u64) -> (Sim, Vec<u16>, u64) {
    let mut sim = Sim::new(config);
    sim.drain();
    sim.dtls(DTLS_UP);
    let (mut set, mut last, mut seen) = (Vec::new(), 0, 0);
    let mut answers: Vec<(u64, Vec<u8>)> = Vec::new();
    for now in 0..=until {
        for (at, output) in sim.outputs_until(now) {
            match output {
                Output::Send { channel: Channel::Dtls, kind: PacketType::DpdRequest, payload } => {
                    (last, seen) = (at, seen + 1);
                    if payload.len() <= route.largest
                        && at >= route.open_from
                        && (route.drop_each == 0 || seen % route.drop_each != 0)
                    {
                        let payload = match route.answer {
                            Answer::Same => payload,
                            Answer::Zeros => vec![0; payload.len()],
                            Answer::Empty => Vec::new(),
                        };
                        answers.push((at + route.delay, payload));
                    }
                }
                Output::SetMtu(mtu) => set.push(mtu),
                Output::Transport(_) => {}
                other => panic!("{other:?} while sizes are looked for"),
            }
        }
        while let Some(at) = answers.iter().position(|(at, _)| *at <= now) {
            let (_, payload) = answers.remove(at);
            sim.hears(Channel::Dtls, PacketType::DpdResponse, &payload);
        }
    }
    assert_eq!(sim.session.outbound(), Channel::Dtls, "looking for a size ends nothing");
    (sim, set, last)
}

const OPEN: Route = Route { largest: 9000, delay: 20, open_from: 0, drop_each: 0, answer: Answer::Same };

#[test]
fn a_wide_path_costs_one_probe() {
    let (sim, set, last) = search(prober(1400, 576), &OPEN, 12_000);
    assert_eq!((sim.session.mtu(), set, last), (1400, vec![], 0));
}

/// AC-MTU-05, AC-MTU-06: exact to the byte, within ten seconds.
#[test]
fn the_largest_size_that_passes_is_found() {
    for (largest, floor) in
        [(1399, 576), (1280, 576), (1000, 576), (700, 576), (577, 576), (576, 576), (1300, 1280), (1280, 1280)]
    {
        let (sim, set, last) = search(prober(1400, floor), &Route { largest, ..OPEN }, 12_000);
        assert_eq!(usize::from(sim.session.mtu()), largest, "floor {floor}");
        assert!(last <= 10_000 && set.len() == 1, "{largest}: last probe at {last}, set {set:?}");
    }
}

/// AC-MTU-07: the size of an answer counts, not what it says.
#[test]
fn an_answer_of_zeros_counts() {
    let (sim, ..) = search(prober(1400, 576), &Route { largest: 1111, answer: Answer::Zeros, ..OPEN }, 12_000);
    assert_eq!(sim.session.mtu(), 1111);
}

/// AC-MTU-06: loss makes the result smaller at worst, and never ends the session.
#[test]
fn a_lossy_path_gives_a_size_that_passes() {
    for drop_each in [2, 3, 5] {
        let (sim, _, last) = search(prober(1400, 576), &Route { largest: 1200, drop_each, ..OPEN }, 12_000);
        assert!((576..=1200).contains(&sim.session.mtu()), "{}", sim.session.mtu());
        assert!(last <= 10_000);
    }
}

/// Answers that come after their size was refuted take that back.
#[test]
fn a_slow_path_is_not_taken_for_a_narrow_one() {
    for delay in [400, 900, 1400] {
        let (sim, ..) = search(prober(1400, 576), &Route { delay, ..OPEN }, 12_000);
        assert_eq!(sim.session.mtu(), 1400, "{delay} ms");
    }
    // Each answer comes just after its size was refuted, and the search goes on upwards from there.
    let (sim, _, last) = search(prober(1400, 576), &Route { largest: 1300, delay: 800, ..OPEN }, 12_000);
    assert!((1290..=1300).contains(&sim.session.mtu()) && last <= 10_000, "{} at {last}", sim.session.mtu());
}

/// AC-MTU-06: a path that is dead at first is asked again and again until the limit.
#[test]
fn a_path_that_opens_late_is_still_measured() {
    let (sim, _, last) = search(prober(1400, 576), &Route { largest: 1200, open_from: 2500, ..OPEN }, 12_000);
    assert!((1190..=1200).contains(&sim.session.mtu()) && last <= 10_000, "{} at {last}", sim.session.mtu());
}

/// AC-MTU-06: when nothing answers at all, what was negotiated stays, and the probes end.
#[test]
fn a_peer_that_answers_nothing_changes_nothing() {
    let (sim, set, last) = search(prober(1400, 576), &Route { largest: 0, ..OPEN }, 30_000);
    assert_eq!((sim.session.mtu(), set), (1400, vec![]));
    assert!(last <= 10_000, "{last}");
}

/// AC-MTU-09: with IPv6 inside the size stays at 1280 at least; what DTLS cannot carry of that belongs on TLS.
#[test]
fn no_size_below_the_floor_is_ever_set() {
    for largest in [1279, 1000, 576] {
        let (sim, set, last) = search(prober(1400, 1280), &Route { largest, ..OPEN }, 12_000);
        assert_eq!((sim.session.mtu(), usize::from(sim.session.dtls_mtu()), set), (1280, largest, vec![1280]));
        assert!(last <= 10_000, "{largest}: {last}");
    }
    let mut sim = Sim::new(prober(1400, 1280));
    for _ in 0..20 {
        sim.session.on_message_too_long(Channel::Dtls, usize::from(sim.session.mtu()), sim.now());
    }
    assert_eq!(sim.session.mtu(), 1280);
}

/// AC-MTU-01: what DTLS cannot carry shrinks the device before anything is probed; a large record layer grows nothing.
#[test]
fn the_record_layer_limits_the_size() {
    for (data_mtu, expected) in [(1350, 1350), (1400, 1400), (1434, 1400), (100, 576)] {
        let mut sim = Sim::new(client_with_dtls(RetrySchedule::openconnect()));
        sim.dtls(DtlsEvent::Established { data_mtu });
        assert_eq!(sim.session.mtu(), expected, "{data_mtu}");
    }
}

/// AC-MTU-08: a size that the system refuses goes down at once, and a search finds the rest.
#[test]
fn a_refused_packet_lowers_the_size() {
    let (mut sim, ..) = search(prober(1400, 576), &OPEN, 100);
    sim.session.on_message_too_long(Channel::Dtls, 1400, sim.now());
    assert_eq!(sim.session.mtu(), 1399);
    let probe = |sim: &mut Sim| {
        sim.outputs_until(101).into_iter().find_map(|(_, output)| match output {
            Output::Send { payload, .. } => Some(payload.len()),
            _ => None,
        })
    };
    assert_eq!(probe(&mut sim), Some(1399));
    sim.session.on_message_too_long(Channel::Dtls, 1399, sim.now());
    assert_eq!(sim.session.mtu(), 1398);
    assert_eq!(probe(&mut sim), Some(576), "the floor proves that the peer takes part");
}

/// AC-MTU-08 without probes: no loop of refusals.
#[test]
fn without_probes_a_refused_size_goes_down_in_steps() {
    let mtu = MtuPlan { tls: 1400, dtls: None, probe: false, floor: 576 };
    let mut sim = Sim::new(SessionConfig { mtu, ..client_with_dtls(RetrySchedule::anyconnect()) });
    sim.dtls(DTLS_UP);
    let mut refusals = 0;
    while sim.session.mtu() > 1000 {
        sim.session.on_message_too_long(Channel::Dtls, usize::from(sim.session.mtu()), sim.now());
        refusals += 1;
    }
    assert!(refusals <= 6, "{refusals}");
    let before = sim.session.mtu();
    sim.session.on_message_too_long(Channel::Tls, 500, sim.now());
    sim.session.on_message_too_long(Channel::Dtls, 70_000, sim.now());
    assert_eq!(sim.session.mtu(), before);
}

/// A path that narrowed is looked at again from the plan when DTLS comes up the next time.
#[test]
fn a_new_dtls_may_grow_back_to_the_plan() {
    let (mut sim, ..) = search(prober(1400, 576), &Route { largest: 1000, ..OPEN }, 12_000);
    assert_eq!(sim.session.mtu(), 1000);
    sim.dtls(DtlsEvent::Lost);
    sim.dtls(DTLS_UP);
    sim.until(12_001);
    sim.hears(Channel::Dtls, PacketType::DpdResponse, &[0; 1400]);
    assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1400, 1400));
}

/// AC-MTU-08: nothing large is given to DTLS before it is known to pass; what was answered passes from then on.
#[test]
fn large_packets_wait_for_an_answer_before_they_go_over_dtls() {
    for config in [prober(1400, 576), server(1400, 576)] {
        let mut sim = Sim::new(config);
        sim.dtls(DTLS_UP);
        assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1400, 576));
        sim.until(10);
        sim.hears(Channel::Dtls, PacketType::DpdResponse, &[0; 1400]);
        assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1400, 1400));
    }
    let mut sim = Sim::new(prober(1400, 576));
    sim.dtls(DTLS_UP);
    // 1400 is refuted, 576 asked.
    sim.until(760);
    sim.hears(Channel::Dtls, PacketType::DpdResponse, &[0; 576]);
    sim.until(770);
    sim.hears(Channel::Dtls, PacketType::DpdResponse, &[0; 988]);
    assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1400, 988));
}

/// Without probes the arithmetic of the record layer is all that is known.
#[test]
fn without_probes_dtls_gets_what_a_datagram_holds() {
    let mut sim = Sim::new(quiet(Role::Server));
    sim.dtls(DtlsEvent::Established { data_mtu: 1350 });
    assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1350, 1350));
}

/// A server finds the size too, with a client that answers with as many bytes and with one that answers with none.
#[test]
fn a_server_measures_its_direction_whatever_the_answers_look_like() {
    for largest in [1400, 1399, 1334, 1000, 577] {
        for answer in [Answer::Same, Answer::Empty] {
            let (sim, _, last) = search(server(1400, 576), &Route { largest, answer, ..OPEN }, 12_000);
            assert_eq!(usize::from(sim.session.dtls_mtu()), largest);
            assert!(last <= 10_000);
        }
    }
}

/// An empty answer proves the smallest request that is open, never more than what passed, on any path that answers within a second.
#[test]
fn empty_answers_never_make_the_size_too_large() {
    for delay in [1, 49, 75, 180, 300, 500, 800, 990] {
        for drop_each in [0, 2, 3, 4] {
            for largest in [1399, 1200, 700] {
                let route = Route { largest, delay, drop_each, answer: Answer::Empty, ..OPEN };
                let (sim, ..) = search(server(1400, 576), &route, 12_000);
                let found = usize::from(sim.session.dtls_mtu());
                assert!(found <= largest, "{found} of {largest} with {delay} ms, each {drop_each}th lost");
            }
        }
    }
}

/// OpenConnect hears no requests while it measures its own direction. What went unanswered then is not held against the path, and the
/// answers that come at last are not used up by requests that nobody heard.
#[test]
fn a_client_that_is_deaf_at_first_does_not_make_the_size_smaller() {
    for open_from in [0, 40, 700, 1900, 3000, 4700] {
        for largest in [1400, 1214] {
            let route = Route { largest, open_from, delay: 22, answer: Answer::Empty, ..OPEN };
            let (sim, _, last) = search(server(1400, 576), &route, 12_000);
            let found = usize::from(sim.session.dtls_mtu());
            assert!(found == largest && last <= 10_000, "{found} of {largest}, deaf until {open_from} ms");
        }
    }
}

/// A client asks for its requests back in full: an empty answer says nothing about the way back.
#[test]
fn an_empty_answer_is_no_size_for_a_client() {
    let (sim, set, _) = search(prober(1400, 576), &Route { answer: Answer::Empty, largest: 1000, ..OPEN }, 12_000);
    assert_eq!((sim.session.mtu(), sim.session.dtls_mtu(), set), (1400, 1400, vec![]));
}

/// What the system knows of the path is looked at first, and confirmed with one probe.
#[test]
fn what_the_system_knows_shortens_the_search() {
    let probes = |sim: &mut Sim, until| {
        let size = |(_, output): (u64, Output)| match output {
            Output::Send { kind: PacketType::DpdRequest, payload, .. } => Some(payload.len()),
            _ => None,
        };
        sim.outputs_until(until).into_iter().filter_map(size).collect::<Vec<_>>()
    };
    for config in [prober(1400, 576), server(1400, 576)] {
        let mut sim = Sim::new(config);
        sim.dtls(DTLS_UP);
        assert_eq!(probes(&mut sim, 10), [1400]);
        sim.session.on_path_mtu(1334, sim.now());
        assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1334, 576));
        assert_eq!(probes(&mut sim, 20), [1334]);
        sim.hears(Channel::Dtls, PacketType::DpdResponse, &[0; 1334]);
        assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1334, 1334));
        assert_eq!(probes(&mut sim, 20_000), [0; 0], "the search is over");
        // The same again is no news, and more is none either.
        sim.session.on_path_mtu(1334, sim.now());
        sim.session.on_path_mtu(1400, sim.now());
        assert_eq!((probes(&mut sim, 30_000), sim.session.dtls_mtu()), (vec![], 1334));
        sim.session.on_path_mtu(1200, sim.now());
        assert_eq!((probes(&mut sim, 30_010), sim.session.mtu(), sim.session.dtls_mtu()), (vec![1200], 1200, 576));
    }
}

/// AC-MTU-09: a path that is known to be too narrow for the floor takes what fits it.
#[test]
fn a_known_path_below_the_floor_limits_dtls_only() {
    let mut sim = Sim::new(prober(1400, 1280));
    sim.dtls(DTLS_UP);
    for known in [1000, 500] {
        sim.session.on_path_mtu(known, sim.now());
        assert!(sim.session.mtu() == 1280 && sim.session.dtls_mtu() <= known);
    }
    assert!(sim.session.dtls_mtu() == 500 && sim.session.poll_timeout().is_none(), "too narrow to be looked at");
}

/// New keys on the same path do not send large packets round about again.
#[test]
fn a_renewed_dtls_keeps_what_the_client_knows() {
    let (mut sim, ..) = search(prober(1400, 576), &Route { largest: 1300, ..OPEN }, 12_000);
    sim.dtls(DTLS_UP);
    assert_eq!((sim.session.mtu(), sim.session.dtls_mtu()), (1300, 1300));
}
