//! The dialogue as a state machine: what to do next, and what the user says.

use std::collections::BTreeMap;

use super::answers::{Answerer, wanted};
use super::request::{Body, Without, build, client_info};
use super::{Credentials, LoginError, LoginResult, Stage};
use crate::defects::{Defects, Mutant};
use crate::http::{CookieJar, Request, ServerUrl, form_encode};
use crate::profile::ClientProfile;
use crate::xml::{
    AuthReply, AuthRequest, Choice, ClientMessage, Dialect, FieldKind, Form, GROUP_FIELD, Init, Opaque,
    answers_to_reply,
};

/// Most requests that change the group.
pub(super) const MAX_GROUP_CHANGES: u32 = 5;

/// What a program has to do next.
#[derive(Debug)]
pub enum LoginAction {
    /// Send this request to [`LoginClient::url`] and report the response.
    Send {
        /// The request.
        request: Request,
        /// Whether a new connection is needed; else the present one may be used.
        fresh_connection: bool,
        /// Whether a new connection should show the client certificate.
        with_certificate: bool,
    },
    /// Ask the user: the form holds the fields without an answer, and the choice of the group when the user made none.
    ///
    /// Report each answer, and call [`LoginClient::decline`] when there is nobody to ask.
    Ask(Form),
    /// The login is complete.
    Done(Box<LoginResult>),
    /// The login failed.
    Failed(LoginError),
}

/// Something that the user should see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A banner of the server.
    Banner(String),
    /// What a form says.
    Message(String),
    /// What went wrong, in the server's words.
    Error(String),
}

/// What the next request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first message, or that of a change of group.
    Init,
    /// The start of the plain dialogue, or a redirect that is followed.
    Get,
}

pub(super) enum Step {
    Send(Kind),
    Resend(Box<Request>),
    /// The request whose response is awaited, and whether it went out on a fresh connection.
    Waiting(Box<Request>, bool),
    Form(Box<AuthRequest>),
    Done(Box<LoginResult>),
    Failed(LoginError),
}

/// The client's side of one login.
pub struct LoginClient {
    pub(super) profile: ClientProfile,
    pub(super) defects: Defects,
    /// What the user typed; the plain dialogue starts there again.
    pub(super) origin: ServerUrl,
    /// Where the first message of the dialogue went.
    pub(super) entry: ServerUrl,
    /// Where the next request goes.
    pub(super) url: ServerUrl,
    pub(super) cookies: CookieJar,
    pub(super) dialect: Dialect,
    pub(super) opaque: Option<Opaque>,
    pub(super) answerer: Answerer,
    /// The group that the user wants, by value or by label.
    pub(super) wish: Option<String>,
    pub(super) group: Option<String>,
    pub(super) group_changes: u32,
    pub(super) redirects: u32,
    pub(super) foreign_redirects: u32,
    pub(super) rounds: u32,
    pub(super) form_seen: bool,
    pub(super) certificate_tried: bool,
    pub(super) certificate_failed: bool,
    pub(super) http_auth: bool,
    pub(super) fresh: bool,
    pub(super) answers: BTreeMap<String, String>,
    pub(super) notices: Vec<Notice>,
    pub(super) banner: Option<String>,
    pub(super) stage: Stage,
    pub(super) step: Step,
}

impl LoginClient {
    /// Starts a login at this address.
    pub fn new(profile: ClientProfile, url: ServerUrl, credentials: Credentials) -> Self {
        Self {
            profile,
            defects: Defects::NONE,
            origin: url.clone(),
            entry: url.clone(),
            url,
            cookies: CookieJar::new(),
            dialect: Dialect::V2,
            opaque: None,
            wish: credentials.group.clone(),
            answerer: Answerer::new(credentials),
            group: None,
            group_changes: 0,
            redirects: 0,
            foreign_redirects: 0,
            rounds: 0,
            form_seen: false,
            certificate_tried: false,
            certificate_failed: false,
            http_auth: true,
            fresh: true,
            answers: BTreeMap::new(),
            notices: Vec::new(),
            banner: None,
            stage: Stage::GroupSelection,
            step: Step::Send(Kind::Init),
        }
    }

