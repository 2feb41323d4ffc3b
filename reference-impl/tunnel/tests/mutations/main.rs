//! A hundred thousand mutations of valid conversations, for everything that reads what a peer sends.
//!
//! The conversations are recorded by running both ends of this project against each other in memory. Each mutation goes
//! to the parser or state machine that would have got the original, in the state that it had then. None may panic, take
//! more memory than its input justifies, or take long; what is not accepted is refused with a reason.
//!
//! `VPN_INTEROP_SEED` repeats a run; without it the clock gives the seed, which is printed. Inputs that once failed lie
//! in `regressions`, one file for each parser, and come first.

#![expect(clippy::unwrap_used, reason = "a test program: a panic is its failure")]

mod allocator;
#[path = "../common/mod.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the other test programs, which use more of it")]
mod common;
mod connect;
mod conversation;
mod dialogue;
mod dice;
mod documents;
mod dtls;
mod frames;
mod harness;
mod http;
mod mutate;
mod packets;
mod questions;
mod regressions;
mod tls;

use harness::{Entry, Parser, Plan, Verdict, run};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Mutations of one run, over all parsers.
const MUTATIONS: usize = 100_000;

/// Every parser with its share of the mutations: cheap ones get many.
const ENTRIES: &[Entry] = &[
    Entry { make: || Box::new(http::Requests::new()), share: 8_000 },
    Entry { make: || Box::new(http::Responses::new()), share: 8_000 },
    Entry { make: || Box::new(documents::Clients::new()), share: 8_000 },
    Entry { make: || Box::new(documents::Servers::new()), share: 8_000 },
    Entry { make: || Box::new(documents::Urls::new()), share: 1_000 },
    Entry { make: || Box::new(dialogue::ClientSide::new()), share: 2_000 },
    Entry { make: || Box::new(dialogue::ServerSide::new()), share: 2_000 },
    Entry { make: || Box::new(dialogue::Downloads::new()), share: 1_000 },
    Entry { make: || Box::new(connect::Requests::new()), share: 4_000 },
    Entry { make: || Box::new(connect::Replies::new()), share: 4_000 },
    Entry { make: || Box::new(frames::Frames::new()), share: 11_000 },
    Entry { make: || Box::new(frames::Control::new()), share: 5_000 },
    Entry { make: || Box::new(frames::Compressed::new()), share: 8_000 },
    Entry { make: || Box::new(dtls::Hellos::new()), share: 8_000 },
    Entry { make: || Box::new(dtls::Handshakes::new()), share: 7_000 },
    Entry { make: || Box::new(dtls::Records::new()), share: 5_000 },
    Entry { make: || Box::new(tls::Channels::rustls()), share: 1_000 },
    Entry { make: || Box::new(tls::Channels::openssl()), share: 1_000 },
    Entry { make: || Box::new(packets::Segments::new()), share: 8_000 },
];

#[tokio::test]
async fn mutations_of_questions_leave_the_forwarder_serving() {
    let seed = dice::seed();
    println!("VPN_INTEROP_SEED={seed}");
    questions::flood(seed, 3_000).await;
}

#[test]
fn mutations_of_valid_conversations_do_no_harm() {
    assert_eq!(ENTRIES.iter().map(|entry| entry.share).sum::<usize>(), MUTATIONS);
    let plan = Plan { seed: dice::seed(), entries: ENTRIES };
    println!("VPN_INTEROP_SEED={}", plan.seed);
    let report = run(&plan);
    assert!(report.failures.is_empty(), "VPN_INTEROP_SEED={}\n{report}", plan.seed);
    println!("{report}");
}

/// Fails in every way there is, on inputs that say which.
struct Faulty;

impl Parser for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn samples(&self) -> Vec<(usize, Vec<u8>)> {
        vec![(0, b"fine".to_vec())]
    }

    fn feed(&mut self, _: usize, input: &[u8], _: &mut dice::Dice) -> Verdict {
        match input.first() {
            Some(b'f') => Verdict::Accepted,
            Some(0..=63) => panic!("a planted panic"),
            Some(64..=127) => {
                std::hint::black_box(vec![0_u8; 64 << 20]);
                Verdict::Accepted
            }
            Some(128..=191) => Verdict::Refused(String::new()),
            _ => Verdict::Refused("a reason".into()),
        }
    }
}

#[test]
fn a_parser_that_does_harm_is_noticed_by_mutations() {
    let plan = Plan { seed: 7, entries: &[Entry { make: || Box::new(Faulty), share: 2_000 }] };
    let report = run(&plan);
    for wanted in ["a planted panic", "bytes of memory", "no reason"] {
        assert!(report.failures.iter().any(|failure| failure.what.contains(wanted)), "{wanted}: {report}");
    }
    let failure = &report.failures[0];
    assert!(report.to_string().contains(&failure.line()), "{report}");
    assert_eq!(regressions::parse(&failure.line()), std::slice::from_ref(&failure.case));
}
