//! Stored usage into sums of groups, bucket by bucket.
//!
//! There are three kinds of stored usage, and a sum is made of all three. *Running totals* answer questions without a
//! filter, broken down by at most one dimension: a bucket is the difference of two of them and the whole days between,
//! whatever its length, so no row is read. *Sealed rows*, by API key, answer all other questions. *Open rows* are what
//! arrived since.
//!
//! Cells are 64 bits and wrap. They are exact all the same: a cell's final value is at most the sum of everything the
//! question touches, and when that does not fit, the question is answered with costs cut into limbs of 32 bits.

use std::ops::Range;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::plan::Plan;
use crate::model::{
    Count, Mode, OrganizationId, Overflow, PERIOD_DAYS, Period, PicoUsd, SEGMENTS, Segment, Series, Usage, ValueId,
};
use crate::store::block::{self, Block};
use crate::store::{COLUMNS, Column, PeriodSummary, Pivot, Reader, Rows, StoreError, Totals, damaged};

/// What does not count has this group.
pub(super) const NO_GROUP: u32 = u32::MAX;

/// Memory for the cells of one slice. A year by 500 keys takes 7 MB.
const SLICE_BYTES: usize = 32 << 20;
/// Work from which on a second thread is worth waking, in nanoseconds.
const WORTH_A_THREAD_NS: u64 = 1_000_000;

/// What to sum.
pub(super) struct Scan<'a> {
    pub reader: &'a Reader,
    pub organization: OrganizationId,
    pub series: &'a [Series],
    pub groups: usize,
    /// For every series its group.
    pub group_of_series: Vec<u32>,
    /// When everything counts and one dimension decides: that dimension, and for each of its values the group.
    pub pivot: Option<(Pivot, Vec<u32>)>,
    /// What is wanted of each group in each bucket. Requests must be the first: a cell without any is empty.
    pub columns: &'a [Column],
    /// Whether totals are wanted in every measure.
    pub totals: bool,
}

/// What a scan finds besides its cells.
#[derive(Default)]
pub(super) struct Found {
    /// All groups and buckets together, in every measure, if that was wanted.
    pub totals: Usage,
    /// The API keys that have usage in the plan and count.
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
    fn slices(&self, plan: &Plan, periods: &[(Period, PeriodSummary)]) -> Vec<Range<usize>> {
        let buckets = plan.buckets();
        let bytes = self.groups.max(1) * self.columns.len() * 8;
        let fitting = (SLICE_BYTES / bytes).saturating_sub(2).max(1);
        let threads = (self.work_ns(periods) / WORTH_A_THREAD_NS + 1).min(rayon::current_num_threads() as u64);
        let per_slice = fitting.min(buckets.div_ceil(threads as usize)).max(1);
        (0..buckets).step_by(per_slice).map(|start| start..(start + per_slice).min(buckets)).collect()
    }

    /// About how long the sealed part takes on one thread.
    fn work_ns(&self, periods: &[(Period, PeriodSummary)]) -> u64 {
        let columns = self.columns.len() as u64;
        let counting = self.group_of_series.iter().filter(|group| **group != NO_GROUP).count() as u64;
        let work = periods.iter().map(|(_, summary)| match &self.pivot {
            Some((_, group_of)) if summary.has_totals => group_of.len() as u64 * (20 + 40 * columns),
            _ => summary.rows * counting / self.series.len().max(1) as u64 * (2 + columns),
        });
        work.sum()
    }

    fn periods(&self, segments: &Range<Segment>) -> Result<Vec<(Period, PeriodSummary)>, StoreError> {
        if segments.is_empty() {
            return Ok(Vec::new());
        }
        let last = Segment(segments.end.0 - 1).period();
        self.reader.periods(self.organization, segments.start.period()..last.next())
    }

    /// Sums a plan.
    pub fn run(&self, plan: &Plan) -> Result<(Found, Sums), StoreError> {
        let segments = plan.segments();
        let periods = self.periods(&segments)?;
        let ranges = self.slices(plan, &periods);
        let too_much = ranges.len() > rayon::current_num_threads()
            && (plan.buckets() * self.groups * self.columns.len() * 8) > SLICE_BYTES;
        if too_much {
            let (found, mut slices) = self.sum(&plan.as_one(), std::slice::from_ref(&(0..1)), &periods)?;
            return Ok((found, Sums::OverAll(slices.remove(0))));
        }
        let (found, slices) = self.sum(plan, &ranges, &periods)?;
        Ok((found, Sums::ByBucket(slices)))
    }

