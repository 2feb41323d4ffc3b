//! The command `connect`: from the settings to the end of the session.

use std::path::Path;
use std::sync::Arc;

use reference_cstp::http::ServerUrl;
use reference_cstp::login::Stage;

use crate::cli::{Auth, Settings};
use crate::cookie::shell_lines;
use crate::dialer::{Dialer, Opened};
use crate::downloader::download;
use crate::error::ClientError;
use crate::login::{LoggedIn, log_in};
use crate::network::Network;
use crate::report::Reporter;
use crate::secrets::{self, aside};
use crate::session::Session;
use crate::signals::{Ending, Signals};
use crate::stages::Stages;
use crate::trust::spki_sha256;

/// What a run ends with when nothing failed.
pub(crate) enum Outcome {
    /// The user stopped it.
    Stopped,
    /// A login for a shell: what belongs on standard output.
    Cookie(String),
}

/// Runs until a signal or the gateway ends it.
pub(crate) async fn connect(settings: Settings, reporter: &Reporter) -> Result<Outcome, ClientError> {
    let mut signals = Signals::listen()?;
    let mut stages = Stages::new(reporter);
    let ending = signals.ending();
    let way = async {
        match way_to_tunnel(settings, ending, &mut stages, reporter).await {
            Err(error) => {
                stages.failed(&error.to_string());
                Err(error)
            }
            reached => reached.map(|reached| (reached, stages)),
        }
    };
    let reached = tokio::select! {
        () = signals.end() => return Ok(stopped(reporter)),
        reached = way => reached?,
    };
    match reached {
        (Reached::Cookie(text), _) => Ok(Outcome::Cookie(text)),
        (Reached::Tunnel(ready), stages) => {
            let Ready { dialer, url, cookie, opened, network } = *ready;
            let session = Session::start(dialer, url, &cookie, opened, network, stages, reporter).await?;
            session.run(&mut signals).await.map(|()| Outcome::Stopped)
        }
    }
}

enum Reached {
    Cookie(String),
    Tunnel(Box<Ready>),
}

/// A tunnel that the gateway opened, and what the session needs to keep it.
struct Ready {
    dialer: Arc<Dialer>,
    url: ServerUrl,
    cookie: String,
    opened: Opened,
    network: Network,
}

async fn way_to_tunnel(
    settings: Settings,
    ending: Ending,
    stages: &mut Stages,
    reporter: &Reporter,
) -> Result<Reached, ClientError> {
    let network = Network::prepare(&settings, ending, reporter).await?;
    let settings = Arc::new(settings);
    let dialer = Arc::new(Dialer::new(settings.clone())?);
    let (url, cookie) = match &settings.auth {
        Auth::Cookie(cookie) if cookie == "-" => {
            let cookie = aside(|| secrets::read_line("the cookie", Path::new("-"))).await?;
            (settings.url.clone(), cookie)
        }
        Auth::Cookie(cookie) => (settings.url.clone(), cookie.clone()),
        Auth::Login => {
            let LoggedIn { result, certificate } = log_in(&dialer, stages, reporter).await?;
            if settings.cookie_only {
                return Ok(Reached::Cookie(for_shell(&result.url, &result.cookie, certificate.as_deref())));
            }
            download(&dialer, &result, stages, reporter).await?;
            (result.url, result.cookie)
        }
    };
    stages.begin(Stage::CstpConnect);
    let opened = dialer.tunnel(&url, &cookie, &[]).await?;
    Ok(Reached::Tunnel(Box::new(Ready { dialer, url, cookie, opened, network })))
}

fn for_shell(url: &ServerUrl, cookie: &str, certificate: Option<&[u8]>) -> String {
    let pin = certificate.and_then(spki_sha256).map(|pin| pin.openconnect()).unwrap_or_default();
    shell_lines(&[("COOKIE", cookie), ("HOST", &url.authority()), ("FINGERPRINT", &pin)])
}

fn stopped(reporter: &Reporter) -> Outcome {
    reporter.tell(&crate::events::Event::Disconnected { reason: "requested".into() });
    Outcome::Stopped
}
