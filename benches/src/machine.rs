//! What the figures were measured on.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

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

fn round_trip() -> f64 {
    const ROUNDS: u32 = 20_000;
    let ball = AtomicU32::new(0);
    let play = |core: usize, mine: u32| {
        let mut set = CpuSet::new();
        // Where cores may not be chosen, the scheduler does it.
        let _ = set.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
        let start = Instant::now();
        for round in 0..ROUNDS {
            while ball.load(Ordering::Acquire) != round * 2 + mine {
                std::hint::spin_loop();
            }
            ball.store(round * 2 + mine + 1, Ordering::Release);
        }
        start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| play(1, 1));
        let time = play_in_thread(scope, || play(0, 0));
        let _ = other.join();
        time
    })
}

/// In a thread of its own, so that the caller keeps its cores.
fn play_in_thread<'scope>(scope: &'scope thread::Scope<'scope, '_>, play: impl FnOnce() -> f64 + Send + 'scope) -> f64 {
    scope.spawn(play).join().unwrap_or(f64::NAN)
}
