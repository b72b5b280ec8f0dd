//! One reading of everything stored for some buckets: what is open, sealed rows, and running totals.

use std::ops::Range;

use super::cells::{Cells, Limb, Part, halves};
use super::plan::Plan;
use super::scan::{NO_GROUP, Scan};
use crate::model::{Count, Mode, Overflow, PERIOD_DAYS, Period, SEGMENTS, Segment};
use crate::store::block::{self, Block};
use crate::store::{COLUMNS, Column, PeriodSummary, Pivot, Rows, StoreError, Totals, Which, damaged};

/// One reading of everything stored for some buckets.
pub(super) struct Pass<'a> {
    scan: &'a Scan<'a>,
    boundaries: &'a [Segment],
    pub cells: Cells,
    /// By column, if the scan wants totals.
    pub totals: [i128; COLUMNS],
    /// By API key, if the scan wants totals: whether it has usage that counts.
    pub api_keys: Vec<bool>,
    /// Picodollars of the open rows that were touched, whether or not they count.
    pub open_cost: u128,
    scratch: Scratch,
}

/// Buffers that every block uses again.
struct Scratch {
    days: [u64; PERIOD_DAYS + 2],
    values: Vec<u64>,
    /// Of the rows at hand: the segments of hours, where they belong, and the segments of parts, each with its hour.
    segments: Vec<u64>,
    offsets: Vec<u32>,
    parts: Vec<u64>,
    hours_of_parts: Vec<usize>,
    open_rows: Vec<OpenRow>,
    /// Those of them that API keys paid for.
    open_rows_of_api_keys: Vec<OpenRow>,
}

/// Where a period's segments belong.
struct Places {
    /// By segment: its slot, and where the slot's cells are.
    slots: Vec<u16>,
    offsets: Vec<u32>,
    /// The slot after the plan; the one before it is 0.
    after: u16,
    /// Whether the plan has all of the period.
    all_inside: bool,
    /// Whether a bucket begins inside one of the hours.
    needs_parts: bool,
}

impl Places {
    fn inside(&self, segment: u64) -> bool {
        let slot = self.slots[segment as usize];
        slot != 0 && slot != self.after
    }
}

