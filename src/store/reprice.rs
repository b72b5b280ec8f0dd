//! Repricing: calls that had no price get the one they have now, and the record of what that changed.
//!
//! A period is sealed on the way, so that a series has one row for each segment: rows are sums and priced as such, and
//! priced again they cost the same. What gets its first price moves to the series that is the same but for the source of
//! its cost.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use redb::ReadableTable;

use super::packed::{bind, body, frame};
use super::record::{self, Decode, Encode};
use super::rows::SealedRow;
use super::seal::{KeyRows, Opened, add_open, join_open, read_key};
use super::{Closing, OrganizationNames, REPRICINGS, ROWS, Reader, StoreError, Unshipped, Writer, damaged, keys};
use crate::model::{
    CostSource, Count, Day, Measures, OrganizationId, Overflow, Period, PicoUsd, Segment, Series, SeriesId, UnixMs,
    Usage, ValueId,
};

/// What an organization's calls are priced by: `None` where no price is known.
pub type PriceOf<'a> = dyn Fn(&Series, UnixMs, &Measures) -> Option<PicoUsd> + 'a;

/// What to reprice.
pub struct Reprice<'a> {
    /// In UTC.
    pub days: RangeInclusive<Day>,
    /// What was priced before as well, and not only what was not.
    pub all: bool,
    /// Of the organization.
    pub names: &'a OrganizationNames,
    pub wanted: &'a dyn Fn(&Series) -> bool,
    pub price: &'a PriceOf<'a>,
    /// The organization's closed months, which keep what is moved of them.
    pub closings: &'a [Closing],
}

impl Reprice<'_> {
    /// The day before which all of a period is repriced, or left as it is, and sealed.
    pub fn end_in(&self, period: Period) -> Day {
        self.days.end().next().min(period.next().first_day())
    }

    fn is_inside(&self, period: Period, segment: u16) -> bool {
        self.days.contains(&Segment(period.first_segment().0 + u32::from(segment)).day())
    }
}

/// What became of the calls of one model. Costs are in picodollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Repriced {
    /// Requests that a price is known for.
    pub requests: u64,
    /// Those of them that had none before.
    pub newly_priced: u64,
    /// Requests that no price is known for still.
    pub unpriced: u64,
    pub before: i128,
    pub after: i128,
}

impl Repriced {
    pub fn add(&mut self, other: &Repriced) -> Result<(), Overflow> {
        let sum = |a: u64, b: u64| a.checked_add(b).ok_or(Overflow);
        let money = |a: i128, b: i128| a.checked_add(b).ok_or(Overflow);
        *self = Repriced {
            requests: sum(self.requests, other.requests)?,
            newly_priced: sum(self.newly_priced, other.newly_priced)?,
            unpriced: sum(self.unpriced, other.unpriced)?,
            before: money(self.before, other.before)?,
            after: money(self.after, other.after)?,
        };
        Ok(())
    }
}

/// What repricing does to one period.
#[derive(Debug, Default)]
pub struct Repricing {
    pub by_model: BTreeMap<ValueId, Repriced>,
    /// Whether any row is another.
    pub changes: bool,
    /// Series that it needs and that are not there yet.
    pub missing: Vec<Series>,
    /// What costs of closed months became more or less: by month, day of the closing and the series that is priced.
    pub moved: BTreeMap<(u32, u8, Series), i128>,
}

/// What is kept of a repricing, for each model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct RepricingRecord {
    pub at: UnixMs,
    /// Id of the token that was used, or what else it was.
    pub actor: String,
    /// First and last UTC day.
    pub days: (u32, u32),
    pub all: bool,
    pub repriced: Repriced,
}

const RECORD_VERSION: u8 = 1;

impl RepricingRecord {
    fn encode(&self, key: &[u8]) -> Vec<u8> {
        bind(key, frame(RECORD_VERSION, &record::encode(self)))
    }

    pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<RepricingRecord, StoreError> {
        record::decode(body(RECORD_VERSION, key, value)?)
    }
}

impl Reader {
    /// What repricing a period would do.
    pub fn reprice(
        &self,
        organization: OrganizationId,
        period: Period,
        reprice: &Reprice<'_>,
    ) -> Result<Repricing, StoreError> {
        let mut opened = Opened::new();
        let end = reprice.end_in(period).first_segment();
        self.scan_open(organization, period.first_segment()..end, |segment, block| {
            add_open(&mut opened, segment, &block, reprice.names.series())
        })?;
        let summary = self.periods(organization, period..period.next())?.pop();
        let sealed = summary.iter().flat_map(|(_, summary)| &summary.api_keys).map(ValueId);
        let api_keys: BTreeSet<ValueId> = sealed.chain(opened.keys().copied()).collect();
        let mut found = Repricing::default();
        let table = self.transaction.open_table(ROWS)?;
        for api_key in api_keys {
            let mut of_key = read_key(&table, organization, period, api_key)?;
            join_open(&mut of_key, &opened, api_key)?;
            found.take(&mut of_key, period, reprice)?;
        }
        Ok(found)
    }

