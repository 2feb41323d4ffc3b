//! Namespaces of each kind.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::unistd::{gethostname, sethostname};

use crate::features::Outcome;
use crate::features::place::{go_on_in_child, isolate, mount_proc};
use crate::sandbox_mounts::none_to;
use crate::{LabError, Result};

pub(in crate::features) fn network() -> Outcome {
    Outcome::of(is_new("net", CloneFlags::CLONE_NEWNET))
}

pub(in crate::features) fn mounts() -> Outcome {
    Outcome::of(is_new("mnt", CloneFlags::CLONE_NEWNS))
}

pub(in crate::features) fn ipc() -> Outcome {
    Outcome::of(is_new("ipc", CloneFlags::CLONE_NEWIPC))
}

/// The host name must be changeable as well: a cell is called `cell`.
pub(in crate::features) fn host_name() -> Outcome {
    let failed = |errno| LabError::system("set the host name", errno);
    Outcome::of(is_new("uts", CloneFlags::CLONE_NEWUTS).and_then(|fact| {
        sethostname("cell").map_err(failed)?;
        let name = gethostname().map_err(failed)?;
        if name == "cell" { Ok(fact) } else { Err(LabError::system("set the host name", other("it stays as it was"))) }
    }))
}

/// The cell is process 1 of its PID namespace.
pub(in crate::features) fn processes() -> Outcome {
    Outcome::of(isolate(CloneFlags::CLONE_NEWPID).and_then(|()| go_on_in_child()).and_then(
        |()| match std::process::id() {
            1 => Ok(String::new()),
            id => Err(LabError::system("be process 1", other(&format!("it is {id}")))),
        },
    ))
}

/// `/proc` of the PID namespace; containers mask theirs, and then the kernel refuses a new one.
pub(in crate::features) fn fresh_proc() -> Outcome {
    let entered = isolate(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)
        .and_then(|()| go_on_in_child())
        .and_then(|()| none_to("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE, "detach the mounts"));
    if let Err(error) = entered {
        return super::untried(&error);
    }
    Outcome::of(mount_proc().and_then(|()| {
        let own = fs::read_link("/proc/self").map_err(|source| LabError::file("/proc/self", source))?;
        if own.as_os_str() == "1" { Ok(String::new()) } else { Err(LabError::file("/proc", other("it is another's"))) }
    }))
}

/// Makes a namespace and looks whether it is another one than before.
fn is_new(kind: &str, flag: CloneFlags) -> Result<String> {
    let path = format!("/proc/self/ns/{kind}");
    let number = || fs::metadata(&path).map(|meta| meta.ino()).map_err(|source| LabError::file(&path, source));
    let before = number()?;
    isolate(flag)?;
    if number()? == before {
        return Err(LabError::file(&path, other("it is the same as before")));
    }
    Ok(String::new())
}

fn other(message: &str) -> std::io::Error {
    std::io::Error::other(message.to_owned())
}
