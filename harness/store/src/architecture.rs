//! The machine's architecture, as Debian calls it.

use std::env::consts::ARCH;

/// `amd64` for `x86_64`, and so on.
pub(crate) fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "x86" => "i386",
        "aarch64" => "arm64",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        other => other,
    }
}
