//! `vpn-interop`: puts a VPN client and a VPN server into a small internet, breaks that internet in a controlled way,
//! and says what each pair of implementations does.

#![forbid(unsafe_code)]

mod args;
mod cell;
mod commands;
mod display;
mod load;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use interop_engine::features;
use interop_evidence::Exit;

fn main() -> ExitCode {
    // A probe of `doctor` enters namespaces, too.
    if std::env::args_os().nth(1).is_some_and(|first| first == features::CHILD) {
        return features::child_main();
    }
    // The sandbox of a cell must be entered while the process has one thread: before anything else.
    if let Some(code) = cell::become_cell() {
        return code;
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // A terminal that is gone cannot be told.
            let _ = error.print();
            return if error.use_stderr() { exit(Exit::Usage) } else { ExitCode::SUCCESS };
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match args.command {
        Command::Accept(accept) => commands::accept(&args.catalogue, &accept),
        Command::Bisect(bisect) => commands::bisect(&args.catalogue, &bisect),
        Command::Completions(completions) => commands::completions(&completions),
        Command::Diff(diff) => commands::diff(&args.catalogue, &diff),
        Command::Doctor(doctor) => commands::doctor(doctor.json),
        Command::Explain(explain) => commands::explain(&args.catalogue, &explain),
        Command::List(list) => commands::list(&args.catalogue, &list),
        Command::Mutants(mutants) => commands::mutants(&args.catalogue, &mutants),
        Command::Peers(peers) => commands::peers(&args.catalogue, &peers),
        Command::Report(report) => commands::report(&args.catalogue, &report),
        Command::Replay(replay) => commands::replay(&args.catalogue, &replay),
        Command::Run(run) => commands::run(&args.catalogue, &run),
        Command::Schema(schema) => commands::schema(&schema),
        Command::Shell(shell) => commands::shell(&shell),
        Command::Trace(trace) => commands::trace(&trace),
    }
}

fn exit(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
