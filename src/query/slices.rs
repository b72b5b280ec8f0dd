//! Stored usage into sums of groups, bucket by bucket.
//!
//! There are three kinds of stored usage, and a sum is made of all three. *Daily totals* answer questions without a
//! filter, broken down by at most one dimension: a bucket is a sum or a difference of sums of them, whatever its length,
//! so no row is read. *Sealed rows*, by API key, answer all other questions. *Open rows* are what
//! arrived since.
//!
//! Cells are 64 bits and wrap. They are exact all the same: a cell's final value is at most the sum of everything the
//! question touches, and when that does not fit, the question is answered with costs cut into limbs of 32 bits.

use std::ops::Range;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::QueryError;
use super::cells::{Cells, limbs};
use super::pass::Pass;
use super::plan::Plan;
use super::scan::Scan;
use super::share::Share;
use crate::model::{Dimension, Overflow, Period, PicoUsd, Segment, Usage};
use crate::store::{COLUMNS, Column, PeriodSummary, Pivot, StoreError};

/// Memory for the cells of one slice. A year by 500 keys takes 7 MB.
const SLICE_BYTES: usize = 32 << 20;
/// Work from which on a second thread is worth waking, in nanoseconds.
const WORTH_A_THREAD_NS: u64 = 1_000_000;
/// Memory for the cells of a slice that is shared among threads.
const SHARED_BYTES: usize = SLICE_BYTES / 8;

/// What a scan finds besides its cells.
#[derive(Default)]
pub(super) struct Found {
    /// All groups and buckets together, in every measure, if that was wanted.
    pub totals: Usage,
    /// The API keys that have usage in the plan and count, likewise.
    pub api_keys: RoaringBitmap,
}

/// The sums of a plan.
pub(super) enum Sums {
    ByBucket(Vec<Slice>),
    /// Those of all buckets together, where each would take too much memory: ask for them slice by slice, with
    /// [`Scan::each_slice`].
    OverAll(Slice),
}

/// The cells of some buckets.
pub(super) struct Slice {
    pub buckets: Range<usize>,
    cells: Cells,
}

impl<'a> Scan<'a> {
    /// Cuts a plan into slices: as few as fit into memory, or as many as threads are worth waking.
    fn slices(&self, plan: &Plan, periods: &[(Period, PeriodSummary)], threads: usize) -> Vec<Range<usize>> {
        let buckets = plan.buckets();
        let bytes = self.groups.max(1) * self.columns.len() * 8;
        let fitting = (SLICE_BYTES / bytes).saturating_sub(2).max(1);
        let threads = (self.work_ns(periods) / WORTH_A_THREAD_NS + 1).min(threads as u64);
        let per_slice = fitting.min(buckets.div_ceil(threads as usize)).max(1);
        (0..buckets).step_by(per_slice).map(|start| start..(start + per_slice).min(buckets)).collect()
    }

    /// About how long the sealed part takes on one thread.
    fn work_ns(&self, periods: &[(Period, PeriodSummary)]) -> u64 {
        let columns = self.columns.len() as u64;
        let counting = self.counting as u64;
        let work = periods.iter().map(|(_, summary)| match &self.pivot {
            Some(Pivot::By(Dimension::ApiKey)) if summary.has_totals => summary.api_keys.len() * (20 + 40 * columns),
            Some(_) if summary.has_totals => self.groups as u64 * (20 + 40 * columns),
            _ => summary.rows * counting / self.series.len().max(1) as u64 * (2 + columns),
        });
        work.sum()
    }

    /// Into how many shares of its API keys a slice is cut: what is read by rows has no other ends to cut at.
    fn shares(&self, buckets: usize, periods: &[(Period, PeriodSummary)]) -> usize {
        let by_rows = self.pivot.is_none() || periods.iter().any(|(_, summary)| !summary.has_totals);
        // Each share has cells of its own.
        if !by_rows || buckets * self.groups * self.columns.len() * 8 > SHARED_BYTES {
            return 1;
        }
        let worth = self.work_ns(periods) / WORTH_A_THREAD_NS + 1;
        worth.min(rayon::current_num_threads() as u64) as usize
    }

    fn periods(&self, segments: &Range<Segment>) -> Result<Vec<(Period, PeriodSummary)>, StoreError> {
        if segments.is_empty() {
            return Ok(Vec::new());
        }
        let last = Segment(segments.end.0 - 1).period();
        self.reader.periods(self.organization, segments.start.period()..last.next())
    }

    /// Whether the sums of each group in each bucket take too much memory.
    pub fn is_too_much(&self, plan: &Plan) -> bool {
        plan.buckets() * self.groups * self.columns.len() * 8 > SLICE_BYTES
    }

