//! The server's side of the control socket.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::failure::{Exit, Failure};

/// Longest time that a client of the socket may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `status`.
    Status,
    /// `stop`.
    Stop,
    /// `restart`.
    Restart,
}

/// A question and where its answer goes, one line of JSON.
#[derive(Debug)]
pub struct Ask {
    /// The question.
    pub question: Question,
    /// Where the answer goes.
    pub answer: oneshot::Sender<String>,
}

/// The socket; its file is removed when it is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    accept: JoinHandle<()>,
    /// Ends when no connection is served any more.
    served: mpsc::Receiver<()>,
}

impl ControlSocket {
    /// Makes the socket and serves it; questions come out of the channel.
    ///
    /// # Errors
    ///
    /// When another server has it, or it cannot be made.
    pub fn open(path: PathBuf, questions: mpsc::Sender<Ask>) -> Result<Self, Failure> {
        let listener = listen(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => Failure::new(
                Exit::PortInUse,
                format!("make the control socket {}: another server uses it", path.display()),
                "stop that server, or write another `control-socket`",
            ),
            _ => Failure::unreadable(
                "control socket",
                &path,
                error,
                "check `control-socket` and the rights of its folder",
            ),
        })?;
        let (serving, served) = mpsc::channel::<()>(1);
        let accept = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (questions, serving) = (questions.clone(), serving.clone());
                tokio::spawn(async move {
                    // Nobody is left to hear of a client that went away.
                    let _ = tokio::time::timeout(PATIENCE * 4, serve(stream, questions)).await;
                    drop(serving);
                });
            }
        });
        Ok(Self { path, accept, served })
    }

    /// Takes no further questions, and waits a moment until the answers are written.
    pub async fn close(mut self) {
        self.accept.abort();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.served.recv()).await;
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.accept.abort();
        // Gone already is as good.
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds in a folder of its own and moves the socket: at no time may others connect.
fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Ok(meta) = fs::symlink_metadata(path) {
        if !meta.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of this name that is no socket"));
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = parent.join(format!(".vpn-ref-{}-{:08x}", std::process::id(), rand::random::<u32>()));
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let inner = folder.join("socket");
    let made = (|| {
        let listener = UnixListener::bind(&inner)?;
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o600))?;
        fs::rename(&inner, path)?;
        Ok(listener)
    })();
    let _ = fs::remove_file(&inner);
    let _ = fs::remove_dir(&folder);
    made
}

async fn serve(mut stream: UnixStream, questions: mpsc::Sender<Ask>) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(64));
    tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let question = match line.trim() {
        "status" => Question::Status,
        "stop" => Question::Stop,
        "restart" => Question::Restart,
        _ => return write.write_all(b"{\"error\":\"ask for status, stop or restart\"}\n").await,
    };
    let (answer, answered) = oneshot::channel();
    if questions.send(Ask { question, answer }).await.is_err() {
        return Ok(());
    }
    let text = answered.await.unwrap_or_else(|_| "{\"error\":\"the server ends\"}".to_owned());
    write.write_all(format!("{text}\n").as_bytes()).await?;
    write.shutdown().await
}
