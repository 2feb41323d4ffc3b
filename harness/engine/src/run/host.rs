//! Where a run takes place.

use std::fs;

use interop_evidence::HostRecord;
use nix::unistd::geteuid;

/// Facts about this machine.
pub(super) fn host() -> HostRecord {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    HostRecord {
        kernel,
        system: pretty.trim_matches('"').to_owned(),
        cpus: cpus(),
        rootless: !geteuid().is_root(),
        harness: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Processors that this process may use.
pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
