//! Deliberate defects: each one makes the reference wrong in one known way, so that a scenario can prove that it would notice.

use std::fmt;
use std::str::FromStr;

/// Which program a defect makes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefectRole {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl DefectRole {
    /// Returns the word for this role: `client` or `server`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for DefectRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

macro_rules! mutants {
    ($($variant:ident, $name:literal, $role:ident, $meaning:literal;)+) => {
        /// One deliberate defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $(
                #[doc = concat!("`", $name, "` (", stringify!($role), "): ", $meaning, ".")]
                $variant,
            )+
        }

        impl Mutant {
            /// All defects, in the order in which help and lists show them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the name as the command line and scenarios write it, in kebab case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns the program that this defect is for.
            pub fn role(self) -> DefectRole {
                match self { $(Self::$variant => DefectRole::$role,)+ }
            }

            /// Returns what goes wrong, as one line without a full stop.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

mutants! {
    NeverFallsBack, "never-falls-back", Client, "when DTLS dies it keeps sending there";
    FallsBackWithoutReturn, "falls-back-without-return", Client, "after the first loss of DTLS it makes no further attempt";
    IgnoresDpd, "ignores-dpd", Client, "it neither probes nor notices silence, so that a dead path is never noticed";
    WrongMtu, "wrong-mtu", Client, "the device gets an MTU of 1500 or more";
    ForgetsARoute, "forgets-a-route", Client, "the last pushed include route is not installed";
    LeaksDns, "leaks-dns", Client, "the resolver of the tunnel is not applied";
    LeavesRoutesBehind, "leaves-routes-behind", Client, "the host route to the gateway and others are not removed at the end";
    LeavesResolverBehind, "leaves-resolver-behind", Client, "the resolver is not restored at the end";
    AcceptsExpiredChain, "accepts-expired-chain", Client, "an expired certificate is accepted";
    AcceptsWrongName, "accepts-wrong-name", Client, "a certificate for another name is accepted";
    AcceptsAnyAuthority, "accepts-any-authority", Client, "a certificate of an unknown authority is accepted";
    LeaksIpv6, "leaks-ipv6", Client, "IPv6 is not blocked when the tunnel is full and IPv4 only";
    AnswersFromWrongAddress, "answers-from-wrong-address", Server, "DTLS is answered from another port";
    LosesPacketsAtSwitch, "loses-packets-at-switch", Client, "data is dropped for three seconds when the channel changes";
    DropsLargePackets, "drops-large-packets", Server, "inner packets above 1000 bytes are dropped silently";
    IgnoresCrl, "ignores-crl", Server, "a revoked client certificate is accepted";
    ChangesAddressOnReconnect, "changes-address-on-reconnect", Server, "a reconnect with the same cookie gets another inner address";
    KeepsSessionAfterLogout, "keeps-session-after-logout", Server, "DISCONNECT 0xb0 frees neither the session nor its address";
    ForgetsOpaque, "forgets-opaque", Client, "the opaque element of the server's form is not sent back";
    IgnoresProfileError, "ignores-profile-error", Client, "it goes on when an announced profile cannot be had";
    RefusesSecondUser, "refuses-second-user", Server, "the second session of a pool gets the address of the first";
}

impl fmt::Display for Mutant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no defect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no defect named `{0}`")]
pub struct UnknownMutant(
    /// The name as it was given.
    pub String,
);

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|mutant| mutant.name() == text);
        found.ok_or_else(|| UnknownMutant(text.to_owned()))
    }
}

/// A set of defects; empty for an honest peer. Cheap to copy and to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects(u32);

impl Defects {
    /// No defect at all.
    pub const NONE: Self = Self(0);

    /// Returns whether the set holds this defect.
    pub fn has(self, mutant: Mutant) -> bool {
        self.0 & Self::bit(mutant) != 0
    }

    /// Adds a defect.
    pub fn insert(&mut self, mutant: Mutant) {
        self.0 |= Self::bit(mutant);
    }

    /// Returns whether there is no defect.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the defects of the set in the order of [`Mutant::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Mutant> {
        Mutant::ALL.iter().copied().filter(move |mutant| self.has(*mutant))
    }

    fn bit(mutant: Mutant) -> u32 {
        1 << mutant as u32
    }
}

impl FromIterator<Mutant> for Defects {
    fn from_iter<I: IntoIterator<Item = Mutant>>(mutants: I) -> Self {
        let mut defects = Self::NONE;
        for mutant in mutants {
            defects.insert(mutant);
        }
        defects
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_kebab_case_unique_and_leads_back() {
        let mut names = BTreeSet::new();
        for mutant in Mutant::ALL {
            let name = mutant.name();
            assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-' || letter.is_ascii_digit()));
            assert!(names.insert(name), "{name} occurs twice");
            assert_eq!(name.parse(), Ok(*mutant));
        }
        assert_eq!("no-such".parse::<Mutant>(), Err(UnknownMutant("no-such".into())));
        assert!(Mutant::ALL.len() <= 32, "the set is a word of 32 bits");
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let defects: Defects = [Mutant::RefusesSecondUser, Mutant::IgnoresDpd].into_iter().collect();
        assert!(defects.has(Mutant::IgnoresDpd) && defects.has(Mutant::RefusesSecondUser));
        assert!(!defects.has(Mutant::WrongMtu));
        assert_eq!(defects.iter().collect::<Vec<_>>(), [Mutant::IgnoresDpd, Mutant::RefusesSecondUser]);
        assert!(Defects::NONE.is_empty() && !defects.is_empty());
    }
}
