//! Process 1 of the cell inherits orphans (ocserv's workers, a script's background jobs) and must not keep them.

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// Collects ended orphans, leaving alone the children in `ours`, whose exit somebody waits for.
pub fn zombie_free(ours: &[u32]) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // Only one ended child is looked at: a child of ours would be returned again and again.
    while let Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) = waitid(Id::All, peek) {
        if ours.contains(&pid.as_raw().unsigned_abs()) || pid == Pid::from_raw(0) {
            return;
        }
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    }
}
