use super::super::{End, Link};
use super::*;

#[test]
fn a_clear_wire_is_the_identity_and_counts() {
    let mut direction = Direction::new(Profile::default(), SEED);
    let (fates, out) = run(&mut direction, 1000, ms(1));
    assert!(fates.iter().all(|fate| *fate == Fate::Pass));
    assert!(out.iter().enumerate().all(|(index, (at, got))| {
        let index = u32::try_from(index).unwrap();
        *at == ms(index.into()) && *got == frame(index, 100)
    }));
    let stats = direction.stats();
    assert_eq!((stats.offered, stats.delivered), (1000, 1000));
    assert_eq!((stats.delayed, stats.lost, stats.dropped_queue), (0, 0, 0));
    assert_eq!(direction.next_due(), None);
}

#[test]
fn delay_is_exact() {
    let delay = Duration::from_nanos(12_345_678);
    let mut direction = Direction::new(Profile { delay, ..Profile::default() }, SEED);
    let (fates, out) = run(&mut direction, 100, ms(3));
    for (index, (at, got)) in out.iter().enumerate() {
        let sent_at = ms(3) * u32::try_from(index).unwrap();
        assert_eq!((*at, number(got) as usize), (sent_at + delay, index));
        assert!(matches!(fates[index], Fate::Delivered(it) if it.at == *at && it.after == delay));
    }
    assert_eq!((out.len(), direction.stats().delayed), (100, 100));
}

#[test]
fn jitter_keeps_its_bounds_and_the_order() {
    let profile = Profile { delay: ms(50), jitter: ms(20), ..Profile::default() };
    // Frames far apart, so that keeping the order never has to delay one.
    let (_, out) = run(&mut Direction::new(profile.clone(), SEED), 5000, ms(100));
    let waits: Vec<Duration> = out.iter().map(|(at, got)| *at - ms(100) * number(got)).collect();
    let (least, most) = (*waits.iter().min().unwrap(), *waits.iter().max().unwrap());
    assert!(least >= ms(50) && most <= ms(70), "{least:?} .. {most:?}");
    assert!(least < ms(51) && most > ms(69), "not spread over the whole range: {least:?} .. {most:?}");
    let mean = waits.iter().sum::<Duration>() / 5000;
    assert!(mean > ms(59) && mean < ms(61), "{mean:?}");
    // Frames close together: jitter alone would reorder them.
    let (_, out) = run(&mut Direction::new(profile, SEED), 5000, ms(1));
    assert!(out.is_sorted_by_key(|(_, got)| number(got)));
    assert!(out.iter().all(|(at, got)| *at <= ms(1) * number(got) + ms(70)));
}

#[test]
fn rate_is_exact_to_the_byte() {
    // 3 Mbit/s make a period of 1514-byte frames that is no whole number of nanoseconds.
    let mut direction =
        Direction::new(Profile { rate: rate(3_000_000), queue: usize::MAX, ..Profile::default() }, SEED);
    for index in 0..10_000 {
        assert!(direction.offer(ms(0), &frame(index, 1514)).arrives());
    }
    let mut out = Vec::new();
    drain(&mut direction, ms(10_000), &mut out);
    // In ten seconds 3,750,000 bytes leave: 2476 frames and a part of the next.
    assert_eq!(out.len(), 3_750_000 / 1514);
    drain(&mut direction, Duration::MAX, &mut out);
    let last = out.last().unwrap().0;
    assert_eq!(last, Duration::from_nanos((10_000_u64 * 1514 * 8 * 1000) / 3));
}

#[test]
fn an_idle_wire_saves_no_rate_for_later() {
    let mut direction = Direction::new(Profile { rate: rate(8_000), ..Profile::default() }, SEED);
    for now in [ms(0), ms(10_000)] {
        for expected in [now + ms(100), now + ms(200)] {
            assert!(matches!(direction.offer(now, &frame(0, 100)), Fate::Delivered(it) if it.at == expected));
        }
    }
}

#[test]
fn an_idle_wire_forgets_fractions_of_a_nanosecond() {
    let mut direction = Direction::new(Profile { rate: rate(3_000_000), ..Profile::default() }, SEED);
    for now in [ms(0), ms(1), ms(2)] {
        let fate = direction.offer(now, &frame(0, 100));
        assert!(matches!(fate, Fate::Delivered(it) if it.after.as_nanos() == 266_666), "{fate:?}");
    }
}

#[test]
fn rate_and_delay_add_up() {
    let profile = Profile { rate: rate(8_000), delay: ms(30), ..Profile::default() };
    let fate = Direction::new(profile, SEED).offer(ms(5), &frame(0, 100));
    assert!(matches!(fate, Fate::Delivered(it) if it.at == ms(135)));
}

