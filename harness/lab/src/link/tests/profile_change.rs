use super::*;

#[test]
fn frames_in_flight_keep_their_times() {
    let mut direction = Direction::new(Profile { delay: ms(100), ..Profile::default() }, SEED);
    direction.offer(ms(0), &frame(0, 60));
    direction.set_profile(Profile { delay: ms(500), ..Profile::default() });
    direction.offer(ms(10), &frame(1, 60));
    let mut out = Vec::new();
    drain(&mut direction, Duration::MAX, &mut out);
    assert_eq!(out, [(ms(100), frame(0, 60)), (ms(510), frame(1, 60))]);
}

#[test]
fn a_cut_does_not_take_frames_in_flight() {
    let mut direction = Direction::new(Profile { delay: ms(100), ..Profile::default() }, SEED);
    direction.offer(ms(0), &frame(0, 60));
    direction.set_profile(Profile { cut: true, ..Profile::default() });
    assert_eq!(direction.offer(ms(1), &frame(1, 60)), Fate::Cut);
    assert_eq!(direction.pop_due(ms(99)), None);
    assert_eq!(direction.pop_due(ms(100)), Some(frame(0, 60)));
    direction.set_profile(Profile::default());
    assert_eq!(direction.offer(ms(101), &frame(2, 60)), Fate::Pass);
}

#[test]
fn a_faster_profile_does_not_overtake() {
    let mut direction = Direction::new(Profile { delay: ms(100), ..Profile::default() }, SEED);
    direction.offer(ms(0), &frame(9, 60));
    direction.set_profile(Profile::default());
    assert!(matches!(direction.offer(ms(10), &frame(8, 60)), Fate::Delivered(it) if it.at == ms(100)));
    // At 100 ms both are due but not yet taken out: a third must queue behind them.
    assert!(matches!(direction.offer(ms(100), &frame(7, 60)), Fate::Delivered(it) if it.at == ms(100)));
    let order: Vec<u32> = std::iter::from_fn(|| direction.pop_due(ms(100))).map(|got| number(&got)).collect();
    assert_eq!(order, [9, 8, 7]);
    assert_eq!(direction.offer(ms(100), &frame(6, 60)), Fate::Pass);
}

#[test]
fn a_new_rate_waits_for_what_the_old_one_still_sends() {
    let mut direction = Direction::new(Profile { rate: rate(8_000), ..Profile::default() }, SEED);
    direction.offer(ms(0), &frame(0, 100));
    direction.set_profile(Profile { rate: rate(80_000), ..Profile::default() });
    assert!(matches!(direction.offer(ms(0), &frame(1, 100)), Fate::Delivered(it) if it.at == ms(110)));
}

#[test]
fn a_new_rate_owes_nothing_to_the_fractions_of_the_old_one() {
    let mut direction = Direction::new(Profile { rate: rate(999_999_999_999), ..Profile::default() }, SEED);
    direction.offer(ms(0), &frame(0, 100));
    direction.set_profile(Profile { rate: rate(800), ..Profile::default() });
    let fate = direction.offer(ms(0), &frame(1, 100));
    assert!(matches!(fate, Fate::Delivered(it) if it.after == ms(1000)), "{fate:?}");
}

#[test]
fn frames_in_flight_are_bounded_in_any_case() {
    let mut direction = Direction::new(Profile { delay: ms(10), ..Profile::default() }, SEED);
    let huge = vec![0; 1024 * 1024];
    for _ in 0..64 {
        assert!(direction.offer(ms(0), &huge).arrives());
    }
    assert_eq!(direction.offer(ms(0), &huge), Fate::Queue);
    assert!(direction.pop_due(ms(10)).is_some());
    assert!(direction.offer(ms(10), &huge).arrives());
    assert_eq!(direction.stats().dropped_queue, 1);
}

#[test]
fn counters_add_up_over_changes() {
    let mut direction = Direction::new(Profile::default(), SEED);
    let profiles = [
        Profile { loss: 0.2, duplicate: 0.2, ..Profile::default() },
        Profile { rate: rate(80_000), queue: 500, delay: ms(7), ..Profile::default() },
        Profile { mtu: Some(40), reorder: 0.5, ..Profile::default() },
        Profile { cut: true, ..Profile::default() },
    ];
    for (round, profile) in (0..).zip(profiles) {
        direction.set_profile(profile);
        for index in 0..500 {
            direction.offer(ms(500 * round + index), &vec![0; 50 + (index as usize % 10)]);
        }
    }
    while direction.pop_due(Duration::MAX).is_some() {}
    let stats = direction.stats();
    assert_eq!(stats.offered, 2000);
    assert!([stats.lost, stats.dropped_queue, stats.dropped_mtu, stats.dropped_cut].iter().all(|count| *count > 0));
    let dropped = stats.lost + stats.dropped_queue + stats.dropped_mtu + stats.dropped_cut;
    assert_eq!(stats.offered + stats.duplicated, stats.delivered + dropped, "{stats:?}");
}

#[test]
fn buffers_are_reused() {
    let mut direction = Direction::new(Profile { delay: ms(1), ..Profile::default() }, SEED);
    direction.offer(ms(0), &frame(0, 1000));
    let buffer = direction.pop_due(ms(1)).unwrap();
    let place = buffer.as_ptr();
    direction.recycle(buffer);
    direction.offer(ms(2), &frame(1, 100));
    let again = direction.pop_due(ms(3)).unwrap();
    assert_eq!((again.as_ptr(), again), (place, frame(1, 100)));
}

#[test]
fn remarks_are_made_only_where_something_happened() {
    let mut direction = Direction::new(Profile { delay: ms(20), ..Profile::default() }, SEED);
    assert_eq!(direction.offer(ms(0), &[0; 60]).remark(), None);
    assert_eq!(direction.offer(ms(0), &[0; 60]).to_string(), "delivered after 20.000 ms");
    direction.set_profile(Profile { duplicate: 1.0, reorder: 1.0, ..Profile::default() });
    let remark = direction.offer(ms(20), &[0; 60]).remark();
    assert_eq!(remark.as_deref(), Some("delivered after 5.000 ms, held back, duplicated"));
    direction.set_profile(Profile { cut: true, ..Profile::default() });
    assert_eq!(direction.offer(ms(30), &[0; 60]).remark().as_deref(), Some("dropped: wire cut"));
    assert_eq!(Fate::Pass.remark(), None);
}
