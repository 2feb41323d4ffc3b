//! What this user may do.

use std::fs;
use std::path::Path;

use nix::sched::CloneFlags;
use nix::unistd::{geteuid, sethostname};

use crate::LabError;
use crate::features::Outcome;
use crate::features::place::{ALL, become_ordinary, isolate};
use crate::features::probe::one_line;
use crate::sandbox_mounts::tmpfs;

/// Capabilities that a cell uses, with their numbers (linux/capability.h).
const CAPABILITIES: [(u32, &str); 12] = [
    (0, "CAP_CHOWN"),
    (1, "CAP_DAC_OVERRIDE"),
    (3, "CAP_FOWNER"),
    (5, "CAP_KILL"),
    (6, "CAP_SETGID"),
    (7, "CAP_SETUID"),
    (10, "CAP_NET_BIND_SERVICE"),
    (12, "CAP_NET_ADMIN"),
    (13, "CAP_NET_RAW"),
    (18, "CAP_SYS_CHROOT"),
    (19, "CAP_SYS_PTRACE"),
    (21, "CAP_SYS_ADMIN"),
];

/// Settings that forbid user namespaces, with the value that does.
const FORBID: [(&str, &str); 3] = [
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ("kernel/unprivileged_userns_clone", "0"),
    ("user/max_user_namespaces", "0"),
];

/// Whether an ordinary user can have a cell: all namespaces at once, and power in them.
pub(in crate::features) fn ordinary_user() -> Outcome {
    if let Err(error) = become_ordinary() {
        return Outcome::Untried(format!("failed to {}", one_line(&error.to_string())));
    }
    // AppArmor lets the namespaces be made and takes away the power in them.
    let tried = isolate(ALL)
        .and_then(|()| sethostname("cell").map_err(|errno| LabError::system("set the host name in them", errno)))
        .and_then(|()| tmpfs(Path::new("/tmp"), "mode=1777"));
    match tried {
        Ok(()) => Outcome::Found(String::new()),
        Err(error) => {
            let value = |key: &str| fs::read_to_string(Path::new("/proc/sys").join(key)).unwrap_or_default();
            Outcome::Missing(format!("failed to {}{}", one_line(&error.to_string()), forbidden(value)))
        }
    }
}

/// The settings that are in the way; a key that the kernel does not know has no value.
fn forbidden(value: impl Fn(&str) -> String) -> String {
    let set = FORBID.iter().filter(|(key, forbids)| value(key).trim() == *forbids);
    set.map(|(key, forbids)| format!("; {} is {forbids}", key.replace('/', "."))).collect()
}

/// Of this process as root, of a process in a user namespace otherwise.
pub(in crate::features) fn capabilities() -> Outcome {
    if !geteuid().is_root()
        && let Err(error) = isolate(CloneFlags::CLONE_NEWNET)
    {
        return super::untried(&error);
    }
    let path = "/proc/self/status";
    let Some(mask) = fs::read_to_string(path).ok().as_deref().and_then(effective) else {
        return Outcome::Untried(format!("failed to read {path}"));
    };
    let lacking: Vec<&str> =
        CAPABILITIES.iter().filter(|(bit, _)| mask >> bit & 1 == 0).map(|(_, name)| *name).collect();
    match lacking.is_empty() {
        true => Outcome::Found(String::new()),
        false => Outcome::Missing(format!("without {}", lacking.join(", "))),
    }
}

/// The line `CapEff` of `/proc/PID/status`.
fn effective(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// As ocserv's workers do.
pub(in crate::features) fn other_user() -> Outcome {
    match geteuid().is_root() {
        true => Outcome::of(become_ordinary().map(|()| String::new())),
        false => Outcome::Found("not needed: without root a cell has one user".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_in_the_way() {
        let ubuntu = |key: &str| if key.starts_with("kernel/apparmor") { "1\n".to_owned() } else { String::new() };
        assert_eq!(forbidden(ubuntu), "; kernel.apparmor_restrict_unprivileged_userns is 1");
        let none_left = |key: &str| if key.starts_with("user/") { "0\n".to_owned() } else { "1\n".to_owned() };
        assert!(forbidden(none_left).ends_with("; user.max_user_namespaces is 0"));
        assert_eq!(forbidden(|_| String::new()), "");
    }

    #[test]
    fn capability_masks() {
        assert_eq!(effective("Name:\tx\nCapEff:\t00000000a80425fb\nCapBnd:\t0\n"), Some(0xa804_25fb));
        assert_eq!(effective("CapInh:\t00\n"), None);
        assert_eq!(effective("CapEff:\tnothing\n"), None);
    }
}
