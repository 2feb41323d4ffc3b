//! Sizes: what is planned, what DTLS allows, what the path carries (AC-MTU-01, AC-MTU-05 to AC-MTU-09).

use reference_cstp::frame::PacketType;
use reference_cstp::session::{Channel, DtlsEvent, MtuPlan, Output, RetrySchedule, SessionConfig};

use crate::driver::{DTLS_UP, Sim, client_with_dtls};

fn prober(mtu: u16, floor: u16) -> SessionConfig {
    let mtu = MtuPlan { tls: mtu, dtls: None, probe: true, floor };
    SessionConfig { mtu, ..client_with_dtls(RetrySchedule::openconnect()) }
}

/// A path that carries packets up to a size, after a while, or loses every so manieth.
struct Route {
    largest: usize,
    delay: u64,
    /// Nothing passes before this time.
    open_from: u64,
    drop_each: usize,
    /// What comes back has other content, as some peers send it.
    zeroed: bool,
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
                        let payload = if route.zeroed { vec![0; payload.len()] } else { payload };
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

const OPEN: Route = Route { largest: 9000, delay: 20, open_from: 0, drop_each: 0, zeroed: false };

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
    let (sim, ..) = search(prober(1400, 576), &Route { largest: 1111, zeroed: true, ..OPEN }, 12_000);
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

/// AC-MTU-09: below 1280 there is nothing to look for with IPv6 inside.
#[test]
fn no_size_below_the_floor_is_ever_set() {
    let (sim, set, _) = search(prober(1400, 1280), &Route { largest: 1000, ..OPEN }, 12_000);
    assert_eq!((sim.session.mtu(), set), (1400, vec![]));
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
    sim.hears(Channel::Dtls, PacketType::DpdResponse, &[0; 1400]);
    assert_eq!(sim.session.mtu(), 1400);
}