    /// Makes the client wrong on purpose.
    pub fn with_defects(mut self, defects: Defects) -> Self {
        self.defects = defects;
        self
    }

    /// Returns what to do next. Without a report in between, the answer is the same.
    #[expect(clippy::should_implement_trait, reason = "an iterator would have an end")]
    pub fn next(&mut self) -> LoginAction {
        match std::mem::replace(&mut self.step, Step::Send(Kind::Init)) {
            Step::Send(kind) => {
                let request = match kind {
                    Kind::Init => self.init(),
                    Kind::Get => self.get(),
                };
                self.send(request)
            }
            Step::Resend(request) => self.send(*request),
            Step::Waiting(request, fresh) => {
                self.fresh = fresh;
                self.send(*request)
            }
            Step::Form(request) => self.fill_in(*request),
            Step::Done(result) => {
                self.step = Step::Done(result.clone());
                LoginAction::Done(result)
            }
            Step::Failed(error) => {
                self.step = Step::Failed(error.clone());
                LoginAction::Failed(error)
            }
        }
    }

    /// Takes the user's answer to a field of the form that [`LoginAction::Ask`] showed.
    pub fn answer(&mut self, field: &str, value: String) {
        if field == GROUP_FIELD {
            self.wish = Some(value);
        } else {
            self.answers.insert(field.to_owned(), value);
        }
    }

    /// Says that nobody can answer: the login fails with what the server complained of, or with what is missing.
    pub fn decline(&mut self) {
        let Step::Form(request) = &self.step else { return };
        let form = &request.form;
        let offered = form.groups().map(|(choices, _)| choices.iter().map(|choice| choice.value.clone()).collect());
        self.step = Step::Failed(match (&form.error, &self.wish, offered) {
            (Some(reason), _, _) => LoginError::Rejected { reason: reason.clone() },
            (None, Some(wish), Some(offered)) if self.choice(form).is_none() => {
                LoginError::UnknownGroup { wish: wish.clone(), offered }
            }
            _ => {
                let missing = self.missing(form);
                if missing.iter().any(|field| self.answerer.was_refused(field)) {
                    // ocserv up to 1.3 says it in the message of the next form.
                    let asked = || "the password was asked for again".to_owned();
                    LoginError::Rejected { reason: form.message.clone().unwrap_or_else(asked) }
                } else {
                    LoginError::Unanswered { fields: missing.into_iter().map(|field| field.label).collect() }
                }
            }
        });
    }

    /// Reports that the connection failed before the response came.
    ///
    /// A connection that was used before may have been closed meanwhile; then the request goes out once more on a fresh one.
    pub fn on_transport_error(&mut self, message: &str) {
        self.step = match std::mem::replace(&mut self.step, Step::Send(Kind::Init)) {
            Step::Waiting(request, false) => {
                self.fresh = true;
                Step::Resend(request)
            }
            Step::Waiting(_, true) => Step::Failed(LoginError::Transport(message.to_owned())),
            other => other,
        };
    }

    /// Returns where the request that [`LoginAction::Send`] holds has to go; a redirect changes it.
    pub fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// Returns the stage in which the login is; that after it when it is complete.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns the last banner of the server.
    pub fn banner(&self) -> Option<&str> {
        self.banner.as_deref()
    }

