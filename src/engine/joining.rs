//! What two records of one call are counted as together.
//!
//! Each says what it knows. Whose call it was and when is what the first says that was counted, unless that one is of
//! somebody who asked for the answer again: then it is what the call's own record says. Tokens, and what they cost, are
//! those of whoever knows them. What only one of them knows stays.

use super::counting::opened;
use super::known::Id;
use super::writer::{Touched, Writer};
use crate::model::{
    Combination, Completeness, CostSource, Count, Dimension, OrganizationId, PicoUsd, Series, UNKNOWN, ValueId,
};
use crate::store::{self, Counted, Incomplete, OrganizationNames, StoreError};

const TOKENS: [Count; 6] = [
    Count::TotalTokens,
    Count::InputTokens,
    Count::OutputTokens,
    Count::CachedTokens,
    Count::CacheWriteTokens,
    Count::ReasoningTokens,
];

/// How a record goes with the one that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// It counts instead.
    Replaced,
    /// It knows the tokens.
    Told,
    /// It knows whose call it is.
    Placed,
    /// It knows both, and the other at most what it cost.
    Known,
}

/// How a record completes what was counted, and how much is known then; nothing where it does not.
fn joined(before: &Counted, is_placed: bool, record: &Counted) -> Option<(Joined, Completeness)> {
    use Completeness::{AtLeast, CallerUnknown, Final, TokensUnknown};
    let tokens = |of: &Counted| TOKENS.map(|count| of.measures.get(count));
    // Of one whose place is settled nothing else is taken.
    let grows = || if is_placed { tokens(record) > tokens(before) } else { record.is_more_than(before) };
    Some(match (before.completeness, record.completeness) {
        (TokensUnknown, AtLeast) => (Joined::Told, AtLeast),
        (TokensUnknown, Final | CallerUnknown) | (AtLeast, CallerUnknown) => (Joined::Told, Final),
        (AtLeast, AtLeast) if grows() => (if is_placed { Joined::Told } else { Joined::Replaced }, AtLeast),
        (AtLeast, Final) => (if is_placed { Joined::Told } else { Joined::Replaced }, Final),
        (CallerUnknown, TokensUnknown | AtLeast) => (Joined::Placed, Final),
        (CallerUnknown, Final) => (Joined::Known, Final),
        (CallerUnknown, CallerUnknown) if grows() => (Joined::Replaced, CallerUnknown),
        _ => return None,
    })
}

/// What is counted of two records: one that says whose it is, one that knows the tokens, and the other of that one. Each
/// with what it is counted by.
fn together(
    place: (&Counted, Series),
    figures: (&Counted, Series),
    other: (&Counted, Series),
    completeness: Completeness,
    names: &OrganizationNames,
) -> (Counted, Series) {
    let failures = [Count::Errors, Count::ClientErrors];
    // A failed call without tokens costs nothing for as long as nobody knows of any.
    let says_cost = |(of, series): &(&Counted, Series)| {
        let failed = failures.iter().any(|failure| of.measures.get(*failure) > 0);
        let is_of_failure = of.completeness == Completeness::TokensUnknown && failed && of.measures.cost.0 == 0;
        series.cost_source == CostSource::Reported && !is_of_failure
    };
    // What a lower bound says of the cost is one too, and not to be taken for what another record says of all of it.
    let is_bound = completeness == Completeness::AtLeast;
    let cost_of = if (is_bound || !says_cost(&figures)) && says_cost(&other) { &other } else { &figures };
    let mut cost_source = cost_of.1.cost_source;
    let mut cost = cost_of.0.measures.cost;
    if is_bound && !says_cost(&other) {
        (cost, cost_source) = (PicoUsd::ZERO, CostSource::Unmeasured);
    }
    let known = |dimension: Dimension| {
        let value = place.1.value(dimension);
        let is_known = names.name(dimension, value).is_some_and(|name| name != UNKNOWN);
        if is_known { value } else { figures.1.value(dimension) }
    };
    let (model, provider) = (known(Dimension::Model), known(Dimension::Provider));
    if cost_source == CostSource::Priced && (model, provider) != (figures.1.model, figures.1.provider) {
        // Under another name, which a repricing would go by.
        cost_source = CostSource::PricedByCall;
    }
    let mut measures = figures.0.measures;
    measures.cost = cost;
    let requests = match place.0.measures.get(Count::Requests) {
        0 => measures.get(Count::Requests),
        requests => requests,
    };
    let any = |of: &Counted, counts: &[Count]| counts.iter().any(|count| of.measures.get(*count) > 0);
    let failed = [place.0, figures.0, other.0].into_iter().find(|of| any(of, &failures));
    let mut set = |count: Count, is: bool| measures.counts[count as usize] = if is { requests } else { 0 };
    set(Count::Requests, true);
    failures.iter().for_each(|failure| set(*failure, failed.is_some_and(|of| any(of, &[*failure]))));
    set(Count::CacheHits, [figures.0, other.0].into_iter().any(|of| any(of, &[Count::CacheHits])));
    set(Count::Unpriced, cost_source.is_unpriced());
    let source = if place.1.source == ValueId::NONE { other.1.source.max(figures.1.source) } else { place.1.source };
    let series = Series { model, provider, source, cost_source, ..place.1 };
    let counted = Counted { segment: place.0.segment, series: place.0.series, completeness, measures };
    (counted, series)
}

