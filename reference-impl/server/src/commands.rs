//! What the subcommands do.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
};

use clap::Parser;
use reference_cstp::{
    defects::{DefectRole, Mutant},
    profile::ServerProfile,
};

use crate::{
    cli::{Cli, Command},
    config, control,
    failure::{Exit, Failure},
    serve,
    users::{self, Passwords},
};

/// Longest password that is read, in bytes.
const LONGEST_PASSWORD: usize = 4096;

/// Runs the program; the exit status is that of [`Exit`].
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Stopped };
            let _ = error.print();
            return ExitCode::from(exit as u8);
        }
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "vpn-ref-server: {failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(run) => serve::run(&run),
        Command::Check { config } => check(&config),
        Command::Status { socket, json } => say(&control::status(&socket, json)?),
        Command::Stop { socket } => control::stop(&socket),
        Command::Restart { socket } => control::restart(&socket),
        Command::HashPassword => say(&format!("{}\n", hash(&password()?)?)),
        Command::AddUser { users, name, groups } => add_user(&users, &name, &groups),
        Command::Profiles => say(&profiles()),
        Command::Mutants => say(&mutants()),
    }
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `| head` is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::internal("write standard output", error))
        }
        _ => Ok(()),
    }
}

fn check(path: &Path) -> Result<(), Failure> {
    let config = config::load(path)?;
    let materials = serve::Materials::load(&config, None, reference_cstp::defects::Defects::NONE)?;
    let mut text = format!("{}: good\n", path.display());
    let listen = &config.listen;
    for address in &listen.addresses {
        text.push_str(&format!("  listens on {address}, tcp {} and udp {}\n", listen.tcp_port, listen.udp_port));
    }
    text.push_str(&format!("  {} certificates, {} users\n", config.tls.certificates.len(), materials.users()));
    for group in config.groups.iter().filter(|group| !group.name.is_empty()) {
        text.push_str(&format!("  group {} ({})\n", group.name, group.label));
    }
    for pool in &config.pools {
        let nets: Vec<String> =
            pool.ipv4.map(|net| net.to_string()).into_iter().chain(pool.ipv6.map(|net| net.to_string())).collect();
        text.push_str(&format!("  addresses for clients: {}\n", nets.join(" ")));
    }
    for warning in materials.acceptor.warnings() {
        text.push_str(&format!("  warning: {warning}\n"));
    }
    say(&text)
}

fn password() -> Result<String, Failure> {
    let usage = |why: String| {
        Failure::new(Exit::Usage, format!("read the password: {why}"), "write it on the first line of standard input")
    };
    let mut line = String::new();
    let mut input = io::Read::take(io::stdin().lock(), LONGEST_PASSWORD as u64 + 2);
    input.read_line(&mut line).map_err(|error| usage(error.to_string()))?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.len() > LONGEST_PASSWORD {
        return Err(usage("it is empty or too long".to_owned()));
    }
    Ok(password.to_owned())
}

fn hash(password: &str) -> Result<String, Failure> {
    users::hash_password(password).map_err(|error| Failure::internal("hash the password", error))
}

fn add_user(path: &Path, name: &str, groups: &str) -> Result<(), Failure> {
    if !users::check_name(name) || groups.contains([':', '\n']) {
        return Err(Failure::new(
            Exit::Usage,
            format!("add the user `{name}`: not a usable name or group"),
            "names have no colon, blank or control character",
        ));
    }
    let hint = "check the path after `--users`";
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| Failure::unreadable("users", path, error, hint))?,
    };
    Passwords::parse(&text).map_err(|error| Failure::unreadable("users", path, error, "correct that line first"))?;
    let text = users::set_password(&text, name, groups, &hash(&password()?)?);
    // Beside the file and then in its place: a server that reads it meanwhile sees the old or the new one.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| Failure::new(Exit::Unreadable, format!("write users {}: {error}", path.display()), hint))
}

fn profiles() -> String {
    let known = ServerProfile::names().filter_map(ServerProfile::named);
    known.map(|profile| format!("{:<10} {}\n", profile.id, profile.title)).collect()
}

fn mutants() -> String {
    let mine = Mutant::ALL.iter().filter(|mutant| mutant.role() == DefectRole::Server);
    mine.map(|mutant| format!("{:<30} {}\n", mutant.name(), mutant.meaning())).collect()
}
