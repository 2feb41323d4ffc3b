//! Starting and stopping the peers of a cell.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use interop_catalogue::{ConnectedWhen, Peer, Protocol, ReadyWhen, Side, Spanned, Template};
use interop_evidence::{EventKind, PeerRole};
use interop_lab::{Launch, Node};
use interop_pki::{ClientSpec, Defect, Factory, KeyKind, ServerSpec};
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::state::{Cell, Running};
use crate::peer::{PeerChoice, PeerLog, Process, Templates, kernel_signal, run_to_end, variables, within};
use crate::{EngineError, Result};

/// How long a server may take until it is ready.
const READY: Duration = Duration::from_secs(15);
/// How often something is looked at that tells no events: sockets and interfaces.
const GLANCE: Duration = Duration::from_millis(4);
/// How long a peer may still prove the opposite of a refusal that its log told.
const SECOND_THOUGHT: Duration = Duration::from_millis(1500);
/// How long a server may take to set up the device of a session that the client has already been told of.
const SESSION_READY: Duration = Duration::from_secs(3);
/// Where programs find commands.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How starting a client ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClientStart {
    /// The tunnel is up.
    Connected,
    /// It ended by itself; with what it said last.
    Ended(String),
    /// A log told a refusal: by whom, and why.
    Refused(PeerRole, String),
    /// Neither before the deadline.
    Silent,
}