    /// Visits the slices of a plan, one after the other, none of which takes much memory.
    pub fn each_slice<E: From<StoreError>>(
        &self,
        plan: &Plan,
        mut visit: impl FnMut(&Slice) -> Result<(), E>,
    ) -> Result<(), E> {
        let periods = self.periods(&plan.segments())?;
        for range in self.slices(plan, &periods) {
            let (_, slices) = self.sum(plan, std::slice::from_ref(&range), &periods)?;
            slices.iter().try_for_each(&mut visit)?;
        }
        Ok(())
    }

    fn sum(
        &self,
        plan: &Plan,
        ranges: &[Range<usize>],
        periods: &[(Period, PeriodSummary)],
    ) -> Result<(Found, Vec<Slice>), StoreError> {
        let narrow = self.sum_with(plan, ranges, periods, false)?;
        // No cell is above the cost of all that was touched. Only beyond 18 million USD can one not fit 64 bits.
        let touched = periods.iter().map(|(_, summary)| summary.cost).fold(narrow.2, u128::saturating_add);
        let (mut found, slices) = match u64::try_from(touched) {
            Ok(_) => (narrow.0, narrow.1),
            Err(_) => {
                let wide = self.sum_with(plan, ranges, periods, true)?;
                (wide.0, wide.1)
            }
        };
        if let Some((_, group_of)) = &self.pivot {
            debug_assert!(!group_of.contains(&NO_GROUP), "with a pivot everything counts");
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
        let run = |range: &Range<usize>| {
            let part = plan.part(range.clone());
            let cells = Cells::new(self.groups, limbs(self.columns, wide), part.buckets());
            let mut pass = Pass::new(self, &part, cells);
            pass.read(periods)?;
            Ok((range.clone(), pass.cells, pass.totals, pass.api_keys, pass.open_cost))
        };
        let passes: Result<Vec<_>, StoreError> = match ranges {
            [range] => run(range).map(|pass| vec![pass]),
            _ => ranges.par_iter().map(run).collect(),
        };
        let (mut found, mut totals, mut open_cost) = (Found::default(), [0i128; COLUMNS], 0u128);
        let mut slices = Vec::with_capacity(ranges.len());
        for (buckets, cells, of_slice, api_keys, cost) in passes? {
            totals.iter_mut().zip(of_slice).for_each(|(total, part)| *total += part);
            found.api_keys |= api_keys;
            open_cost = open_cost.saturating_add(cost);
            slices.push(Slice { buckets, cells });
        }
        if self.totals {
            found.totals = usage_of(&totals)?;
        }
        Ok((found, slices, open_cost))
    }

    /// The API keys with usage in periods that have running totals: known from the summary where the plan has all of
    /// a period, and from the keys' own totals where it has a part.
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
            let values = summary.api_keys.max().map_or(0, |max| max + 1);
            let of_keys = Scan {
                groups: values as usize,
                group_of_series: Vec::new(),
                pivot: Some((Pivot::ApiKey, (0..values).collect())),
                columns: &[Column::Requests],
                totals: false,
                ..*self
            };
            let part = Plan { boundaries: vec![start.max(first), end.min(next)] };
            let cells = Cells::new(of_keys.groups, limbs(of_keys.columns, false), 1);
            let mut pass = Pass::new(&of_keys, &part, cells);
            pass.read_totals(&[*period])?;
            api_keys.extend((0..values).filter(|key| pass.cells.get(*key, 0, 0) > 0));
        }
        Ok(())
    }
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
        self.cells.usage(group, |row| row[bucket - self.buckets.start + 1], usage)
    }

    /// A group's sums over all buckets of the slice.
    pub fn over_all(&self, group: u32, usage: &mut Usage) -> bool {
        let buckets = 1..self.buckets.len() + 1;
        self.cells.usage(group, |row| row[buckets.clone()].iter().fold(0, |sum, v| sum.wrapping_add(*v)), usage)
    }
}

