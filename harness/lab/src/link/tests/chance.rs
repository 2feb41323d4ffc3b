use super::*;

const MANY: u32 = 40_000;

fn fates_of(profile: Profile, seed: u64) -> Vec<Fate> {
    run(&mut Direction::new(profile, seed), MANY, ms(20)).0
}

#[test]
fn loss_is_within_three_sigma() {
    for loss in [0.01, 0.1, 0.5] {
        let mut direction = Direction::new(Profile { loss, ..Profile::default() }, SEED);
        let (fates, out) = run(&mut direction, MANY, ms(20));
        let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count() as u64;
        assert!(is_likely(lost, MANY.into(), loss), "{lost} of {MANY} lost at {loss}");
        assert_eq!(direction.stats().lost, lost);
        assert_eq!(out.len() as u64 + lost, u64::from(MANY));
    }
}

#[test]
fn loss_of_one_is_certain_and_of_zero_never_happens() {
    assert!(fates_of(Profile { loss: 1.0, ..Profile::default() }, SEED).iter().all(|fate| *fate == Fate::Lost));
    let other = Profile { duplicate: 0.5, ..Profile::default() };
    assert!(!fates_of(other, SEED).contains(&Fate::Lost));
}

/// Lengths of runs of lost frames.
fn bursts(fates: &[Fate]) -> Vec<usize> {
    fates.chunk_by(|a, b| a == b).filter(|run| run[0] == Fate::Lost).map(<[Fate]>::len).collect()
}

#[test]
fn bursts_have_the_mean_length_and_keep_the_loss() {
    let profile = Profile { loss: 0.1, burst: Some(5.0), ..Profile::default() };
    let bursts = bursts(&fates_of(profile, SEED));
    let lost: usize = bursts.iter().sum();
    let mean = lost as f64 / bursts.len() as f64;
    // Lengths are geometric: sigma of the mean is sqrt(20 / 800 bursts), of the loss about 0.0045.
    assert!((4.5..5.5).contains(&mean), "mean burst {mean}");
    assert!((0.086..0.114).contains(&(lost as f64 / f64::from(MANY))), "{lost} of {MANY} lost");
}

#[test]
fn independent_loss_has_no_bursts() {
    let bursts = bursts(&fates_of(Profile { loss: 0.1, ..Profile::default() }, SEED));
    let mean = bursts.iter().sum::<usize>() as f64 / bursts.len() as f64;
    assert!((1.05..1.18).contains(&mean), "mean burst {mean}, expected 1 / 0.9");
}

#[test]
fn a_burst_ends_with_its_profile() {
    // Bursts that never end: whether the first frame is lost decides for all, until the profile changes.
    let profile = Profile { loss: 0.5, burst: Some(1e9), ..Profile::default() };
    let mut direction = Direction::new(profile.clone(), SEED);
    let mut first_of_each = Vec::new();
    for _ in 0..40 {
        direction.set_profile(profile.clone());
        let fates: Vec<Fate> = (0..10).map(|_| direction.offer(ms(0), &[0; 60])).collect();
        assert!(fates.iter().all(|fate| fate.arrives() == fates[0].arrives()), "{fates:?}");
        first_of_each.push(fates[0].arrives());
        while direction.pop_due(ms(0)).is_some() {}
    }
    assert!(first_of_each.contains(&true) && first_of_each.contains(&false));
}

#[test]
fn loss_too_high_for_its_bursts_is_kept() {
    let profile = Profile { loss: 0.75, burst: Some(1.0), ..Profile::default() };
    let lost = fates_of(profile, SEED).iter().filter(|fate| **fate == Fate::Lost).count();
    assert!((0.74..0.76).contains(&(lost as f64 / f64::from(MANY))), "{lost} of {MANY} lost");
}

#[test]
fn duplicates_come_twice_and_unchanged() {
    let mut direction = Direction::new(Profile { duplicate: 0.2, ..Profile::default() }, SEED);
    let (fates, out) = run(&mut direction, MANY, ms(20));
    let twice = out.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    assert!(is_likely(twice, MANY.into(), 0.2), "{twice} of {MANY} came twice");
    assert_eq!(direction.stats().duplicated, twice);
    assert_eq!(direction.stats().delivered, u64::from(MANY) + twice);
    let announced = fates.iter().filter(|fate| matches!(fate, Fate::Delivered(it) if it.duplicated)).count();
    assert_eq!(announced as u64, twice);
}

