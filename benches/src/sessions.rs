//! Many sessions on one reference server: how fast they come, what each needs, what they cost when nothing happens.
//!
//! Clients are connections of one process and one data plane without a device; they log in, send CONNECT and reach DTLS
//! as any other client does.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use interop_lab::{Lab, LabSpec, Launch, LinkKind, LinkSpec, NodeSpec};
use interop_pki::{ClientSpec, Defect, Factory, Issued, KeyKind, ServerSpec};
use reference_cstp::compress::Compression;
use reference_cstp::connect::{ConnectReply, ConnectRequest};
use reference_cstp::http::{Expect, Limits, Request, Response, ResponseReader, ServerUrl};
use reference_cstp::login::{Credentials, LoginAction, LoginClient, LoginResult};
use reference_cstp::profile::ClientProfile;
use reference_cstp::session::{DtlsPolicy, MtuPlan, RetrySchedule, Role, SessionConfig};
use reference_dtls::{ClientConfig, Retransmit, Secret, Suite, Version};
use reference_tunnel::plane::{Attach, Device, DtlsSetup, Plane, PlaneConfig, PlaneEvent, PlaneHandle, SessionId};
use reference_tunnel::tls::{AsyncTls, TlsChannel};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Result;
use crate::cell::{Unwatched, build};
use crate::run::Memory;

const NAME: &str = "vpn.example.test";
const CLIENT: &str = "10.99.0.2/24";
const GATEWAY: &str = "10.99.0.1/24";
const PORT: u16 = 443;
const USER: &str = "bench";
const PASSWORD: &str = "correct horse";
/// Logins at the same time.
const AT_ONCE: usize = 32;
/// The longest that one login or the last DTLS handshake may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Time during which nothing happens.
const IDLE: Duration = Duration::from_secs(10);

/// What many sessions are and cost.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sessions {
    /// Sessions.
    pub count: usize,
    /// Of these, with DTLS.
    pub with_dtls: usize,
    /// Seconds from the first connection to the last CONNECT reply.
    pub seconds: f64,
    /// Processor seconds of the server meanwhile.
    pub cpu: f64,
    /// Heap and stacks of the server before and after, in kB (1000 bytes).
    pub memory: (f64, f64),
    /// Share of one processor that the server takes while nothing happens, in percent.
    pub idle_percent: f64,
}

/// The reference server, if it was built beside this program.
pub fn server() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("vpn-ref-server");
    path.is_file().then_some(path)
}

/// In a cell: starts a server in one node and `count` clients in another one.
pub(crate) fn carry_out(runtime: &Runtime, program: &Path, count: usize) -> Result<Sessions> {
    let folder = Path::new("/run/bench");
    fs::create_dir_all(folder).map_err(words("make a folder"))?;
    let pki = Factory::new(KeyKind::EcP256)
        .and_then(|factory| {
            let server = ServerSpec { names: vec![NAME.into()], addresses: Vec::new(), defect: Defect::None };
            factory.issue(&server, &ClientSpec { common_name: USER.into(), revoked: false }, &folder.join("pki"))
        })
        .map_err(|error| format!("failed to issue certificates: {error}"))?;
    let config = configure(program, folder, &pki, count)?;
    let lab = build(runtime, &cable()?, Box::new(Unwatched))?;
    // Each session is a TCP connection in either process.
    raise_file_limit();
    runtime.block_on(async {
        let gateway = lab.node("gateway").map_err(|error| error.to_string())?;
        let launch = Launch {
            program: program.to_owned(),
            args: ["run", "--config", &config.to_string_lossy()].iter().map(Into::into).collect(),
            env: vec![("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())],
            piped: true,
        };
        let mut spawned = gateway.spawn(&launch).map_err(|error| format!("failed to {error}"))?;
        let log = spawned.child.stderr.take().ok_or("the server has no standard error")?;
        let mut lines = BufReader::new(log).lines();
        loop {
            match timeout(LIMIT, lines.next_line()).await {
                Ok(Ok(Some(line))) if line.contains("listening on") => break,
                Ok(Ok(Some(line))) if line.contains("failed to") => return Err(line),
                Ok(Ok(Some(_))) => {}
                _ => return Err("the server did not start".to_owned()),
            }
        }
        // What it says later is read, or its pipe would fill; the last words are for the message of a failure.
        let last = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&last);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(mut last) = heard.lock() {
                    *last = line;
                }
            }
        });
        if let Some(out) = spawned.child.stdout.take() {
            let mut lines = BufReader::new(out).lines();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        }
        let pid = spawned.session.pid().to_string();
        let measured = measure(&lab, &pki, &pid, count).await;
        measured.map_err(|error| {
            let last = last.lock().map(|last| last.clone()).unwrap_or_default();
            format!("{error}; the server said last: {last}")
        })
    })
}