/// A part of a column that has cells of its own.
#[derive(Debug, Clone, Copy)]
struct Limb {
    column: Column,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Low,
    High,
}

impl Part {
    #[inline]
    fn of(self, value: u64) -> u64 {
        match self {
            Part::Whole => value,
            Part::Low => value & 0xffff_ffff,
            Part::High => value >> 32,
        }
    }
}

/// A cell for each column, or in the wide form four for money.
fn limbs(columns: &[Column], wide: bool) -> Vec<Limb> {
    let in_halves = |low, high| [halves(low), halves(high)].concat();
    let limbs = |column: &Column| match column {
        Column::Cost if wide => in_halves(Column::Cost, Column::CostHigh),
        Column::ApiKeysCost if wide => in_halves(Column::ApiKeysCost, Column::ApiKeysCostHigh),
        column => vec![Limb { column: *column, part: Part::Whole }],
    };
    columns.iter().flat_map(limbs).collect()
}

fn halves(column: Column) -> [Limb; 2] {
    [Limb { column, part: Part::Low }, Limb { column, part: Part::High }]
}

/// Sums by group, limb and bucket. Before the first bucket and after the last there is room for what lies outside.
struct Cells {
    limbs: Vec<Limb>,
    slots: usize,
    values: Vec<u64>,
}

impl Cells {
    fn new(groups: usize, limbs: Vec<Limb>, buckets: usize) -> Cells {
        let slots = buckets + 2;
        Cells { values: vec![0; groups * limbs.len() * slots], limbs, slots }
    }

    #[inline]
    fn row(&mut self, group: u32, limb: usize) -> &mut [u64] {
        let start = (group as usize * self.limbs.len() + limb) * self.slots;
        &mut self.values[start..start + self.slots]
    }

    fn get(&self, group: u32, limb: usize, bucket: usize) -> u64 {
        self.values[(group as usize * self.limbs.len() + limb) * self.slots + bucket + 1]
    }

    fn usage(&self, group: u32, value: impl Fn(&[u64]) -> u64, usage: &mut Usage) -> bool {
        let start = group as usize * self.limbs.len() * self.slots;
        let rows = self.values[start..start + self.limbs.len() * self.slots].chunks_exact(self.slots);
        *usage = Usage::default();
        for (limb, row) in self.limbs.iter().zip(rows) {
            let value = value(row);
            let money = || match limb.part {
                Part::Whole => i128::from(value),
                // Limbs are differences and may be negative; together they are the sum.
                Part::Low => i128::from(value as i64),
                Part::High => i128::from(value as i64) << 32,
            };
            match limb.column {
                Column::Requests if value == 0 => return false,
                Column::Cost => usage.all.cost.0 += money(),
                Column::CostHigh => usage.all.cost.0 += money() << 64,
                Column::ApiKeysCost => usage.api_keys_cost.0 += money(),
                Column::ApiKeysCostHigh => usage.api_keys_cost.0 += money() << 64,
                Column::ApiKeysRequests => usage.api_keys_requests = value,
                column => {
                    let count = column.count().expect("all others are counts");
                    usage.all.counts[count as usize] = value;
                }
            }
        }
        true
    }
}

/// One reading of everything stored for some buckets.
struct Pass<'a> {
    scan: &'a Scan<'a>,
    boundaries: &'a [Segment],
    cells: Cells,
    totals: [i128; COLUMNS],
    api_keys: RoaringBitmap,
    open_cost: u128,
    scratch: Scratch,
}

/// Buffers that every block uses again.
#[derive(Default)]
struct Scratch {
    segments: Vec<u16>,
    values: Vec<u64>,
    open_rows: Vec<OpenRow>,
}

/// A row of an open block that counts.
struct OpenRow {
    number: u32,
    group: u32,
    by_api_keys: bool,
}

/// Days of a period whose values go to neighbouring slots, or all to the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    day: usize,
    days: usize,
    slot: usize,
    step: usize,
}

