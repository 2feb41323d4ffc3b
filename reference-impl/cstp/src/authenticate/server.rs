//! The dialogue as a state machine.

use std::net::IpAddr;

use super::authority::{Admission, Attempt, Authority, Certificate, ClientContext, Decision, GroupInfo};
use super::group::{Place, place, resolve};
use super::input::{self, Input, Kind};
use super::options::{LoginOptions, Method};
use super::reply::{Asked, GroupList, Replies, not_found, refusal};
use crate::http::{Request, Response, Version};
use crate::profile::{AuthFailure, ServerProfile};
use crate::xml::{Dialect, Opaque};

/// Most challenges of one attempt.
const MAX_CHALLENGES: u32 = 32;
/// Longest user name and longest secret, in bytes.
const MAX_USER: usize = 1024;
const MAX_SECRET: usize = 8192;

/// What the program sends, and what it learns.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The response.
    pub response: Response,
    /// How the attempt ended, when it ended.
    pub outcome: Option<LoginOutcome>,
    /// Whether the connection ends after the response.
    pub close: bool,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The user may enter; the login is over.
    Accepted {
        /// The user.
        user: String,
        /// The group that the client named; `None` when it left the choice to the authority.
        group: Option<String>,
    },
    /// The attempt failed; another one may follow in the same login (AC-AUTH-14).
    Failed {
        /// The user, as far as one was named.
        user: Option<String>,
        /// Why, for the log.
        reason: String,
    },
}

/// The state of one login.
pub struct LoginServer {
    profile: ServerProfile,
    options: LoginOptions,
    context_id: String,
    certificate: Certificate,
    remote: Option<IpAddr>,
    begun: bool,
    accepted: bool,
    failures: u32,
    /// The group that was chosen, and whether the URL named it.
    group: Option<String>,
    forced: bool,
    user: Option<String>,
    /// Whether the certificate named the user, and whether it has been refused.
    by_certificate: bool,
    certificate_rejected: bool,
    answers: Vec<String>,
    challenges: u32,
    sent_opaque: Option<Opaque>,
}

/// What one request is answered in.
struct Turn<'a> {
    authority: &'a mut dyn Authority,
    groups: Vec<GroupInfo>,
    dialect: Dialect,
    version: Version,
}

impl LoginServer {
    /// Starts a login; the id, which goes into the cookie `webvpncontext`, has to be unguessable and in base64.
    pub fn new(profile: ServerProfile, options: LoginOptions, context_id: String) -> Self {
        Self {
            profile,
            options,
            context_id,
            certificate: Certificate::None,
            remote: None,
            begun: false,
            accepted: false,
            failures: 0,
            group: None,
            forced: false,
            user: None,
            by_certificate: false,
            certificate_rejected: false,
            answers: Vec::new(),
            challenges: 0,
            sent_opaque: None,
        }
    }

    /// Says which connection the next requests come on.
    pub fn set_connection(&mut self, certificate: Certificate, remote: Option<IpAddr>) {
        self.certificate_rejected &= certificate == self.certificate;
        self.certificate = certificate;
        self.remote = remote;
    }

    /// Returns the id under which the program keeps this login.
    pub fn context_id(&self) -> &str {
        &self.context_id
    }

    /// Answers one request of this login.
    pub fn on_request(&mut self, request: &Request, authority: &mut dyn Authority) -> Reply {
        let groups = authority.groups();
        let place = place(&groups, request.path());
        let version = request.version;
        let mut reply = if place == Place::Unknown {
            Reply { response: not_found(request), outcome: None, close: true }
        } else if !matches!(request.method.as_str(), "GET" | "POST") {
            Reply { response: refusal(version, 405, "Method Not Allowed"), outcome: None, close: true }
        } else {
            let input = input::read(request);
            let mut turn = Turn { authority, groups, dialect: input.dialect, version };
            self.admit(request, &mut turn).unwrap_or_else(|| self.on_input(input, place, &mut turn))
        };
        if request.closes() && !reply.response.headers.has_token("Connection", "close") {
            reply.response.headers.push("Connection", "close");
        }
        reply.close |= request.closes();
        reply
    }

