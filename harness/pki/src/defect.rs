//! The catalogue of certificate defects.

/// What is wrong with the certificates of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// Nothing.
    #[default]
    None,
    /// The server sends its leaf alone.
    MissingIntermediate,
    /// The server sends leaf, root, intermediate. The leaf stays first: no server starts with a key that does not
    /// belong to the first certificate, and the fault would never reach the wire. Servers with GnuTLS sort what
    /// they are given, so there it does not reach the wire at all.
    WrongOrder,
    /// The leaf's validity is over.
    Expired,
    /// The leaf's validity has not begun.
    NotYetValid,
    /// The leaf names another host.
    WrongName,
    /// The leaf vouches for itself.
    SelfSigned,
    /// The chain is sound, but its root is not the client's trust anchor.
    UntrustedRoot,
    /// The leaf is signed with SHA-1.
    Sha1,
    /// The leaf has an RSA key of 1024 bits.
    Rsa1024,
    /// The leaf may be used by clients only.
    WrongEku,
    /// The leaf is in its issuer's revocation list.
    RevokedServer,
    /// The client's certificate is in its issuer's revocation list.
    RevokedClient,
}

/// What a strict implementation does about a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reaction {
    /// The client connects.
    ClientAccepts,
    /// The client may connect or refuse: the standards allow both.
    ClientMayAccept,
    /// The client refuses.
    ClientRefuses,
    /// The server refuses the client.
    ServerRefuses,
}

impl Reaction {
    /// The name used in YAML and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientAccepts => "client-accepts",
            Self::ClientMayAccept => "client-may-accept",
            Self::ClientRefuses => "client-refuses",
            Self::ServerRefuses => "server-refuses",
        }
    }
}

impl Defect {
    /// Every defect, in the order of help and documentation.
    pub const ALL: &'static [Self] = &[
        Self::None,
        Self::MissingIntermediate,
        Self::WrongOrder,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::SelfSigned,
        Self::UntrustedRoot,
        Self::Sha1,
        Self::Rsa1024,
        Self::WrongEku,
        Self::RevokedServer,
        Self::RevokedClient,
    ];

    /// The name used in YAML and reports.
    pub const fn id(self) -> &'static str {
        self.entry().0
    }

    /// One sentence for help and documentation.
    pub const fn help(self) -> &'static str {
        self.entry().1
    }

    /// What a strict client (or server) does about it.
    pub const fn strict(self) -> Reaction {
        self.entry().2
    }

    const fn entry(self) -> (&'static str, &'static str, Reaction) {
        use Reaction::{ClientAccepts, ClientMayAccept, ClientRefuses, ServerRefuses};
        match self {
            Self::None => ("none", "The chain is sound.", ClientAccepts),
            Self::MissingIntermediate => {
                ("missing-intermediate", "The server sends its leaf without the intermediate.", ClientRefuses)
            }
            // RFC 5246, 7.4.2 demands the order; RFC 8446, 4.4.2 asks clients to cope with any.
            Self::WrongOrder => ("wrong-order", "The server sends the root before the intermediate.", ClientMayAccept),
            Self::Expired => ("expired", "The server's certificate expired a month ago.", ClientRefuses),
            Self::NotYetValid => ("not-yet-valid", "The server's certificate becomes valid in a month.", ClientRefuses),
            Self::WrongName => ("wrong-name", "The server's certificate names another host.", ClientRefuses),
            Self::SelfSigned => ("self-signed", "The server's certificate is signed by itself.", ClientRefuses),
            Self::UntrustedRoot => {
                ("untrusted-root", "The server's chain ends at a root that the client does not trust.", ClientRefuses)
            }
            Self::Sha1 => ("sha1", "The server's certificate is signed with SHA-1.", ClientRefuses),
            Self::Rsa1024 => ("rsa-1024", "The server's certificate has an RSA key of 1024 bits.", ClientRefuses),
            Self::WrongEku => {
                ("wrong-eku", "The server's certificate allows the authentication of clients only.", ClientRefuses)
            }
            Self::RevokedServer => {
                ("revoked-server", "The server's certificate is in the revocation list.", ClientRefuses)
            }
            Self::RevokedClient => {
                ("revoked-client", "The client's certificate is in the revocation list.", ServerRefuses)
            }
        }
    }
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.id())
    }
}

/// A defect that does not exist; the message lists those that do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no certificate defect '{asked}'; there are {}", known())]
pub struct UnknownDefect {
    /// What was asked for.
    pub asked: String,
}

fn known() -> String {
    Defect::ALL.iter().map(|defect| defect.id()).collect::<Vec<_>>().join(", ")
}

impl std::str::FromStr for Defect {
    type Err = UnknownDefect;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|defect| defect.id() == text)
            .ok_or_else(|| UnknownDefect { asked: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_parse() {
        for (index, defect) in Defect::ALL.iter().enumerate() {
            assert_eq!(defect.id().parse::<Defect>(), Ok(*defect));
            assert_eq!(*defect as usize, index, "{defect} is out of order");
            assert!(defect.help().ends_with('.'), "{defect}");
        }
    }

    #[test]
    fn an_unknown_defect_lists_the_known_ones() {
        let message = "expire".parse::<Defect>().unwrap_err().to_string();
        assert!(message.starts_with("there is no certificate defect 'expire'; there are none, missing-"), "{message}");
    }
}
