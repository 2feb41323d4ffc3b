//! Kernel settings of a node. `/proc/sys/net` shows the namespace of the thread that opens it.

use std::fs;
use std::path::Path;

use super::Node;
use crate::{LabError, Result};

impl Node {
    /// Writes `/proc/sys/net/KEY`.
    ///
    /// # Errors
    /// When the kernel does not know the key or refuses the value.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys/net").join(key);
        self.run(|| fs::write(&path, value))?.map_err(|source| LabError::file(path, source))
    }
}

/// Settings that every node has, for the namespace of this thread: no duplicate-address wait, no autoconfiguration,
/// forwarding for routers.
pub(super) fn kernel_defaults(forwards: bool) -> Result<()> {
    let mut settings = vec![
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/all/accept_ra", "0"),
        ("ipv6/conf/default/accept_ra", "0"),
        ("ipv6/conf/default/router_solicitations", "0"),
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
    ];
    if forwards {
        settings.extend([("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")]);
    }
    for (key, value) in settings {
        set_if_known(key, value)?;
    }
    Ok(())
}

/// Writes a key in the namespace of this thread. A kernel without IPv6 has no keys for it; `doctor` says so, and
/// scenarios that need it are skipped.
pub(super) fn set_if_known(key: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys/net").join(key);
    match fs::write(&path, value) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| LabError::file(path, source)),
    }
}
