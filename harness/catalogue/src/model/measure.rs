//! What a scenario may measure.

use std::time::Duration;

use super::Target;
use crate::{
    Expr, Name, Percent, Spanned,
    decode::{record, shapes},
};

shapes! {
    /// What `measure` takes and compares with limits.
    pub enum Measure: "measurement" {
        /// Longest time without a delivered packet.
        Outage(MeasureOutage) = "outage",
        /// Share of packets that never came back.
        Loss(MeasureLoss) = "loss",
        /// Median round trip.
        Rtt(MeasureRtt) = "rtt",
    }
}

impl Measure {
    /// Name of the measurement in the results.
    pub const fn name(&self) -> &Name {
        match self {
            Self::Outage(measure) => &measure.r#as,
            Self::Loss(measure) => &measure.r#as,
            Self::Rtt(measure) => &measure.r#as,
        }
    }
}

record! {
    /// Longest time without a delivered packet, in milliseconds.
    pub struct MeasureOutage {
        /// Name of the flow.
        pub outage: Name,
        /// Name of the measurement.
        pub r#as: Name = Name::from("outage-ms"),
        /// Soft limit.
        pub degraded_above: Option<Expr<Duration>> = None,
        /// Hard limit.
        pub fail_above: Option<Expr<Duration>> = None,
    }
}

record! {
    /// Share of packets that never came back, in percent.
    pub struct MeasureLoss {
        /// Name of the flow.
        pub loss: Name,
        /// Name of the measurement.
        pub r#as: Name = Name::from("loss-percent"),
        /// Soft limit.
        pub degraded_above: Option<Expr<Percent>> = None,
        /// Hard limit.
        pub fail_above: Option<Expr<Percent>> = None,
    }
}

record! {
    /// Median round trip, in milliseconds.
    pub struct MeasureRtt {
        /// Where to.
        pub rtt: Spanned<Target>,
        /// Node that asks.
        pub from: Name = Name::from("client"),
        /// Name of the measurement.
        pub r#as: Name = Name::from("rtt-ms"),
        /// Soft limit.
        pub degraded_above: Option<Expr<Duration>> = None,
        /// Hard limit.
        pub fail_above: Option<Expr<Duration>> = None,
    }
}
