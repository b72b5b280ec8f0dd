//! One reading of everything stored for some buckets: what is open, sealed rows, and daily totals.

use std::ops::{Range, RangeInclusive};

use super::cells::{Cells, KeySet, Limb, Part, halves};
use super::courses::{COURSES, Courses, NO_GROUP, at};
use super::cuts::{AtCut, InPeriod, Start, cuts, each_of_course, in_period, segments_of, slot};
use super::elsewhere::Fetched;
use super::plan::Plan;
use super::scan::Scan;
use super::share::Share;
use crate::model::{Count, Dimension, Mode, Overflow, Period, Segment, Series, ValueId};
use crate::store::block::{self, Block};
use crate::store::{
    COLUMNS, Column, PeriodSummary, Pivot, Rows, STRETCHES, Sparse, StoreError, Totals, Which, damaged,
};

/// One reading of everything stored for some buckets.
pub(super) struct Pass<'a> {
    scan: &'a Scan<'a>,
    /// Where slots begin.
    boundaries: &'a [Segment],
    pub cells: Cells,
    /// By column, if the scan wants totals.
    pub totals: [i128; COLUMNS],
    /// The API keys that have usage that counts, if the scan wants totals.
    pub api_keys: KeySet,
    /// Picodollars of the open rows that were touched, whether or not they count.
    pub open_cost: u128,
    /// What takes the place of open rows, where usage is kept elsewhere.
    pub fetched: Option<&'a [Fetched]>,
    scratch: Scratch,
}

/// Buffers that every block uses again.
struct Scratch {
    values: Vec<u64>,
    /// Of the rows at hand: which hours, the segments of hours, where they belong, and the segments of parts, each with its hour.
    hours: Range<usize>,
    segments: Vec<u64>,
    offsets: Vec<u32>,
    parts: Vec<u64>,
    hours_of_parts: Vec<usize>,
    /// Of many values' rows: their values, and their first cells.
    of: Vec<u32>,
    cells: Vec<usize>,
    open_rows: Vec<OpenRow>,
    /// Those of them that API keys paid for.
    open_rows_of_api_keys: Vec<OpenRow>,
}

/// Where a period's segments belong.
struct Places {
    /// By segment: its slot, and where the slot's cells are.
    slots: Vec<u16>,
    offsets: Vec<u32>,
    first: Segment,
    /// Its segments that are in the plan.
    inside: Range<usize>,
    /// Those of each slot that has any, if slots are few.
    few: Option<Vec<(Range<usize>, usize)>>,
    /// Whether a bucket begins inside one of the hours.
    needs_parts: bool,
}

impl Places {
    /// The segments of the plan between two others.
    fn inside(&self, within: &Range<usize>) -> Range<usize> {
        self.inside.start.max(within.start)..self.inside.end.min(within.end)
    }

    /// Whether parts of hours matter between two segments.
    fn needs_parts(&self, within: &Range<usize>) -> bool {
        let inside_hour = |segment: usize| !self.first.plus(segment).begins_hour();
        self.needs_parts || inside_hour(within.start) || inside_hour(within.end)
    }
}

/// So many slots of a period are found in the rows of a series; where there are more, each row's slot is looked up.
const FEW: usize = 4;

/// A row of an open block that counts.
#[derive(Debug, Clone, Copy)]
struct OpenRow {
    number: u32,
    group: u32,
}

