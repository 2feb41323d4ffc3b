//! The users file: one `name:groups:hash` a line, as ocpasswd writes it.

use std::{collections::BTreeMap, fmt::Write as _};

use super::hash::{self, HashError};

/// Stands in for the hash of an unknown user, so that unknown and known users take the same time.
const NOBODY: &str = "$6$nobody$8pTheZcUgecwPgbSL6Hkb2WVYvCfCs74aJmnuaArGP5gsphbE9wqfpDcP./Oqj6QLYyYWoXFrY0b.DXFl.IV21";

/// Longest user name in bytes.
const LONGEST_NAME: usize = 128;

/// A line of the users file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsersError {
    /// It is not `name:groups:hash`.
    #[error("line {0} is not `name:groups:hash`")]
    Form(usize),
    /// The name cannot be one.
    #[error("line {0}: the user name is empty, too long or has a colon, blank or control character")]
    Name(usize),
    /// The name occurred before.
    #[error("line {line}: the user `{name}` occurs twice")]
    Twice {
        /// Line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// The hash cannot be used.
    #[error("line {line}: {error}; make one with `vpn-ref-server hash-password`")]
    Hash {
        /// Line, from 1.
        line: usize,
        /// What is wrong with the hash.
        error: HashError,
    },
}

/// The users file, read.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    users: BTreeMap<String, User>,
}

#[derive(Clone)]
struct User {
    groups: Vec<String>,
    hash: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("groups", &self.groups).finish_non_exhaustive()
    }
}

impl Passwords {
    /// Reads the text of a users file. Empty lines and lines that begin with `#` count for nothing.
    ///
    /// # Errors
    ///
    /// The first line that cannot be used.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        let mut users = BTreeMap::new();
        for (line, entry) in lines(text) {
            let mut fields = entry.splitn(3, ':');
            let (Some(name), Some(groups), Some(hash)) = (fields.next(), fields.next(), fields.next()) else {
                return Err(UsersError::Form(line));
            };
            if !check_name(name) {
                return Err(UsersError::Name(line));
            }
            // A hash that begins with `!` is a locked user.
            if !hash.starts_with('!') {
                hash::check(hash).map_err(|error| UsersError::Hash { line, error })?;
            }
            let groups = groups
                .split(',')
                .map(str::trim)
                .filter(|group| !group.is_empty() && *group != "*")
                .map(str::to_owned)
                .collect();
            if users.insert(name.to_owned(), User { groups, hash: hash.to_owned() }).is_some() {
                return Err(UsersError::Twice { line, name: name.to_owned() });
            }
        }
        Ok(Self { users })
    }

    /// Returns how many users there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.users.len()
    }

    /// Verifies a password; takes milliseconds, also for a user that does not exist.
    #[must_use]
    pub fn verify(&self, name: &str, password: &str) -> bool {
        match self.users.get(name) {
            Some(user) => hash::verify_password(password, &user.hash),
            None => {
                let _same_time = hash::verify_password(password, NOBODY);
                false
            }
        }
    }

    /// Returns the groups that the file lists for a user; empty when it lists none or does not know the user.
    #[must_use]
    pub fn groups(&self, name: &str) -> &[String] {
        self.users.get(name).map_or(&[], |user| &user.groups)
    }
}

/// Tells whether a text can be a user name.
#[must_use]
pub fn check_name(name: &str) -> bool {
    let odd = |c: char| c == ':' || c.is_control() || c.is_whitespace();
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(odd) && !name.starts_with('#')
}

/// Returns the text of a users file with this user's line set; other lines stay as they are.
#[must_use]
pub fn set_password(text: &str, name: &str, groups: &str, hash: &str) -> String {
    let mut out = String::new();
    for line in text.lines().filter(|line| line.split(':').next() != Some(name)) {
        out.push_str(line);
        out.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{name}:{groups}:{hash}");
    out
}

pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";

    #[test]
    fn users_are_read_with_their_groups() {
        let text = format!("# staff\n\nalice:staff, admins:{HASH}\nbob:*:{HASH}\neve::!{HASH}\n");
        let users = Passwords::parse(&text).unwrap();
        assert_eq!(users.count(), 3);
        assert_eq!(users.groups("alice"), ["staff", "admins"]);
        assert!(users.groups("bob").is_empty() && users.groups("nobody").is_empty());
        assert!(users.verify("alice", "Hello world!"));
        assert!(!users.verify("alice", "hello world!"));
        assert!(!users.verify("eve", "Hello world!"), "a locked user");
        assert!(!users.verify("mallory", "Hello world!"));
    }

    #[test]
    fn the_stand_in_for_unknown_users_costs_the_same() {
        assert_eq!(hash::check(NOBODY), Ok(()));
    }

    #[test]
    fn lines_that_cannot_be_used_are_named() {
        let error = |text: &str| Passwords::parse(text).unwrap_err().to_string();
        assert_eq!(error("alice\n"), "line 1 is not `name:groups:hash`");
        assert_eq!(
            error(&format!("\n:x:{HASH}")),
            "line 2: the user name is empty, too long or has a colon, blank or control character"
        );
        assert_eq!(error(&format!("a:x:{HASH}\na:y:{HASH}")), "line 2: the user `a` occurs twice");
        assert!(error("a:x:secret").starts_with("line 1: the hash is neither $5$ nor $6$"));
    }

    #[test]
    fn setting_a_password_replaces_one_line() {
        let text = set_password("# c\nalice:a:old\nbob:b:x", "alice", "staff", "new");
        assert_eq!(text, "# c\nbob:b:x\nalice:staff:new\n");
        assert_eq!(set_password("", "eve", "", "h"), "eve::h\n");
    }

    #[test]
    fn debug_output_has_no_hash() {
        let users = Passwords::parse(&format!("alice::{HASH}")).unwrap();
        assert!(!format!("{users:?}").contains("5B8vYYiY"));
    }
}
