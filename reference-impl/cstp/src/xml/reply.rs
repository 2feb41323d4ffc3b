//! How the answers to a form's fields are named in an `auth-reply`.

use super::form::GROUP_FIELD;

/// Returns whether the answer to this field is kept by the client.
pub fn is_not_sent(field: &str) -> bool {
    matches!(field, "verify_pin" | "verify_password")
}

/// Renames answers for the reply; returns the group to select and the children of `auth`.
///
/// `answer`, `whichpin` and `new_password` become `password`; the repetition of a new password or PIN stays with the client;
/// `group_list` becomes `group-select`, which stands directly under the root.
pub fn answers_to_reply(answers: Vec<(String, String)>) -> (Option<String>, Vec<(String, String)>) {
    let mut group = None;
    let mut fields = Vec::new();
    for (name, value) in answers {
        match name.as_str() {
            GROUP_FIELD => group = Some(value),
            "answer" | "whichpin" | "new_password" => fields.push(("password".to_owned(), value)),
            name if is_not_sent(name) => {}
            _ => fields.push((name, value)),
        }
    }
    (group, fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_renamed_as_deployed_servers_expect() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let names =
            ["username", "answer", "whichpin", "new_password", "verify_pin", "verify_password", GROUP_FIELD, "other"];
        let answers = names.iter().enumerate().map(|(at, name)| pair(name, &at.to_string())).collect();
        let (group, fields) = answers_to_reply(answers);
        assert_eq!(group.as_deref(), Some("6"));
        assert_eq!(
            fields,
            [
                pair("username", "0"),
                pair("password", "1"),
                pair("password", "2"),
                pair("password", "3"),
                pair("other", "7")
            ]
        );
    }
}