    /// Sums a plan.
    pub fn run(&self, plan: &Plan) -> Result<(Found, Sums), StoreError> {
        if self.totals && self.pivot.is_none() && self.is_of_everything() && self.reader.elsewhere().is_none() {
            // What everything adds up to is in daily totals, if what it is of is not.
            let whole = Scan { totals: true, ..self.as_one().of_columns(vec![Column::Requests, Column::Cost]) };
            let (found, _) = whole.run(&plan.as_one())?;
            let parts = Scan { totals: false, ..self.of_columns(self.columns.clone()) };
            return Ok((found, parts.run(plan)?.1));
        }
        let segments = plan.segments();
        let periods = self.periods(&segments)?;
        let threads = rayon::current_num_threads();
        let ranges = self.slices(plan, &periods, threads);
        if ranges.len() > threads && self.is_too_much(plan) {
            let (found, mut slices) = self.sum(&plan.as_one(), std::slice::from_ref(&(0..1)), &periods)?;
            return Ok((found, Sums::OverAll(slices.remove(0))));
        }
        let (found, slices) = self.sum(plan, &ranges, &periods)?;
        Ok((found, Sums::ByBucket(slices)))
    }

    /// Visits the slices of a plan, one after the other, none of which takes much memory.
    pub fn each_slice<E: From<QueryError>>(
        &self,
        plan: &Plan,
        mut visit: impl FnMut(&mut Slice) -> Result<(), E>,
    ) -> Result<(), E> {
        let periods = self.periods(&plan.segments()).map_err(QueryError::from)?;
        for range in self.slices(plan, &periods, 1) {
            let summed = self.sum(plan, std::slice::from_ref(&range), &periods);
            let (_, mut slices) = summed.map_err(QueryError::from)?;
            slices.iter_mut().try_for_each(&mut visit)?;
        }
        Ok(())
    }

    /// The sums of some groups in each bucket, and after them all the rest of what `whole` counts as one group; `None`
    /// where each takes too much memory.
    pub fn with_the_rest(&self, whole: &Scan<'_>, plan: &Plan) -> Result<Option<Sums>, StoreError> {
        if self.is_too_much(plan) {
            return Ok(None);
        }
        let periods = self.periods(&plan.segments())?;
        let all = 0..plan.buckets();
        let all = std::slice::from_ref(&all);
        let (_, mut of_whole, open_cost) = whole.sum_with(plan, all, &periods, false)?;
        let wide = is_wide(&periods, open_cost);
        if wide {
            (_, of_whole, _) = whole.sum_with(plan, all, &periods, true)?;
        }
        let (_, mut slices, _) = self.sum_with(plan, all, &periods, wide)?;
        slices.iter_mut().zip(&of_whole).for_each(|(slice, whole)| slice.cells.make_last_the_rest_of(&whole.cells));
        Ok(Some(Sums::ByBucket(slices)))
    }

    fn sum(
        &self,
        plan: &Plan,
        ranges: &[Range<usize>],
        periods: &[(Period, PeriodSummary)],
    ) -> Result<(Found, Vec<Slice>), StoreError> {
        let (mut found, mut slices, open_cost) = self.sum_with(plan, ranges, periods, false)?;
        if is_wide(periods, open_cost) {
            (found, slices, _) = self.sum_with(plan, ranges, periods, true)?;
        }
        if self.pivot.is_some() && self.totals {
            self.find_api_keys(plan, periods, &mut found.api_keys)?;
        }
        Ok((found, slices))
    }

    /// Sums the ranges of buckets, and the picodollars of open rows that were touched.
    fn sum_with(
        &self,
        plan: &Plan,
        ranges: &[Range<usize>],
        periods: &[(Period, PeriodSummary)],
        wide: bool,
    ) -> Result<(Found, Vec<Slice>, u128), StoreError> {
        let whole = || plan.part(ranges[0].start..ranges[ranges.len() - 1].end);
        let fetched = self.reader.elsewhere().filter(|_| !ranges.is_empty());
        let fetched = fetched.map(|elsewhere| self.fetch(elsewhere, &whole())).transpose()?;
        let run = |range: &Range<usize>, share: Share| {
            let part = plan.part(range.clone());
            let cells = Cells::new(self.groups, limbs(&self.columns, wide), part.buckets());
            let mut pass = Pass::new(self, &part, cells);
            pass.fetched = fetched.as_deref();
            pass.read(periods, share)?;
            Ok((range.clone(), pass.cells, pass.totals, pass.api_keys, pass.open_cost))
        };
        let passes: Result<Vec<_>, StoreError> = match ranges {
            [range] => match self.shares(range.len(), periods) {
                1 => run(range, Share::ALL).map(|pass| vec![pass]),
                of => (0..of).into_par_iter().map(|number| run(range, Share { number, of })).collect(),
            },
            _ => ranges.par_iter().map(|range| run(range, Share::ALL)).collect(),
        };
        let (mut found, mut totals, mut open_cost) = (Found::default(), [0i128; COLUMNS], 0u128);
        let mut slices = Vec::<Slice>::with_capacity(ranges.len());
        for (buckets, cells, of_slice, api_keys, cost) in passes? {
            totals.iter_mut().zip(of_slice).for_each(|(total, part)| *total += part);
            if self.totals {
                found.api_keys |= api_keys.to_bitmap();
            }
            open_cost = open_cost.saturating_add(cost);
            match slices.last_mut() {
                Some(Slice { buckets: known, cells: sum }) if *known == buckets => sum.add_all(&cells),
                _ => slices.push(Slice { buckets, cells }),
            }
        }
        if self.totals {
            found.totals = usage_of(&totals)?;
        }
        Ok((found, slices, open_cost))
    }

