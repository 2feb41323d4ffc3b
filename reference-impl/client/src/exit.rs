//! The exit codes of the program: a stable part of its interface.

use std::process::ExitCode;

/// Why the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Stopped on request.
    Stopped = 0,
    /// A mistake in the program or the machine.
    Internal = 1,
    /// The TLS connection could not be made, or the certificate was refused.
    Tls = 2,
    /// The login failed.
    Authentication = 3,
    /// The gateway refused the tunnel.
    Connect = 4,
    /// DTLS was required and not reached.
    DtlsRequired = 5,
    /// Device, routes or resolver could not be set up.
    Network = 6,
    /// The connection was lost and did not come back in time.
    Lost = 7,
    /// The gateway ended the session.
    Ended = 8,
    /// An announced file could not be had.
    Downloader = 9,
    /// The command line is wrong.
    Usage = 64,
    /// A file could not be read or written.
    Unreadable = 66,
    /// There is no right to open a TUN device.
    NoPermission = 77,
}

impl Exit {
    /// Every code, in the order of the help.
    pub(crate) const ALL: [Self; 13] = [
        Self::Stopped,
        Self::Internal,
        Self::Tls,
        Self::Authentication,
        Self::Connect,
        Self::DtlsRequired,
        Self::Network,
        Self::Lost,
        Self::Ended,
        Self::Downloader,
        Self::Usage,
        Self::Unreadable,
        Self::NoPermission,
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// One line for the help.
    pub(crate) const fn help(self) -> &'static str {
        match self {
            Self::Stopped => "stopped on request (SIGINT, SIGTERM: logged out; SIGHUP: session kept), or nothing to do",
            Self::Internal => "internal error",
            Self::Tls => "no TLS connection, or the gateway's certificate was refused",
            Self::Authentication => "the login failed",
            Self::Connect => "the gateway refused the tunnel (cookie not accepted, no address left, out of service)",
            Self::DtlsRequired => "--require-dtls was given and DTLS did not come up",
            Self::Network => "device, routes or resolver could not be set up",
            Self::Lost => "the connection was lost and did not come back within --reconnect-timeout",
            Self::Ended => "the gateway ended the session",
            Self::Downloader => "an announced profile or package could not be had",
            Self::Usage => "the command line is wrong",
            Self::Unreadable => "a file could not be read or written",
            Self::NoPermission => "no right to open a TUN device (needs CAP_NET_ADMIN)",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_in_order() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 64, 66, 77]);
    }
}