async fn measure(lab: &Lab, pki: &Issued, pid: &str, count: usize) -> Result<Sessions> {
    let memory = || Memory::of(pid).map(|memory| memory.own * 1000.0).ok_or("the server is gone");
    let node = lab.node("client").map_err(|error| error.to_string())?;
    // Sockets of a tokio runtime are opened by the thread that calls: all of this happens in the client's namespace.
    let (plane, mut events) = node
        .run(|| Plane::start(PlaneConfig::new(Role::Client, Device::None)))
        .map_err(|error| error.to_string())?
        .map_err(words("start the data plane"))?;
    let open = || -> Result<tokio::net::TcpStream> {
        let socket = node
            .run(|| std::net::TcpStream::connect(SocketAddr::new(Ipv4Addr::new(10, 99, 0, 1).into(), PORT)))
            .map_err(|error| error.to_string())?
            .map_err(words("connect"))?;
        socket.set_nonblocking(true).map_err(words("prepare a socket"))?;
        tokio::net::TcpStream::from_std(socket).map_err(words("prepare a socket"))
    };
    let trust = trust(pki)?;
    // One session first: what the server allocates once is not a session's.
    attach(&plane, 0, connect(open()?, &trust).await?)?;
    wait_for_dtls(&mut events, 1).await;
    let (before, cpu_before, begun) = (memory()?, processor(pid), Instant::now());
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut logins = JoinSet::new();
    for _ in 0..count {
        let permit = Arc::clone(&permits).acquire_owned().await.map_err(|error| error.to_string())?;
        let (socket, trust) = (open()?, Arc::clone(&trust));
        logins.spawn(async move {
            let opened = timeout(LIMIT, connect(socket, &trust)).await;
            drop(permit);
            opened.map_err(|_| "a login took too long".to_owned()).and_then(|opened| opened)
        });
    }
    let mut id = 0;
    while let Some(opened) = logins.join_next().await {
        id += 1;
        attach(&plane, id, opened.map_err(|error| error.to_string())??)?;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), processor(pid) - cpu_before);
    let with_dtls = wait_for_dtls(&mut events, count).await;
    // Buffers of the handshakes are given back within a moment.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = memory()?;
    let (idle_begun, idle_cpu) = (Instant::now(), processor(pid));
    tokio::time::sleep(IDLE).await;
    let idle_percent = 100.0 * (processor(pid) - idle_cpu) / idle_begun.elapsed().as_secs_f64();
    plane.stop();
    Ok(Sessions { count, with_dtls, seconds, cpu, memory: (before, after), idle_percent })
}

/// How many of the sessions reach DTLS within the limit.
async fn wait_for_dtls(events: &mut tokio::sync::mpsc::UnboundedReceiver<PlaneEvent>, count: usize) -> usize {
    let mut up = 0;
    let all = async {
        while up < count {
            match events.recv().await {
                Some(PlaneEvent::DtlsUp { .. }) => up += 1,
                Some(_) => {}
                None => break,
            }
        }
    };
    // Those that are missing are missing in the figure.
    let _ = timeout(LIMIT, all).await;
    up
}

/// A tunnel that the server opened.
struct Opened {
    tls: AsyncTls,
    early: Vec<u8>,
    reply: ConnectReply,
}

async fn connect(socket: tokio::net::TcpStream, trust: &Arc<rustls::ClientConfig>) -> Result<Opened> {
    let name = ServerName::try_from(NAME).map_err(|error| error.to_string())?;
    let connection = rustls::ClientConnection::new(Arc::clone(trust), name).map_err(|error| error.to_string())?;
    let mut http = Http {
        tls: AsyncTls::new(socket, TlsChannel::from_rustls_client(connection)),
        reader: ResponseReader::new(Limits::default()),
    };
    http.tls.handshake().await.map_err(|error| format!("failed to shake hands: {error}"))?;
    let profile = ClientProfile::named("openconnect").ok_or("there is no profile `openconnect`")?;
    let login = http.log_in(profile.clone()).await?;
    let mut request = ConnectRequest::new(login.cookie);
    request.dtls_ciphers = vec!["PSK-NEGOTIATE".to_owned()];
    request.base_mtu = Some(1500);
    let response = http.exchange(&request.to_request(&profile, NAME), Expect::ConnectReply).await?;
    let reply = ConnectReply::parse(&response).map_err(|error| format!("failed to read the CONNECT reply: {error}"))?;
    Ok(Opened { tls: http.tls, early: http.reader.take_rest(), reply })
}

struct Http {
    tls: AsyncTls,
    reader: ResponseReader,
}

impl Http {
    async fn log_in(&mut self, profile: ClientProfile) -> Result<LoginResult> {
        let credentials = Credentials {
            username: Some(USER.to_owned()),
            password: Some(PASSWORD.to_owned()),
            ..Credentials::default()
        };
        let mut login = LoginClient::new(profile, ServerUrl::new(NAME, PORT), credentials);
        loop {
            match login.next() {
                LoginAction::Send { request, .. } => login.on_response(self.exchange(&request, Expect::Body).await?),
                LoginAction::Done(result) => return Ok(*result),
                LoginAction::Ask(_) => return Err("the server asks for more than a password".to_owned()),
                LoginAction::Failed(error) => return Err(format!("failed to log in: {error}")),
            }
        }
    }

