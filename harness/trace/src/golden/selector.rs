//! For whom a golden file holds.

use super::store::Cell;
use super::versions::{Range, is_bound};

/// For whom a golden or an overlay holds. What is not given holds for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// Id of the client, or glob.
    pub client: Option<String>,
    /// Id of the server, or glob.
    pub server: Option<String>,
    /// Versions of the client, as in the catalogue: `>=9.0 <9.2`.
    pub client_versions: Option<String>,
    /// Versions of the server.
    pub server_versions: Option<String>,
    /// Values of axes.
    pub params: Vec<(String, String)>,
}

impl Selector {
    /// Whether it holds for a cell.
    pub fn matches(&self, cell: &Cell) -> bool {
        let fits = |glob: &Option<String>, name: &str| glob.as_deref().is_none_or(|glob| matches_glob(glob, name));
        let within = |range: &Option<String>, version: &str| {
            range.as_deref().is_none_or(|range| Range::parse(range).is_ok_and(|range| range.contains(version)))
        };
        fits(&self.client, &cell.client)
            && fits(&self.server, &cell.server)
            && within(&self.client_versions, &cell.client_version)
            && within(&self.server_versions, &cell.server_version)
            && self.params.iter().all(|param| cell.params.contains(param))
    }

    /// Whether it names a cell. Of a capture from elsewhere nobody knows the versions; then any will do.
    pub(super) fn names(&self, cell: &Cell) -> bool {
        let unless_unknown = |range: &Option<String>, version: &str| range.clone().filter(|_| !version.is_empty());
        let (client_versions, server_versions) = (
            unless_unknown(&self.client_versions, &cell.client_version),
            unless_unknown(&self.server_versions, &cell.server_version),
        );
        Self { client_versions, server_versions, ..self.clone() }.matches(cell)
    }

    /// How much it asks for; of those that hold for a cell the greatest wins. Whole names count before globs, names
    /// before values of axes, these before versions.
    pub(super) fn rank(&self) -> impl Ord + Copy + use<> {
        let ends = [self.client.as_deref(), self.server.as_deref()];
        let globs = ends.iter().flatten().filter(|name| name.contains('*') && **name != "*");
        let letters: usize = globs.clone().map(|glob| glob.len()).sum();
        let names = ends.iter().flatten().filter(|name| !name.contains('*')).count();
        let versions = [&self.client_versions, &self.server_versions].iter().filter(|range| range.is_some()).count();
        (names, globs.count(), letters, self.params.len(), versions)
    }

    /// Whether there can be a cell for which both hold.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let ends = [(&self.client, &other.client), (&self.server, &other.server)];
        let versions =
            [(&self.client_versions, &other.client_versions), (&self.server_versions, &other.server_versions)];
        let ends_meet = ends.into_iter().all(|pair| match pair {
            (Some(one), Some(other)) => globs_meet(one, other),
            _ => true,
        });
        let versions_meet = versions.into_iter().all(|pair| match pair {
            (Some(one), Some(other)) => match (Range::parse(one), Range::parse(other)) {
                (Ok(one), Ok(other)) => one.meets(&other),
                _ => false,
            },
            _ => true,
        });
        let params_meet = self.params.iter().all(|(axis, value)| {
            other.params.iter().all(|(other_axis, other_value)| axis != other_axis || value == other_value)
        });
        ends_meet && versions_meet && params_meet
    }

    /// Reads one or several: `openconnect >=9.0 x ocserv; reference x * dpd=3s`. Values of axes that stand alone hold
    /// for all of them.
    pub(super) fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let mut selectors = Vec::new();
        let mut common = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let words: Vec<&str> = part.split_whitespace().collect();
            match words.iter().position(|word| matches!(*word, "x" | "×")) {
                Some(at) => selectors.push(Self::pair(&words[..at], &words[at + 1..], part)?),
                None => common.extend(words.iter().map(|word| param(word)).collect::<Result<Vec<_>, _>>()?),
            }
        }
        if selectors.is_empty() && !common.is_empty() {
            selectors.push(Self::default());
        }
        for selector in &mut selectors {
            selector.params.extend(common.iter().cloned());
            selector.params.sort();
            selector.params.dedup();
            let axes = selector.params.windows(2).find(|pair| pair[0].0 == pair[1].0);
            if let Some([(axis, _), _]) = axes {
                return Err(format!("`{axis}` has two values at once, so this never holds"));
            }
        }
        if selectors.is_empty() {
            return Err("nothing is selected; write `CLIENT x SERVER`, `*` for any".to_owned());
        }
        Ok(selectors)
    }

    fn pair(client: &[&str], server: &[&str], part: &str) -> Result<Self, String> {
        let mut this = Self::default();
        (this.client, this.client_versions) = this.end(client, part)?;
        (this.server, this.server_versions) = this.end(server, part)?;
        Ok(this)
    }

    /// One side of a pair: a name or glob, bounds of its version, values of axes.
    fn end(&mut self, words: &[&str], part: &str) -> Result<(Option<String>, Option<String>), String> {
        let Some((name, rest)) = words.split_first() else {
            return Err(format!("`{part}` has no name on one side of `x`; write `*` for any"));
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.*/".contains(c);
        if !name.chars().all(is_name) {
            return Err(format!("`{name}` is not a name or glob; `*` stands for any characters"));
        }
        let (bounds, params): (Vec<&str>, Vec<&str>) = rest.iter().partition(|word| is_bound(word));
        for word in params {
            self.params.push(param(word)?);
        }
        let versions = bounds.join(" ");
        if !versions.is_empty() {
            Range::parse(&versions)?;
        }
        Ok(((*name != "*").then(|| (*name).to_owned()), (!versions.is_empty()).then_some(versions)))
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = |name: &Option<String>, versions: &Option<String>| {
            let name = name.as_deref().unwrap_or("*");
            versions.as_ref().map_or_else(|| name.to_owned(), |versions| format!("{name} {versions}"))
        };
        let ends = [end(&self.client, &self.client_versions), end(&self.server, &self.server_versions)].join(" x ");
        let params: Vec<String> = self.params.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        match (ends.as_str(), params.is_empty()) {
            ("* x *", false) => write!(f, "{}", params.join(" ")),
            (ends, true) => write!(f, "{ends}"),
            (ends, false) => write!(f, "{ends} {}", params.join(" ")),
        }
    }
}

