//! What the help shows beside the options.

use std::fmt::Write as _;

use reference_cstp::profile::ClientProfile;

use crate::exit::Exit;

/// Where the journal is by default.
pub(super) const JOURNAL: &str = "/run/vpn-ref-client";

const EXAMPLES: &str = "\
Examples:
  # with user and password, everything set up as the gateway says
  vpn-ref-client connect https://vpn.example.org --user alice --password-file /etc/vpn/password

  # with a client certificate, without DTLS, the events to a file
  vpn-ref-client connect https://vpn.example.org:8443/staff --certificate alice.pem \\
    --dtls off --events run.jsonl

  # log in as one user, run the tunnel as another
  eval \"$(vpn-ref-client connect vpn.example.org --user alice --cookie-only)\"
  vpn-ref-client connect \"$HOST\" --cookie \"$COOKIE\" --trust \"$FINGERPRINT\"

  # as an iPhone would, without a device: does the gateway let it in?
  vpn-ref-client connect vpn.example.org --profile anyconnect-ios --no-network \\
    --user alice --password-file password.txt
";

/// The part below the list of commands.
pub(super) fn after() -> String {
    format!("{EXAMPLES}\n{}", exit_codes())
}

/// The part below the options of `connect`.
pub(super) fn connect() -> String {
    let mut text = String::from("Profiles:\n");
    for name in ClientProfile::names() {
        let title = ClientProfile::named(name).map(|profile| profile.title).unwrap_or_default();
        let _ = writeln!(text, "  {name:20} {title}");
    }
    text.push_str(
        "\nSignals:
  SIGINT, SIGTERM      log out, undo everything, exit 0
  SIGHUP               leave and keep the session at the gateway, undo everything, exit 0
  SIGUSR1              report the state
  SIGUSR2              reconnect now

Environment:
  SSLKEYLOGFILE        file for the keys of TLS and DTLS, to decrypt a capture
  SSL_CERT_FILE        authorities of the system
  RUST_LOG             more log lines, such as debug

",
    );
    let _ = write!(text, "{EXAMPLES}\n{}", exit_codes());
    text
}

fn exit_codes() -> String {
    Exit::ALL.iter().fold(String::from("Exit codes:\n"), |mut text, exit| {
        let _ = writeln!(text, "  {:>2}  {}", exit.code(), exit.help());
        text
    })
}
