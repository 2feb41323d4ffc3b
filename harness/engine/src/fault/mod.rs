//! Fault primitives: what the engine can break, heal, and prove to have broken.
//!
//! A fault file of the catalogue names one primitive and fills in its fields. Each primitive is one file here, with the
//! same three verbs: `inject`, `heal`, `prove`. A fault that cannot prove that it bit makes its cell `invalid`
//! (design section 5).

mod address;
mod certificate;
mod clock;
mod dns;
mod link;
mod nat;
mod nft;
mod port;
mod restart;
mod route;
mod signal;
mod wire;

use interop_catalogue::FaultAction;
use interop_evidence::Proof;

use crate::cell::Cell;
use crate::{EngineError, Result};

/// A fault of a running cell.
#[derive(Debug)]
pub(crate) struct Injected {
    pub(crate) name: String,
    pub(crate) fault: String,
    primitive: Primitive,
    proof: Option<Proof>,
    healed: bool,
}

/// What can be broken, in the order of their names.
#[derive(Debug)]
enum Primitive {
    Address(address::Address),
    Certificate(certificate::Certificate),
    Clock(clock::Clock),
    Dns(dns::Dns),
    Link(link::Link),
    Nat(nat::Nat),
    Nft(nft::Nft),
    Port(port::Port),
    Restart(restart::Restart),
    Route(route::Route),
    Signal(signal::Signal),
    Wire(wire::Wire),
}

/// Calls a method of the primitive, whichever it is.
macro_rules! each {
    ($primitive:expr, $inner:ident => $call:expr) => {
        match $primitive {
            Primitive::Address($inner) => $call,
            Primitive::Certificate($inner) => $call,
            Primitive::Clock($inner) => $call,
            Primitive::Dns($inner) => $call,
            Primitive::Link($inner) => $call,
            Primitive::Nat($inner) => $call,
            Primitive::Nft($inner) => $call,
            Primitive::Port($inner) => $call,
            Primitive::Restart($inner) => $call,
            Primitive::Route($inner) => $call,
            Primitive::Signal($inner) => $call,
            Primitive::Wire($inner) => $call,
        }
    };
}

impl Injected {
    /// Breaks something; the answer says what, in words.
    pub(crate) async fn inject(
        cell: &mut Cell<'_>,
        name: &str,
        fault: &str,
        action: FaultAction,
    ) -> Result<(Self, String)> {
        let mut primitive = Primitive::new(name, action).map_err(|error| as_fault(name, error))?;
        let detail = each!(&mut primitive, inner => inner.inject(cell).await).map_err(|error| as_fault(name, error))?;
        let injected = Self { name: name.to_owned(), fault: fault.to_owned(), primitive, proof: None, healed: false };
        Ok((injected, detail))
    }

    /// Takes the fault away, after its proof was taken.
    pub(crate) async fn heal(&mut self, cell: &mut Cell<'_>) -> Result<()> {
        if std::mem::replace(&mut self.healed, true) {
            return Ok(());
        }
        each!(&mut self.primitive, inner => inner.heal(cell).await).map_err(|error| as_fault(&self.name, error))
    }

    /// Whether it bit. Asked once, before it is healed or the peers are stopped.
    pub(crate) async fn prove(&mut self, cell: &mut Cell<'_>) -> Proof {
        if let Some(proof) = &self.proof {
            return proof.clone();
        }
        let (bit, evidence) = match each!(&mut self.primitive, inner => inner.prove(cell).await) {
            Ok(evidence) => evidence,
            Err(error) => (false, format!("failed to {error}")),
        };
        let proof = Proof { name: self.name.clone(), bit, evidence };
        self.proof = Some(proof.clone());
        proof
    }
}

impl Primitive {
    fn new(name: &str, action: FaultAction) -> Result<Self> {
        Ok(match action {
            FaultAction::Address(fault) => Self::Address(address::Address::new(&fault)),
            FaultAction::Certificate(fault) => Self::Certificate(certificate::Certificate::new(&fault)?),
            FaultAction::Clock(fault) => Self::Clock(clock::Clock::new(&fault)),
            FaultAction::Dns(fault) => Self::Dns(dns::Dns::new(&fault)),
            FaultAction::Link(fault) => Self::Link(link::Link::new(&fault)),
            FaultAction::Nat(fault) => Self::Nat(nat::Nat::new(&fault)),
            FaultAction::Nft(fault) => Self::Nft(nft::Nft::new(name, fault)),
            FaultAction::Port(fault) => Self::Port(port::Port::new(&fault)),
            FaultAction::Restart(fault) => Self::Restart(restart::Restart::new(&fault)),
            FaultAction::Route(fault) => Self::Route(route::Route::new(&fault)),
            FaultAction::Signal(fault) => Self::Signal(signal::Signal::new(&fault)),
            FaultAction::Wire(fault) => Self::Wire(wire::Wire::new(&fault)),
        })
    }
}

fn as_fault(name: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Fault { .. } => error,
        other => EngineError::Fault { name: name.to_owned(), message: other.to_string() },
    }
}

/// Whether a fault bit, and the evidence in words.
type Evidence = Result<(bool, String)>;
