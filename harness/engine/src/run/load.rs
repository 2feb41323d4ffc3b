//! How busy this machine is, and how much memory it has left.

use std::fs;
use std::time::Instant;

use super::host::cpus;

/// CPU accounting of the own container, where it is limited to less than the machine has.
const CGROUP_CPU: &str = "/sys/fs/cgroup/cpu.stat";
/// Memory limit of the own container; `max` if there is none.
const CGROUP_LIMIT: &str = "/sys/fs/cgroup/memory.max";
/// Memory in use of the own container.
const CGROUP_USED: &str = "/sys/fs/cgroup/memory.current";
/// What of it is.
const CGROUP_MEMORY: &str = "/sys/fs/cgroup/memory.stat";

/// Measures between two looks how busy the processors were.
#[derive(Debug, Default)]
pub(super) struct CpuMeter {
    machine: Option<Ticks>,
    container: Option<(Instant, u64)>,
}

/// Clock ticks of all processors since the start of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    total: u64,
    idle: u64,
    /// Processors.
    count: usize,
}

impl CpuMeter {
    /// The busy share of the processors since the last look, 0 to 1; none at the first, or where the kernel does not say.
    pub(super) fn look(&mut self) -> Option<f64> {
        let now = ticks(&fs::read_to_string("/proc/stat").ok()?)?;
        let before = self.machine.replace(now);
        let container = if cpus() < now.count { self.look_at_container() } else { None };
        let machine = before.and_then(|before| before.busy_until(now));
        match (machine, container) {
            (Some(machine), Some(container)) => Some(machine.max(container)),
            (machine, container) => machine.or(container),
        }
    }

    /// Busy share of the processors that this container may use.
    #[expect(clippy::cast_precision_loss, reason = "a share needs three digits")]
    fn look_at_container(&mut self) -> Option<f64> {
        let used = field(&fs::read_to_string(CGROUP_CPU).ok()?, "usage_usec")?;
        let now = Instant::now();
        let (then, before) = self.container.replace((now, used))?;
        let room = now.duration_since(then).as_micros() as f64 * cpus() as f64;
        (room > 0.0).then(|| used.saturating_sub(before) as f64 / room)
    }
}

impl Ticks {
    #[expect(clippy::cast_precision_loss, reason = "a share needs three digits")]
    fn busy_until(self, later: Self) -> Option<f64> {
        let total = later.total.saturating_sub(self.total);
        let idle = later.idle.saturating_sub(self.idle).min(total);
        (total > 0).then(|| (total - idle) as f64 / total as f64)
    }
}

/// Understands `/proc/stat`.
fn ticks(text: &str) -> Option<Ticks> {
    let first = text.lines().next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; guests are counted in user already.
    let fields: Vec<u64> = first.split_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let idle = fields.get(3)? + fields.get(4).unwrap_or(&0);
    let count = text.lines().skip(1).take_while(|line| line.starts_with("cpu")).count();
    Some(Ticks { total: fields.iter().sum(), idle, count })
}

/// Bytes that processes can still have without swapping; none where the kernel does not say.
pub(super) fn free_memory() -> Option<u64> {
    let machine = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:").map(|kib| kib * 1024);
    match (machine, free_in_container()) {
        (Some(machine), Some(container)) => Some(machine.min(container)),
        (machine, container) => machine.or(container),
    }
}

fn free_in_container() -> Option<u64> {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let (limit, used) = (number(CGROUP_LIMIT)?, number(CGROUP_USED)?);
    // What is cached of files goes as soon as somebody needs the memory.
    let cache = fs::read_to_string(CGROUP_MEMORY).ok().and_then(|text| field(&text, "inactive_file")).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cache)))
}

/// The number behind a name that begins a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut words = text.lines().map(str::split_whitespace);
    words.find_map(|mut words| (words.next() == Some(name)).then(|| words.next()?.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_two_processors() {
        let before = ticks("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1\ncpu1 2\nintr 5\n").unwrap();
        assert_eq!(before, Ticks { total: 1000, idle: 850, count: 2 });
        let later = Ticks { total: 1400, idle: 950, count: 2 };
        assert_eq!(before.busy_until(later), Some(0.75));
        assert_eq!(before.busy_until(before), None, "no time has passed");
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn fields_by_name() {
        assert_eq!(field("MemTotal: 5 kB\nMemAvailable:  77 kB\n", "MemAvailable:"), Some(77));
        assert_eq!(field("usage_usec 12\n", "usage"), None);
    }

    #[test]
    fn this_machine_answers() {
        let mut meter = CpuMeter::default();
        assert_eq!(meter.look(), None);
        assert!(free_memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