    async fn exchange(&mut self, request: &Request, expect: Expect) -> Result<Response> {
        self.reader.expect(expect);
        self.tls.write_all(&request.to_bytes()).await.map_err(|error| format!("failed to send a request: {error}"))?;
        loop {
            if let Some(response) = self.reader.next().map_err(|error| error.to_string())? {
                return Ok(response);
            }
            let mut plain = Vec::new();
            match self.tls.read(&mut plain).await {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(_) => self.reader.push(&plain),
                Err(error) => return Err(format!("failed to read a response: {error}")),
            }
        }
    }
}

fn attach(plane: &PlaneHandle, id: u64, opened: Opened) -> Result<()> {
    let key = opened.tls.channel().export("EXPORTER-openconnect-psk", 32).map_err(|error| error.to_string())?;
    let dtls = opened.reply.dtls.as_ref().ok_or("the server offers no DTLS")?;
    let config = ClientConfig {
        version: Version::Dtls12,
        suites: vec![Suite::PskAes256GcmSha384],
        secret: Secret::Psk { identity: b"psk".to_vec(), key },
        session_id: dtls.app_id.clone().ok_or("the server sent no X-DTLS-App-ID")?,
        mtu: 1200,
        retransmit: Retransmit::default(),
    };
    let remote = opened.tls.tcp().peer_addr().map_err(words("ask a socket for its address"))?;
    let mut session = SessionConfig::new(Role::Client, MtuPlan::fixed(opened.reply.largest_mtu().unwrap_or(1280)));
    session.dtls_policy = Some(DtlsPolicy { schedule: RetrySchedule::openconnect() });
    let inner = opened.reply.addresses.iter().map(|address| address.addr.into()).collect();
    let (tcp, tls) = opened.tls.into_parts().map_err(|error| error.to_string())?;
    plane.attach(Attach {
        id: SessionId(id),
        tcp,
        tls,
        early: opened.early,
        session,
        inner,
        dtls: Some(DtlsSetup::Client { remote: SocketAddr::new(remote.ip(), dtls.port.unwrap_or(PORT)), config }),
        compression: (Compression::None, Compression::None),
    });
    Ok(())
}

fn trust(pki: &Issued) -> Result<Arc<rustls::ClientConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    let anchor =
        CertificateDer::from_pem_file(&pki.ca).map_err(|error| format!("failed to read the anchor: {error}"))?;
    roots.add(anchor).map_err(|error| error.to_string())?;
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

fn configure(program: &Path, folder: &Path, pki: &Issued, count: usize) -> Result<PathBuf> {
    let mut child = Command::new(program)
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(words("start the server's program"))?;
    if let Some(mut pipe) = child.stdin.take() {
        writeln!(pipe, "{PASSWORD}").map_err(words("tell it a password"))?;
    }
    let hash = child.wait_with_output().map_err(words("hash a password"))?.stdout;
    let hash = String::from_utf8_lossy(&hash).trim().to_owned();
    fs::write(folder.join("users"), format!("{USER}:*:{hash}\n")).map_err(words("write the users' file"))?;
    let text = format!(
        "listen: {{addresses: [0.0.0.0], tcp-port: {PORT}, udp-port: {PORT}}}\n\
         tls: {{certificates: [{{chain: {}, key: {}}}]}}\n\
         auth: {{methods: [password], users: {}}}\n\
         network: {{device: vpns0, ipv4: 10.128.0.0/16, routes: [10.20.0.0/16]}}\n\
         dtls: {{families: [psk]}}\n\
         limits: {{sessions: {limit}, sessions-per-user: {limit}, connections: {limit}, connections-per-address: {limit}}}\n",
        pki.server_chain.display(),
        pki.server_key.display(),
        folder.join("users").display(),
        limit = count + 100,
    );
    let path = folder.join("server.yaml");
    fs::write(&path, text).map_err(words("write the configuration"))?;
    Ok(path)
}

fn cable() -> Result<LabSpec> {
    let net = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
    let node = || NodeSpec { resolver: Some(String::new()), ..NodeSpec::default() };
    let link = LinkSpec {
        kind: LinkKind::Veth,
        ends: [("client".to_owned(), vec![net(CLIENT)?]), ("gateway".to_owned(), vec![net(GATEWAY)?])],
        mtu: 1500,
        profiles: Default::default(),
    };
    let nodes = ["client", "gateway"].map(|name| (name.to_owned(), node()));
    Ok(LabSpec { nodes: IndexMap::from(nodes), links: IndexMap::from([("cable".to_owned(), link)]), seed: 1 })
}

/// User and system time of a process, in seconds.
fn processor(pid: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(')').map_or_else(Vec::new, |(_, rest)| rest.split_whitespace().collect());
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    // Where it cannot be raised, a connection fails and says so.
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn words(what: &str) -> impl Fn(std::io::Error) -> String {
    move |error| format!("failed to {what}: {error}")
}