impl<'a> Pass<'a> {
    pub fn new(scan: &'a Scan<'a>, plan: &'a Plan, cells: Cells) -> Pass<'a> {
        Pass {
            scan,
            boundaries: &plan.boundaries,
            cells,
            totals: [0; COLUMNS],
            api_keys: KeySet::up_to(if scan.totals { scan.api_key_count } else { 0 }),
            open_cost: 0,
            fetched: None,
            scratch: Scratch {
                values: Vec::new(),
                hours: 0..0,
                segments: Vec::new(),
                offsets: Vec::new(),
                parts: Vec::new(),
                hours_of_parts: Vec::new(),
                of: Vec::new(),
                cells: Vec::new(),
                open_rows: Vec::new(),
                open_rows_of_api_keys: Vec::new(),
            },
        }
    }

    fn segments(&self) -> Range<Segment> {
        self.boundaries[0]..self.boundaries[self.boundaries.len() - 1]
    }

    pub fn read(&mut self, periods: &[(Period, PeriodSummary)], share: Share) -> Result<(), StoreError> {
        let segments = self.segments();
        if segments.is_empty() {
            return Ok(());
        }
        let touched = segments.start.period()..=Segment(segments.end.0 - 1).period();
        let periods = periods.iter().filter(|(period, _)| touched.contains(period));
        let (mut with_totals, mut by_rows) = (Vec::new(), Vec::new());
        for (period, summary) in periods {
            if self.scan.pivot.is_some() && summary.has_totals { &mut with_totals } else { &mut by_rows }.push(*period);
        }
        if share.number > 0 {
            return self.read_rows(&by_rows, share);
        }
        self.read_open(segments)?;
        if !with_totals.is_empty() {
            self.read_totals(&with_totals)?;
            self.read_by_series(&with_totals)?;
            self.read_unpriced(&with_totals)?;
            if self.scan.totals {
                self.read_overall_totals(&with_totals)?;
            }
        }
        self.read_rows(&by_rows, share)
    }

    // ---- what is open ----

    fn read_open(&mut self, segments: Range<Segment>) -> Result<(), StoreError> {
        let scan = self.scan;
        if let Some(fetched) = self.fetched {
            let here = fetched.iter().filter(|fetched| segments.contains(&fetched.segment));
            for Fetched { segment, block, tells_keys } in here {
                self.add_open(&Block::parse(&[], block)?, *segment, *tells_keys)?;
            }
            return Ok(());
        }
        scan.reader.scan_open(scan.organization, segments, |segment, block| self.add_open(&block, segment, true))
    }

    fn add_open(&mut self, block: &Block<'_>, segment: Segment, tells_keys: bool) -> Result<(), StoreError> {
        let scan = self.scan;
        let (scan_totals, slot) = (scan.totals, slot(self.boundaries, segment));
        let wants_keys = scan_totals && tells_keys;
        self.open_cost = self
            .open_cost
            .saturating_add(block.sum(block::COST).saturating_add(block.sum(block::COST + 1).saturating_mul(1 << 64)));
        let Scratch { open_rows: rows, open_rows_of_api_keys: of_api_keys, .. } = &mut self.scratch;
        rows.clear();
        of_api_keys.clear();
        let mut known = true;
        block.series(|number, id| match scan.series_and_group(id) {
            Some((of, group)) => {
                let group = scan.courses.get(group).map_or(group, |course| at(course, segment));
                if group != NO_GROUP {
                    let row = OpenRow { number: number as u32, group };
                    rows.push(row);
                    if of.mode == Mode::ApiKeys {
                        of_api_keys.push(row);
                    }
                    if wants_keys {
                        self.api_keys.insert(of.api_key.0);
                    }
                }
            }
            None => known = false,
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

    fn read_rows(&mut self, periods: &[Period], share: Share) -> Result<(), StoreError> {
        let scan = self.scan;
        let limbs = self.limbs();
        self.each_rows(periods, &share.of_api_keys(scan), |pass, rows, (of, group), places, within| {
            let any = pass.add_rows(rows, group, places, within, of.mode, limbs.clone())?;
            if any && scan.totals {
                pass.api_keys.insert(of.api_key.0);
                pass.add_rows_to_totals(rows, places, within, of.mode);
            }
            Ok(())
        })
    }

    /// What a pivot cannot tell: the usage of keys that are in several groups by what else their series have.
    fn read_by_series(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let limbs = self.kept_limbs();
        self.each_rows(periods, &self.scan.by_series, |pass, rows, (of, group), places, within| {
            pass.add_rows(rows, group, places, within, of.mode, limbs.clone()).map(drop)
        })
    }

    /// What pivots do not keep: how many calls have no price. Few have none, and their rows lie by API key.
    fn read_unpriced(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let limbs = self.kept_limbs().end..self.limbs().end;
        self.each_rows(periods, &self.scan.unpriced_api_keys, |pass, rows, (of, group), places, within| {
            if !of.cost_source.is_unpriced() {
                return Ok(());
            }
            pass.add_rows(rows, group, places, within, of.mode, limbs.clone()).map(drop)
        })
    }

    /// Visits the rows of some API keys that count, with their series, and each group of it with when it is.
    fn each_rows(
        &mut self,
        periods: &[Period],
        api_keys: &[RangeInclusive<ValueId>],
        mut visit: impl FnMut(&mut Self, &Rows<'_>, (&Series, u32), &Places, &Range<usize>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let scan = self.scan;
        for period in periods {
            let places = self.places(*period);
            for api_keys in api_keys {
                scan.reader.scan_rows(scan.organization, *period, api_keys.clone(), |rows| {
                    let Some((of, group)) = scan.series_and_group(rows.id) else {
                        return Err(damaged("a sealed row counts a series that has no name"));
                    };
                    each_stay(&scan.courses, group, *period, |group, within| {
                        visit(self, &rows, (of, group), &places, within)
                    })
                })?;
            }
        }
        Ok(())
    }

    fn limbs(&self) -> Range<usize> {
        0..self.cells.limbs.len()
    }

    /// Those that are read by the pivot.
    fn kept_limbs(&self) -> Range<usize> {
        0..self.cells.limbs.len() - usize::from(!self.scan.unpriced_api_keys.is_empty())
    }

    fn places(&self, period: Period) -> Places {
        let (first, next) = (period.first_segment().0, period.next().first_segment().0);
        let from = slot(self.boundaries, Segment(first));
        let until = self.boundaries.partition_point(|boundary| boundary.0 < next);
        let segments = (next - first) as usize;
        let (mut slots, mut offsets) = (Vec::with_capacity(segments), Vec::with_capacity(segments));
        let mut of_slots = Vec::new();
        // Up to each boundary the slot before it, up to the period's end the last.
        let ends = self.boundaries[from..until].iter().map(|boundary| boundary.0).chain([next]);
        for (slot, end) in (from..).zip(ends) {
            if slot != 0 && slot != self.boundaries.len() && slots.len() < (end - first) as usize {
                of_slots.push((slots.len()..(end - first) as usize, slot));
            }
            slots.resize((end - first) as usize, slot as u16);
            offsets.resize((end - first) as usize, self.cells.offset(slot));
        }
        let of_plan = self.segments();
        let place = |segment: Segment| (segment.0.clamp(first, next) - first) as usize;
        let inside = place(of_plan.start)..place(of_plan.end);
        Places {
            first: Segment(first),
            slots,
            offsets,
            inside,
            few: (of_slots.len() <= FEW).then_some(of_slots),
            needs_parts: self.boundaries[from..until].iter().any(|boundary| !boundary.begins_hour()),
        }
    }

    /// Adds rows of one series, whose mode says who paid, to some of the limbs, as far as they are between two segments
    /// of the period. Whether any of them is in the plan. Leaves the rows' segments in the scratch.
    fn add_rows(
        &mut self,
        rows: &Rows<'_>,
        group: u32,
        places: &Places,
        within: &Range<usize>,
        mode: Mode,
        limbs: Range<usize>,
    ) -> Result<bool, StoreError> {
        let Scratch { hours, segments, offsets, values, parts, .. } = &mut self.scratch;
        let inside = places.inside(within);
        let is_inside = |segment: &u64| inside.contains(&(*segment as usize));
        parts.clear();
        if places.needs_parts(within) {
            // The hour of a part may be outside.
            *hours = rows.all(Which::Hours);
            rows.segments(Which::Parts, &rows.all(Which::Parts), parts)?;
        } else {
            *hours = rows.within(Which::Hours, &inside);
        }
        if let Some(few) = &places.few {
            let mut any = parts.iter().any(is_inside);
            for (segments, slot) in few {
                let here = segments.start.max(within.start)..segments.end.min(within.end);
                let here = rows.between(Which::Hours, &here);
                if here.is_empty() {
                    continue;
                }
                any = true;
                for limb in limbs.clone() {
                    let Limb { column, part } = self.cells.limbs[limb];
                    let Some(column) = row_column(column, mode) else { continue };
                    self.cells.add(group, limb, *slot, part.of_sum(rows.sum(Which::Hours, &here, column)));
                }
            }
            if any && !parts.is_empty() {
                rows.segments(Which::Hours, hours, segments)?;
                self.move_parts(rows, group, places, within, mode, limbs)?;
            }
            return Ok(any);
        }
        rows.segments(Which::Hours, hours, segments)?;
        let all_inside = inside.len() == places.slots.len();
        if !all_inside && !segments.iter().any(is_inside) && !parts.iter().any(is_inside) {
            return Ok(false);
        }
        offsets.clear();
        if within.len() == places.slots.len() {
            offsets.extend(segments.iter().map(|segment| places.offsets[*segment as usize]));
        } else {
            let outside = self.cells.offset(0);
            let offset = |segment: &u64| if is_inside(segment) { places.offsets[*segment as usize] } else { outside };
            offsets.extend(segments.iter().map(offset));
        }
        for limb in limbs.clone() {
            let Some(column) = row_column(self.cells.limbs[limb].column, mode) else { continue };
            if rows.column(Which::Hours, hours, column, values) {
                self.cells.add_each(group, limb, offsets, values);
            }
        }
        if !parts.is_empty() {
            self.move_parts(rows, group, places, within, mode, limbs)?;
        }
        Ok(true)
    }

    /// A part was counted with its hour; where a bucket begins between the two, it moves.
    fn move_parts(
        &mut self,
        rows: &Rows<'_>,
        group: u32,
        places: &Places,
        within: &Range<usize>,
        mode: Mode,
        limbs: Range<usize>,
    ) -> Result<(), StoreError> {
        let Scratch { segments, parts, values, hours_of_parts, .. } = &mut self.scratch;
        Rows::hours_of_parts(segments, parts, hours_of_parts)?;
        let slot_of = |segment: u64| {
            if within.contains(&(segment as usize)) { usize::from(places.slots[segment as usize]) } else { 0 }
        };
        for limb in limbs {
            let Limb { column, part: of_value } = self.cells.limbs[limb];
            let Some(column) = row_column(column, mode) else { continue };
            if !rows.column(Which::Parts, &rows.all(Which::Parts), column, values) {
                continue;
            }
            for ((part, hour), value) in parts.iter().zip(hours_of_parts.iter()).zip(values.iter()) {
                let (from, to) = (slot_of(segments[*hour]), slot_of(*part));
                if from != to {
                    let value = of_value.of(*value);
                    self.cells.add(group, limb, to, value);
                    self.cells.add(group, limb, from, value.wrapping_neg());
                }
            }
        }
        Ok(())
    }

    /// Adds what [`Pass::add_rows`] has just seen to the totals of every measure.
    fn add_rows_to_totals(&mut self, rows: &Rows<'_>, places: &Places, within: &Range<usize>, mode: Mode) {
        let Scratch { segments, parts, values, hours_of_parts, .. } = &mut self.scratch;
        let inside = places.inside(within);
        let hours = rows.between(Which::Hours, &inside);
        let is_inside = |segment: u64| inside.contains(&(segment as usize));
        for column in Column::ALL {
            let Some(source) = row_column(column, mode) else { continue };
            let total = &mut self.totals[column as usize];
            *total += rows.sum(Which::Hours, &hours, source) as i128;
            if !parts.is_empty() && rows.column(Which::Parts, &rows.all(Which::Parts), source, values) {
                for ((part, hour), value) in parts.iter().zip(hours_of_parts.iter()).zip(values.iter()) {
                    match (is_inside(segments[*hour]), is_inside(*part)) {
                        (false, true) => *total += i128::from(*value),
                        (true, false) => *total -= i128::from(*value),
                        _ => {}
                    }
                }
            }
        }
    }

    // ---- daily totals ----

    /// Reads periods, in order, by the scan's pivot.
    pub fn read_totals(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let scan = self.scan;
        let pivot = scan.pivot.expect("only asked with a pivot");
        for periods in runs_of_periods(periods) {
            let mut places: Option<(Period, Places)> = None;
            scan.reader.scan_rare(scan.organization, pivot, periods, |period, sparse| {
                let (_, places) = match &mut places {
                    Some(known) if known.0 == period => known,
                    other => other.insert((period, self.places(period))),
                };
                self.add_sparse(sparse, places)
            })?;
        }
        // Period by period, so that its cells are still in cache when another cut changes them.
        for period in periods {
            self.read_totals_of(pivot, *period)?;
        }
        Ok(())
    }

    /// Adds the rows of many values, each to the group that its value is of at the time.
    fn add_sparse(&mut self, sparse: &Sparse<'_>, places: &Places) -> Result<(), StoreError> {
        let scan = self.scan;
        let Scratch { of, cells, segments, .. } = &mut self.scratch;
        sparse.values(of);
        sparse.segments(segments)?;
        cells.clear();
        for (value, segment) in of.iter().zip(segments.iter()) {
            let number = scan.group_of.of_value(*value).ok_or_else(no_name)?;
            let segment = *segment as usize;
            let group = if number < COURSES {
                number
            } else {
                scan.courses.get(number).map_or(NO_GROUP, |course| at(course, places.first.plus(segment)))
            };
            let counts = group != NO_GROUP && places.inside.contains(&segment);
            cells.push(if counts { self.cells.first_of(group, places.offsets[segment]) } else { Cells::NONE });
        }
        for limb in self.kept_limbs() {
            if sparse.column(self.cells.limbs[limb].column, &mut self.scratch.values) {
                self.cells.add_to(limb, &self.scratch.cells, &self.scratch.values);
            }
        }
        Ok(())
    }

    fn read_totals_of(&mut self, pivot: Pivot, period: Period) -> Result<(), StoreError> {
        let scan = self.scan;
        let cuts = cuts(self.boundaries, period, &segments_of(period));
        let courses: Vec<InPeriod> =
            scan.courses.iter().map(|course| in_period(self.boundaries, course, period)).collect();
        let of_several = courses.iter().flat_map(|course| match course {
            InPeriod::Several(stays) => &stays[..],
            _ => &[],
        });
        let of_several = of_several.map(|(_, at_cut)| at_cut.cut);
        let mut all: Vec<usize> = cuts.iter().map(|at_cut| at_cut.cut).chain(of_several).collect();
        all.sort_unstable();
        all.dedup();
        let mut unknown = false;
        for cut in all {
            let at_cut = cuts.iter().find(|at_cut| at_cut.cut == cut);
            self.each_total(pivot, period, cut, |pass, totals| {
                let Some(number) = scan.group_of.of_value(totals.value) else {
                    unknown = true;
                    return;
                };
                let group = match courses.get((number ^ COURSES) as usize) {
                    _ if number < COURSES => number,
                    Some(InPeriod::One(group)) => *group,
                    Some(InPeriod::Several(stays)) => {
                        let here = stays.iter().filter(|(_, at_cut)| at_cut.cut == cut);
                        return here.for_each(|(group, at_cut)| pass.add_totals(*group, totals, at_cut));
                    }
                    Some(InPeriod::Nothing) | None => return,
                };
                if let Some(at_cut) = at_cut {
                    pass.add_totals(group, totals, at_cut);
                }
            })?;
        }
        if unknown { Err(no_name()) } else { Ok(()) }
    }

    /// Takes note of the API keys that have usage in a period, of which the plan has a part.
    pub fn find_api_keys(&mut self, period: Period) -> Result<(), StoreError> {
        let (scan, pivot) = (self.scan, Pivot::By(Dimension::ApiKey));
        let places = self.places(period);
        scan.reader.scan_rare(scan.organization, pivot, period..period.next(), |_, sparse| {
            let Scratch { of, segments, .. } = &mut self.scratch;
            sparse.values(of);
            sparse.segments(segments)?;
            for (value, segment) in of.iter().zip(segments.iter()) {
                if *value as usize > scan.api_key_count {
                    return Err(no_name());
                }
                if places.inside.contains(&(*segment as usize)) {
                    self.api_keys.insert(*value);
                }
            }
            Ok(())
        })?;
        let mut unknown = false;
        self.each_totals(pivot, &[period], |pass, totals, at_cut| {
            pass.cells.clear();
            pass.add_totals(0, totals, at_cut);
            unknown |= totals.value as usize > scan.api_key_count;
            if !unknown && (0..pass.cells.limbs.len()).any(|limb| pass.cells.get(0, limb, 1) != 0) {
                pass.api_keys.insert(totals.value);
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
        pass.each_totals(Pivot::All, periods, |pass, totals, at_cut| {
            pass.add_totals(0, totals, at_cut);
        })?;
        for column in Column::ALL {
            let limb = |i: usize| i128::from(pass.cells.get(0, 2 * column as usize + i, 1) as i64);
            self.totals[column as usize] += limb(0) + (limb(1) << 32);
        }
        Ok(())
    }

    /// Visits all daily totals that the boundaries need, each with where they belong.
    fn each_totals(
        &mut self,
        pivot: Pivot,
        periods: &[Period],
        mut visit: impl FnMut(&mut Self, &Totals<'_>, &AtCut),
    ) -> Result<(), StoreError> {
        for period in periods {
            for at_cut in cuts(self.boundaries, *period, &segments_of(*period)) {
                self.each_total(pivot, *period, at_cut.cut, |pass, totals| visit(pass, totals, &at_cut))?;
            }
        }
        Ok(())
    }

    /// Visits the daily totals of a period at a cut, as far as a column of theirs is wanted.
    fn each_total(
        &mut self,
        pivot: Pivot,
        period: Period,
        cut: usize,
        mut visit: impl FnMut(&mut Self, &Totals<'_>),
    ) -> Result<(), StoreError> {
        let scan = self.scan;
        for frequent in [true, false] {
            if self.cells.limbs.iter().any(|limb| limb.column.is_frequent() == frequent) {
                let here = period..period.next();
                scan.reader.scan_totals(scan.organization, pivot, frequent, cut, here, |totals| visit(self, totals))?;
            }
        }
        Ok(())
    }

    fn add_totals(&mut self, group: u32, totals: &Totals<'_>, at_cut: &AtCut) {
        let mut stretches = [0; STRETCHES];
        for limb in 0..self.cells.limbs.len() {
            let Limb { column, part } = self.cells.limbs[limb];
            if !totals.column(column, &mut stretches) {
                continue;
            }
            if part != Part::Whole {
                stretches.iter_mut().for_each(|value| *value = part.of(*value));
            }
            for run in &at_cut.runs {
                let of_run = &stretches[run.stretches.clone()];
                if run.spread {
                    self.cells.add_run(group, limb, run.slot, of_run);
                } else {
                    let sum = of_run.iter().fold(0u64, |sum, value| sum.wrapping_add(*value));
                    self.cells.add(group, limb, run.slot, sum);
                }
            }
            if !at_cut.starts.is_empty() {
                let mut sum = 0u64;
                for value in &mut stretches {
                    sum = sum.wrapping_add(*value);
                    *value = sum;
                }
                for Start { stretch, slot, taken } in &at_cut.starts {
                    let value = stretches[*stretch];
                    self.cells.add(group, limb, *slot, if *taken { value.wrapping_neg() } else { value });
                }
            }
        }
    }
}

/// Visits the groups that a number stands for in a period, each with its segments there.
#[inline]
fn each_stay(
    courses: &Courses,
    number: u32,
    period: Period,
    mut visit: impl FnMut(u32, &Range<usize>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if number < COURSES {
        return visit(number, &segments_of(period));
    }
    let mut done = Ok(());
    if let Some(course) = courses.get(number) {
        each_of_course(course, period, |group, within| {
            if done.is_ok() {
                done = visit(group, &within);
            }
        });
    }
    done
}

fn no_name() -> StoreError {
    damaged("a value has usage and no name")
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
fn row_column(column: Column, mode: Mode) -> Option<Column> {
    let of_api_keys = match column {
        Column::ApiKeysRequests => Column::Requests,
        Column::ApiKeysCost => Column::Cost,
        Column::ApiKeysCostHigh => Column::CostHigh,
        column => return Some(column),
    };
    match mode {
        Mode::ApiKeys => Some(of_api_keys),
        Mode::Credits => None,
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
