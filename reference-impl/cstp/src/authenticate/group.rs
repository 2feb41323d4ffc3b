//! Which group a client means.

use super::GroupInfo;
use crate::http::percent_decode;

/// Paths that begin a login without naming a group (AC-HTTP-02).
const LOGIN_PATHS: [&str; 4] = ["/", "/auth", "/VPN", "/+webvpn+/index.html"];

/// What the path of a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A login without a group.
    Login,
    /// A login in this group (AC-AUTH-19).
    Group(String),
    /// Nothing (AC-HTTP-15).
    Unknown,
}

/// Finds a group by its name or, as deployed clients send it, by its label (AC-AUTH-17).
pub(super) fn resolve(groups: &[GroupInfo], wish: &str) -> Option<String> {
    let by_name = groups.iter().find(|group| group.name == wish);
    by_name.or_else(|| groups.iter().find(|group| group.label == wish)).map(|group| group.name.clone())
}

/// Says what a path means.
pub(super) fn place(groups: &[GroupInfo], path: &str) -> Place {
    if path.is_empty() || LOGIN_PATHS.contains(&path) {
        return Place::Login;
    }
    let name = percent_decode(path.trim_start_matches('/').trim_end_matches('/'));
    resolve(groups, &name).map_or(Place::Unknown, Place::Group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_login_a_group_or_nothing() {
        let groups = [("staff", "All staff"), ("guests", "staff")]
            .map(|(name, label)| GroupInfo { name: name.into(), label: label.into() });
        for path in LOGIN_PATHS {
            assert_eq!(place(&groups, path), Place::Login);
        }
        assert_eq!(place(&groups, "/staff/"), Place::Group("staff".into()), "a name goes before a label");
        assert_eq!(place(&groups, "/All%20staff"), Place::Group("staff".into()));
        assert_eq!(place(&groups, "/Staff"), Place::Unknown);
        assert_eq!(place(&[], "/staff"), Place::Unknown);
    }
}
