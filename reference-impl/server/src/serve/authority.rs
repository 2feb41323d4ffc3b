//! Who may enter: groups, bans, passwords, one-time codes.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use reference_cstp::authenticate::{Admission, Attempt, Authority, ClientContext, Decision, GroupInfo, Method};

use super::shared::{Live, Shared};
use crate::{
    config::{Config, Group, Methods},
    guard::Suspect,
    users::check_name,
};

/// Maps the methods of the configuration. A one-time code alone beside a certificate takes the place of the password.
pub(super) fn method(methods: Methods) -> Method {
    match methods {
        Methods { certificate: true, password: false, otp: false } => Method::Certificate,
        Methods { certificate: true, .. } => Method::CertificateAndPassword,
        Methods { certificate: false, .. } => Method::Password,
    }
}

/// Decides for one request. It blocks while it verifies a password.
pub(super) struct Gate {
    pub(super) shared: Arc<Shared>,
    pub(super) live: Arc<Live>,
    /// Whether a ban was the reason of a refusal; such a refusal is not counted as a failure.
    pub(super) banned: bool,
}

impl Authority for Gate {
    fn groups(&self) -> Vec<GroupInfo> {
        let named = self.live.config.groups.iter().filter(|group| !group.name.is_empty());
        named.map(|group| GroupInfo { name: group.name.clone(), label: group.label.clone() }).collect()
    }

    fn begin(&mut self, context: &ClientContext) -> Admission {
        match context.remote.map(Suspect::address) {
            Some(suspect) if self.is_banned(&suspect) => {
                Admission::Refuse { status: 401, message: "Too many failed logins; try again later".to_owned() }
            }
            _ => Admission::Proceed,
        }
    }

    fn check(&mut self, attempt: Attempt) -> Decision {
        // One answer for everything that is wrong: it does not tell which users there are.
        let reject = || Decision::Reject { message: "Login failed".to_owned() };
        if !check_name(&attempt.user) {
            return reject();
        }
        let by_address = attempt.remote.map(Suspect::address).is_some_and(|suspect| self.is_banned(&suspect));
        if by_address || self.is_banned(&Suspect::User(attempt.user.clone())) {
            return Decision::Reject { message: "Too many failed logins; try again later".to_owned() };
        }
        let methods = self.live.config.auth.methods;
        // AC-AUTH-25; the dialogue has compared them already.
        if methods.certificate && attempt.certificate_user.as_deref() != Some(attempt.user.as_str()) {
            return reject();
        }
        let mut answers = attempt.answers.iter();
        if methods.password {
            let good = |password: &String| self.live.materials.passwords.verify(&attempt.user, password);
            if !answers.next().is_some_and(good) {
                return reject();
            }
        }
        let Some(group) = group(&self.live.config, attempt.group.as_deref()) else { return reject() };
        if !self.may_use(&attempt.user, group) {
            return reject();
        }
        if methods.otp {
            let Some(code) = answers.next() else {
                let message = "Please enter your one-time code.".to_owned();
                return Decision::Challenge { message, label: "One-time code:".to_owned() };
            };
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            if !self.live.materials.otp.accept(&attempt.user, code, unix) {
                return reject();
            }
        }
        let (id, cookie) = self.shared.registry().log_in(&attempt.user, &group.name, group.pool, Instant::now());
        // The number of the session is no secret, but nothing that one could count either.
        let session_id = format!("{id}-{:016x}", rand::random::<u64>());
        Decision::Accept { cookie, session_id }
    }
}

impl Gate {
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

/// Finds a group; without a name the first one.
pub(super) fn group<'a>(config: &'a Config, name: Option<&str>) -> Option<&'a Group> {
    match name {
        Some(name) => config.groups.iter().find(|group| group.name == name),
        None => config.groups.first(),
    }
}