fn param(word: &str) -> Result<(String, String), String> {
    match word.trim_end_matches(',').split_once('=') {
        Some((axis, value)) if !axis.is_empty() && !value.is_empty() => Ok((axis.to_owned(), value.to_owned())),
        _ => {
            Err(format!("`{word}` is neither a pair nor the value of an axis; write `CLIENT x SERVER` or `AXIS=VALUE`"))
        }
    }
}

fn matches_glob(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

/// Whether some name fits both; with globs on both sides only their beginnings are looked at.
fn globs_meet(one: &str, other: &str) -> bool {
    match (one.split_once('*'), other.split_once('*')) {
        (None, _) => matches_glob(other, one),
        (_, None) => matches_glob(one, other),
        (Some((one, _)), Some((other, _))) => one.starts_with(other) || other.starts_with(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(client: &str, server: &str, dpd: &str) -> Cell {
        Cell {
            scenario: "baseline".into(),
            params: vec![("dpd".into(), dpd.into())],
            client: client.into(),
            client_version: "9.12".into(),
            server: server.into(),
            server_version: "1.3.0".into(),
        }
    }

    #[test]
    fn what_holds_for_whom() {
        let all = Selector::parse_all("openconnect >=9.0 x ocserv; reference x *; dpd=3s").unwrap();
        let holds = |client, server, dpd| all.iter().any(|selector| selector.matches(&cell(client, server, dpd)));
        assert!(holds("openconnect", "ocserv", "3s") && holds("reference", "reference", "3s"));
        assert!(!holds("openconnect", "reference", "3s") && !holds("openconnect", "ocserv", "10s"));
        let old = Selector::parse_all("openconnect <9.0 x ocserv").unwrap();
        assert!(!old[0].matches(&cell("openconnect", "ocserv", "3s")));
        let globs = Selector::parse_all("open*t x *serv").unwrap();
        assert!(globs[0].matches(&cell("openconnect", "ocserv", "3s")));
        assert!(!globs[0].matches(&cell("openvpn", "ocserv", "3s")));
    }

    #[test]
    fn what_is_written_is_read() {
        for text in ["openconnect >=9.0 <9.20 x ocserv 1.3 dpd=3s", "* x ocserv", "dpd=3s x=4", "a* x b", "* x *"] {
            let read = Selector::parse_all(text).unwrap();
            assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let wrong = |text| Selector::parse_all(text).unwrap_err();
        assert!(wrong("").contains("CLIENT x SERVER"));
        assert!(wrong("openconnect").contains("AXIS=VALUE"));
        assert!(wrong("x ocserv").contains("`*` for any"));
        assert!(wrong("a x b; dpd=1s; dpd=2s").contains("two values"));
        assert!(wrong("a >=x x b").contains("bound"));
        assert!(wrong("a! x b").contains("not a name"));
    }

    #[test]
    fn the_more_that_is_asked_for_the_higher_the_rank() {
        let texts = [
            "* x *",
            "dpd=3s",
            "open* x *",
            "openconnect x *",
            "openconnect x * dpd=3s",
            "a x b",
            "a >=1 x b",
            "a x b c=1",
        ];
        let ranks: Vec<_> = texts.iter().map(|text| Selector::parse_all(text).unwrap()[0].rank()).collect();
        assert!(ranks.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn selectors_that_meet() {
        let meet = |one, other| Selector::parse_all(one).unwrap()[0].meets(&Selector::parse_all(other).unwrap()[0]);
        assert!(
            meet("a x *", "* x b") && meet("a* x b", "ab x b") && meet("dpd=1s", "mtu=9") && meet("a* x b", "*a x b")
        );
        assert!(
            !meet("a x b", "c x b")
                && !meet("dpd=1s", "dpd=2s")
                && !meet("a <1 x b", "a >=1 x b")
                && !meet("a* x b", "b* x b")
        );
    }
}
