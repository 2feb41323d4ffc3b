//! `throughput`: how much goes through the tunnel, and what the peers pay for it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use interop_catalogue::{Direction, Side, ThroughputStep};
use interop_evidence::{CheckOutcome, EventKind, Throughput};
use interop_services::{pump, sockets};
use tokio::sync::oneshot;

use super::state::Cell;
use crate::judge::{self, eval};
use crate::{EngineError, Result};

/// The port of the far end.
const PORT: u16 = 5001;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// From the first byte until counting begins: slow start is over.
const WARM_UP: Duration = Duration::from_millis(500);

/// What has been used up to a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    client: Duration,
    server: Duration,
    datagrams: u64,
}

impl Cell<'_> {
    pub(super) async fn throughput(&mut self, step: &ThroughputStep) -> Result<CheckOutcome> {
        let target = self.world.address(&step.to.value, self.gateway_inside())?;
        let Some(node) = step.to.value.node() else {
            return Err(EngineError::plan(format!("throughput needs a node as its far end, not {}", step.to.value)));
        };
        let time = eval(&step.r#for, &self.params)?.min(self.time_left());
        let client = self.first_client().to_owned();
        let broken = |what: &str, source: std::io::Error| {
            EngineError::from(interop_lab::LabError::System { what: what.to_owned(), source })
        };

        let address = SocketAddr::new(target, PORT);
        let listener = self.lab.node(node)?.run(|| sockets::tcp_listener(address))?;
        let listener = listener.map_err(|error| broken("open the far end of the measured connection", error))?;
        listener.set_nonblocking(false).map_err(|error| broken("make a socket wait", error))?;
        let connected = self.lab.node(&client)?.run(|| TcpStream::connect_timeout(&address, CONNECT))?;
        let near = match connected {
            Ok(near) => near,
            Err(error) => {
                return Ok(CheckOutcome::fail(format!(
                    "no connection to {} through the tunnel: {error}",
                    step.to.value
                )));
            }
        };
        let far = listener.accept().map_err(|error| broken("accept the measured connection", error))?.0;
        let (sender, receiver) = match step.direction {
            Direction::Upload => (near, far),
            Direction::Download => (far, near),
        };

        // On threads of its own: meanwhile the logs of the peers must be read, or a full pipe would stop them.
        let (begun, begins) = oneshot::channel();
        let (ended, ends) = oneshot::channel();
        let pumping = tokio::task::spawn_blocking(move || {
            let tell = |moment: oneshot::Sender<()>| {
                let _ = moment.send(());
            };
            pump(sender, receiver, WARM_UP, time, || tell(begun), || tell(ended))
        });
        // A moment that is never told (the pump failed) ends the wait as well.
        let _ = begins.await;
        let before = self.meter();
        let _ = ends.await;
        let after = self.meter();
        let pumped = pumping.await.map_err(std::io::Error::other).and_then(|pumped| pumped);
        let pumped = pumped.map_err(|error| broken("measure the throughput", error))?;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let result = Throughput {
            to: step.to.value.to_string(),
            direction: step.direction.to_string(),
            streams: 1,
            bytes: pumped.bytes,
            duration_us: u64::try_from(pumped.time.as_micros()).unwrap_or(u64::MAX),
            client_cpu_ms: millis(after.client.saturating_sub(before.client)),
            server_cpu_ms: millis(after.server.saturating_sub(before.server)),
            datagrams: after.datagrams.saturating_sub(before.datagrams),
        };
        Ok(self.judge_throughput(result))
    }

    fn judge_throughput(&mut self, result: Throughput) -> CheckOutcome {
        let (numbers, outcome) = judge::throughput(&result);
        if let Some(numbers) = numbers {
            let direction = &result.direction;
            let named = [
                ("mbps", numbers.mbps.round()),
                ("client-cpu-spgb", numbers.client),
                ("server-cpu-spgb", numbers.server),
            ];
            self.measurements.extend(named.map(|(what, value)| (format!("{direction}-{what}"), value)));
        }
        self.recorder.record(EventKind::Throughput { result });
        outcome
    }

    fn meter(&self) -> Meter {
        let cpu = |side| self.process(side).map(|process| session_cpu(process.pid())).unwrap_or_default();
        let client = self.first_client();
        let datagrams = self.lab.node(client).and_then(|node| node.run(sent_datagrams)).unwrap_or_default();
        Meter { client: cpu(Side::Client), server: cpu(Side::Server), datagrams }
    }
}

/// Processor time of every process of a session: a peer runs in one of its own.
fn session_cpu(session: u32) -> Duration {
    let Ok(processes) = fs::read_dir("/proc") else { return Duration::ZERO };
    let ticks: u64 = processes
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| ticks_in_session(&stat, session))
        .sum();
    // The kernel shows these fields in hundredths of a second on every architecture (USER_HZ).
    Duration::from_millis(ticks * 10)
}

/// User and system time from `/proc/PID/stat`, with those of children that were waited for, if it is of this session.
fn ticks_in_session(stat: &str, session: u32) -> Option<u64> {
    // The name of the program may contain anything, also parentheses and blanks.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if fields.get(3)?.parse() != Ok(session) {
        return None;
    }
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

/// UDP datagrams that were sent in the network namespace of this thread.
fn sent_datagrams() -> u64 {
    let v4 = fs::read_to_string("/proc/thread-self/net/snmp").unwrap_or_default();
    let v6 = fs::read_to_string("/proc/thread-self/net/snmp6").unwrap_or_default();
    udp_out(&v4).unwrap_or_default() + udp6_out(&v6).unwrap_or_default()
}

fn udp_out(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let at = lines.next()?.split_whitespace().position(|name| name == "OutDatagrams")?;
    lines.next()?.split_whitespace().nth(at)?.parse().ok()
}

fn udp6_out(snmp6: &str) -> Option<u64> {
    snmp6.lines().find_map(|line| line.strip_prefix("Udp6OutDatagrams")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_a_session_with_its_waited_for_children() {
        let stat = "77 (a b) c) S 70 71 72 0 -1 4194560 1 2 3 4 100 20 7 3 20 0 1 0 500 0 0";
        assert_eq!(ticks_in_session(stat, 72), Some(130));
        assert_eq!(ticks_in_session(stat, 71), None);
        assert_eq!(ticks_in_session("77 (short) S 1 2 72", 72), None);
    }

    #[test]
    fn datagrams_are_read_by_the_column_name() {
        let snmp = "Ip: A B\nIp: 1 2\nUdp: InDatagrams NoPorts InErrors OutDatagrams Rcv\nUdp: 5 6 7 8 9\n";
        assert_eq!(udp_out(snmp), Some(8));
        assert_eq!(udp6_out("Ip6InReceives 4\nUdp6InDatagrams  3\nUdp6OutDatagrams                	12\n"), Some(12));
        assert_eq!(udp_out("Ip: 1\n"), None);
    }
}
