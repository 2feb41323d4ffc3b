//! The side of `status`, `stop` and `restart`.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use super::Status;
use crate::failure::{Exit, Failure};

/// Longest wait for an answer; a stop puts the network back first.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest answer, in bytes.
const LONGEST: u64 = 64 << 20;

/// Returns the status of a server, as text for people or as JSON.
///
/// # Errors
///
/// When no server answers.
pub fn status(socket: &Path, json: bool) -> Result<String, Failure> {
    let line = ask(socket, "status")?;
    if json {
        return Ok(line);
    }
    let status: Status =
        serde_json::from_str(&line).map_err(|error| Failure::internal("read the answer of the server", error))?;
    Ok(status.to_string())
}

/// Stops a server and returns when everything is put back.
///
/// # Errors
///
/// When no server answers.
pub fn stop(socket: &Path) -> Result<(), Failure> {
    ask(socket, "stop").map(drop)
}

/// Drops all connections of a server and makes it read its files again.
///
/// # Errors
///
/// When no server answers, or when it cannot use the files (status 65).
pub fn restart(socket: &Path) -> Result<(), Failure> {
    let answer = ask(socket, "restart")?;
    let value: serde_json::Value =
        serde_json::from_str(&answer).map_err(|error| Failure::internal("read the answer of the server", error))?;
    match value.get("error").and_then(serde_json::Value::as_str) {
        Some(error) => Err(Failure::new(Exit::Config, format!("restart: {error}"), "the server goes on as it was")),
        None => Ok(()),
    }
}

fn ask(socket: &Path, word: &str) -> Result<String, Failure> {
    let unreachable = |error: std::io::Error| {
        let message = format!("reach a server at {}: {error}", socket.display());
        Failure::new(
            Exit::Unreadable,
            message,
            "is the server running with this `control-socket`, and may this user talk to it?",
        )
    };
    let mut stream = UnixStream::connect(socket).map_err(unreachable)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(unreachable)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(unreachable)?;
    stream.write_all(format!("{word}\n").as_bytes()).map_err(unreachable)?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer).map_err(unreachable)?;
    if answer.is_empty() {
        return Err(unreachable(std::io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(answer)
}
