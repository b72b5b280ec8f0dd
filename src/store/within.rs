//! Calls that were counted inside of a span that had not come yet: what it tells is held against them when it does.
//!
//! ```text
//! key     day of arrival u32 | org u32 | the span's hash 12 bytes
//! value   a frame (see `store::packed`) around one or more calls, each varints: kind | failure | tokens are known |
//!         4 counts, if they are | the event waits, with its id's 12 bytes if it does
//! ```
//!
//! Kept for [`DAYS`] days, the oldest removed first: exporters send what a span is inside of some seconds later.

use redb::{ReadableTable, Table};

use super::packed::{bind, body, frame, put_varint, take_varint_u64};
use super::{Bytes, Reader, SeenIds, StoreError, WITHIN, Writer, damaged, keys};
use crate::model::{CallKind, CallTokens, Count, Day, Fingerprint, OrganizationId, SpanCall, SpanKey};

const VERSION: u8 = 1;
/// Days that are looked at. The first is over when the last begins, so that it is 48 hours at least.
const DAYS: u32 = 3;
/// Calls that are remembered of one span. One with more is taken for a call of its own, unless it tells no tokens.
const MAX_CALLS: usize = 64;

/// A call inside of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallWithin {
    pub call: SpanCall,
    /// The id of its event, if that was counted without tokens.
    pub waits: Option<Fingerprint>,
}

/// The calls inside of spans.
pub struct Within<'w> {
    table: Table<'w, Bytes, Bytes>,
    today: Day,
}

impl Within<'_> {
    /// The calls that were counted inside of a span.
    pub fn of(&self, organization: OrganizationId, span: SpanKey) -> Result<Vec<CallWithin>, StoreError> {
        let mut calls = Vec::new();
        for day in self.today.0.saturating_sub(DAYS - 1)..=self.today.0 {
            let key = keys::within(Day(day), organization, hash(span));
            if let Some(value) = self.table.get(&key[..])? {
                calls.extend(decode(&key, value.value())?);
            }
        }
        Ok(calls)
    }

    /// Adds calls to those inside of a span.
    pub fn add(
        &mut self,
        organization: OrganizationId,
        span: SpanKey,
        calls: impl Iterator<Item = CallWithin>,
    ) -> Result<(), StoreError> {
        let key = keys::within(self.today, organization, hash(span));
        let mut all = match self.table.get(&key[..])? {
            Some(value) => decode(&key, value.value())?,
            None => Vec::new(),
        };
        all.extend(calls);
        all.truncate(MAX_CALLS);
        if !all.is_empty() {
            self.table.insert(&key[..], &encode(&key, &all)[..])?;
        }
        Ok(())
    }
}

impl Writer {
    pub fn within(&self, seen: &SeenIds) -> Result<Within<'_>, StoreError> {
        Ok(Within { table: self.transaction.open_table(WITHIN)?, today: seen.arrival_hour().day() })
    }

    /// Removes what is not looked at any more.
    pub fn forget_within(&self, seen: &SeenIds) -> Result<(), StoreError> {
        let [first, end] = [Day(0), oldest(seen)].map(first_of);
        self.remove(WITHIN, &first, &end)
    }
}

impl Reader {
    /// Whether there is something that is not looked at any more.
    pub fn has_old_within(&self, seen: &SeenIds) -> Result<bool, StoreError> {
        let [first, end] = [Day(0), oldest(seen)].map(first_of);
        Ok(self.transaction.open_table(WITHIN)?.range::<&[u8]>(&first[..]..&end[..])?.next().is_some())
    }
}

fn hash(SpanKey { trace, span }: SpanKey) -> Fingerprint {
    Fingerprint::of_bytes(&[&trace[..], &span[..]].concat())
}

fn oldest(seen: &SeenIds) -> Day {
    Day(seen.arrival_hour().day().0.saturating_sub(DAYS - 1))
}

fn first_of(day: Day) -> [u8; 20] {
    keys::within(day, OrganizationId(0), Fingerprint([0; 12]))
}

const FAILURES: [Option<Count>; 3] = [None, Some(Count::ClientErrors), Some(Count::Errors)];

fn encode(key: &[u8], calls: &[CallWithin]) -> Vec<u8> {
    let mut out = Vec::new();
    for CallWithin { call, waits } in calls {
        let failure = FAILURES.iter().position(|failure| *failure == call.failure).unwrap_or_default() as u64;
        let known = call.tokens.map(|of| [of.input, of.output, of.cache, of.reasoning]);
        let head = [call.kind as u64, failure, u64::from(known.is_some())];
        head.into_iter().chain(known.into_iter().flatten()).for_each(|number| put_varint(&mut out, number.into()));
        put_varint(&mut out, u128::from(waits.is_some()));
        waits.iter().for_each(|id| out.extend_from_slice(&id.0));
    }
    bind(key, frame(VERSION, &out))
}

/// The calls of an entry, after checking it.
pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<Vec<CallWithin>, StoreError> {
    let wrong = || damaged("the calls inside of a span");
    let mut at = body(VERSION, key, value)?;
    let mut calls = Vec::new();
    while !at.is_empty() {
        let mut number = || take_varint_u64(&mut at);
        let (kind, failure, is_known) = (number()?, number()?, number()?);
        let tokens = match is_known {
            0 => None,
            1 => Some(CallTokens { input: number()?, output: number()?, cache: number()?, reasoning: number()? }),
            _ => return Err(wrong()),
        };
        let waits = match number()? {
            0 => None,
            1 => {
                let (id, rest) = at.split_first_chunk().ok_or_else(wrong)?;
                at = rest;
                Some(Fingerprint(*id))
            }
            _ => return Err(wrong()),
        };
        let kind = *CallKind::ALL.get(kind as usize).ok_or_else(wrong)?;
        let failure = *FAILURES.get(failure as usize).ok_or_else(wrong)?;
        calls.push(CallWithin { call: SpanCall { kind, tokens, failure }, waits });
    }
    if calls.is_empty() || calls.len() > MAX_CALLS {
        return Err(wrong());
    }
    Ok(calls)
}
