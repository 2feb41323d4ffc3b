//! Resources.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::statvfs::statvfs;

use crate::LabError;
use crate::features::Outcome;

/// Descriptors that the largest cell may have open, several times over.
const DESCRIPTORS: u64 = 1024;
/// Bytes of memory for one cell with two peers.
const MEMORY: u64 = 512 << 20;
/// Bytes on disk for the evidence of a few cells.
const DISK: u64 = 1 << 30;
/// A container, a file that it leaves, and a word in the name of its control group.
const CONTAINERS: [(&str, &str, &str); 5] = [
    ("docker", "/.dockerenv", "docker"),
    ("podman", "/run/.containerenv", "libpod"),
    ("kubernetes", "/var/run/secrets/kubernetes.io", "kubepods"),
    ("lxc", "/dev/lxc", "lxc"),
    ("containerd", "/run/containerd-shim", "containerd"),
];

/// A fact, not a fault: it decides which of the hints of others apply.
pub(in crate::features) fn container() -> Outcome {
    let groups = fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
    let named = fs::read_to_string("/run/systemd/container").unwrap_or_default();
    Outcome::Found(which_container(&groups, &named, |path| Path::new(path).exists()))
}

fn which_container(groups: &str, named: &str, exists: impl Fn(&str) -> bool) -> String {
    let seen = CONTAINERS.iter().find(|(_, path, word)| exists(path) || groups.contains(word));
    match (seen, named.trim()) {
        (Some((name, ..)), _) => format!("looks like {name}"),
        (None, "") => "none seen".to_owned(),
        (None, name) => format!("looks like {name}"),
    }
}

pub(in crate::features) fn cores() -> Outcome {
    match std::thread::available_parallelism().map(usize::from) {
        Ok(1) => Outcome::Missing("1 core: programs and wires wait for each other".to_owned()),
        Ok(cores) => Outcome::Found(cores.to_string()),
        Err(error) => Outcome::Untried(format!("failed to count them: {error}")),
    }
}

/// What is free now, and not more than what the control group leaves.
pub(in crate::features) fn memory() -> Outcome {
    let path = "/proc/meminfo";
    let text = fs::read_to_string(path).map_err(|source| LabError::file(path, source));
    Outcome::of(text.and_then(|text| {
        let free = available(&text).ok_or_else(|| LabError::file(path, io::Error::other("no line MemAvailable")))?;
        enough("memory", free.min(left_in_group().unwrap_or(u64::MAX)), MEMORY)
    }))
}

/// The line `MemAvailable`, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What the limit of the own control group (version 2) leaves; `None` without a limit.
fn left_in_group() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let folder = Path::new("/sys/fs/cgroup").join(own.trim_start_matches('/'));
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

/// Where runs are written unless told otherwise.
pub(in crate::features) fn disk() -> Outcome {
    let here = statvfs(".").map_err(|errno| LabError::system("look at the disk of this folder", errno));
    Outcome::of(here.and_then(|here| enough("disk", here.blocks_available() * here.fragment_size(), DISK)))
}

/// Not the limit as it stands, but as the harness can raise it; then it is used up.
pub(in crate::features) fn descriptors() -> Outcome {
    let opened = || -> Result<String, LabError> {
        let failed = |errno: nix::Error| LabError::system("raise the limit of open files", errno);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
        if soft < DESCRIPTORS {
            setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS.min(hard), hard).map_err(failed)?;
        }
        let mut open = Vec::new();
        // Some are open already.
        for count in 0..DESCRIPTORS - 16 {
            let many = |source| LabError::system(format!("open more than {count} files (limit {hard})"), source);
            open.push(File::open("/dev/null").map_err(many)?);
        }
        Ok(format!("limit {soft}, can be raised to {hard}"))
    };
    Outcome::of(opened())
}

fn enough(what: &str, free: u64, wanted: u64) -> Result<String, LabError> {
    let fact = format!("{} MiB free", free >> 20);
    if free >= wanted {
        return Ok(fact);
    }
    Err(LabError::system(
        format!("have enough {what}"),
        io::Error::other(format!("{fact}, {} MiB wanted", wanted >> 20)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers() {
        let nowhere = |_: &str| false;
        assert_eq!(which_container("0::/\n", "", nowhere), "none seen");
        assert_eq!(which_container("0::/\n", "", |path| path == "/.dockerenv"), "looks like docker");
        assert_eq!(which_container("1:cpu:/kubepods/besteffort/x\n", "", nowhere), "looks like kubernetes");
        assert_eq!(which_container("0::/\n", "systemd-nspawn\n", nowhere), "looks like systemd-nspawn");
    }

    #[test]
    fn memory_in_bytes() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:     2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
        assert!(enough("memory", 1 << 20, MEMORY).unwrap_err().to_string().contains("1 MiB free, 512 MiB wanted"));
    }
}