#[test]
fn corruption_flips_one_bit_and_never_in_the_ethernet_header() {
    let mut direction = Direction::new(Profile { corrupt: 1.0, ..Profile::default() }, SEED);
    let mut flipped = [0_u32; 100];
    for index in 0..MANY {
        let sent = frame(index, 100);
        let Fate::Delivered(delivery) = direction.offer(ms(0), &sent) else { panic!("frame {index} did not arrive") };
        let received = direction.pop_due(ms(0)).unwrap();
        let changed: Vec<usize> = (0..100).filter(|at| sent[*at] != received[*at]).collect();
        assert_eq!(changed, [delivery.corrupted.unwrap()]);
        assert_eq!((sent[changed[0]] ^ received[changed[0]]).count_ones(), 1);
        flipped[changed[0]] += 1;
    }
    assert!(flipped[..ETHERNET_HEADER].iter().all(|count| *count == 0));
    assert!(flipped[ETHERNET_HEADER..].iter().all(|count| *count > 300), "not spread evenly: {flipped:?}");
    assert_eq!((direction.stats().corrupted, direction.stats().delayed), (u64::from(MANY), 0));
}

#[test]
fn corruption_leaves_a_bare_header_alone() {
    let mut direction = Direction::new(Profile { corrupt: 1.0, ..Profile::default() }, SEED);
    for length in 0..=ETHERNET_HEADER {
        let sent = vec![7; length];
        assert!(matches!(direction.offer(ms(0), &sent), Fate::Delivered(it) if it.corrupted.is_none()));
        assert_eq!(direction.pop_due(ms(0)), Some(sent));
    }
}

#[test]
fn corruption_leaves_arp_alone() {
    let mut direction = Direction::new(Profile { corrupt: 1.0, ..Profile::default() }, SEED);
    let of_type = |ethertype: [u8; 2]| {
        let mut frame = vec![0; 60];
        frame[12..14].copy_from_slice(&ethertype);
        frame
    };
    for (ethertype, flips) in [([0x08, 0x06], false), ([0x08, 0x00], true), ([0x86, 0xdd], true)] {
        let sent = of_type(ethertype);
        assert!(
            matches!(direction.offer(ms(0), &sent), Fate::Delivered(it) if it.corrupted.is_some() == flips),
            "{ethertype:x?}"
        );
        assert_eq!(direction.pop_due(ms(0)).unwrap() != sent, flips, "{ethertype:x?}");
    }
    assert_eq!(direction.stats().corrupted, 2);
}

#[test]
fn corruption_is_within_three_sigma() {
    let profile = Profile { corrupt: 0.05, ..Profile::default() };
    let mut direction = Direction::new(profile, SEED);
    run(&mut direction, MANY, ms(20));
    assert!(is_likely(direction.stats().corrupted, MANY.into(), 0.05), "{:?}", direction.stats());
}

/// Everything at once that chance decides.
fn unruly() -> Profile {
    Profile {
        delay: ms(30),
        jitter: ms(10),
        loss: 0.1,
        burst: Some(3.0),
        duplicate: 0.05,
        reorder: 0.05,
        corrupt: 0.05,
        ..Profile::default()
    }
}

#[test]
fn same_seed_same_fates() {
    assert_eq!(fates_of(unruly(), 1), fates_of(unruly(), 1));
    assert_ne!(fates_of(unruly(), 1), fates_of(unruly(), 2));
}

/// What chance decided, without times.
fn choices(fates: &[Fate]) -> Vec<Option<(bool, bool, Option<usize>)>> {
    let choice = |fate: &Fate| match fate {
        Fate::Delivered(it) => Some((it.reordered, it.duplicated, it.corrupted)),
        _ => None,
    };
    fates.iter().map(choice).collect()
}

#[test]
fn choices_do_not_depend_on_time() {
    let slow = run(&mut Direction::new(unruly(), SEED), 5000, ms(20)).0;
    let fast = run(&mut Direction::new(unruly(), SEED), 5000, Duration::from_micros(3)).0;
    assert_ne!(slow, fast);
    assert_eq!(choices(&slow), choices(&fast));
}

#[test]
fn choices_depend_on_the_position_and_not_on_what_came_before() {
    let lossy = Profile { loss: 0.3, ..Profile::default() };
    let mut always = Direction::new(lossy.clone(), SEED);
    let mut later = Direction::new(Profile::default(), SEED);
    let expected: Vec<Fate> = (0..200).map(|_| always.offer(ms(0), &[0; 60])).collect();
    for _ in 0..100 {
        assert_eq!(later.offer(ms(0), &[0; 60]), Fate::Pass);
    }
    later.set_profile(lossy);
    let after: Vec<Fate> = (0..100).map(|_| later.offer(ms(0), &[0; 60])).collect();
    assert_eq!(after, expected[100..]);
}

#[test]
fn the_two_directions_of_a_link_choose_independently() {
    use super::super::{End, Link};
    let mut link = Link::new(Profile { loss: 0.5, ..Profile::default() }, SEED);
    let fates = |link: &mut Link, end| (0..200).map(|_| link.offer(ms(0), end, &[0; 60])).collect::<Vec<_>>();
    let a = fates(&mut link, End::A);
    let b = fates(&mut link, End::B);
    assert_ne!(a, b);
    assert_eq!(link.stats().offered, 400);
}