impl Writer {
    /// Lets a record of a known id complete the call that it knows more of, if there is one. What is counted then.
    pub(super) fn complete<'w>(
        &mut self,
        (id, is): (store::Seen, Id),
        record: Counted,
        organization: &str,
        incomplete: &mut Option<Incomplete<'w>>,
        (writer, touched): (&'w store::Writer, &mut Touched),
    ) -> Result<Option<Counted>, StoreError> {
        let waiting = opened(incomplete, writer)?.find(&self.seen, id, is == Id::KnownInItsHour)?;
        let Some(waiting) = waiting else { return Ok(None) };
        let before = waiting.counted;
        let Some((how, completeness)) = joined(&before, waiting.is_placed, &record) else { return Ok(None) };
        let counted = match how {
            Joined::Replaced => record,
            _ => self.counted_together(id.0, organization, (&before, &record), how, completeness, (writer, touched))?,
        };
        let is_placed = how != Joined::Replaced;
        let Some(is_of_new_hour) = opened(incomplete, writer)?.replace(id, waiting, counted, is_placed)? else {
            return Ok(None);
        };
        touched.ids_of_other_hours.extend(is_of_new_hour.then_some(id));
        touched.taken_back.entry(id.0).or_default().push(before);
        Ok(Some(counted))
    }

    fn counted_together(
        &mut self,
        number: OrganizationId,
        organization: &str,
        (before, record): (&Counted, &Counted),
        how: Joined,
        completeness: Completeness,
        (writer, touched): (&store::Writer, &mut Touched),
    ) -> Result<Counted, StoreError> {
        let names = self.dictionary.by_number(number).expect("what was counted has a name");
        let of = |counted: &Counted| names.series()[counted.series.0 as usize];
        let (before, record) = ((before, of(before)), (record, of(record)));
        let (place, figures, other) = match how {
            Joined::Told => (before, record, before),
            Joined::Placed => (record, before, record),
            Joined::Known | Joined::Replaced => (record, record, before),
        };
        let (counted, series) = together(place, figures, other, completeness, names);
        if let Some(number) = names.number_of(&series) {
            return Ok(Counted { series: number, ..counted });
        }
        let name = |dimension| names.name(dimension, series.value(dimension)).map(str::to_owned);
        let named = |dimension| name(dimension).expect("what is counted by has a name");
        let combination = Combination {
            organization: organization.to_owned(),
            project: named(Dimension::Project),
            api_key: named(Dimension::ApiKey),
            model: named(Dimension::Model),
            provider: named(Dimension::Provider),
            source: name(Dimension::Source),
            mode: series.mode,
            cost_source: series.cost_source,
        };
        let ((_, series), _) = self.series_of(&combination, writer, touched)?;
        Ok(Counted { series, ..counted })
    }
}