impl Cell<'_> {
    /// Makes the certificates, once.
    fn issue_certificates(&mut self) -> Result<()> {
        if self.pki.is_some() {
            return Ok(());
        }
        let kind = match self.settings.text("key").as_deref() {
            Some("rsa-2048") => KeyKind::Rsa2048,
            _ => KeyKind::EcP256,
        };
        let server = ServerSpec {
            names: vec![self.world.server_name.clone()],
            addresses: self.world.topology.addresses(&self.world.server).collect(),
            defect: self.setup.defect,
        };
        let user = self.settings.users.first().map(|user| user.name.clone()).unwrap_or_default();
        let client = ClientSpec { common_name: user, revoked: self.setup.defect == Defect::RevokedClient };
        self.pki = Some(Factory::new(kind)?.issue(&server, &client, &self.folder.join("pki"))?);
        Ok(())
    }

    /// Starts the server if it does not run. The inner error is what it said when it would not.
    pub(crate) async fn start_server(&mut self) -> Result<Result<(), String>> {
        if self.server_pid().is_some() {
            return Ok(Ok(()));
        }
        self.issue_certificates()?;
        let (peer, choice, node) = (self.server_peer, self.job.server.clone(), self.world.server.clone());
        let running = self.launch(Side::Server, peer, &choice, &node, 0).await?;
        let deadline = within(READY.min(self.time_left()));
        let ready = async {
            match &peer.ready_when {
                Some(ReadyWhen::Log(pattern)) => running.process.log.wait_for(pattern.regex(), deadline).await,
                Some(ReadyWhen::Listening(wanted)) => {
                    let protocol = if wanted.protocol == Protocol::Tcp { "tcp" } else { "udp" };
                    self.wait_listening(&node, protocol, self.settings.port, deadline).await
                }
                Some(ReadyWhen::Interface(_)) | None => {
                    self.wait_interface(&node, &running.tunnel_interface, deadline).await
                }
            }
        };
        let outcome = tokio::select! {
            // An end that is known counts before a sign of readiness that came with it.
            biased;
            exit = running.process.wait() => Err(format!("it ended with {exit}")),
            ready = ready => if ready { Ok(()) } else { Err(format!("it was not ready within {READY:?}")) },
        };
        let outcome = outcome.map_err(|how| match running.process.log.last_line() {
            Some(line) => format!("{how}; it said last: {line}"),
            None => format!("{how}; it said nothing"),
        });
        if outcome.is_ok() {
            let how = match &peer.ready_when {
                Some(ReadyWhen::Log(_)) => "log line".to_owned(),
                Some(ReadyWhen::Listening(_)) => format!("listens on port {}", self.settings.port),
                _ => "interface is up".to_owned(),
            };
            self.recorder.record(EventKind::PeerReady { role: PeerRole::Server, how });
        }
        self.server = Some(running);
        Ok(outcome)
    }

    /// Starts the client in a node and waits for its tunnel.
    pub(super) async fn start_client(&mut self, node: &str, deadline: Instant) -> Result<ClientStart> {
        let index = self.world.clients.iter().position(|name| name == node).unwrap_or(0);
        let (peer, choice) = (self.client_peer, self.job.client.clone());
        if let Some(log) = self.log(PeerRole::Server) {
            log.forget_refusal();
        }
        self.client_started = self.recorder.now();
        let running = self.launch(Side::Client, peer, &choice, node, index).await?;
        let started = self.recorder.now();
        let log = running.process.log.clone();
        let interface = running.tunnel_interface.clone();
        let server_log = self.log(PeerRole::Server).cloned();
        let connected = async {
            match &peer.connected_when {
                Some(ConnectedWhen::Log(pattern)) => log.wait_for(pattern.regex(), deadline).await,
                Some(ConnectedWhen::Interface(_)) | None => self.wait_interface(node, &interface, deadline).await,
            }
        };
        let refused_there = async {
            match &server_log {
                Some(log) => log.wait_refused(SECOND_THOUGHT).await,
                None => std::future::pending().await,
            }
        };
        let start = tokio::select! {
            biased;
            // A refusal that the log tells before the sign of a tunnel counts: some clients come up all the same.
            connected = connected => match log.refused() {
                None if connected => ClientStart::Connected,
                _ => ClientStart::Silent,
            },
            exit = running.process.wait() => {
                // What it said before it ended may still be in the pipe.
                tokio::time::sleep(GLANCE).await;
                let line = log.last_line().unwrap_or_else(|| "nothing".to_owned());
                let means = exit.code.and_then(|code| peer.exit_codes.get(&code));
                let means = means.map_or_else(String::new, |text| format!(" ({text})"));
                ClientStart::Ended(format!("{exit}{means}; it said last: {line}"))
            },
            () = log.wait_refused(SECOND_THOUGHT) => ClientStart::Silent,
            () = refused_there => ClientStart::Silent,
        };
        if start == ClientStart::Connected {
            self.client_connected = self.recorder.now();
            let took = self.client_connected.since(started);
            self.recorder.record(EventKind::PeerReady { role: PeerRole::Client, how: "tunnel is up".to_owned() });
            self.measurements.entry("connect-ms".to_owned()).or_insert(took.as_secs_f64() * 1000.0);
        }
        self.clients.insert(node.to_owned(), running);
        if matches!(start, ClientStart::Silent | ClientStart::Ended(_))
            && let Some((by, why)) = self.refusal(node)
        {
            return Ok(ClientStart::Refused(by, why));
        }
        Ok(start)
    }

    /// Waits until the server has set up the device of the first session, if its peer file says how that is known. A line with the
    /// groups `device` and `mtu` is said before it is done: then the device is waited for as well.
    pub(super) async fn session_ready(&self) {
        let Some(pattern) = self.server_peer.session_ready_when.as_ref().map(interop_catalogue::Pattern::regex) else {
            return;
        };
        let Some(log) = self.log(PeerRole::Server) else { return };
        let deadline = within(SESSION_READY);
        let said = log.wait_for(pattern, deadline).await;
        let line = log.line_with(pattern).unwrap_or_default();
        let done = match pattern.captures(&line).and_then(|found| Some((found.name("device")?, found.name("mtu")?))) {
            Some((device, mtu)) => {
                self.look_until(&self.world.server, deadline, async |node| {
                    let mtus = node.interfaces().await;
                    mtus.is_ok_and(|all| all.get(device.as_str()).is_some_and(|now| now.to_string() == mtu.as_str()))
                })
                .await
            }
            None => said,
        };
        if !done {
            self.recorder
                .note(format!("no sign within {SESSION_READY:?} that the server has set up the session's device"));
        }
    }

    fn refusal(&self, node: &str) -> Option<(PeerRole, String)> {
        let client = self.clients.get(node).and_then(|running| running.process.log.refused());
        client.or_else(|| self.log(PeerRole::Server).and_then(PeerLog::refused))
    }

    /// Ends a client the way its user would; `false` if it had to be killed.
    pub(super) async fn stop_client(&mut self, node: &str, within: Option<Duration>) -> bool {
        let Some(running) = self.clients.get(node) else { return true };
        let stop = &self.client_peer.stop;
        running.process.stop(kernel_signal(stop.signal), within.unwrap_or(stop.within)).await
    }

    /// Ends the server.
    pub(crate) async fn stop_server(&mut self, kill: bool) -> Result<bool> {
        let Some(running) = &self.server else { return Ok(true) };
        let stop = &self.server_peer.stop;
        let signal = if kill { Signal::SIGKILL } else { kernel_signal(stop.signal) };
        Ok(running.process.stop(signal, stop.within).await)
    }

    /// Writes a peer's files and starts it.
    async fn launch(
        &mut self,
        side: Side,
        peer: &Peer,
        choice: &PeerChoice,
        node: &str,
        index: usize,
    ) -> Result<Running> {
        let folder = self.folder.join(format!("{side}-{node}"));
        let pki = self.pki.as_ref().ok_or_else(|| EngineError::plan("the server must be started first"))?;
        fs::create_dir_all(&folder).map_err(|source| EngineError::file(&folder, source))?;
        let values = variables(&self.world, &self.settings, choice, pki, &folder, index);
        let templates = Templates::new(peer, values)?;
        let kept = self.bundle.folder().join("peers").join(format!("{side}-{node}"));
        for (name, template) in &peer.files {
            let text = templates.fill(template)?;
            write_file(&folder.join(name.as_str()), &text)?;
            write_file(&kept.join(name.as_str()), &text)?;
        }
        let env = self.environment(side, peer, choice, &templates, &folder)?;
        let role = PeerRole::from(side);
        let log = match side {
            Side::Server => format!("{side}.log"),
            Side::Client => format!("{node}.log"),
        };
        let log = PeerLog::create(&self.bundle.logs().join(log), role, peer, self.recorder.clone())?;
        let lab_node = self.lab.node(node)?;
        for command in &peer.prepare {
            let launch = launch_of(&templates, command.iter(), &env)?;
            run_to_end(lab_node, &launch, &format!("a `prepare` command of peer `{}`", peer.id)).await?;
        }
        let launch = launch_of(&templates, peer.command.iter().chain(&peer.args_append), &env)?;
        let stdin = peer.stdin.as_ref().map(|template| templates.fill(template)).transpose()?;
        let tunnel_interface = match &peer.tunnel_interface {
            Some(template) => templates.fill(template)?.trim().to_owned(),
            None => "tun0".to_owned(),
        };
        let process = Process::start(lab_node, role, &launch, stdin, log, &self.recorder)?;
        Ok(Running { process, tunnel_interface, folder })
    }

    /// Runs the `cleanup` of the client's peer file in a node. None if it has none; the inner error is what went wrong.
    pub(super) async fn run_cleanup(&mut self, node: &str) -> Result<Option<Result<(), String>>> {
        let (peer, choice) = (self.client_peer, self.job.client.clone());
        let (Some(running), Some(pki)) = (self.clients.get(node), &self.pki) else { return Ok(None) };
        if peer.cleanup.is_empty() {
            return Ok(None);
        }
        let folder = running.folder.clone();
        let index = self.world.clients.iter().position(|name| name == node).unwrap_or(0);
        let templates = Templates::new(peer, variables(&self.world, &self.settings, &choice, pki, &folder, index))?;
        let env = self.environment(Side::Client, peer, &choice, &templates, &folder)?;
        let launch = launch_of(&templates, peer.cleanup.iter(), &env)?;
        let what = format!("the `cleanup` of peer `{}`", peer.id);
        Ok(Some(run_to_end(self.lab.node(node)?, &launch, &what).await.map_err(|error| error.to_string())))
    }

    fn environment(
        &self,
        side: Side,
        peer: &Peer,
        choice: &PeerChoice,
        templates: &Templates,
        folder: &Path,
    ) -> Result<Vec<(String, String)>> {
        let mut env = vec![
            ("PATH".to_owned(), PATH.to_owned()),
            ("HOME".to_owned(), "/tmp".to_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ];
        if !choice.library_path.is_empty() {
            env.push(("LD_LIBRARY_PATH".to_owned(), crate::peer::join(&choice.library_path)));
        }
        if let Some(offset) = self.setup.clock.get(&side) {
            env.extend(faketime_environment(choice, *offset)?);
        }
        if let Some(keylog) = &peer.keylog {
            let path = folder.join("keys.log");
            // A worker that has dropped its privileges must be able to write it, and would be silent if it could not.
            write_file(&path, "")?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666))
                .map_err(|source| EngineError::file(&path, source))?;
            env.push((keylog.env.to_string(), path.display().to_string()));
        }
        for (name, template) in &peer.env {
            env.push((name.to_string(), templates.fill(template)?));
        }
        Ok(env)
    }

    async fn wait_listening(&self, node: &str, protocol: &str, port: u16, deadline: Instant) -> bool {
        self.look_until(node, deadline, async |node| {
            node.sockets().is_ok_and(|all| all.iter().any(|one| one.protocol == protocol && one.port == port))
        })
        .await
    }

    async fn wait_interface(&self, node: &str, interface: &str, deadline: Instant) -> bool {
        self.look_until(node, deadline, async |node| {
            node.addresses()
                .await
                .is_ok_and(|all| all.iter().any(|entry| entry.interface == interface && !is_link_local(entry.address)))
        })
        .await
    }

    async fn look_until(&self, node: &str, deadline: Instant, holds: impl AsyncFn(&Node) -> bool) -> bool {
        let Ok(node) = self.lab.node(node) else { return false };
        loop {
            if holds(node).await {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

fn is_link_local(address: std::net::IpAddr) -> bool {
    matches!(address, std::net::IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The command line of a template; arguments that are empty after filling in are left out.
fn launch_of<'t>(
    templates: &Templates,
    words: impl Iterator<Item = &'t Spanned<Template>>,
    env: &[(String, String)],
) -> Result<Launch> {
    let mut filled = Vec::new();
    for word in words {
        let text = templates.fill(word)?;
        if !text.is_empty() {
            filled.push(text);
        }
    }
    let mut filled = filled.into_iter();
    let program = filled.next().ok_or_else(|| EngineError::plan("the command of the peer is empty"))?;
    Ok(Launch { program: program.into(), args: filled.map(OsString::from).collect(), env: env.to_vec(), piped: true })
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| EngineError::file(folder, source))?;
    }
    fs::write(path, text).map_err(|source| EngineError::file(path, source))
}

/// The environment that makes a program of a peer believe in a date `offset` seconds from now.
pub(crate) fn faketime_environment(choice: &PeerChoice, offset: i64) -> Result<Vec<(String, String)>> {
    let folder = format!("usr/lib/{}-linux-gnu/faketime", std::env::consts::ARCH);
    let places = ["libfaketimeMT.so.1", "libfaketime.so.1"].map(|name| format!("{folder}/{name}"));
    let found = places.iter().find(|place| choice.root().join(place).is_file());
    let library = found.ok_or_else(|| EngineError::Missing("libfaketime (package `libfaketime`)".to_owned()))?;
    Ok(vec![
        ("LD_PRELOAD".to_owned(), format!("/{library}")),
        ("FAKETIME".to_owned(), format!("{offset:+}")),
        // Timers must go on as they are: only the date is wrong.
        ("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
        ("DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
    ])
}
