//! Which spans of different posts tell of one call.
//!
//! A span ends, and is sent, before what it is inside of. So calls inside of a span that has not come are kept
//! (`store::within`), and what it tells is held against them when it does, as if all had come in one post. Where it came
//! first, it has left ids that say what it told, for the calls inside of it to be known by. It may have stood for one of
//! these only, which it then says by another id.

use crate::model::{
    CallKind, Completeness, Count, Event, Fingerprint, Intake, Nested, OrganizationId, SpanCall, SpanKey,
};
use crate::store::{self, CallWithin, NO_HOUR, Seen, SeenIds, StoreError, Within};

use super::known::Known;

/// What was found of the call of a span whose event has a new id.
pub(super) enum Met {
    /// Nothing: it is counted.
    Alone,
    /// It tells nothing but these, which are inside of it.
    Repeats(Vec<CallWithin>),
    /// It knows the tokens of the one inside of it, which was counted without.
    Completes(Fingerprint, CallWithin),
    /// It is that of a span around it, which was counted.
    IsRepeated,
    /// So too, unless it was completed already: the span around it, of this event, knew no tokens.
    CompletesOuter(Fingerprint),
}

/// What is known of spans that came before.
pub(super) struct Nesting<'w> {
    writer: &'w store::Writer,
    within: Option<Within<'w>>,
}

