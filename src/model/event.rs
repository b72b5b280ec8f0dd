//! Usage events and the dimensions they are counted by.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Fingerprint, Intervention, KeptSpan, Measures, Mode, Segment, Sender, UnixMs, Unmade};

/// Most tokens, and most calls, one event may stand for. 1.8 × 10⁷ such events in one hour would be needed to
/// leave a 64-bit sum, which is then refused.
pub const MAX_QUANTITY: u64 = 1_000_000_000_000;

/// An organization's number inside the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationId(pub u32);

/// A dimension value's number inside its organization; 0 stands for "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

impl ValueId {
    pub const NONE: ValueId = ValueId(0);
}

/// A series' number inside its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// What usage is counted by. Members are not among them: a key's creator is looked up when a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dimension {
    Project = 1,
    ApiKey = 2,
    Model = 3,
    Provider = 4,
    Source = 5,
}

/// Where a cost is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CostSource {
    /// The event: it brought a cost, or says that nobody was paid.
    #[default]
    Reported = 0,
    /// The price book.
    Priced = 1,
    /// Nowhere: the price book did not know the model.
    Unpriced = 2,
    /// Nowhere, and no price book could tell from sums: the sender does not know the tokens, or what is particular about
    /// the calls has no known price.
    Unmeasured = 3,
    /// The price book, by what sums do not keep: a service tier, a cache for an hour, sound, a long call. Repricing leaves
    /// it alone.
    PricedByCall = 4,
}

impl CostSource {
    /// Whether nobody knows what its calls cost.
    pub fn is_unpriced(self) -> bool {
        matches!(self, CostSource::Unpriced | CostSource::Unmeasured)
    }
}

/// One combination of dimension values, as the numbers they have in their organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    pub project: ValueId,
    pub api_key: ValueId,
    pub model: ValueId,
    pub provider: ValueId,
    pub source: ValueId,
    pub mode: Mode,
    pub cost_source: CostSource,
}

impl Series {
    pub fn value(&self, dimension: Dimension) -> ValueId {
        match dimension {
            Dimension::Project => self.project,
            Dimension::ApiKey => self.api_key,
            Dimension::Model => self.model,
            Dimension::Provider => self.provider,
            Dimension::Source => self.source,
        }
    }
}

/// One combination of dimension values by name, as events bring it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Combination {
    pub organization: String,
    pub project: String,
    pub api_key: String,
    /// The canonical model.
    pub model: String,
    pub provider: String,
    pub source: Option<String>,
    pub mode: Mode,
    pub cost_source: CostSource,
}

/// How much an event knows of its call. A later event of the same id that knows the rest completes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Completeness {
    /// Its tokens are not known at all.
    TokensUnknown = 0,
    /// Its figures are what was known before the call's end: of several such events the largest counts.
    AtLeast = 1,
    /// Nothing that comes later changes it.
    #[default]
    Final = 2,
    /// Its figures are final, but it is of whoever asked for the answer again: whose call it was, and when, only the
    /// caller's own record knows.
    CallerUnknown = 3,
}

impl Completeness {
    /// Of a caller's record that knows tokens or not, written before the call's end or after it.
    pub fn of(knows_tokens: bool, is_partial: bool) -> Completeness {
        match (knows_tokens, is_partial) {
            (false, _) => Completeness::TokensUnknown,
            (true, true) => Completeness::AtLeast,
            (true, false) => Completeness::Final,
        }
    }
}

/// One valid usage event; `combination` and `sender` index its [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub id: Fingerprint,
    /// Another id under which others tell of the same call: whoever knows either knows it.
    pub other_id: Option<Fingerprint>,
    pub time: UnixMs,
    pub combination: u32,
    pub sender: u32,
    /// Of one whose tokens are not known, or not all, the cost is the sender's or nobody's, never the price book's.
    pub completeness: Completeness,
    pub measures: Measures,
}

impl Event {
    /// An event that tells its tokens, by the first sender of its batch.
    pub fn new(id: Fingerprint, time: UnixMs, combination: u32, measures: Measures) -> Event {
        Event { id, other_id: None, time, combination, sender: 0, completeness: Completeness::Final, measures }
    }
}

/// Reads kept spans as if they had come in one post. Nothing when it cannot read one of them.
#[derive(Clone)]
pub struct Reread(pub Arc<ReadSpans>);

type ReadSpans = dyn Fn(&[&[u8]]) -> Option<Batch> + Send + Sync;

impl fmt::Debug for Reread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reread")
    }
}

/// Valid events that travel together, with each combination of names and each sender written once, and what came with
/// them that made no event.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub combinations: Vec<Combination>,
    /// Without any, the batch is counted and not entered into the intake ledger.
    pub senders: Vec<Sender>,
    pub events: Vec<Event>,
    /// Events, by their place, whose calls were asked about under another id than theirs.
    pub calls: Vec<(u32, Fingerprint)>,
    /// What stepped in on calls, by the place of their events.
    pub interventions: Vec<(u32, Intervention)>,
    /// The spans that told of its events, by organization.
    pub spans: BTreeMap<String, Vec<KeptSpan>>,
    /// How they are read again; there where spans are.
    pub reread: Option<Reread>,
    pub unmade: Vec<Unmade>,
    /// Those of them that are rejected and say when they were, by organization and segment.
    pub rejected: BTreeMap<String, BTreeMap<Segment, u64>>,
}

impl Batch {
    /// Whether there is nothing in it to write down.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.unmade.is_empty()
    }
}
