//! Expectations about handshakes: which stages a client went through, which DTLS it got, when it tried, how often.

use std::time::Duration;

use interop_evidence::{DtlsFamily, Stage, StageStatus};
use serde_json::json;

use super::Scalar;
use crate::{
    Expr, Params, Problem, Problems, Spanned,
    decode::{Decode, Schema, keywords, record, text_of},
    primitive::placeholder,
    yaml::Node,
};

/// Makes a word of the catalogue from an enumeration of the evidence.
macro_rules! evidence_word {
    ($(#[doc = $doc:literal])* $name:ident($type:ty), $what:literal, $example:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub $type);

        impl Decode for $name {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                let text = text_of(node, concat!("a ", $what), $example, problems)?;
                let found = <$type>::ALL.into_iter().find(|value| value.as_str() == text);
                if found.is_none() {
                    problems.unknown($what, text, Some(&node.at), <$type>::ALL.map(<$type>::as_str));
                }
                found.map(Self)
            }

            fn schema() -> Schema {
                json!({"enum": <$type>::ALL.map(<$type>::as_str)})
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

evidence_word! {
    /// One of the six stages of an AnyConnect connection.
    StageName(Stage), "stage", "tls-handshake"
}

evidence_word! {
    /// What became of a stage.
    StageState(StageStatus), "state of a stage", "done"
}

/// A stage and how it should have ended: `tls-handshake` alone is done, `downloader: skipped` says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageWanted {
    /// Which.
    pub stage: Stage,
    /// How it ended.
    pub status: StageStatus,
}

impl Decode for StageWanted {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Some(mapping) = node.mapping() else {
            return Some(Self { stage: StageName::decode(node, problems)?.0, status: StageStatus::Done });
        };
        let [(key, value)] = mapping.0.as_slice() else {
            problems.push(
                Problem::new("a stage has one name", &node.place(), "not one stage")
                    .help("write `tls-handshake`, or `downloader: skipped`"),
            );
            return None;
        };
        let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == key.as_str());
        if stage.is_none() {
            problems.unknown("stage", key, key.span(), Stage::ALL.map(Stage::as_str));
        }
        let status = StageState::decode(value, problems)?.0;
        Some(Self { stage: stage?, status })
    }

    fn schema() -> Schema {
        let status = StageState::schema();
        let map = json!({
            "type": "object",
            "propertyNames": StageName::schema(),
            "additionalProperties": status,
            "minProperties": 1,
            "maxProperties": 1,
        });
        json!({"oneOf": [StageName::schema(), map]})
    }
}

impl std::fmt::Display for StageWanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            StageStatus::Done => self.stage.fmt(f),
            status => write!(f, "{} {status}", self.stage),
        }
    }
}

record! {
    /// The stages of the last connection, in this order.
    pub struct ExpectStages {
        /// Each is done unless said otherwise; others may lie between.
        pub stages: Vec<StageWanted>,
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(5)),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

/// Families of DTLS as settings of peers name them, and as a wire shows them.
const FAMILIES: [&str; 6] = ["psk", "cisco12", "openconnect12", "resumed-1.2", "legacy", "dtls-0.9"];

/// A wanted family of DTLS, or the axis that has it: `"{{ family }}"`.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyWanted(Spanned<Scalar>);

impl FamilyWanted {
    /// The family as a wire shows it: both ways to name the suites of DTLS 1.2 look alike there.
    pub fn eval(&self, params: &Params) -> Result<DtlsFamily, String> {
        let text = resolve(&self.0, params)?;
        match text {
            "psk" => Ok(DtlsFamily::Psk),
            "cisco12" | "openconnect12" | "resumed-1.2" => Ok(DtlsFamily::Resumed12),
            "legacy" | "dtls-0.9" => Ok(DtlsFamily::Legacy09),
            other => Err(format!("`{other}` is no family of DTLS; known are {}", FAMILIES.join(", "))),
        }
    }

    /// Reports a value that is no family.
    pub(crate) fn check(&self, params: &Params, problems: &mut Problems) -> bool {
        report(self.eval(params).err(), &self.0, problems)
    }
}

impl Decode for FamilyWanted {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        Spanned::decode(node, problems).map(Self)
    }