    /// Returns the value of the group that is chosen.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Returns which form of the dialogue is spoken.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns what the user should see since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn send(&mut self, request: Request) -> LoginAction {
        let fresh_connection = self.fresh;
        self.fresh = false;
        self.step = Step::Waiting(Box::new(request.clone()), fresh_connection);
        let with_certificate = self.answerer.has_certificate() && !self.certificate_failed;
        LoginAction::Send { request, fresh_connection, with_certificate }
    }

    fn init(&mut self) -> Request {
        let init = Init {
            client: client_info(&self.profile),
            group_access: Some(self.url.to_string()),
            group_select: self.wish.clone(),
            certificate_failed: self.certificate_failed,
        };
        self.xml(&ClientMessage::Init(init))
    }

    fn get(&self) -> Request {
        build(&self.profile, &self.url, &self.cookies, self.without(), None)
    }

    fn xml(&self, message: &ClientMessage) -> Request {
        let body = Body { content_type: &self.profile.auth_content_type, bytes: message.render() };
        build(&self.profile, &self.url, &self.cookies, self.without(), Some(body))
    }

    fn without(&self) -> Without {
        Without { aggregate_auth: self.dialect == Dialect::V1, http_auth: !self.http_auth }
    }

    /// Returns the group of a form that is chosen: the one that the user wants, else the preselected one.
    fn choice<'a>(&self, form: &'a Form) -> Option<&'a Choice> {
        let (choices, selected) = form.groups()?;
        match &self.wish {
            Some(wish) => choices.iter().find(|choice| choice.is_meant_by(wish)),
            None => choices.get(selected),
        }
    }

    /// Looks at a form that has just come and answers what can be answered.
    pub(super) fn begin_form(&mut self, request: AuthRequest) {
        self.answers = self.answerer.fill(&request.form, self.choice(&request.form));
        self.step = Step::Form(Box::new(request));
    }

    /// Returns the fields that have no answer yet.
    fn missing(&self, form: &Form) -> Vec<crate::xml::Field> {
        let choice = self.choice(form);
        let unanswered = wanted(form, choice).filter(|field| match field.name.as_str() {
            GROUP_FIELD => choice.is_none(),
            name => !self.answers.contains_key(name),
        });
        unanswered.cloned().collect()
    }

    fn fill_in(&mut self, request: AuthRequest) -> LoginAction {
        let form = &request.form;
        let choice = self.choice(form).cloned();
        if let (Dialect::V2, Some(choice), Some((choices, selected))) = (self.dialect, &choice, form.groups())
            && choices.get(selected).is_some_and(|preselected| preselected.value != choice.value)
        {
            return self.change_group(&choice.value);
        }
        let mut missing = self.missing(form);
        if !missing.is_empty() {
            let open_choice = form.field(GROUP_FIELD).filter(|field| {
                self.wish.is_none() && matches!(&field.kind, FieldKind::Select { choices, .. } if choices.len() > 1)
            });
            missing.splice(0..0, open_choice.cloned());
            let asked = Form { fields: missing, ..form.clone() };
            self.step = Step::Form(Box::new(request));
            return LoginAction::Ask(asked);
        }
        let mut answers = Vec::new();
        for field in wanted(form, choice.as_ref()) {
            let answer = if field.name == GROUP_FIELD {
                choice.as_ref().map(|choice| choice.value.clone())
            } else {
                self.answers.get(&field.name).cloned()
            };
            answers.extend(answer.map(|answer| (field.name.clone(), answer)));
        }
        if let Some(choice) = choice {
            self.group = Some(choice.value);
        }
        self.answers.clear();
        let request = self.reply(answers);
        self.send(request)
    }

    /// Builds the reply to a form in the dialect in which the form came.
    fn reply(&mut self, answers: Vec<(String, String)>) -> Request {
        if self.dialect == Dialect::V1 {
            let pairs = answers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let body =
                Body { content_type: "application/x-www-form-urlencoded", bytes: form_encode(pairs).into_bytes() };
            return build(&self.profile, &self.url, &self.cookies, self.without(), Some(body));
        }
        let (group_select, answers) = answers_to_reply(answers);
        let opaque = self.opaque.clone().filter(|_| !self.defects.has(Mutant::ForgetsOpaque));
        let client = client_info(&self.profile);
        self.xml(&ClientMessage::AuthReply(AuthReply { client, opaque, answers, group_select }))
    }

    /// Starts again with another group (AC-AUTH-15).
    fn change_group(&mut self, value: &str) -> LoginAction {
        if self.group_changes >= MAX_GROUP_CHANGES {
            self.step = Step::Failed(LoginError::GroupNotAccepted(self.group_changes));
            return self.next();
        }
        self.group_changes += 1;
        self.wish = Some(value.to_owned());
        self.opaque = None;
        self.stage = Stage::GroupSelection;
        self.url = self.entry.clone();
        let request = self.init();
        self.send(request)
    }
}