    fn admit(&mut self, request: &Request, turn: &mut Turn<'_>) -> Option<Reply> {
        if self.begun && !self.accepted {
            return None;
        }
        let context = ClientContext {
            certificate: self.certificate.clone(),
            path: request.path().to_owned(),
            remote: self.remote,
            user_agent: request.headers.get("User-Agent").map(str::to_owned),
        };
        match turn.authority.begin(&context) {
            Admission::Proceed => {
                self.begun = true;
                self.accepted = false;
                None
            }
            Admission::Refuse { status, message } => {
                let outcome = LoginOutcome::Failed { user: None, reason: message.clone() };
                Some(Reply { response: refusal(turn.version, status, &message), outcome: Some(outcome), close: true })
            }
        }
    }

    fn on_input(&mut self, input: Input, place: Place, turn: &mut Turn<'_>) -> Reply {
        if place == Place::Login && matches!(input.kind, Kind::Begin { .. }) {
            self.forced = false;
            self.group = None;
        }
        match (place, &input.group) {
            (Place::Group(group), _) => {
                self.forced = true;
                self.group = Some(group);
            }
            // The forms of a login that a URL began go to a common address.
            _ if self.forced => {}
            (_, Some(wish)) => match (resolve(&turn.groups, wish), &input.kind) {
                (Some(group), _) => self.group = Some(group),
                // A group that is not known any more is no reason to hide the list (AC-AUTH-18).
                (None, Kind::Begin { .. }) => {}
                (None, Kind::Answers { .. }) => return self.fail("Unknown group", turn),
            },
            _ => {}
        }
        match input.kind {
            Kind::Begin { certificate_failed } => {
                self.start_over();
                if let Some(reply) = self.judge_certificate(certificate_failed, turn) {
                    return reply;
                }
                self.ask(&Asked::User, None, turn)
            }
            Kind::Answers { fields, opaque } => {
                if self.challenges == 0
                    && let Some(reply) = self.judge_certificate(false, turn)
                {
                    return reply;
                }
                if turn.dialect == Dialect::V2 && !self.is_own(opaque.as_ref()) {
                    return self.fail("The form was not sent back whole", turn);
                }
                self.on_answers(&fields, turn)
            }
        }
    }

    /// Decides what the certificate alone decides. It stands for user name and password; challenges may follow.
    fn judge_certificate(&mut self, certificate_failed: bool, turn: &mut Turn<'_>) -> Option<Reply> {
        let method = self.options.method;
        match self.certificate.clone() {
            Certificate::User(user) if method.certificate_suffices() && !self.leaves_it_to_the_password() => {
                Some(self.enter_by_certificate(user, None, turn))
            }
            Certificate::Unnamed if method.needs_certificate() => {
                Some(self.refuse("The certificate names no user", turn))
            }
            Certificate::None if method.needs_certificate() => {
                // Only a client of version 2 knows the wish for a certificate, and one that has none says so.
                let wish = self.profile.auth_failure == AuthFailure::FormError && turn.dialect == Dialect::V2;
                if wish && !certificate_failed {
                    let response = self.replies(turn).certificate_request();
                    return Some(Reply { response, outcome: None, close: false });
                }
                Some(self.refuse("No certificate", turn))
            }
            _ => None,
        }
    }

    /// Returns whether the certificate was refused where a password would do as well.
    fn leaves_it_to_the_password(&self) -> bool {
        self.certificate_rejected && !self.options.method.needs_certificate()
    }

    fn enter_by_certificate(&mut self, user: String, complaint: Option<&str>, turn: &mut Turn<'_>) -> Reply {
        self.start_over();
        self.user = Some(user);
        self.by_certificate = true;
        self.check(complaint, turn)
    }

    fn on_answers(&mut self, fields: &[(String, String)], turn: &mut Turn<'_>) -> Reply {
        let too_long = |text: Option<&str>, most| text.is_some_and(|text| text.len() > most);
        if too_long(input::user(fields), MAX_USER) || too_long(input::secret(fields), MAX_SECRET) {
            return self.fail("An answer is too long", turn);
        }
        if self.challenges == 0 {
            if let Some(user) = input::user(fields) {
                self.user = Some(user.to_owned());
            }
            if self.user.is_none() {
                return self.ask(&Asked::User, None, turn);
            }
        }
        let owner = match &self.certificate {
            Certificate::User(owner) => Some(owner),
            _ => None,
        };
        if (self.options.method.needs_certificate() || self.by_certificate) && owner != self.user.as_ref() {
            return self.fail("The certificate belongs to another user", turn);
        }
        match input::secret(fields) {
            Some(secret) => {
                self.answers.push(secret.to_owned());
                self.check(None, turn)
            }
            None if self.challenges > 0 => self.fail("The challenge was not answered", turn),
            None => self.ask(&Asked::Password, None, turn),
        }
    }

