//! Who may enter: groups, bans, passwords, one-time codes.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use reference_cstp::authenticate::{Admission, Attempt, Authority, ClientContext, Decision, GroupInfo, Method};

use super::shared::{Live, Shared};
use crate::{
    config::{Group, Methods},
    guard::Suspect,
    users::check_name,
};

/// What somebody who is banned is told.
const BANNED: &str = "Too many failed logins; try again later";

/// Maps the methods of the configuration. A one-time code is a challenge behind whatever comes before it.
pub(super) fn method(methods: Methods) -> Method {
    match (methods.certificate, methods.password) {
        (true, true) => Method::CertificateAndPassword,
        (true, false) => Method::Certificate,
        (false, _) => Method::Password,
    }
}

/// Decides for one request. It blocks while it verifies a password.
pub(super) struct Gate {
    pub(super) shared: Arc<Shared>,
    pub(super) live: Arc<Live>,
    /// Whether a ban was the reason of a refusal; such a refusal is not counted as a failure.
    pub(super) banned: bool,
    /// Why an attempt was rejected, for the log; the client is not told.
    pub(super) why: Option<String>,
    /// The group of a user who may enter.
    pub(super) group: Option<String>,
}

impl Authority for Gate {
    fn groups(&self) -> Vec<GroupInfo> {
        let named = self.live.config.groups.iter().filter(|group| !group.name.is_empty());
        named.map(|group| GroupInfo { name: group.name.clone(), label: group.label.clone() }).collect()
    }

    fn begin(&mut self, context: &ClientContext) -> Admission {
        match context.remote.map(Suspect::address) {
            Some(suspect) if self.is_banned(&suspect) => Admission::Refuse { status: 401, message: BANNED.to_owned() },
            _ => Admission::Proceed,
        }
    }

    fn check(&mut self, attempt: Attempt) -> Decision {
        if !check_name(&attempt.user) {
            return self.reject("this is no name of a user");
        }
        let by_address = attempt.remote.map(Suspect::address).is_some_and(|suspect| self.is_banned(&suspect));
        if by_address || self.is_banned(&Suspect::User(attempt.user.clone())) {
            return Decision::Reject { message: BANNED.to_owned() };
        }
        let methods = self.live.config.auth.methods;
        // AC-AUTH-25; the dialogue has compared them already.
        if methods.certificate && attempt.certificate_user.as_deref() != Some(attempt.user.as_str()) {
            return self.reject("the certificate belongs to another user");
        }
        let mut answers = attempt.answers.iter();
        if methods.password {
            let good = |password: &String| self.live.materials.passwords.verify(&attempt.user, password);
            if !answers.next().is_some_and(good) {
                return self.reject("unknown user or wrong password");
            }
        }
        let live = Arc::clone(&self.live);
        let group = match &attempt.group {
            Some(name) => {
                live.config.groups.iter().find(|group| group.name == *name && self.may_use(&attempt.user, group))
            }
            // As ocserv does for a client that names none, for instance one that never saw a form.
            None => live.config.groups.iter().find(|group| self.may_use(&attempt.user, group)),
        };
        let Some(group) = group else {
            let which = attempt.group.map_or_else(|| "any group".to_owned(), |name| format!("the group {name}"));
            return self.reject(format!("the user may not use {which}"));
        };
        if methods.otp {
            let Some(code) = answers.next() else {
                let message = "Please enter your one-time code.".to_owned();
                return Decision::Challenge { message, label: "One-time code:".to_owned() };
            };
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            if !live.materials.otp.accept(&attempt.user, code, unix) {
                return self.reject("no one-time secret of this user, or a code that is wrong or was used already");
            }
        }
        let (id, cookie) = self.shared.registry().log_in(&attempt.user, &group.name, group.pool, Instant::now());
        self.group = Some(group.name.clone());
        // The number of the session is no secret, but nothing that one could count either.
        let session_id = format!("{id}-{:016x}", rand::random::<u64>());
        Decision::Accept { cookie, session_id }
    }
}

impl Gate {
    /// Decides for the answers that come in one request.
    pub(super) fn new(shared: &Arc<Shared>, live: Arc<Live>) -> Self {
        Self { shared: Arc::clone(shared), live, banned: false, why: None, group: None }
    }

    /// Gives one answer for everything that is wrong: it does not tell which users there are.
    fn reject(&mut self, why: impl Into<String>) -> Decision {
        self.why = Some(why.into());
        Decision::Reject { message: "Login failed".to_owned() }
    }

    fn is_banned(&mut self, suspect: &Suspect) -> bool {
        let banned = self.shared.bans().remaining(suspect, Instant::now()).is_some();
        self.banned |= banned;
        banned
    }

    /// A user may use a group that lists the user or nobody, and that the users file lists for the user, if it lists any.
    fn may_use(&self, user: &str, group: &Group) -> bool {
        let own = self.live.materials.passwords.groups(user);
        let by_file = own.is_empty() || group.name.is_empty() || own.contains(&group.name);
        by_file && group.users.as_ref().is_none_or(|users| users.contains(user))
    }
}