    /// Calls `visit` with what is kept of an organization's repricings before a number, newest first, for as long as it
    /// says so.
    pub fn repricings(
        &self,
        organization: OrganizationId,
        before: u64,
        mut visit: impl FnMut(u64, ValueId, RepricingRecord) -> bool,
    ) -> Result<(), StoreError> {
        let table = self.transaction.open_table(REPRICINGS)?;
        let [first, end] = [0, before].map(|number| keys::repricing(organization, number, ValueId(0)));
        for entry in table.range::<&[u8]>(&first[..]..&end[..])?.rev() {
            let (key, value) = entry?;
            let (number, model) = keys::repricing_model(key.value()).ok_or_else(|| damaged("a repricing's key"))?;
            if !visit(number, model, RepricingRecord::decode(key.value(), value.value())?) {
                break;
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Reprices a period and seals its days up to the last that is repriced. Only to be committed when no series was
    /// missing: what is theirs is not written.
    pub fn reprice(
        &self,
        organization: OrganizationId,
        period: Period,
        reprice: &Reprice<'_>,
    ) -> Result<Repricing, StoreError> {
        let series = reprice.names.series();
        self.touch(|| Unshipped::Range(organization, period.first_segment().0..period.next().first_segment().0));
        let (opened, _) = self.take_open(organization, period, reprice.end_in(period), series)?;
        let mut found = Repricing::default();
        self.write_period(organization, period, &opened, series, |of_key| found.take(of_key, period, reprice))?;
        Ok(found)
    }

    /// Adds to what is kept of a repricing, which goes from period to period.
    pub fn keep_repricing(
        &self,
        organization: OrganizationId,
        number: u64,
        model: ValueId,
        mut part: RepricingRecord,
    ) -> Result<(), StoreError> {
        let key = keys::repricing(organization, number, model);
        self.touch_record(REPRICINGS, &key);
        let mut table = self.transaction.open_table(REPRICINGS)?;
        if let Some(kept) = table.get(&key[..])? {
            part.repriced.add(&RepricingRecord::decode(&key, kept.value())?.repriced)?;
        }
        table.insert(&key[..], &part.encode(&key)[..])?;
        Ok(())
    }
}

impl Repricing {
    /// Reprices the rows of an API key. Whether any is another.
    fn take(&mut self, of_key: &mut KeyRows, period: Period, reprice: &Reprice<'_>) -> Result<bool, StoreError> {
        let names = reprice.names;
        // By the series that what is priced belongs to: the numbers of that and of its unpriced twin.
        let mut pairs: BTreeMap<Series, [Option<u32>; 2]> = BTreeMap::new();
        for (id, rows) in &*of_key {
            let series = names.series().get(*id as usize).ok_or_else(|| damaged("a sealed series without a name"))?;
            let place = match series.cost_source {
                CostSource::Reported | CostSource::PricedByCall => continue,
                _ if !(reprice.wanted)(series) => continue,
                CostSource::Unmeasured => {
                    let inside = rows.iter().filter(|(segment, _)| reprice.is_inside(period, *segment));
                    let requests = inside.map(|(_, usage)| usage.get(Count::Requests)).sum();
                    self.by_model.entry(series.model).or_default().add(&unpriced(requests))?;
                    continue;
                }
                CostSource::Priced => 0,
                CostSource::Unpriced => 1,
            };
            pairs.entry(Series { cost_source: CostSource::Priced, ..*series }).or_default()[place] = Some(*id);
        }
        let mut changed = false;
        for (series, ids) in pairs {
            let [mut priced, mut left] = ids.map(|id| id.and_then(|id| of_key.remove(&id)).unwrap_or_default());
            changed |= self.take_pair(&series, [&mut priced, &mut left], period, reprice)?;
            let number = ids[0].map(SeriesId).or_else(|| names.number_of(&series));
            for (id, rows) in [(number.map(|number| number.0), priced), (ids[1], left)] {
                match id {
                    _ if rows.is_empty() => {}
                    Some(id) => drop(of_key.insert(id, rows)),
                    None => self.missing.push(series),
                }
            }
        }
        self.changes |= changed;
        Ok(changed)
    }

    /// Reprices the rows of a series that is priced and of its unpriced twin. Whether any is another.
    fn take_pair(
        &mut self,
        series: &Series,
        [priced, left]: [&mut Vec<SealedRow>; 2],
        period: Period,
        reprice: &Reprice<'_>,
    ) -> Result<bool, StoreError> {
        let mut by_segment: BTreeMap<u16, [Option<Measures>; 2]> = BTreeMap::new();
        for (place, rows) in [&mut *priced, &mut *left].into_iter().enumerate() {
            for (segment, usage) in rows.drain(..) {
                by_segment.entry(segment).or_default()[place] = Some(usage.all);
            }
        }
        let of_model = self.by_model.entry(series.model).or_default();
        let mut changed = false;
        for (segment, [mut old, mut new]) in by_segment {
            if reprice.is_inside(period, segment) {
                let of = Segment(period.first_segment().0 + u32::from(segment));
                let at = of.start_ms();
                let (repriced, differs) =
                    price_segment(&mut old, &mut new, reprice.all, |measures| (reprice.price)(series, at, measures))?;
                of_model.add(&repriced)?;
                let moved = repriced.after.checked_sub(repriced.before).ok_or(Overflow)?;
                for closing in reprice.closings.iter().filter(|_| moved != 0) {
                    let Some(day) = closing.day_of(of) else { continue };
                    let sum = self.moved.entry((closing.month, day, *series)).or_default();
                    *sum = sum.checked_add(moved).ok_or(Overflow)?;
                }
                changed |= differs;
            }
            let row = |measures| (segment, Usage { all: measures, ..Usage::default() });
            priced.extend(old.map(row));
            left.extend(new.map(row));
        }
        Ok(changed)
    }
}

fn unpriced(requests: u64) -> Repriced {
    Repriced { unpriced: requests, ..Repriced::default() }
}

/// Reprices what is priced and what is not of one series in one segment: together where all of it is repriced, so that
/// doing it again changes nothing. Says what became of it, and whether anything is another.
fn price_segment(
    priced: &mut Option<Measures>,
    left: &mut Option<Measures>,
    all: bool,
    price: impl Fn(&Measures) -> Option<PicoUsd>,
) -> Result<(Repriced, bool), Overflow> {
    let newly_priced = left.map_or(0, |measures| measures.get(Count::Requests));
    let mut sum = Measures::ZERO;
    let parts = if all { [*priced, *left] } else { [None, *left] };
    parts.iter().flatten().try_for_each(|part| sum.add(part))?;
    if sum.is_zero() {
        return Ok((Repriced::default(), false));
    }
    sum.counts[Count::Unpriced as usize] = 0;
    let Some(cost) = price(&sum) else { return Ok((unpriced(newly_priced), false)) };
    let requests = sum.get(Count::Requests);
    let before = std::mem::replace(&mut sum.cost, cost);
    if !all {
        priced.iter().try_for_each(|measures| sum.add(measures))?;
    }
    let repriced = Repriced { requests, newly_priced, unpriced: 0, before: before.0, after: cost.0 };
    (*priced, *left) = (Some(sum), None);
    Ok((repriced, newly_priced > 0 || before != cost))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rows::tests::usage;
    use super::*;

    fn part() -> impl Strategy<Value = Option<Measures>> {
        let measures = |mut usage: Usage| {
            usage.all.counts[Count::Requests as usize] = 1 + usage.get(Count::Requests) % 1000;
            usage.all.counts[Count::Unpriced as usize] = 0;
            usage.all
        };
        proptest::option::of(usage().prop_map(measures))
    }

    /// Not the sum of what its parts cost: long calls cost more a token, and all of it is rounded.
    fn tiered(measures: &Measures) -> Option<PicoUsd> {
        let (tokens, calls) = (measures.get(Count::InputTokens), measures.get(Count::Requests));
        let each = if tokens / calls > 100 { 7 } else { 3 };
        (!tokens.is_multiple_of(5)).then_some(PicoUsd(i128::from(tokens / 2 * each)))
    }

    proptest! {
        #[test]
        fn the_difference_is_booked_and_again_there_is_none(priced in part(), left in part(), all in any::<bool>()) {
            let cost = |parts: [&Option<Measures>; 2]| parts.into_iter().flatten().map(|part| part.cost.0).sum::<i128>();
            let (mut new_priced, mut new_left) = (priced, left);
            let (repriced, changed) = price_segment(&mut new_priced, &mut new_left, all, tiered).unwrap();
            let before = cost([&priced, &left]);
            prop_assert_eq!(cost([&new_priced, &new_left]) - before, repriced.after - repriced.before);
            prop_assert_eq!(changed, (new_priced, new_left) != (priced, left));
            prop_assert_eq!(repriced.newly_priced > 0, new_left != left);

            let (again, changed) = price_segment(&mut new_priced, &mut new_left, all, tiered).unwrap();
            prop_assert!(!changed && again.before == again.after && again.newly_priced == 0);
            prop_assert_eq!(again.unpriced, repriced.unpriced);
        }
    }
}
