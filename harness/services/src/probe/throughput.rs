//! How many bytes one TCP connection moves in a time.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt;

/// Bytes of one system call.
const CHUNK: usize = 128 * 1024;
/// A call that moves nothing for so long ends its side.
const STUCK: Duration = Duration::from_secs(5);
/// The congestion control of every measured connection. What a namespace inherits differs between machines, and one
/// that paces by its own clock measures itself.
const CONGESTION: &str = "cubic";

/// What arrived between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pumped {
    /// Bytes that the receiver read.
    pub bytes: u64,
    /// The time between the two moments.
    pub time: Duration,
}

/// Sends as much as goes through from one end of a connection to the other, by two plain threads. Counts what arrives
/// in `time`, after `warm_up`. `begun` is called at the beginning of the counted time and `ended` at its end.
///
/// Blocks for `warm_up + time` and a little more; both ends are closed afterwards.
///
/// # Errors
/// When an option of a socket cannot be set. A connection that breaks or stands still is no error: little has arrived.
pub fn pump(
    sender: TcpStream,
    receiver: TcpStream,
    warm_up: Duration,
    time: Duration,
    begun: impl FnOnce(),
    ended: impl FnOnce(),
) -> io::Result<Pumped> {
    for end in [&sender, &receiver] {
        end.set_nonblocking(false)?;
        end.set_read_timeout(Some(STUCK))?;
        end.set_write_timeout(Some(STUCK))?;
    }
    match sockopt::set_tcp_congestion(&sender, CONGESTION) {
        // A kernel without it, or one that does not offer it to this user: its default then.
        Ok(()) | Err(rustix::io::Errno::NOENT | rustix::io::Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let (arrived, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let chunk = vec![0x5a; CHUNK];
            while !stop.load(Ordering::Relaxed) {
                if !(&sender).write(&chunk).is_ok_and(|sent| sent > 0) {
                    break;
                }
            }
        });
        scope.spawn(|| {
            let mut chunk = vec![0; CHUNK];
            while !stop.load(Ordering::Relaxed) {
                match (&receiver).read(&mut chunk) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => arrived.fetch_add(count as u64, Ordering::Relaxed),
                };
            }
        });
        thread::sleep(warm_up);
        begun();
        let (from, before) = (Instant::now(), arrived.load(Ordering::Relaxed));
        thread::sleep(time);
        let pumped = Pumped { bytes: arrived.load(Ordering::Relaxed) - before, time: from.elapsed() };
        ended();
        stop.store(true, Ordering::Relaxed);
        // Wakes both threads from a call that would otherwise last until its time-out.
        for end in [&sender, &receiver] {
            let _ = end.shutdown(Shutdown::Both);
        }
        Ok(pumped)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn bytes_are_counted_in_the_measured_time_only() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let receiver = listener.accept().unwrap().0;
        let (warm_up, time) = (Duration::from_millis(20), Duration::from_millis(80));
        let begun = Instant::now();
        let (mut first, mut second) = (None, None);
        let pumped =
            pump(sender, receiver, warm_up, time, || first = Some(begun.elapsed()), || second = Some(begun.elapsed()))
                .unwrap();
        assert!(pumped.bytes > 0);
        assert!(first.unwrap() >= warm_up, "{first:?}");
        assert!(second.unwrap() >= warm_up + time, "{second:?}");
        assert!(pumped.time >= time, "{pumped:?}");
    }

    #[test]
    fn a_receiver_that_is_gone_is_no_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let receiver = listener.accept().unwrap().0;
        receiver.shutdown(Shutdown::Both).unwrap();
        let pumped = pump(sender, receiver, Duration::ZERO, Duration::from_millis(20), || (), || ()).unwrap();
        assert_eq!(pumped.bytes, 0);
    }
}