impl<'a> Pass<'a> {
    fn new(scan: &'a Scan<'a>, plan: &'a Plan, cells: Cells) -> Pass<'a> {
        Pass {
            scan,
            boundaries: &plan.boundaries,
            cells,
            totals: [0; COLUMNS],
            api_keys: RoaringBitmap::new(),
            open_cost: 0,
            scratch: Scratch::default(),
        }
    }

    fn segments(&self) -> Range<Segment> {
        self.boundaries[0]..self.boundaries[self.boundaries.len() - 1]
    }

    fn read(&mut self, periods: &[(Period, PeriodSummary)]) -> Result<(), StoreError> {
        let segments = self.segments();
        if segments.is_empty() {
            return Ok(());
        }
        self.read_open(segments.clone())?;
        let touched = segments.start.period()..=Segment(segments.end.0 - 1).period();
        let periods = periods.iter().filter(|(period, _)| touched.contains(period));
        let (mut with_totals, mut by_rows) = (Vec::new(), Vec::new());
        for (period, summary) in periods {
            if self.scan.pivot.is_some() && summary.has_totals { &mut with_totals } else { &mut by_rows }.push(*period);
        }
        if !with_totals.is_empty() {
            self.read_totals(&with_totals)?;
            if self.scan.totals {
                self.read_overall_totals(&with_totals)?;
            }
        }
        self.read_rows(&by_rows)
    }

    /// The slot of a segment: how many boundaries come before it.
    fn slot(&self, segment: Segment) -> usize {
        self.boundaries.partition_point(|boundary| *boundary <= segment)
    }

    // ---- what is open ----

    fn read_open(&mut self, segments: Range<Segment>) -> Result<(), StoreError> {
        let scan = self.scan;
        scan.reader.scan_open(scan.organization, segments, |segment, block| {
            let slot = self.slot(segment);
            self.add_open(&block, slot)
        })
    }

    fn add_open(&mut self, block: &Block<'_>, slot: usize) -> Result<(), StoreError> {
        let Scan { series, group_of_series, .. } = self.scan;
        self.open_cost = self
            .open_cost
            .saturating_add(block.sum(block::COST).saturating_add(block.sum(block::COST + 1).saturating_mul(1 << 64)));
        let rows = &mut self.scratch.open_rows;
        rows.clear();
        let (mut known, mut last_key) = (true, None);
        block.series(|number, id| match (series.get(id as usize), group_of_series.get(id as usize)) {
            (Some(of), Some(group)) => {
                if *group != NO_GROUP {
                    let by_api_keys = of.mode == Mode::ApiKeys;
                    rows.push(OpenRow { number: number as u32, group: *group, by_api_keys });
                    if last_key != Some(of.api_key) {
                        self.api_keys.insert(of.api_key.0);
                        last_key = Some(of.api_key);
                    }
                }
            }
            _ => known = false,
        });
        if !known {
            return Err(damaged("a rollup counts a series that has no name"));
        }
        let all = rows.len() == block.len();
        for limb in 0..self.cells.limbs.len() {
            let Limb { column, part } = self.cells.limbs[limb];
            let (source, only_api_keys) = open_column(column);
            each(block, rows, all, source, |row, value| {
                if row.by_api_keys || !only_api_keys {
                    let cell = &mut self.cells.row(row.group, limb)[slot];
                    *cell = cell.wrapping_add(part.of(value));
                }
            });
        }
        if self.scan.totals {
            for column in Column::ALL {
                let (source, only_api_keys) = open_column(column);
                let total = &mut self.totals[column as usize];
                if all && !only_api_keys {
                    *total += i128::try_from(block.sum(source)).map_err(|_| Overflow)?;
                } else {
                    each(block, rows, all, source, |row, value| {
                        if row.by_api_keys || !only_api_keys {
                            *total += i128::from(value);
                        }
                    });
                }
            }
        }
        Ok(())
    }

    // ---- sealed rows ----

    fn read_rows(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        if periods.is_empty() {
            return Ok(());
        }
        let scan = self.scan;
        let runs = scan.runs_of_api_keys();
        let (outside, mut slots) = (self.boundaries.len(), Vec::new());
        for period in periods {
            self.slots_of_period(*period, &mut slots);
            for api_keys in &runs {
                scan.reader.scan_rows(scan.organization, *period, api_keys.clone(), |rows| {
                    let id = rows.id as usize;
                    let (Some(of), Some(group)) = (scan.series.get(id), scan.group_of_series.get(id)) else {
                        return Err(damaged("a sealed row counts a series that has no name"));
                    };
                    if *group == NO_GROUP {
                        return Ok(());
                    }
                    let mode = Some(of.mode);
                    if self.add_rows(&rows, *group, &slots, mode)? {
                        self.api_keys.insert(of.api_key.0);
                    }
                    if scan.totals {
                        self.add_rows_to_totals(&rows, of.mode, outside);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn slots_of_period(&self, period: Period, slots: &mut Vec<u32>) {
        slots.clear();
        let first = period.first_segment().0;
        let mut slot = self.slot(Segment(first));
        for segment in first..period.next().first_segment().0 {
            while self.boundaries.get(slot).is_some_and(|boundary| boundary.0 <= segment) {
                slot += 1;
            }
            slots.push(slot as u32);
        }
    }

    /// Adds rows of one series, whose mode says who paid, or of one value of a pivot, whose columns say it. Whether
    /// any of them is in the plan. Leaves the rows' slots in the scratch.
    fn add_rows(
        &mut self,
        rows: &Rows<'_>,
        group: u32,
        slots: &[u32],
        mode: Option<Mode>,
    ) -> Result<bool, StoreError> {
        let Scratch { segments, values, .. } = &mut self.scratch;
        rows.segments(segments)?;
        let (mut least, mut most) = (u32::MAX, 0);
        for segment in segments.iter_mut() {
            let slot = slots[usize::from(*segment)];
            (least, most) = (least.min(slot), most.max(slot));
            *segment = slot as u16;
        }
        let outside = self.boundaries.len() as u32;
        if most == 0 || least == outside {
            return Ok(false);
        }
        for limb in 0..self.cells.limbs.len() {
            let Limb { column, part } = self.cells.limbs[limb];
            let Some(column) = row_column(column, mode) else { continue };
            if rows.column(column, values) {
                let cells = self.cells.row(group, limb);
                for (slot, value) in segments.iter().zip(values.iter()) {
                    let cell = &mut cells[usize::from(*slot)];
                    *cell = cell.wrapping_add(part.of(*value));
                }
            }
        }
        Ok(segments.iter().any(|slot| *slot != 0 && u32::from(*slot) != outside))
    }

    /// Adds what [`Pass::add_rows`] has just seen to the totals of every measure.
    fn add_rows_to_totals(&mut self, rows: &Rows<'_>, mode: Mode, outside: usize) {
        let Scratch { segments, values, .. } = &mut self.scratch;
        for column in Column::ALL {
            let Some(source) = row_column(column, Some(mode)) else { continue };
            if rows.column(source, values) {
                let inside = segments.iter().zip(values.iter());
                let inside = inside.filter(|(slot, _)| **slot != 0 && usize::from(**slot) != outside);
                self.totals[column as usize] += inside.map(|(_, value)| i128::from(*value)).sum::<i128>();
            }
        }
    }

    // ---- running totals ----

    /// Reads periods, in order, by the scan's pivot.
    fn read_totals(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let scan = self.scan;
        let (pivot, group_of) = scan.pivot.as_ref().expect("only asked with a pivot");
        let group = |value: u32| group_of.get(value as usize).copied().ok_or_else(no_name);
        let mut slots = Vec::new();
        for periods in runs_of_periods(periods) {
            let mut at = None;
            scan.reader.scan_rare(scan.organization, *pivot, periods, |period, rows| {
                if at != Some(period) {
                    self.slots_of_period(period, &mut slots);
                    at = Some(period);
                }
                self.add_rows(&rows, group(rows.id)?, &slots, None).map(drop)
            })?;
        }
        let mut unknown = false;
        self.each_totals(*pivot, periods, |pass, totals, whole_days, runs| match group_of.get(totals.value as usize) {
            Some(group) => pass.add_totals(*group, totals, whole_days, runs),
            None => unknown = true,
        })?;
        if unknown { Err(no_name()) } else { Ok(()) }
    }

    /// Adds up all measures of the whole organization over the plan.
    fn read_overall_totals(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let plan = Plan { boundaries: vec![self.boundaries[0], self.boundaries[self.boundaries.len() - 1]] };
        // Limbs of 32 bits, so that no sum wraps.
        let cells = Cells::new(1, Column::ALL.into_iter().flat_map(halves).collect(), 1);
        let mut pass = Pass::new(self.scan, &plan, cells);
        pass.each_totals(Pivot::All, periods, |pass, totals, whole_days, runs| {
            pass.add_totals(0, totals, whole_days, runs);
        })?;
        for column in Column::ALL {
            let limb = |i: usize| i128::from(pass.cells.get(0, 2 * column as usize + i, 0) as i64);
            self.totals[column as usize] += limb(0) + (limb(1) << 32);
        }
        Ok(())
    }

    /// Visits all running totals that the boundaries need: whole days, and the cuts at which buckets begin. `visit`
    /// takes the totals, whether they are of whole days, and where each day belongs.
    fn each_totals(
        &mut self,
        pivot: Pivot,
        periods: &[Period],
        mut visit: impl FnMut(&mut Self, &Totals<'_>, bool, &[Run]),
    ) -> Result<(), StoreError> {
        let scan = self.scan;
        for run in runs_of_periods(periods) {
            let first = run.start;
            let whole: Vec<Vec<Run>> = (run.start.0..run.end.0).map(|p| self.whole_days(Period(p))).collect();
            scan.reader.scan_totals(scan.organization, pivot, SEGMENTS, run, |period, totals| {
                visit(self, totals, true, &whole[(period.0 - first.0) as usize]);
            })?;
        }
        for cut in 1..SEGMENTS {
            let of_cut: Vec<(Period, Vec<Run>)> = periods
                .iter()
                .map(|period| (*period, self.days_beginning_at(*period, cut)))
                .filter(|(_, runs)| !runs.is_empty())
                .collect();
            let with_cut: Vec<Period> = of_cut.iter().map(|(period, _)| *period).collect();
            for run in runs_of_periods(&with_cut) {
                scan.reader.scan_totals(scan.organization, pivot, cut, run, |period, totals| {
                    let at = of_cut.binary_search_by_key(&period, |(p, _)| *p).expect("among those asked for");
                    visit(self, totals, false, &of_cut[at].1);
                })?;
            }
        }
        Ok(())
    }

    /// Where each whole day belongs: to the last bucket that begins on it or before. What of the day comes before
    /// that bucket is put right by [`Pass::days_beginning_at`].
    fn whole_days(&self, period: Period) -> Vec<Run> {
        let first = period.first_day();
        let mut runs: Vec<Run> = Vec::new();
        let mut slot = self.boundaries.partition_point(|boundary| boundary.day() < first);
        for day in 0..PERIOD_DAYS {
            let at = first.0 + day as u32;
            while self.boundaries.get(slot).is_some_and(|boundary| boundary.day().0 <= at) {
                slot += 1;
            }
            push(&mut runs, day, slot);
        }
        runs
    }

    /// The days on which a bucket begins at a cut: what comes before the cut belongs to the bucket before.
    fn days_beginning_at(&self, period: Period, cut: usize) -> Vec<Run> {
        let (first, next) = (period.first_segment(), period.next().first_segment());
        let from = self.boundaries.partition_point(|boundary| *boundary < first);
        let until = self.boundaries.partition_point(|boundary| *boundary < next);
        let mut runs: Vec<Run> = Vec::new();
        for slot in (from..until).filter(|i| self.boundaries[*i].of_day() == cut) {
            push(&mut runs, (self.boundaries[slot].day().0 - period.first_day().0) as usize, slot);
        }
        runs
    }

    fn add_totals(&mut self, group: u32, totals: &Totals<'_>, whole_days: bool, runs: &[Run]) {
        let mut days = [0; PERIOD_DAYS];
        for limb in 0..self.cells.limbs.len() {
            let Limb { column, part } = self.cells.limbs[limb];
            if !totals.column(column, &mut days) {
                continue;
            }
            if part != Part::Whole {
                days.iter_mut().for_each(|value| *value = part.of(*value));
            }
            let cells = self.cells.row(group, limb);
            for run in runs {
                let days = &days[run.day..run.day + run.days];
                match (whole_days, run.step) {
                    (true, 0) => {
                        let sum = days.iter().fold(0u64, |sum, value| sum.wrapping_add(*value));
                        cells[run.slot] = cells[run.slot].wrapping_add(sum);
                    }
                    (true, _) => {
                        for (cell, value) in cells[run.slot..run.slot + run.days].iter_mut().zip(days) {
                            *cell = cell.wrapping_add(*value);
                        }
                    }
                    (false, _) => {
                        for (slot, value) in (run.slot..).step_by(run.step.max(1)).zip(days) {
                            cells[slot] = cells[slot].wrapping_add(*value);
                            cells[slot + 1] = cells[slot + 1].wrapping_sub(*value);
                        }
                    }
                }
            }
        }
    }
}

impl Scan<'_> {
    /// The API keys with a series that counts, as few ranges as there are gaps. Neighbours that do not count are read
    /// over rather than jumped over.
    fn runs_of_api_keys(&self) -> Vec<std::ops::RangeInclusive<ValueId>> {
        let mut counting: Vec<u32> = self
            .series
            .iter()
            .zip(&self.group_of_series)
            .filter(|(_, group)| **group != NO_GROUP)
            .map(|(series, _)| series.api_key.0)
            .collect();
        counting.sort_unstable();
        counting.dedup();
        if 2 * counting.len() > self.series.iter().map(|series| series.api_key.0).max().unwrap_or(0) as usize {
            return vec![ValueId(0)..=ValueId(u32::MAX)];
        }
        counting.chunk_by(|a, b| a + 1 == *b).map(|run| ValueId(run[0])..=ValueId(run[run.len() - 1])).collect()
    }
}

fn no_name() -> StoreError {
    damaged("a value has usage and no name")
}

/// Adds a day to the last run if it carries on there.
fn push(runs: &mut Vec<Run>, day: usize, slot: usize) {
    if let Some(run) = runs.last_mut()
        && run.day + run.days == day
    {
        let step = slot.wrapping_sub(run.slot + run.step * (run.days - 1));
        if run.days == 1 && step <= 1 {
            run.step = step;
        }
        if step == run.step {
            run.days += 1;
            return;
        }
    }
    runs.push(Run { day, days: 1, slot, step: 0 });
}

/// Neighbouring periods, each run as a range.
fn runs_of_periods(periods: &[Period]) -> impl Iterator<Item = Range<Period>> + '_ {
    periods.chunk_by(|a, b| a.next() == *b).map(|run| run[0]..run[run.len() - 1].next())
}

/// The column of an open block that has a column's values, and whether only rows paid by API keys have them.
fn open_column(column: Column) -> (usize, bool) {
    match column {
        Column::Cost => (block::COST, false),
        Column::CostHigh => (block::COST + 1, false),
        Column::ApiKeysRequests => (Count::Requests as usize, true),
        Column::ApiKeysCost => (block::COST, true),
        Column::ApiKeysCostHigh => (block::COST + 1, true),
        column => (column.count().expect("all others are counts") as usize, false),
    }
}

/// The column of sealed rows that has a column's values: rows of a series have none of their own for what API keys
/// paid, since that is all or nothing by its mode.
fn row_column(column: Column, mode: Option<Mode>) -> Option<Column> {
    let of_api_keys = match column {
        Column::ApiKeysRequests => Column::Requests,
        Column::ApiKeysCost => Column::Cost,
        Column::ApiKeysCostHigh => Column::CostHigh,
        column => return Some(column),
    };
    match mode {
        None => Some(column),
        Some(Mode::ApiKeys) => Some(of_api_keys),
        Some(Mode::Credits) => None,
    }
}

/// Visits the rows of a column of an open block: all in one sweep, or those that count, picked out of it.
#[inline]
fn each(block: &Block<'_>, rows: &[OpenRow], all: bool, column: usize, mut visit: impl FnMut(&OpenRow, u64)) {
    if all {
        block.column(column, |number, value| visit(&rows[number], value));
    } else if block.has(column) {
        rows.iter().for_each(|row| visit(row, block.value(column, row.number as usize)));
    }
}