#[test]
fn a_full_queue_drops_the_newest() {
    let mut direction = Direction::new(Profile { rate: rate(8_000), queue: 1000, ..Profile::default() }, SEED);
    let fates: Vec<Fate> = (0..15).map(|index| direction.offer(ms(0), &frame(index, 100))).collect();
    assert!(fates[..10].iter().all(Fate::arrives));
    assert!(fates[10..].iter().all(|fate| *fate == Fate::Queue));
    // One frame of 100 bytes leaves in 100 ms and makes room for one more, not earlier.
    assert_eq!(direction.offer(ms(99), &frame(15, 100)), Fate::Queue);
    assert!(direction.offer(ms(100), &frame(16, 100)).arrives());
    assert_eq!(direction.offer(ms(100), &frame(17, 100)), Fate::Queue);
    assert_eq!(direction.stats().dropped_queue, 7);
    let mut out = Vec::new();
    drain(&mut direction, Duration::MAX, &mut out);
    assert_eq!(out.iter().map(|(_, got)| number(got)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16]);
}

#[test]
fn a_frame_longer_than_the_queue_passes_an_idle_wire() {
    let mut direction = Direction::new(Profile { rate: rate(8_000), queue: 50, ..Profile::default() }, SEED);
    assert!(direction.offer(ms(0), &frame(0, 100)).arrives());
    assert_eq!(direction.offer(ms(99), &frame(1, 100)), Fate::Queue);
    assert!(direction.offer(ms(100), &frame(2, 100)).arrives());
}

#[test]
fn reordered_frames_are_overtaken() {
    let profile = Profile { delay: ms(20), reorder: 0.1, ..Profile::default() };
    let mut direction = Direction::new(profile, SEED);
    let (fates, out) = run(&mut direction, 5000, ms(3));
    let held: Vec<u32> =
        (0..5000).filter(|n| matches!(fates[*n as usize], Fate::Delivered(it) if it.reordered)).collect();
    assert!(is_likely(held.len() as u64, 5000, 0.1), "{} held back", held.len());
    assert_eq!(direction.stats().reordered, held.len() as u64);
    let order: Vec<u32> = out.iter().map(|(_, got)| number(got)).collect();
    let place = |n: u32| order.iter().position(|other| *other == n).unwrap();
    for n in held.iter().copied().filter(|n| n + 4 < 5000) {
        // Held back by 10 ms, a frame is overtaken by the three that follow within 9 ms, unless those are held too.
        for later in (n + 1..=n + 3).filter(|later| !held.contains(later)) {
            assert!(place(later) < place(n), "{later} did not overtake {n}");
        }
        assert!(held.contains(&(n + 4)) || place(n + 4) > place(n));
    }
    let rest: Vec<u32> = order.iter().copied().filter(|n| !held.contains(n)).collect();
    assert!(rest.is_sorted());
}

#[test]
fn held_back_without_a_delay_means_five_milliseconds() {
    let mut direction = Direction::new(Profile { reorder: 1.0, ..Profile::default() }, SEED);
    assert!(matches!(direction.offer(ms(1), &[0; 60]), Fate::Delivered(it) if it.at == ms(6) && it.reordered));
    let mut direction = Direction::new(Profile { reorder: 1.0, reorder_by: Some(ms(9)), ..Profile::default() }, SEED);
    assert!(matches!(direction.offer(ms(1), &[0; 60]), Fate::Delivered(it) if it.at == ms(10)));
}

#[test]
fn the_mtu_is_a_black_hole_for_longer_packets_only() {
    let mut direction = Direction::new(Profile { mtu: Some(1400), ..Profile::default() }, SEED);
    assert!(direction.offer(ms(0), &[0; 1414]).arrives());
    assert_eq!(direction.pop_due(ms(0)), Some(vec![0; 1414]));
    assert_eq!(direction.offer(ms(0), &[0; 1415]), Fate::Mtu);
    assert_eq!(direction.stats().dropped_mtu, 1);
    assert_eq!(direction.next_due(), None);
}

#[test]
fn a_cut_wire_carries_nothing() {
    let mut direction = Direction::new(Profile { cut: true, ..Profile::default() }, SEED);
    let (fates, out) = run(&mut direction, 100, ms(1));
    assert!(fates.iter().all(|fate| *fate == Fate::Cut));
    assert_eq!((out.len(), direction.stats().dropped_cut, direction.stats().delivered), (0, 100, 0));
}

#[test]
fn a_one_way_cut_leaves_the_other_way_alone() {
    let mut link = Link::new(Profile::default(), SEED);
    link.from_mut(End::A).set_profile(Profile { cut: true, ..Profile::default() });
    assert_eq!(link.offer(ms(0), End::A, &[0; 60]), Fate::Cut);
    assert_eq!(link.offer(ms(0), End::B, &[0; 60]), Fate::Pass);
    assert_eq!(link.from(End::A).stats().dropped_cut, 1);
    assert_eq!(link.from(End::B).stats().delivered, 1);
}

#[test]
fn a_link_gives_out_the_earliest_frame_of_either_direction() {
    let mut link = Link::new(Profile { delay: ms(10), ..Profile::default() }, SEED);
    link.offer(ms(1), End::B, &frame(1, 60));
    link.offer(ms(2), End::A, &frame(2, 60));
    link.offer(ms(3), End::B, &frame(3, 60));
    assert_eq!(link.next_due(), Some(ms(11)));
    assert_eq!(link.pop_due(ms(10)), None);
    let out: Vec<_> = std::iter::from_fn(|| link.pop_due(ms(20))).map(|(end, got)| (end, number(&got))).collect();
    assert_eq!(out, [(End::A, 1), (End::B, 2), (End::A, 3)]);
}
