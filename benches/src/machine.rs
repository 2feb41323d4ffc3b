//! What the figures were measured on.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::Summary;

/// Facts about this machine, one a line.
pub fn facts() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let kind = if cpuinfo.contains("hypervisor") { "virtual machine" } else { "machine" };
    vec![
        format!("{kind}, {cores} cores, {}", field(&cpuinfo, "model name")),
        format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        format!("memory {}", field(&read("/proc/meminfo"), "MemTotal")),
    ]
}

/// Load of the last minute: how many others wanted a core.
pub fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or("unknown").to_owned()
}

/// Nanoseconds that a cache line takes from one core to another and back; `None` with one core.
///
/// The cores of a virtual machine may be near each other or far, and change that; throughput changes with it.
pub fn core_distance() -> Option<Summary> {
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        return None;
    }
    Summary::of((0..11).map(|_| round_trip()))
}

/// Milliseconds by which a thread is late that does nothing but sleep for two of them, a thousand times: what no program
/// on this machine can better.
pub fn lateness() -> Option<Summary> {
    const NAP: Duration = Duration::from_millis(2);
    Summary::of((0..1000).map(|_| {
        let start = Instant::now();
        thread::sleep(NAP);
        (start.elapsed() - NAP).as_secs_f64() * 1e3
    }))
}

fn round_trip() -> f64 {
    const ROUNDS: u32 = 20_000;
    // Where others want the cores too, a player waits for its turn of the scheduler.
    const LIMIT: Duration = Duration::from_millis(200);
    let ball = AtomicU32::new(0);
    let play = |core: usize, mine: u32| {
        let mut set = CpuSet::new();
        // Where cores may not be chosen, the scheduler does it.
        let _ = set.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
        let start = Instant::now();
        for round in 0..ROUNDS {
            let mut spins = 0_u32;
            while ball.load(Ordering::Acquire) != round * 2 + mine {
                std::hint::spin_loop();
                spins += 1;
                if spins.is_multiple_of(1024) && start.elapsed() > LIMIT {
                    return start.elapsed().as_nanos() as f64 / f64::from(round.max(1));
                }
            }
            ball.store(round * 2 + mine + 1, Ordering::Release);
        }
        start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    thread::scope(|scope| {
        let players = [scope.spawn(|| play(0, 0)), scope.spawn(|| play(1, 1))];
        let [time, _] = players.map(|player| player.join().unwrap_or(f64::NAN));
        time
    })
}
