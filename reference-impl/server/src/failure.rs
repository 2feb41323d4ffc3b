//! What ends the program, with the exit status that tells the kinds apart.

use std::{fmt, path::Path};

/// Exit statuses of the program, after sysexits where one fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Stopped on request.
    Stopped = 0,
    /// Something in the program itself went wrong.
    Internal = 1,
    /// The command line cannot be used as it is.
    Usage = 64,
    /// The configuration has a mistake.
    Config = 65,
    /// A key, certificate, revocation list or users file cannot be read, a log not written, or a server not reached by its socket.
    Unreadable = 66,
    /// A port is in use.
    PortInUse = 69,
    /// The right to open the TUN device or to bind a port is missing.
    NoPermission = 77,
}

/// A failure that ends the program: one line that reads after "failed to", and one line of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit status.
    pub exit: Exit,
    /// What failed, for instance `read users: ...`.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Failure {
    /// Makes a failure.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: hint.into() }
    }

    /// Makes the failure for a file that cannot be used.
    #[must_use]
    pub fn unreadable(what: &str, path: &Path, error: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self::new(Exit::Unreadable, format!("read {what} {}: {error}", path.display()), hint)
    }

    /// Makes the failure for something that no user can be blamed for.
    #[must_use]
    pub fn internal(what: &str, error: impl fmt::Display) -> Self {
        Self::new(
            Exit::Internal,
            format!("{what}: {error}"),
            "this is likely a defect of the program; please report it",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}\nhint: {}", self.message, self.hint)
    }
}

impl std::error::Error for Failure {}
