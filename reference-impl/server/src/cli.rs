//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use reference_cstp::defects::{DefectRole, Defects, Mutant};

use crate::failure::{Exit, Failure};

const HELP: &str = "\
Examples:
  A server with passwords, on TCP and UDP port 443:
    vpn-ref-server add-user --users users --name alice < password.txt
    vpn-ref-server check --config server.yaml
    vpn-ref-server run --config server.yaml

  server.yaml, the least that works:
    tls:
      certificates: [{chain: server.pem, key: server.key}]
    auth:
      methods: [password]
      users: users
    network:
      ipv4: 10.9.0.0/24
      routes: [10.0.0.0/8]
      dns: [10.9.0.1]
    control-socket: /run/vpn-ref-server.sock

  What it does, and how to end it:
    vpn-ref-server status --socket /run/vpn-ref-server.sock
    vpn-ref-server stop --socket /run/vpn-ref-server.sock

Files (paths in the configuration begin at its folder):
  configuration   YAML: listen, tls, auth, groups, network, session, dtls, limits, profile,
                  banner, client-profile, control-socket; reference-impl/README.md explains each key
  users           `name:groups:hash` a line, hash of crypt(3): $5$ or $6$
  otp             `HOTP/T30 name - hexkey` a line, as the OATH toolkit has it
  control socket  unix socket with mode 0600

Signals:
  TERM, INT       stop; everything is put back
  HUP             read certificates, revocation list, users and client profile again

Environment:
  SSLKEYLOGFILE   file for the keys of TLS and DTLS, when `tls.key-log` names none

Exit status:
   0  stopped on request
   1  internal error
  64  the command line is wrong
  65  mistake in the configuration (file, line, column, hint)
  66  a file cannot be read or written, or no server answers at the control socket
  69  a port, or the control socket, is in use
  77  no right to open the TUN device or to bind a port";

/// The reference server for the AnyConnect and OpenConnect protocol.
#[derive(Debug, Parser)]
#[command(name = "vpn-ref-server", version, about, after_help = HELP, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until a signal or `stop`.
    Run(Run),
    /// Check a configuration and the files it names, and say what would be served.
    Check {
        /// Configuration, YAML.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Show the sessions of a running server.
    Status {
        /// Control socket of the server.
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop a running server; everything is put back.
    Stop {
        /// Control socket of the server.
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
    },
    /// Drop all connections so that clients reconnect with their cookies, and read all files again.
    ///
    /// Addresses to listen on, device, pools and control socket stay as they are until the server is started anew.
    Restart {
        /// Control socket of the server.
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
    },
    /// Read a password from standard input (the first line) and print its hash for a users file.
    HashPassword,
    /// Add a user to a users file, or change the password; the password is the first line of standard input.
    AddUser {
        /// Users file; made when it is not there.
        #[arg(long, value_name = "FILE")]
        users: PathBuf,
        /// User name.
        #[arg(long)]
        name: String,
        /// Groups, separated by commas; none allows every group.
        #[arg(long, default_value = "")]
        groups: String,
    },
    /// List the profiles: the ways in which the server words its replies.
    Profiles,
    /// List the mutants: deliberate defects for tests of a test harness.
    Mutants,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Configuration, YAML.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Append events as JSON lines to a file; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Folder in which changes to the system are noted, so that they can be put back after a crash.
    #[arg(long, value_name = "DIR", default_value = "/run/vpn-ref-server")]
    pub journal: PathBuf,
    /// Make the server wrong in a known way (repeatable); `mutants` lists the ways.
    #[arg(long, value_name = "NAME")]
    pub mutant: Vec<String>,
    /// Needed with `--mutant`.
    #[arg(long)]
    pub i_know_this_is_broken: bool,
}

impl Run {
    /// Returns the deliberate defects.
    ///
    /// # Errors
    ///
    /// Status 64 for an unknown name, one of the client, or when the user did not say to know about it.
    pub fn defects(&self) -> Result<Defects, Failure> {
        let usage = |message: String, hint: &str| Err(Failure::new(Exit::Usage, message, hint));
        let list = "`vpn-ref-server mutants` lists those of the server";
        let mut defects = Defects::NONE;
        for name in &self.mutant {
            match name.parse::<Mutant>() {
                Ok(mutant) if mutant.role() == DefectRole::Server => defects.insert(mutant),
                Ok(_) => return usage(format!("use the mutant `{name}`: it is one of the client"), list),
                Err(error) => return usage(format!("use the mutant `{name}`: {error}"), list),
            }
        }
        if !defects.is_empty() && !self.i_know_this_is_broken {
            let hint = "a mutant breaks the server on purpose; add `--i-know-this-is-broken` if that is what you want";
            return usage("use a mutant: it was not confirmed".to_owned(), hint);
        }
        Ok(defects)
    }
}