    /// Puts what has been given before the authority; `complaint` goes into the form when one more answer is needed.
    fn check(&mut self, complaint: Option<&str>, turn: &mut Turn<'_>) -> Reply {
        let user = self.user.clone().unwrap_or_default();
        let attempt = Attempt {
            user: user.clone(),
            group: self.group.clone(),
            answers: self.answers.clone(),
            by_certificate: self.by_certificate,
            certificate_user: match &self.certificate {
                Certificate::User(user) => Some(user.clone()),
                _ => None,
            },
            remote: self.remote,
        };
        match turn.authority.check(attempt) {
            Decision::Accept { cookie, session_id } => {
                self.accepted = true;
                let response = self.replies(turn).complete(&cookie, &session_id);
                self.start_over();
                self.failures = 0;
                let outcome = LoginOutcome::Accepted { user, group: self.group.clone() };
                Reply { response, outcome: Some(outcome), close: false }
            }
            Decision::Challenge { .. } if self.challenges >= MAX_CHALLENGES => {
                self.fail("There were too many challenges", turn)
            }
            Decision::Challenge { message, label } => {
                self.challenges += 1;
                let number = self.challenges;
                self.ask(&Asked::Challenge { message, label, number }, complaint, turn)
            }
            Decision::Reject { message } => self.fail(&message, turn),
        }
    }

    fn ask(&mut self, asked: &Asked, error: Option<&str>, turn: &Turn<'_>) -> Reply {
        let first = || turn.groups.first().map(|group| group.name.as_str());
        let list =
            GroupList { groups: &turn.groups, chosen: self.group.as_deref().or_else(first), forced: self.forced };
        let (response, opaque) = self.replies(turn).form(asked, &list, error);
        self.sent_opaque = opaque;
        Reply { response, outcome: None, close: false }
    }

    /// Ends an attempt as the profile has it (AC-AUTH-12); the next one starts with the first form, or with the first challenge where
    /// the certificate stands for it.
    fn fail(&mut self, message: &str, turn: &mut Turn<'_>) -> Reply {
        self.certificate_rejected |= self.by_certificate;
        let alone = self.options.method == Method::Certificate;
        let again = match &self.certificate {
            Certificate::User(user) if alone && self.challenges > 0 => Some(user.clone()),
            _ => None,
        };
        let last = self.failures + 1 >= self.options.attempts || (alone && again.is_none());
        if last || self.profile.auth_failure == AuthFailure::Status401 {
            return self.refuse(message, turn);
        }
        let outcome = self.failed(message);
        let next = match again {
            Some(user) => self.enter_by_certificate(user, Some(message), turn),
            None => self.ask(&Asked::User, Some(message), turn),
        };
        Reply { outcome: next.outcome.or(outcome), ..next }
    }

    /// Ends an attempt with status 401, and the connection with it.
    fn refuse(&mut self, message: &str, turn: &Turn<'_>) -> Reply {
        Reply { response: refusal(turn.version, 401, message), outcome: self.failed(message), close: true }
    }

    fn failed(&mut self, message: &str) -> Option<LoginOutcome> {
        self.failures += 1;
        let user = self.user.clone();
        self.start_over();
        Some(LoginOutcome::Failed { user, reason: message.to_owned() })
    }

    fn start_over(&mut self) {
        self.user = None;
        self.by_certificate = false;
        self.answers.clear();
        self.challenges = 0;
    }

    /// Returns whether what came back is what was sent. Clients may write it anew, so its values are compared and not its bytes.
    fn is_own(&self, opaque: Option<&Opaque>) -> bool {
        let Some(sent) = &self.sent_opaque else { return true };
        let same = |name| opaque.and_then(|opaque| opaque.value(name)) == sent.value(name);
        opaque.is_some() && same("tunnel-group") && same("config-hash")
    }

    fn replies(&self, turn: &Turn<'_>) -> Replies<'_> {
        Replies {
            profile: &self.profile,
            options: &self.options,
            context_id: &self.context_id,
            dialect: turn.dialect,
            version: turn.version,
        }
    }
}