    fn schema() -> Schema {
        json!({"type": "string", "description": "psk, resumed-1.2 (cisco12, openconnect12), dtls-0.9 (legacy), or `{{ axis }}`"})
    }
}

impl std::fmt::Display for FamilyWanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.value.fmt(f)
    }
}

record! {
    /// The DTLS session that was negotiated last, as its handshake looked on the client's wire.
    pub struct ExpectDtls {
        /// The family.
        pub dtls: FamilyWanted,
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(10)),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

/// A version of TLS, or the axis that has it: `"{{ tls }}"`.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsWanted(Spanned<Scalar>);

impl TlsWanted {
    /// The version as a ServerHello has it.
    pub fn eval(&self, params: &Params) -> Result<u16, String> {
        match resolve(&self.0, params)? {
            "1.0" => Ok(0x0301),
            "1.1" => Ok(0x0302),
            "1.2" => Ok(0x0303),
            "1.3" => Ok(0x0304),
            other => Err(format!("`{other}` is no version of TLS; write 1.2 or 1.3")),
        }
    }

    /// Reports a value that is no version.
    pub(crate) fn check(&self, params: &Params, problems: &mut Problems) -> bool {
        report(self.eval(params).err(), &self.0, problems)
    }
}

impl Decode for TlsWanted {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        Spanned::decode(node, problems).map(Self)
    }

    fn schema() -> Schema {
        json!({"type": ["string", "number"], "description": "1.2, 1.3, or `{{ axis }}`"})
    }
}

impl std::fmt::Display for TlsWanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.value.fmt(f)
    }
}

record! {
    /// The version of the TLS session that was negotiated last, as its ServerHello on the client's wire has it.
    pub struct ExpectTls {
        /// The version.
        pub tls: TlsWanted,
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(5)),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

keywords! {
    /// Moments from which something is counted.
    pub enum Since: "moment" {
        /// The last time that the tunnel came up.
        Connected = "connected",
        /// The last start of the client.
        Start = "start",
    }
}

record! {
    /// How many TLS sessions the client began, as seen on its wire.
    pub struct ExpectTlsSessions {
        /// So many.
        pub tls_sessions: u32,
        /// From when on.
        pub since: Since = Since::Start,
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

record! {
    /// New attempts at DTLS on the client's wire, after the first one of the last connection.
    pub struct ExpectDtlsAttempts {
        /// The pause before each, counted from the failure of the one before.
        pub dtls_attempts: Vec<Duration>,
        /// By how much a pause may differ.
        pub tolerance: Duration = Duration::from_millis(500),
        /// The longest that an attempt itself may last.
        pub lasting: Duration = Duration::from_secs(12),
        /// Deadline.
        pub within: Expr<Duration>,
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

keywords! {
    /// What the MTU of the tunnel's device should be, compared with what it was when the tunnel came up.
    pub enum MtuState: "state of the MTU" {
        /// Any.
        Any = "any",
        /// Another one.
        Changed = "changed",
        /// The same.
        Kept = "kept",
        /// A smaller one.
        Lowered = "lowered",
    }
}

record! {
    /// The MTU of the client's tunnel device.
    pub struct ExpectTunnelMtu {
        /// Compared with the MTU when the tunnel came up.
        pub tunnel_mtu: MtuState,
        /// Not below.
        pub at_least: Option<crate::Mtu> = None,
        /// Not above.
        pub at_most: Option<crate::Mtu> = None,
        /// Deadline.
        pub within: Expr<Duration> = Expr::fixed(Duration::from_secs(5)),
        /// Whether a miss is only a degradation.
        pub or_degraded: bool = false,
    }
}

/// The text of a value, or of the axis or setting that it names.
fn resolve<'a>(value: &'a Spanned<Scalar>, params: &'a Params) -> Result<&'a str, String> {
    match placeholder(&value.value.text) {
        None => Ok(&value.value.text),
        Some(axis) => match params.value(axis) {
            Some(scalar) => Ok(&scalar.text),
            None => Err(format!("unknown axis or setting `{axis}`")),
        },
    }
}

fn report(error: Option<String>, value: &Spanned<Scalar>, problems: &mut Problems) -> bool {
    let Some(error) = error else { return true };
    problems.push(Problem::new(error, &value.at, "cannot be compared"));
    false
}
