//! Which fields of a form are answered from what the user has given.

use std::collections::BTreeMap;

use super::outcome::Credentials;
use crate::xml::{Choice, Field, FieldKind, Form, GROUP_FIELD};

/// Answers fields and remembers what has been used up, so that no secret is offered again and again (AC-AUTH-13).
pub(super) struct Answerer {
    credentials: Credentials,
    /// The field that the password went into.
    password_went_to: Option<String>,
    last_code: Option<String>,
}

impl Answerer {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, password_went_to: None, last_code: None }
    }

    pub(super) fn has_certificate(&self) -> bool {
        self.credentials.has_certificate
    }

    /// Whether a field has had the password already: asking for it again is a refusal, whatever the form says.
    pub(super) fn was_refused(&self, field: &Field) -> bool {
        self.password_went_to.as_ref() == Some(&field.name)
    }

    /// Answers what can be answered; call it once for each form that came.
    pub(super) fn fill(&mut self, form: &Form, choice: Option<&Choice>) -> BTreeMap<String, String> {
        let mut answers = BTreeMap::new();
        for field in wanted(form, choice) {
            let answer = match &field.kind {
                FieldKind::Hidden(value) => Some(value.clone()),
                FieldKind::Text(value) => self.text(field, choice).or_else(|| value.clone()),
                FieldKind::Password => self.secret(field, form),
                FieldKind::Select { choices, selected } if field.name != GROUP_FIELD => {
                    choices.get(*selected).map(|choice| choice.value.clone())
                }
                FieldKind::Select { .. } | FieldKind::SsoToken => None,
            };
            answers.extend(answer.map(|answer| (field.name.clone(), answer)));
        }
        answers
    }

    fn text(&self, field: &Field, choice: Option<&Choice>) -> Option<String> {
        let name = field.name.to_ascii_lowercase();
        if name == "secondary_username" {
            let known = choice.and_then(|choice| choice.secondary_username.clone());
            return known.or_else(|| self.credentials.username.clone());
        }
        let asks_for_user = name.starts_with("user") || name.starts_with("uname") || name == "login" || name == "email";
        self.credentials.username.clone().filter(|_| asks_for_user)
    }

    fn secret(&mut self, field: &Field, form: &Form) -> Option<String> {
        if matches!(field.name.as_str(), "whichpin" | "new_password" | "verify_pin" | "verify_password") {
            return None;
        }
        let second = field.second_auth
            || form.id == "challenge"
            || matches!(field.name.as_str(), "secondary_password" | "answer" | "otp" | "totp" | "passcode" | "token");
        if second {
            return self.code();
        }
        if self.password_went_to.is_none() {
            self.password_went_to = self.credentials.password.as_ref().map(|_| field.name.clone());
            return self.credentials.password.clone();
        }
        // The password has been given: without a complaint this is a further factor, with one it is the wrong password.
        if form.error.is_none() { self.code() } else { None }
    }

    /// Returns a one-time password, but never the same one twice.
    fn code(&mut self) -> Option<String> {
        let code = self.credentials.otp.as_mut().and_then(|source| source())?;
        if self.last_code.as_ref() == Some(&code) {
            return None;
        }
        self.last_code = Some(code.clone());
        Some(code)
    }
}

/// Returns the fields that want an answer: those of a second authentication only when the group has one.
pub(super) fn wanted<'a>(form: &'a Form, choice: Option<&'a Choice>) -> impl Iterator<Item = &'a Field> {
    form.fields.iter().filter(move |field| !field.second_auth || choice.is_none_or(|choice| choice.second_auth))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(id: &str, error: Option<&str>, fields: &[(&str, FieldKind)]) -> Form {
        let fields = fields.iter().map(|(name, kind)| Field::new(name, name, kind.clone())).collect();
        Form { id: id.to_owned(), error: error.map(str::to_owned), fields, ..Form::default() }
    }

    fn answerer(codes: &'static [&'static str]) -> Answerer {
        let mut codes = codes.iter();
        Answerer::new(Credentials {
            username: Some("ann".into()),
            password: Some("pw".into()),
            otp: Some(Box::new(move || codes.next().map(|code| (*code).to_owned()))),
            ..Credentials::default()
        })
    }

    #[test]
    fn the_password_is_offered_once() {
        let mut answerer = answerer(&[]);
        let main = form("main", None, &[("username", FieldKind::Text(None)), ("password", FieldKind::Password)]);
        let first = answerer.fill(&main, None);
        assert_eq!((first["username"].as_str(), first["password"].as_str()), ("ann", "pw"));
        let again = answerer.fill(&Form { error: Some("wrong".into()), ..main }, None);
        assert_eq!((again.get("username").map(String::as_str), again.get("password")), (Some("ann"), None));
    }

    #[test]
    fn a_second_factor_gets_a_code_and_never_the_same_twice() {
        let mut answerer = answerer(&["111111", "222222", "222222", "333333"]);
        let password = [("password", FieldKind::Password)];
        assert_eq!(answerer.fill(&form("main", None, &password), None)["password"], "pw");
        assert_eq!(answerer.fill(&form("main", None, &password), None)["password"], "111111", "a further factor");
        assert!(
            answerer.fill(&form("main", Some("wrong"), &password), None).is_empty(),
            "a complaint is about the password"
        );
        assert_eq!(
            answerer.fill(&form("challenge", Some("again"), &[("answer", FieldKind::Password)]), None)["answer"],
            "222222"
        );
        let second = form("main", None, &[("secondary_password", FieldKind::Password)]);
        assert!(answerer.fill(&second, None).is_empty(), "the same code is not offered twice");
        assert_eq!(answerer.fill(&second, None)["secondary_password"], "333333");
        assert!(answerer.fill(&second, None).is_empty(), "and there may be none");
    }

    #[test]
    fn a_new_password_and_an_unknown_text_are_left_to_the_user() {
        let fields = [
            ("new_password", FieldKind::Password),
            ("verify_password", FieldKind::Password),
            ("colour", FieldKind::Text(None)),
        ];
        assert!(answerer(&["1"]).fill(&form("main", None, &fields), None).is_empty());
    }

    #[test]
    fn hidden_and_preset_values_go_back() {
        let fields = [("h", FieldKind::Hidden("x".into())), ("colour", FieldKind::Text(Some("red".into())))];
        let answers = answerer(&[]).fill(&form("main", None, &fields), None);
        assert_eq!((answers["h"].as_str(), answers["colour"].as_str()), ("x", "red"));
    }

    #[test]
    fn a_second_authentication_depends_on_the_group() {
        let mut asked = form("main", None, &[("secondary_username", FieldKind::Text(None))]);
        asked.fields[0].second_auth = true;
        let without = Choice::new("a", "A");
        let with = Choice { second_auth: true, secondary_username: Some("bob".into()), ..Choice::new("b", "B") };
        assert_eq!(wanted(&asked, Some(&without)).count(), 0);
        assert_eq!(wanted(&asked, Some(&with)).count(), 1);
        assert_eq!(answerer(&[]).fill(&asked, Some(&with))["secondary_username"], "bob");
        assert_eq!(answerer(&[]).fill(&asked, None)["secondary_username"], "ann");
    }
}