impl<'w> Nesting<'w> {
    pub fn new(writer: &'w store::Writer) -> Nesting<'w> {
        Nesting { writer, within: None }
    }

    /// Looks for spans of the same call.
    pub fn meet(
        &mut self,
        known: &mut Known<'w>,
        seen: &SeenIds,
        organization: OrganizationId,
        nested: &Nested,
        event: &Event,
    ) -> Result<Met, StoreError> {
        let call = SpanCall::of(nested.kind, event.completeness != Completeness::TokensUnknown, &event.measures);
        let mut has = |id: Fingerprint| known.has(seen, self.writer, organization, id);
        let mut inside = Vec::new();
        for span in nested.spans() {
            if has(has_inside(span))? {
                inside.extend(within(&mut self.within, self.writer, seen)?.of(organization, span)?);
            }
        }
        if !inside.is_empty() {
            // With those that came along and were not enough by themselves.
            inside.extend(nested.within.iter().map(|call| CallWithin { call: *call, waits: None }));
            if call.repeats(inside.iter().map(|inside| inside.call)) {
                let mut alike = inside.iter().filter(|inside| inside.call.kind.can_be(call.kind));
                return Ok(match (call.tokens, alike.next(), alike.next()) {
                    (Some(_), Some(only @ CallWithin { waits: Some(id), .. }), None) => Met::Completes(*id, *only),
                    _ => Met::Repeats(inside),
                });
            }
        }
        let Some(outer) = nested.outer() else { return Ok(Met::Alone) };
        let mut any = |ids: &mut dyn Iterator<Item = Fingerprint>| -> Result<bool, StoreError> {
            for id in ids {
                if has(id)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let kinds = || CallKind::ALL.into_iter().filter(|kind| kind.can_be(call.kind));
        let is_without = any(&mut kinds().map(|kind| without_tokens(outer, kind)))?;
        if !is_without && !any(&mut FAILURES.into_iter().map(|failure| ended(outer, failure)))? {
            return Ok(Met::Alone);
        }
        if any(&mut std::iter::once(stands_for_one(outer)))? {
            return Ok(Met::Alone);
        }
        let is_same = match &call.tokens {
            Some(tokens) => {
                let mut told = kinds().flat_map(|kind| tokens.as_told_around().map(move |of| told(outer, kind, of)));
                any(&mut told)?
            }
            None => any(&mut std::iter::once(ended(outer, call.failure)))?,
        };
        Ok(match (is_without, is_same) {
            (true, _) if call.tokens.is_some() => Met::CompletesOuter(Fingerprint::of(&outer.event_id())),
            (true, _) | (_, true) => Met::IsRepeated,
            (false, false) => Met::Alone,
        })
    }

    /// Leaves what spans that come later are to know. `result` is what became of the event.
    pub fn leave(
        &mut self,
        known: &mut Known<'w>,
        seen: &mut SeenIds,
        ids: &mut Vec<Seen>,
        (organization, nested, event): (OrganizationId, &Nested, &Event),
        (met, result): (Met, Intake),
    ) -> Result<(), StoreError> {
        let call = SpanCall::of(nested.kind, event.completeness != Completeness::TokensUnknown, &event.measures);
        let outer = nested.outer();
        let (stands, above) = match (met, result) {
            (Met::Repeats(inside), _) => (false, inside),
            (Met::Completes(_, only), Intake::Duplicate) => (false, vec![only]),
            (Met::IsRepeated, _) | (Met::CompletesOuter(_), Intake::Completed) => (true, Vec::new()),
            _ => (true, vec![CallWithin { call, waits: call.tokens.is_none().then_some(event.id) }]),
        };
        let mut leave = |id: Fingerprint| -> Result<(), StoreError> {
            if !known.has(seen, self.writer, organization, id)? {
                seen.insert(organization, id);
                ids.push((organization, NO_HOUR, id));
            }
            Ok(())
        };
        if stands {
            for span in nested.spans() {
                match &call.tokens {
                    Some(tokens) => {
                        leave(ended(span, call.failure))?;
                        leave(told(span, nested.kind, (tokens.input, tokens.output)))?;
                    }
                    None => leave(without_tokens(span, nested.kind))?,
                }
            }
        }
        let Some(outer) = outer else { return Ok(()) };
        if above.is_empty() {
            return leave(stands_for_one(outer));
        }
        leave(has_inside(outer))?;
        within(&mut self.within, self.writer, seen)?.add(organization, outer, above.into_iter())
    }
}

fn within<'i, 'w>(
    within: &'i mut Option<Within<'w>>,
    writer: &'w store::Writer,
    seen: &SeenIds,
) -> Result<&'i mut Within<'w>, StoreError> {
    Ok(match within {
        Some(opened) => opened,
        none => none.insert(writer.within(seen)?),
    })
}

const FAILURES: [Option<Count>; 3] = [None, Some(Count::ClientErrors), Some(Count::Errors)];

/// Calls were counted that are inside of the span.
fn has_inside(span: SpanKey) -> Fingerprint {
    note(0, span, 0, (0, 0))
}

/// The span's call was counted, and told these tokens.
fn told(span: SpanKey, kind: CallKind, tokens: (u64, u64)) -> Fingerprint {
    note(1, span, kind as u8, tokens)
}

/// The span's call was counted, told tokens and ended so.
fn ended(span: SpanKey, failure: Option<Count>) -> Fingerprint {
    note(2, span, failure.map_or(0, |failure| failure as u8), (0, 0))
}

/// The span's call was counted without tokens.
fn without_tokens(span: SpanKey, kind: CallKind) -> Fingerprint {
    note(3, span, kind as u8, (0, 0))
}

/// A call inside of the span was taken for the one that was counted.
fn stands_for_one(span: SpanKey) -> Fingerprint {
    note(4, span, 0, (0, 0))
}

/// What is remembered of a span, as an id.
fn note(what: u8, SpanKey { trace, span }: SpanKey, which: u8, (input, output): (u64, u64)) -> Fingerprint {
    let mut bytes = [0; 42];
    bytes[..16].copy_from_slice(&trace);
    bytes[16..24].copy_from_slice(&span);
    [bytes[24], bytes[25]] = [what, which];
    bytes[26..34].copy_from_slice(&input.to_be_bytes());
    bytes[34..].copy_from_slice(&output.to_be_bytes());
    Fingerprint::of_bytes(&bytes)
}