    /// The API keys with usage in periods that have daily totals: known from the summary where the plan has all of
    /// a period's usage, and from the keys' own totals where it has a part.
    fn find_api_keys(
        &self,
        plan: &Plan,
        periods: &[(Period, PeriodSummary)],
        api_keys: &mut RoaringBitmap,
    ) -> Result<(), StoreError> {
        let Range { start, end } = plan.segments();
        for (period, summary) in periods.iter().filter(|(_, summary)| summary.has_totals) {
            let (first, next) = (period.first_segment(), period.next().first_segment());
            if start <= first && next <= end {
                *api_keys |= &summary.api_keys;
                continue;
            }
            let part = Plan { boundaries: vec![start.max(first), end.min(next)] };
            if self.has_all_of(*period, &part)? {
                *api_keys |= &summary.api_keys;
                continue;
            }
            let cells = Cells::new(1, limbs(&[Column::Requests, Column::Cost], false), 1);
            let mut pass = Pass::new(self, &part, cells);
            pass.find_api_keys(*period)?;
            *api_keys |= pass.api_keys.to_bitmap();
        }
        Ok(())
    }

    /// Whether all usage of a period with daily totals lies in a plan's part of it, as that of the current one does when
    /// the plan ends today.
    fn has_all_of(&self, period: Period, part: &Plan) -> Result<bool, StoreError> {
        let all = Plan { boundaries: vec![period.first_segment(), period.next().first_segment()] };
        let whole = self.as_one();
        let sums = |plan: &Plan| -> Result<Vec<u64>, StoreError> {
            let mut pass = Pass::new(&whole, plan, Cells::new(1, limbs(&[Column::Requests, Column::Cost], true), 1));
            pass.read_totals(&[period])?;
            Ok((0..pass.cells.limbs.len()).map(|limb| pass.cells.get(0, limb, 1)).collect())
        };
        Ok(sums(part)? == sums(&all)?)
    }
}

/// Whether a cell may not fit 64 bits: none is above the cost of all that was touched, which takes 18 million USD.
fn is_wide(periods: &[(Period, PeriodSummary)], open_cost: u128) -> bool {
    let touched = periods.iter().map(|(_, summary)| summary.cost).fold(open_cost, u128::saturating_add);
    u64::try_from(touched).is_err()
}

/// All measures from the sums of all columns.
fn usage_of(totals: &[i128; COLUMNS]) -> Result<Usage, Overflow> {
    let mut usage = Usage::default();
    for column in Column::ALL {
        let total = totals[column as usize];
        if let Some(count) = column.count() {
            usage.all.counts[count as usize] = u64::try_from(total).map_err(|_| Overflow)?;
        }
    }
    let money = |low: Column, high: Column| {
        // The halves of a difference are differences: the low one may be negative where the high one makes up for it.
        totals[high as usize].checked_mul(1 << 64).and_then(|high| high.checked_add(totals[low as usize]))
    };
    usage.all.cost = PicoUsd(money(Column::Cost, Column::CostHigh).ok_or(Overflow)?);
    usage.api_keys_cost = PicoUsd(money(Column::ApiKeysCost, Column::ApiKeysCostHigh).ok_or(Overflow)?);
    usage.api_keys_requests = u64::try_from(totals[Column::ApiKeysRequests as usize]).map_err(|_| Overflow)?;
    Ok(usage)
}

impl Slice {
    /// Puts a group's sums in one bucket of the slice into `usage`; false when there is nothing.
    #[inline]
    pub fn usage(&self, group: u32, bucket: usize, usage: &mut Usage) -> bool {
        let slot = bucket - self.buckets.start + 1;
        self.cells.usage(|limb| self.cells.get(group, limb, slot), usage)
    }

    /// The sums of a column by group, over all buckets of some slices.
    pub fn sums_of(slices: &[Slice], column: Column) -> impl Fn(u32) -> i128 {
        let mut places = Vec::new();
        for slice in slices {
            for slot in 1..=slice.buckets.len() {
                places.extend(slice.cells.limbs_of(column).map(|limb| (&slice.cells, slot, limb)));
            }
        }
        move |group| {
            let parts = places.iter().map(|(cells, slot, (limb, left, whole))| {
                let value = cells.get(group, *limb, *slot);
                // Parts are differences and may be negative; together they are the sum.
                (if *whole { i128::from(value) } else { i128::from(value as i64) }) << left
            });
            parts.sum()
        }
    }

    /// Adds the sums of some groups to those of another.
    pub fn merge(&mut self, groups: &[u32], into: u32) {
        self.cells.merge(groups, into);
    }

    /// A group's sums over all buckets of the slice.
    pub fn over_all(&self, group: u32, usage: &mut Usage) -> bool {
        let slots = 1..self.buckets.len() + 1;
        let sum = |limb| slots.clone().fold(0u64, |sum, slot| sum.wrapping_add(self.cells.get(group, limb, slot)));
        self.cells.usage(sum, usage)
    }
}
