//! No input makes the decoder panic, and how a stream is cut changes nothing.

use proptest::prelude::*;

use super::*;

fn recorded() -> impl Strategy<Value = Conversation> {
    prop_oneof![
        Just(include_str!("../fixtures/openconnect-ocserv-1.3.txt")),
        Just(include_str!("../fixtures/openconnect-ocserv-1.2.txt")),
        Just(include_str!("../fixtures/key-update.txt")),
        Just(include_str!("../fixtures/renegotiation.txt")),
    ]
    .prop_map(Conversation::of)
}

/// Records with any content, and anything between them.
fn pieces() -> impl Strategy<Value = Vec<(bool, bool, Vec<u8>)>> {
    let record = (19..=25u8, 0..=5u8, prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(kind, minor, body)| {
        [&[kind, 3, minor, 0, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    });
    let message = (0..=26u8, prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(kind, body)| {
        let length = u8::try_from(body.len()).unwrap();
        [&[22, 3, 3, 0, length + 4, kind, 0, 0, length], body.as_slice()].concat()
    });
    let bytes = prop_oneof![record, message, prop::collection::vec(any::<u8>(), 0..100)];
    prop::collection::vec((any::<bool>(), prop::bool::weighted(0.1), bytes), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read(pieces in pieces()) {
        let (mut stream, mut keys, mut out) = (TlsStream::default(), Keys::new(), Vec::new());
        for (forth, gap, bytes) in &pieces {
            let way = if *forth { Way::Forth } else { Way::Back };
            if *gap {
                stream.gap(way, 1);
            }
            stream.feed(&Piece { moment: Moment::default(), way, bytes }, &mut keys, &mut out);
            TlsStream::looks_like(bytes);
        }
    }

    #[test]
    fn any_change_of_a_connection_is_read(
        mut conversation in recorded(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (piece, byte, value) in changes {
            let bytes = &mut piece.get_mut(&mut conversation.pieces).1;
            *byte.get_mut(bytes) = value;
        }
        conversation.with_keys();
    }

    #[test]
    fn any_cuts_give_the_same(
        conversation in recorded(),
        cuts in prop::collection::vec(1..400usize, 1..40),
    ) {
        let mut cuts = cuts.iter().cycle();
        let (mut stream, mut keys, mut out) = (TlsStream::default(), conversation.keys(), Vec::new());
        for (number, (way, bytes)) in (1..).zip(&conversation.pieces) {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (bytes, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                let moment = Moment { frame: number, ..Moment::default() };
                stream.feed(&Piece { moment, way: *way, bytes }, &mut keys, &mut out);
                rest = after;
            }
        }
        prop_assert_eq!(out, conversation.with_keys());
    }

    #[test]
    fn any_key_log_is_read(text in "(CLIENT_RANDOM|RSA Session-ID:|[A-Z_0-9]{0,20}) ?[0-9a-f]{0,70}[ :\n][0-9a-fA-FX]{0,140}\n?.{0,20}") {
        Keys::new().add_log(&text);
    }
}
