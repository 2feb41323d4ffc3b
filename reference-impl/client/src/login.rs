//! The login: requests over as many connections as it takes, answers from files, a terminal, or nowhere.

use std::time::{SystemTime, UNIX_EPOCH};

use reference_cstp::http::Expect;
use reference_cstp::login::{Credentials, LoginAction, LoginClient, LoginError, LoginResult, Notice, OtpSource, Stage};
use reference_cstp::xml::{FieldKind, Form};

use crate::dialer::Dialer;
use crate::error::ClientError;
use crate::events::Event;
use crate::http::HttpChannel;
use crate::otp::Otp;
use crate::report::Reporter;
use crate::secrets::{self, aside};
use crate::stages::Stages;
use crate::terminal;

/// What a login gives.
pub(crate) struct LoggedIn {
    pub(crate) result: LoginResult,
    /// The leaf that the gateway showed last, in DER.
    pub(crate) certificate: Option<Vec<u8>>,
}

/// Logs in.
pub(crate) async fn log_in(dialer: &Dialer, stages: &mut Stages, reporter: &Reporter) -> Result<LoggedIn, ClientError> {
    let settings = &dialer.settings;
    let mut login = LoginClient::new(settings.profile.clone(), settings.url.clone(), credentials(dialer).await?)
        .with_defects(settings.defects);
    let mut channel: Option<HttpChannel> = None;
    let mut certificate = None;
    loop {
        let action = login.next();
        if certificate.is_some() {
            follow(&login, stages);
        }
        tell(&mut login, reporter);
        match action {
            LoginAction::Send { request, fresh_connection, with_certificate } => {
                if fresh_connection && let Some(old) = channel.take() {
                    old.close().await;
                }
                let mut open = match channel.take() {
                    Some(open) => open,
                    None => connect(dialer, &login, with_certificate, certificate.is_none(), stages).await?,
                };
                certificate = open.tls().channel().peer_certificates().into_iter().next();
                match open.exchange(&request, Expect::Body).await {
                    Ok(response) => {
                        // A connection that the gateway is about to close is not used again (AC-HTTP-12).
                        channel = Some(open).filter(|_| !response.closes());
                        login.on_response(response);
                    }
                    Err(error) => login.on_transport_error(&reason(error)),
                }
            }
            LoginAction::Ask(form) => ask(&mut login, &form).await,
            LoginAction::Done(result) => {
                if let Some(open) = channel {
                    open.close().await;
                }
                stages.done("");
                return Ok(LoggedIn { result: *result, certificate });
            }
            LoginAction::Failed(error) => return Err(failure(error)),
        }
    }
}

async fn connect(
    dialer: &Dialer,
    login: &LoginClient,
    with_certificate: bool,
    first: bool,
    stages: &mut Stages,
) -> Result<HttpChannel, ClientError> {
    if first {
        stages.begin(Stage::TlsHandshake);
    }
    let channel = dialer.http(login.url(), with_certificate).await?;
    if first {
        stages.done(&channel.describe());
        follow(login, stages);
    }
    Ok(channel)
}

/// Tells the stage that the login is in; what comes after the login is told by those who do it.
fn follow(login: &LoginClient, stages: &mut Stages) {
    if matches!(login.stage(), Stage::GroupSelection | Stage::UserAuthentication) {
        stages.begin(login.stage());
    }
}

fn tell(login: &mut LoginClient, reporter: &Reporter) {
    for notice in login.take_notices() {
        match notice {
            Notice::Banner(text) => reporter.tell(&Event::Banner { text }),
            Notice::Message(text) => tracing::info!("the gateway says: {text}"),
            Notice::Error(text) => {
                reporter.tell(&Event::Warning { message: format!("the gateway complains: {text}") });
            }
        }
    }
}

async fn credentials(dialer: &Dialer) -> Result<Credentials, ClientError> {
    let settings = dialer.settings.clone();
    let (password, otp) = aside(move || {
        let password = settings.password_file.as_deref().map(|path| secrets::read_line("the password", path));
        let otp = settings.otp_secret_file.as_deref().map(Otp::from_file);
        Ok((password.transpose()?, otp.transpose()?))
    })
    .await?;
    let settings = &dialer.settings;
    let otp = otp.map(|otp| -> OtpSource {
        Box::new(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            Some(otp.code(now.as_secs()))
        })
    });
    Ok(Credentials {
        username: settings.user.clone(),
        password,
        group: settings.group.clone(),
        otp,
        has_certificate: dialer.has_identity(),
    })
}

/// Puts the fields without an answer to the user, if somebody is there.
async fn ask(login: &mut LoginClient, form: &Form) {
    if !terminal::is_there() {
        return login.decline();
    }
    // What the gateway complains of has been told already.
    if let Some(message) = &form.message {
        terminal::show(message);
    }
    for field in &form.fields {
        let question = match &field.kind {
            FieldKind::Select { choices, .. } => {
                let names: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
                format!("{} [{}]", field.label, names.join(", "))
            }
            _ => field.label.clone(),
        };
        match terminal::ask(&question, field.kind == FieldKind::Password).await {
            Some(answer) => login.answer(&field.name, answer),
            None => return login.decline(),
        }
    }
}

fn failure(error: LoginError) -> ClientError {
    match error {
        LoginError::Unanswered { fields } => ClientError::Unanswered { field: fields.join(", ") },
        error => ClientError::Login(error),
    }
}

/// An error of a connection without the words that the login adds itself.
fn reason(error: ClientError) -> String {
    match error {
        ClientError::Http { reason, .. } => reason,
        error => error.to_string(),
    }
}
