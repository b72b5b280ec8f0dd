//! The vocabulary of Rollcall: money, measures, time, dimensions, events, what became of them, and invoices.
//!
//! Owns pure values whose constructors check what they are given.
//!
//! Does not know about clocks, files, wire formats, zones or threads, and imports no other module.
//!
//! Invariants: money and counts are integers; every sum is checked; an [`Event`] that exists is valid.

mod event;
mod fingerprint;
mod intake;
mod intervention;
mod invoice;
mod kept_span;
mod limits;
mod measures;
mod money;
mod provider;
mod time;

pub use event::{
    Batch, Combination, Completeness, CostSource, Dimension, Event, MAX_QUANTITY, OrganizationId, Reread, Series,
    SeriesId, ValueId,
};
pub use fingerprint::Fingerprint;
pub use intake::{Intake, Sender, Unmade};
pub use intervention::{Guard, Intervention};
pub use invoice::{BilledDay, BilledLine, Biller, Invoice, Report, undated_model};
pub use kept_span::{KeptSpan, Observed, SpanHashes};
pub use limits::{NameLimits, OTHER_NAMES, TooMany};
pub use measures::{COUNTS, Count, Measures, Mode, Usage};
pub use money::{MoneyError, PicoUsd};
pub use provider::{
    UNKNOWN, canonical_model, canonical_provider, is_self_hosted, is_stand_in, model_prefix, price_provider,
    provider_of, without_area,
};
pub use time::{
    AHEAD_HOURS, Day, FIRST_HOUR, HOUR_MS, HOUR_OF_SEGMENT, Hour, PERIOD_DAYS, Period, SEGMENTS, SPLITS, Segment,
    UnixMs,
};

/// A sum left the range of its integer. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sum is larger than the store can hold exactly")]
pub struct Overflow;