/// A row of an open block that counts.
#[derive(Debug, Clone, Copy)]
struct OpenRow {
    number: u32,
    group: u32,
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
    pub fn new(scan: &'a Scan<'a>, plan: &'a Plan, cells: Cells) -> Pass<'a> {
        Pass {
            scan,
            boundaries: &plan.boundaries,
            cells,
            totals: [0; COLUMNS],
            api_keys: vec![false; if scan.totals { scan.api_key_count + 1 } else { 0 }],
            open_cost: 0,
            scratch: Scratch {
                days: [0; PERIOD_DAYS + 2],
                values: Vec::new(),
                segments: Vec::new(),
                offsets: Vec::new(),
                parts: Vec::new(),
                hours_of_parts: Vec::new(),
                open_rows: Vec::new(),
                open_rows_of_api_keys: Vec::new(),
            },
        }
    }

    fn segments(&self) -> Range<Segment> {
        self.boundaries[0]..self.boundaries[self.boundaries.len() - 1]
    }

    pub fn read(&mut self, periods: &[(Period, PeriodSummary)]) -> Result<(), StoreError> {
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
        let Scan { series, group_of_series, totals: scan_totals, .. } = self.scan;
        let scan_totals = *scan_totals;
        self.open_cost = self
            .open_cost
            .saturating_add(block.sum(block::COST).saturating_add(block.sum(block::COST + 1).saturating_mul(1 << 64)));
        let Scratch { open_rows: rows, open_rows_of_api_keys: of_api_keys, .. } = &mut self.scratch;
        rows.clear();
        of_api_keys.clear();
        let mut known = true;
        block.series(|number, id| match (series.get(id as usize), group_of_series.get(id as usize)) {
            (Some(of), Some(group)) => {
                if *group != NO_GROUP {
                    let row = OpenRow { number: number as u32, group: *group };
                    rows.push(row);
                    if of.mode == Mode::ApiKeys {
                        of_api_keys.push(row);
                    }
                    if scan_totals {
                        self.api_keys[of.api_key.0 as usize] = true;
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
            let add = |row: &OpenRow, value| self.cells.add(row.group, limb, slot, part.of(value));
            match open_column(column) {
                (source, false) => each(block, rows, all, source, add),
                (source, true) => each(block, of_api_keys, false, source, add),
            }
        }
        if scan_totals {
            for column in Column::ALL {
                let total = &mut self.totals[column as usize];
                let add = |_: &OpenRow, value| *total += i128::from(value);
                match open_column(column) {
                    (source, false) if all => *total += i128::try_from(block.sum(source)).map_err(|_| Overflow)?,
                    (source, false) => each(block, rows, all, source, add),
                    (source, true) => each(block, of_api_keys, false, source, add),
                }
            }
        }
        Ok(())
    }

    // ---- sealed rows ----

    fn read_rows(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let scan = self.scan;
        for period in periods {
            let places = self.places(*period);
            for api_keys in &scan.api_keys {
                scan.reader.scan_rows(scan.organization, *period, api_keys.clone(), |rows| {
                    let id = rows.id as usize;
                    let (Some(of), Some(group)) = (scan.series.get(id), scan.group_of_series.get(id)) else {
                        return Err(damaged("a sealed row counts a series that has no name"));
                    };
                    if *group == NO_GROUP {
                        return Ok(());
                    }
                    let any = self.add_rows(&rows, *group, &places, Some(of.mode))?;
                    if any && scan.totals {
                        self.api_keys[of.api_key.0 as usize] = true;
                        self.add_rows_to_totals(&rows, &places, of.mode);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn places(&self, period: Period) -> Places {
        let (first, next) = (period.first_segment().0, period.next().first_segment().0);
        let from = self.slot(Segment(first));
        let until = self.boundaries.partition_point(|boundary| boundary.0 < next);
        let mut slots: Vec<u16> = Vec::with_capacity((next - first) as usize);
        // Up to each boundary the slot before it.
        for (slot, boundary) in (from..until).zip(&self.boundaries[from..until]) {
            slots.resize((boundary.0 - first) as usize, slot as u16);
        }
        slots.resize((next - first) as usize, until as u16);
        Places {
            offsets: slots.iter().map(|slot| self.cells.offset(usize::from(*slot))).collect(),
            after: self.boundaries.len() as u16,
            all_inside: from > 0 && until < self.boundaries.len(),
            needs_parts: self.boundaries[from..until].iter().any(|boundary| !boundary.begins_hour()),
            slots,
        }
    }

    /// Adds rows of one series, whose mode says who paid, or of one value of a pivot, whose columns say it. Whether
    /// any of them is in the plan. Leaves the rows' segments in the scratch.
    fn add_rows(
        &mut self,
        rows: &Rows<'_>,
        group: u32,
        places: &Places,
        mode: Option<Mode>,
    ) -> Result<bool, StoreError> {
        let Scratch { segments, offsets, values, parts, .. } = &mut self.scratch;
        rows.segments(Which::Hours, segments)?;
        parts.clear();
        if places.needs_parts {
            rows.segments(Which::Parts, parts)?;
        }
        let inside = |segment: &u64| places.inside(*segment);
        if !places.all_inside && !segments.iter().any(inside) && !parts.iter().any(inside) {
            return Ok(false);
        }
        offsets.clear();
        offsets.extend(segments.iter().map(|segment| places.offsets[*segment as usize]));
        for limb in 0..self.cells.limbs.len() {
            let Some(column) = row_column(self.cells.limbs[limb].column, mode) else { continue };
            if rows.column(Which::Hours, column, values) {
                self.cells.add_each(group, limb, offsets, values);
            }
        }
        if !parts.is_empty() {
            self.move_parts(rows, group, places, mode)?;
        }
        Ok(true)
    }

    /// A part was counted with its hour; where a bucket begins between the two, it moves.
    fn move_parts(
        &mut self,
        rows: &Rows<'_>,
        group: u32,
        places: &Places,
        mode: Option<Mode>,
    ) -> Result<(), StoreError> {
        let Scratch { segments, parts, values, hours_of_parts, .. } = &mut self.scratch;
        Rows::hours_of_parts(segments, parts, hours_of_parts)?;
        for limb in 0..self.cells.limbs.len() {
            let Limb { column, part: of_value } = self.cells.limbs[limb];
            let Some(column) = row_column(column, mode) else { continue };
            if !rows.column(Which::Parts, column, values) {
                continue;
            }
            for ((part, hour), value) in parts.iter().zip(hours_of_parts.iter()).zip(values.iter()) {
                let (from, to) = (places.slots[segments[*hour] as usize], places.slots[*part as usize]);
                if from != to {
                    let value = of_value.of(*value);
                    self.cells.add(group, limb, usize::from(to), value);
                    self.cells.add(group, limb, usize::from(from), value.wrapping_neg());
                }
            }
        }
        Ok(())
    }

    /// Adds what [`Pass::add_rows`] has just seen to the totals of every measure.
    fn add_rows_to_totals(&mut self, rows: &Rows<'_>, places: &Places, mode: Mode) {
        let Scratch { segments, parts, values, hours_of_parts, .. } = &mut self.scratch;
        let inside = |segment: u64| places.all_inside || places.inside(segment);
        for column in Column::ALL {
            let Some(source) = row_column(column, Some(mode)) else { continue };
            let total = &mut self.totals[column as usize];
            if rows.column(Which::Hours, source, values) {
                let counting = segments.iter().zip(values.iter()).filter(|(segment, _)| inside(**segment));
                *total += counting.map(|(_, value)| i128::from(*value)).sum::<i128>();
            }
            if !places.all_inside && !parts.is_empty() && rows.column(Which::Parts, source, values) {
                for ((part, hour), value) in parts.iter().zip(hours_of_parts.iter()).zip(values.iter()) {
                    match (inside(segments[*hour]), inside(*part)) {
                        (false, true) => *total += i128::from(*value),
                        (true, false) => *total -= i128::from(*value),
                        _ => {}
                    }
                }
            }
        }
    }

    // ---- running totals ----

    /// Reads periods, in order, by the scan's pivot.
    pub fn read_totals(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let scan = self.scan;
        let (pivot, group_of) = scan.pivot.as_ref().expect("only asked with a pivot");
        let group = |value: u32| group_of.get(value as usize).copied().ok_or_else(no_name);
        for periods in runs_of_periods(periods) {
            let mut places: Option<(Period, Places)> = None;
            scan.reader.scan_rare(scan.organization, *pivot, periods, |period, rows| {
                let (_, places) = match &mut places {
                    Some(known) if known.0 == period => known,
                    other => other.insert((period, self.places(period))),
                };
                self.add_rows(&rows, group(rows.id)?, places, None).map(drop)
            })?;
        }
        let mut unknown = false;
        self.each_totals(*pivot, periods, |pass, totals, whole_days, runs| {
            match group_of.get(totals.value as usize) {
                Some(group) => pass.add_totals(*group, totals, whole_days, runs),
                None => unknown = true,
            }
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
            let limb = |i: usize| i128::from(pass.cells.get(0, 2 * column as usize + i, 1) as i64);
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
        // Period by period, so that its cells are still in cache when the next cut changes them.
        for period in periods {
            let here = *period..period.next();
            let (whole, by_cut) = (self.whole_days(*period), self.days_by_cut(*period));
            for frequent in [true, false] {
                if !self.cells.limbs.iter().any(|limb| limb.column.is_frequent() == frequent) {
                    continue;
                }
                scan.reader.scan_totals(scan.organization, pivot, frequent, SEGMENTS, here.clone(), |totals| {
                    visit(self, totals, true, &whole);
                })?;
                for (cut, runs) in &by_cut {
                    scan.reader.scan_totals(scan.organization, pivot, frequent, *cut, here.clone(), |totals| {
                        visit(self, totals, false, runs);
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Where each whole day belongs: to the last bucket that begins on it or before. What of the day comes before
    /// that bucket is put right by [`Pass::days_by_cut`].
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

    /// The cuts at which buckets begin, each with the days on which they do: what of the day comes before the cut
    /// belongs to the bucket before.
    fn days_by_cut(&self, period: Period) -> Vec<(usize, Vec<Run>)> {
        let (first, next) = (period.first_segment(), period.next().first_segment());
        let from = self.boundaries.partition_point(|boundary| *boundary < first);
        let mut cuts: Vec<(usize, Vec<Run>)> = Vec::new();
        for (slot, boundary) in (from..).zip(&self.boundaries[from..]).take_while(|(_, boundary)| **boundary < next) {
            let (day, cut) = ((boundary.day().0 - period.first_day().0) as usize, boundary.of_day());
            if cut == 0 {
                continue;
            }
            match cuts.iter_mut().find(|(known, _)| *known == cut) {
                Some((_, runs)) => push(runs, day, slot),
                None => cuts.push((cut, vec![Run { day, days: 1, slot, step: 0 }])),
            }
        }
        cuts
    }

    fn add_totals(&mut self, group: u32, totals: &Totals<'_>, whole_days: bool, runs: &[Run]) {
        // A zero at either end, so that the differences of neighbours are the whole of what moves.
        let padded = &mut self.scratch.days;
        for limb in 0..self.cells.limbs.len() {
            let Limb { column, part } = self.cells.limbs[limb];
            let days = padded[1..].first_chunk_mut::<PERIOD_DAYS>().expect("as long as a period, and padded");
            if !totals.column(column, days) {
                continue;
            }
            if part != Part::Whole {
                days.iter_mut().for_each(|value| *value = part.of(*value));
            }
            for run in runs {
                let of_run = &padded[1 + run.day..][..run.days];
                match (whole_days, run.step) {
                    (true, 0) => {
                        let sum = of_run.iter().fold(0u64, |sum, value| sum.wrapping_add(*value));
                        self.cells.add(group, limb, run.slot, sum);
                    }
                    (true, _) => self.cells.add_run(group, limb, run.slot, of_run),
                    // What is added to one slot is taken from the next, where the next day's is added.
                    (false, _) if run.days == PERIOD_DAYS => self.cells.add_steps(group, limb, run.slot, &padded[..]),
                    (false, _) => {
                        let mut of_run_only = [0; PERIOD_DAYS + 2];
                        of_run_only[1..=run.days].copy_from_slice(of_run);
                        self.cells.add_steps(group, limb, run.slot, &of_run_only[..run.days + 2]);
                    }
                }
            }
        }
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
