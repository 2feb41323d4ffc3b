//! A server with its table of logins, and a client that talks to it through bytes.

use std::collections::BTreeMap;

use reference_cstp::authenticate::{
    Admission, Attempt, Authority, Certificate, ClientContext, Decision, GroupInfo, LoginOptions, LoginOutcome,
    LoginServer, context_id,
};
use reference_cstp::http::{Limits, Request, RequestReader, Response, ResponseReader};
use reference_cstp::login::{Credentials, LoginAction, LoginClient, LoginError, LoginResult};
use reference_cstp::profile::{ClientProfile, ServerProfile};
use reference_cstp::xml::Form;

/// Knows users with their passwords, and asks for further answers one after the other.
#[derive(Default)]
pub(crate) struct Users {
    pub(crate) groups: Vec<GroupInfo>,
    pub(crate) passwords: BTreeMap<String, String>,
    /// The right answers to the challenges.
    pub(crate) challenges: Vec<String>,
    pub(crate) challenge_message: String,
    pub(crate) reject_message: String,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) contexts: Vec<ClientContext>,
    pub(crate) banned: bool,
}

impl Authority for Users {
    fn groups(&self) -> Vec<GroupInfo> {
        self.groups.clone()
    }

    fn begin(&mut self, context: &ClientContext) -> Admission {
        self.contexts.push(context.clone());
        if self.banned {
            Admission::Refuse { status: 503, message: "Try again later".into() }
        } else {
            Admission::Proceed
        }
    }

    fn check(&mut self, attempt: Attempt) -> Decision {
        self.attempts.push(attempt.clone());
        let reject = Decision::Reject { message: self.reject_message.clone() };
        let Some(password) = self.passwords.get(&attempt.user) else { return reject };
        let first = Some(password).filter(|_| !attempt.by_certificate);
        let right: Vec<&String> = first.into_iter().chain(&self.challenges).collect();
        if attempt.answers.iter().zip(&right).any(|(given, right)| given != *right) {
            return reject;
        }
        if attempt.answers.len() == right.len() {
            let number = self.attempts.len();
            return Decision::Accept { cookie: format!("Y29va2ll{number}=="), session_id: format!("{number}") };
        }
        Decision::Challenge { message: self.challenge_message.clone(), label: String::new() }
    }
}

/// One server with all its logins, and one connection to it.
pub(crate) struct World {
    pub(crate) profile: ServerProfile,
    pub(crate) options: LoginOptions,
    pub(crate) users: Users,
    pub(crate) certificate: Certificate,
    /// What is shown in its place from the second connection on.
    pub(crate) later_certificate: Option<Certificate>,
    logins: BTreeMap<String, LoginServer>,
    connection_login: Option<String>,
    open: bool,
    pub(crate) connections: u32,
    /// Closes every connection after one reply.
    pub(crate) one_request_each: bool,
    pub(crate) requests: Vec<Request>,
    pub(crate) responses: Vec<Response>,
    pub(crate) outcomes: Vec<LoginOutcome>,
}

impl World {
    pub(crate) fn new(profile: &str) -> Self {
        let group = |name: &str, label: &str| GroupInfo { name: name.into(), label: label.into() };
        let passwords =
            [("ann", "right"), ("bob", "<>&\"'é %")].map(|(user, password)| (user.to_owned(), password.to_owned()));
        Self {
            profile: ServerProfile::named(profile).unwrap(),
            options: LoginOptions::default(),
            users: Users {
                groups: vec![group("staff", "All staff"), group("guests", "Guests & <others>")],
                passwords: passwords.into(),
                challenge_message: "Enter the code".into(),
                reject_message: "Login failed.".into(),
                ..Users::default()
            },
            certificate: Certificate::None,
            later_certificate: None,
            logins: BTreeMap::new(),
            connection_login: None,
            open: false,
            connections: 0,
            one_request_each: false,
            requests: Vec::new(),
            responses: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    /// Sends one request as bytes and returns what the client reads; nothing when the connection is closed.
    pub(crate) fn exchange(&mut self, request: &Request, fresh: bool, with_certificate: bool) -> Option<Response> {
        if fresh {
            self.connections += 1;
            self.open = true;
            self.connection_login = None;
        } else if !self.open {
            return None;
        }
        let mut reader = RequestReader::new(Limits::server());
        reader.push(&request.to_bytes());
        let request = reader.next().unwrap().expect("the request is whole");
        assert_eq!(reader.next(), Ok(None), "nothing lies behind the request");
        let id = context_id(&request).filter(|id| self.logins.contains_key(*id)).map(str::to_owned);
        let id = id.or_else(|| self.connection_login.clone()).unwrap_or_else(|| {
            let id = format!("Y3R4{}", self.logins.len());
            let login = LoginServer::new(self.profile.clone(), self.options.clone(), id.clone());
            self.logins.insert(id.clone(), login);
            id
        });
        self.connection_login = Some(id.clone());
        let login = self.logins.get_mut(&id).unwrap();
        let shown = self.later_certificate.as_ref().filter(|_| self.connections > 1).unwrap_or(&self.certificate);
        let certificate = if with_certificate { shown.clone() } else { Certificate::None };
        login.set_connection(certificate, Some([192, 0, 2, 1].into()));
        let reply = login.on_request(&request, &mut self.users);
        self.outcomes.extend(reply.outcome);
        self.open = !(reply.close || self.one_request_each);
        let mut reader = ResponseReader::new(Limits::default());
        reader.push(&reply.response.to_bytes());
        if !self.open {
            reader.close();
        }
        let response = reader.next().unwrap().expect("the response is whole");
        self.requests.push(request);
        self.responses.push(response.clone());
        Some(response)
    }

    /// Logs in; forms that come to the user go to `user`, which may answer or decline.
    pub(crate) fn log_in(
        &mut self,
        client: &mut LoginClient,
        mut user: impl FnMut(&Form, &mut LoginClient),
    ) -> Result<LoginResult, LoginError> {
        for _ in 0..200 {
            match client.next() {
                LoginAction::Send { request, fresh_connection, with_certificate } => {
                    match self.exchange(&request, fresh_connection, with_certificate) {
                        Some(response) => client.on_response(response),
                        None => client.on_transport_error("connection closed"),
                    }
                }
                LoginAction::Ask(form) => user(&form, client),
                LoginAction::Done(result) => return Ok(*result),
                LoginAction::Failed(error) => return Err(error),
            }
        }
        panic!("the login does not end");
    }

    /// Returns the bodies of all requests as text.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.requests.iter().map(|request| String::from_utf8(request.body.clone()).unwrap()).collect()
    }
}

/// Nobody answers.
pub(crate) fn nobody(_: &Form, client: &mut LoginClient) {
    client.decline();
}

pub(crate) fn credentials(user: &str, password: &str) -> Credentials {
    Credentials { username: Some(user.into()), password: Some(password.into()), ..Credentials::default() }
}

pub(crate) fn client(credentials: Credentials) -> LoginClient {
    client_at("https://vpn.test/", credentials)
}

pub(crate) fn client_at(url: &str, credentials: Credentials) -> LoginClient {
    LoginClient::new(ClientProfile::named("openconnect").unwrap(), url.parse().unwrap(), credentials)
}
