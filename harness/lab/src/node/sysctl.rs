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

    /// Settings that every node has: no duplicate-address wait, no autoconfiguration, forwarding for routers.
    pub(crate) fn kernel_defaults(&self, forwards: bool) -> Result<()> {
        self.run(|| {
            let mut settings = vec![
                ("ipv6/conf/all/accept_dad", "0"),
                ("ipv6/conf/default/accept_dad", "0"),
                ("ipv6/conf/all/accept_ra", "0"),
                ("ipv6/conf/default/accept_ra", "0"),
                ("ipv6/conf/default/router_solicitations", "0"),
                ("ipv4/conf/all/rp_filter", "0"),
                ("ipv4/conf/default/rp_filter", "0"),
                ("ipv4/ping_group_range", "0 0"),
            ];
            if forwards {
                settings.extend([("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")]);
            }
            for (key, value) in settings {
                let path = Path::new("/proc/sys/net").join(key);
                match fs::write(&path, value) {
                    // A kernel without IPv6 has no such keys; `doctor` says so, scenarios that need it are skipped.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    other => other.map_err(|source| LabError::file(path, source))?,
                }
            }
            Ok(())
        })?
    }
}
