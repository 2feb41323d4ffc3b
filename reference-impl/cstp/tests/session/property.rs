//! Whatever happens in whatever order: no panic, no timer that stands still, no output without bound.

use std::time::Duration;

use proptest::prelude::*;
use reference_cstp::defects::{Defects, Mutant};
use reference_cstp::frame::PacketType;
use reference_cstp::session::{
    Channel, DtlsEvent, DtlsPolicy, LostReason, MtuPlan, Output, Rekey, RekeyMethod, RetrySchedule, Role,
    SessionConfig, Timers,
};

use crate::driver::Sim;

#[derive(Clone, Debug)]
enum Event {
    Wait(u64),
    Control(Channel, u8, Vec<u8>),
    Data(Channel, bool),
    Sent(Channel),
    Dtls(DtlsEvent),
    TooLong(Channel, usize),
    PathMtu(u16),
    TlsReplaced,
    TlsLost,
    Rehandshake,
}

fn channel() -> impl Strategy<Value = Channel> {
    prop_oneof![Just(Channel::Tls), Just(Channel::Dtls)]
}

fn event() -> impl Strategy<Value = Event> {
    let dtls = prop_oneof![
        any::<u16>().prop_map(|data_mtu| DtlsEvent::Established { data_mtu }),
        Just(DtlsEvent::Failed),
        Just(DtlsEvent::Lost)
    ];
    // DISCONNECT and TERMINATE would end most runs at once.
    let code = any::<u8>().prop_filter("an end", |code| *code != 0x05 && *code != 0x09);
    prop_oneof![
        4 => (0..120_000_u64).prop_map(Event::Wait),
        2 => (channel(), code, proptest::collection::vec(any::<u8>(), 0..1500))
            .prop_map(|(channel, code, payload)| Event::Control(channel, code, payload)),
        2 => (channel(), any::<bool>()).prop_map(|(channel, counts)| Event::Data(channel, counts)),
        1 => channel().prop_map(Event::Sent),
        3 => dtls.prop_map(Event::Dtls),
        1 => (channel(), 0..70_000_usize).prop_map(|(channel, size)| Event::TooLong(channel, size)),
        1 => any::<u16>().prop_map(Event::PathMtu),
        1 => Just(Event::TlsReplaced),
        1 => Just(Event::TlsLost),
        1 => Just(Event::Rehandshake),
    ]
}

prop_compose! {
    fn timers()(dpd in proptest::option::of(0..90_u64), keepalive in proptest::option::of(0..90_u64)) -> Timers {
        Timers { dpd: dpd.map(Duration::from_secs), keepalive: keepalive.map(Duration::from_millis) }
    }
}

prop_compose! {
    fn config()(
        server: bool, tls in timers(), dtls in timers(), policy in 0..3_u8, probe: bool, mtu in 0..2000_u16,
        dtls_mtu in proptest::option::of(0..2000_u16), floor in 0..2000_u16, rekey in proptest::option::of(0..600_u64), mutants: u32,
    ) -> SessionConfig {
        let role = if server { Role::Server } else { Role::Client };
        let schedule = if policy == 1 { RetrySchedule::openconnect() } else { RetrySchedule::anyconnect() };
        let rekey = rekey.map(|after| Rekey { after: Duration::from_secs(after), method: RekeyMethod::Ssl });
        let defects = Mutant::ALL.iter().copied().filter(|mutant| mutants >> (*mutant as u32) & 3 == 3).collect::<Defects>();
        let mtu = MtuPlan { tls: mtu, dtls: dtls_mtu, probe, floor };
        SessionConfig {
            tls, dtls, rekey, dtls_rekey: rekey, defects,
            dtls_policy: (policy > 0).then_some(DtlsPolicy { schedule }),
            ..SessionConfig::new(role, mtu)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_is_survived(config in config(), events in proptest::collection::vec(event(), 0..60)) {
        let most = config.mtu.tls.max(config.mtu.dtls.unwrap_or(0));
        let mut sim = Sim::new(config);
        let (mut clock, mut outbound, mut mtu) = (0, Channel::Tls, sim.session.mtu());
        for event in events {
            let now = sim.now();
            match event {
                Event::Wait(millis) => clock += millis,
                Event::Control(channel, code, payload) => sim.hears(channel, PacketType::from_code(code), &payload),
                Event::Data(channel, counts) => sim.session.on_data_received(channel, counts, now),
                Event::Sent(channel) => sim.session.on_data_sent(channel, now),
                Event::Dtls(event) => sim.dtls(event),
                Event::TooLong(channel, size) => sim.session.on_message_too_long(channel, size, now),
                Event::PathMtu(mtu) => {
                    sim.session.on_path_mtu(mtu, now);
                    prop_assert!(sim.session.dtls_mtu() <= mtu || sim.session.is_ended());
                }
                Event::TlsReplaced => sim.session.on_tls_replaced(now),
                Event::TlsLost => sim.session.on_tls_lost(LostReason::Broken),
                Event::Rehandshake => {
                    sim.session.allows_rehandshake(now);
                }
            }
            // The driver itself asserts that timers move on. What was told must be what is.
            for (_, output) in sim.outputs_until(clock) {
                match output {
                    Output::Transport(channel) => {
                        prop_assert_ne!(channel, outbound);
                        outbound = channel;
                    }
                    Output::SetMtu(size) => {
                        prop_assert!(size != mtu && size <= most, "{} after {}", size, mtu);
                        mtu = size;
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(sim.session.outbound(), outbound);
            prop_assert_eq!(sim.session.mtu(), mtu);
        }
    }
}
