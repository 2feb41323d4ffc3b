//! The server program.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use super::pki::Authority;

/// Everything in these tests happens within seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpn-ref-server"));
    command.env_remove("SSLKEYLOGFILE");
    command
}

/// A folder with a server certificate and users `alice` and `bob`, whose password is `secret`.
pub(crate) struct Ground {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Authority,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Test Authority");
        authority.issue(folder.path(), "server", 100, &[("CN", "vpn.test")], &["vpn.test"]);
        authority.write(&folder.path().join("ca.pem"));
        // openssl passwd -5 -salt saltstring secret
        let hash = "$5$saltstring$C3o4O1TC6aRHF4FI.QSZMXtHbaj2gSXr4sUc/3NcUi.";
        fs::write(folder.path().join("users"), format!("alice::{hash}\nbob:staff:{hash}\n")).unwrap();
        Self { folder, authority }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a configuration: the parts that every test needs, and what it adds or says otherwise.
    pub(crate) fn config(&self, parts: &Parts) -> PathBuf {
        let Parts { tls, auth, network, more } = parts;
        let text = format!(
            "listen: {{addresses: [127.0.0.1], tcp-port: 0, udp-port: 0}}\n\
             tls:\n  certificates: [{{chain: server.pem, key: server.key}}]\n{tls}\
             auth:\n{auth}\
             network:\n  device: none\n{network}\
             control-socket: control\n{more}"
        );
        let path = self.path("server.yaml");
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn start(&self, parts: &Parts) -> Server {
        Server::start(&self.config(parts), &[])
    }
}

/// Parts of a configuration, indented by two where they continue a block.
pub(crate) struct Parts {
    pub(crate) tls: &'static str,
    pub(crate) auth: &'static str,
    pub(crate) network: &'static str,
    pub(crate) more: &'static str,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            tls: "",
            auth: "  methods: [password]\n  users: users\n",
            network: "  ipv4: 10.9.0.0/24\n  ipv6: fd00:9::/64\n  routes: [10.0.0.0/8, fd00::/16]\n  dns: [10.9.0.1]\n",
            more: "",
        }
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Lines {
    fn follow(&self, from: impl std::io::Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                lines.0.0.lock().unwrap().push(line);
                lines.0.1.notify_all();
            }
        });
    }

    fn wait(&self, what: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.0.0.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().find(|line| line.contains(what)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no line with `{what}` among {lines:#?}");
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
    }
}

pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    human: Lines,
    json: Lines,
    pub(crate) port: u16,
    pub(crate) udp_port: Option<u16>,
}

impl Server {
    pub(crate) fn start(config: &Path, options: &[&str]) -> Self {
        let mut command = program();
        command.args(["run", "--events", "-", "--config"]).arg(config).args(options);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (human, json) = (Lines::default(), Lines::default());
        human.follow(child.stderr.take().unwrap());
        json.follow(child.stdout.take().unwrap());
        let folder = config.parent().unwrap().to_owned();
        let mut server = Self { child, folder, human, json, port: 0, udp_port: None };
        let listening: serde_json::Value = serde_json::from_str(&server.event("\"listening\"")).unwrap();
        let address = listening["tcp"].as_str().unwrap();
        server.port = address.rsplit_once(':').unwrap().1.parse().unwrap();
        server.udp_port = listening["udp"].as_u64().map(|port| port as u16);
        server.event("\"ready\"");
        server
    }

    /// Waits for a line for people.
    pub(crate) fn line(&self, what: &str) -> String {
        self.human.wait(what)
    }

    /// Waits for a line of JSON.
    pub(crate) fn event(&self, what: &str) -> String {
        self.json.wait(what)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.human.0.0.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn control(&self, word: &str) -> Output {
        let mut command = program();
        command.args([word, "--socket"]).arg(self.folder.join("control"));
        if word == "status" {
            command.arg("--json");
        }
        command.output().unwrap()
    }

    pub(crate) fn status(&self) -> serde_json::Value {
        let output = self.control("status");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits for the end and returns the exit status.
    pub(crate) fn end(mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
