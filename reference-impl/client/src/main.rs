//! The reference client for the AnyConnect and OpenConnect protocol.
//!
//! | file | story |
//! |---|---|
//! | `cli` | arguments, their help, typed settings |
//! | `connect` | one run from settings to end |
//! | `resolve`, `tls`, `trust`, `http`, `dialer` | reaching the gateway and knowing it |
//! | `login`, `otp`, `secrets`, `terminal`, `downloader` | from credentials to a cookie |
//! | `session`, `dtls`, `backoff`, `signals` | the tunnel: data plane, losses, rekeys, end |
//! | `network` | device, addresses, routes, resolver |
//! | `events`, `report`, `stages`, `error`, `exit` | what is told |

#![forbid(unsafe_code)]

mod backoff;
mod cli;
mod connect;
mod cookie;
mod dialer;
mod downloader;
mod dtls;
mod error;
mod events;
mod exit;
mod http;
mod login;
mod network;
mod otp;
mod report;
mod resolve;
mod secrets;
mod session;
mod signals;
mod stages;
mod terminal;
mod tls;
mod trust;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use reference_cstp::defects::{DefectRole, Mutant};
use reference_cstp::profile::ClientProfile;

use cli::{Args, Command, Settings};
use connect::Outcome;
use error::ClientError;
use exit::Exit;
use report::Reporter;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // A terminal that is gone cannot be told.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match args.command {
        Command::Connect(connect) => match Settings::try_from(*connect) {
            Ok(settings) => run(settings),
            Err(error) => fail(&Reporter::plain(), &error),
        },
        Command::Cleanup(cleanup) => {
            let reporter = Reporter::plain();
            let result = runtime().and_then(|runtime| runtime.block_on(network::cleanup(&cleanup.journal, &reporter)));
            result.map_or_else(|error| fail(&reporter, &error), |()| ExitCode::SUCCESS)
        }
        Command::Profiles => print(&profiles()),
        Command::Mutants => print(&mutants()),
    }
}

fn run(settings: Settings) -> ExitCode {
    let reporter = match Reporter::new(settings.events.as_deref(), settings.timestamp) {
        Ok(reporter) => reporter,
        Err(error) => return fail(&Reporter::plain(), &error),
    };
    for mutant in settings.defects.iter() {
        let message = format!("this client is broken on purpose: {mutant}");
        reporter.tell(&events::Event::Warning { message });
    }
    let result = runtime().and_then(|runtime| {
        let result = runtime.block_on(connect::connect(settings, &reporter));
        // A look-up that hangs in the system's resolver is not waited for.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(Outcome::Stopped) => Exit::Stopped.into(),
        Ok(Outcome::Cookie(text)) => print(&text),
        Err(error) => fail(&reporter, &error),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, ClientError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ClientError::from)
}

fn fail(reporter: &Reporter, error: &ClientError) -> ExitCode {
    reporter.error(error);
    error.exit().into()
}

/// Writes to standard output; a reader that is gone has had enough.
fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn profiles() -> String {
    ClientProfile::names()
        .filter_map(ClientProfile::named)
        .map(|profile| {
            let emulates = profile.emulates.map(|what| format!(" ({what})")).unwrap_or_default();
            format!("{:20} {}{emulates}\n", profile.id, profile.title)
        })
        .collect()
}

fn mutants() -> String {
    let of_client = Mutant::ALL.iter().filter(|mutant| mutant.role() == DefectRole::Client);
    of_client.map(|mutant| format!("{:26} {}\n", mutant.name(), mutant.meaning())).collect()
}
