//! Programs and libraries, run once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::features::Outcome;
use crate::features::probe::one_line;

/// Where the lab looks for system programs.
const SYSTEM: &str = "/usr/sbin:/sbin:/usr/bin:/bin";

pub(in crate::features) fn nft() -> Outcome {
    says("nft", &["--version"], Some(SYSTEM))
}

pub(in crate::features) fn ip() -> Outcome {
    says("ip", &["-Version"], Some(SYSTEM))
}

pub(in crate::features) fn tshark() -> Outcome {
    says("tshark", &["--version"], None)
}

/// A program with another date: 2001 instead of now.
pub(in crate::features) fn faketime() -> Outcome {
    let folder = PathBuf::from(format!("/usr/lib/{}-linux-gnu/faketime", std::env::consts::ARCH));
    let libraries = ["libfaketimeMT.so.1", "libfaketime.so.1"].map(|name| folder.join(name));
    let Some(library) = libraries.iter().find(|path| path.is_file()) else {
        return Outcome::Missing(format!("no library in {}", folder.display()));
    };
    let environment = [("LD_PRELOAD", library.as_path()), ("FAKETIME", Path::new("@2001-02-03 04:05:06"))];
    let output = Command::new("/bin/date").arg("+%Y").envs(environment).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.stdout.starts_with(b"2001") => Outcome::Found(library.display().to_string()),
        Ok(output) => {
            let year = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Outcome::Missing(format!("{} has no effect: the year stays {year}", library.display()))
        }
        Err(error) => Outcome::Untried(format!("failed to start /bin/date: {error}")),
    }
}

/// The first line that a program says of itself.
fn says(program: &str, args: &[&str], path: Option<&str>) -> Outcome {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    match command.output() {
        Ok(output) if output.status.success() => Outcome::Found(one_line(&String::from_utf8_lossy(&output.stdout))),
        Ok(output) => {
            let words = one_line(&String::from_utf8_lossy(&output.stderr));
            Outcome::Missing(format!("it ended with {}: {words}", output.status))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Outcome::Missing("not installed".to_owned()),
        Err(error) => Outcome::Untried(format!("failed to start it: {error}")),
    }
}
