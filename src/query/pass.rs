//! One reading of everything stored for some buckets: what is open, sealed rows, and daily totals.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::cells::{Cells, KeySet, Limb, Part, halves};
use super::courses::{COURSES, NO_GROUP};
use super::plan::Plan;
use super::scan::Scan;
use crate::model::{Count, Dimension, Mode, Overflow, Period, SEGMENTS, Segment, Series, ValueId};
use crate::store::block::{self, Block};
use crate::store::{COLUMNS, Column, PeriodSummary, Pivot, Rows, STRETCHES, StoreError, Totals, Which, damaged};

/// One reading of everything stored for some buckets.
pub(super) struct Pass<'a> {
    scan: &'a Scan<'a>,
    /// Where slots begin: those of the plan, and where groups change in between.
    boundaries: Cow<'a, [Segment]>,
    /// By slot: the one of the plan that it is a part of, where there are more than in the plan.
    part_of: Option<Vec<u16>>,
    stays: Arc<Stays>,
    pub cells: Cells,
    /// By column, if the scan wants totals.
    pub totals: [i128; COLUMNS],
    /// The API keys that have usage that counts, if the scan wants totals.
    pub api_keys: KeySet,
    /// Picodollars of the open rows that were touched, whether or not they count.
    pub open_cost: u128,
    scratch: Scratch,
}

/// Buffers that every block uses again.
struct Scratch {
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

/// A group, and in which slots.
#[derive(Debug, Clone)]
struct Stay {
    slots: Range<usize>,
    group: u32,
}

/// By course: the stays that it has in the plan.
struct Stays(Vec<Vec<Stay>>);

/// All slots.
const ALWAYS: Range<usize> = 0..usize::MAX;

impl Stays {
    /// Visits the groups that a number stands for in some slots, each with its own.
    #[inline]
    fn each<E>(
        &self,
        number: u32,
        slots: &Range<usize>,
        mut visit: impl FnMut(u32, &Range<usize>) -> Result<(), E>,
    ) -> Result<(), E> {
        if number < COURSES {
            return visit(number, &ALWAYS);
        }
        let stays = self.0.get((number & !COURSES) as usize).map_or(&[][..], Vec::as_slice);
        let first = stays.partition_point(|stay| stay.slots.end <= slots.start);
        let mut here = stays[first..].iter().take_while(|stay| stay.slots.start < slots.end);
        here.try_for_each(|stay| {
            let all = stay.slots.start <= slots.start && slots.end <= stay.slots.end;
            visit(stay.group, if all { &ALWAYS } else { &stay.slots })
        })
    }

    /// The group that a number stands for in a slot.
    #[inline]
    fn at(&self, number: u32, slot: usize) -> u32 {
        let mut group = NO_GROUP;
        let found: Result<(), ()> = self.each(number, &(slot..slot + 1), |of, _| {
            group = of;
            Ok(())
        });
        found.map_or(NO_GROUP, |()| group)
    }
}

/// Where a period's segments belong.
struct Places {
    /// By segment: its slot, and where the slot's cells are.
    slots: Vec<u16>,
    offsets: Vec<u32>,
    /// The slots that the period is in.
    span: Range<usize>,
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

    /// Whether it is in one of some slots of the plan.
    fn inside_of(&self, segment: u64, slots: &Range<usize>) -> bool {
        self.inside(segment) && slots.contains(&usize::from(self.slots[segment as usize]))
    }
}

/// A row of an open block that counts.
#[derive(Debug, Clone, Copy)]
struct OpenRow {
    number: u32,
    group: u32,
}

/// Where the stretches belong that a period falls into at one cut.
struct AtCut {
    cut: usize,
    runs: Vec<Run>,
    starts: Vec<Start>,
    /// All slots that are in question.
    span: Range<usize>,
}

/// Neighbouring stretches that all belong to one slot or, `spread`, each to one of neighbouring slots.
struct Run {
    stretches: Range<usize>,
    slot: usize,
    spread: bool,
}

/// Everything from the period's start up to the end of a stretch: added to a slot or taken from it.
struct Start {
    stretch: usize,
    slot: usize,
    taken: bool,
}

impl AtCut {
    /// The entry of a cut in `cuts`, new if it has none.
    fn of(cuts: &mut Vec<AtCut>, cut: usize) -> &mut AtCut {
        let known = cuts.iter().position(|known| known.cut == cut);
        let known = known.unwrap_or_else(|| {
            cuts.push(AtCut { cut, runs: Vec::new(), starts: Vec::new(), span: 0..0 });
            cuts.len() - 1
        });
        &mut cuts[known]
    }

    fn push_start(&mut self, stretch: usize, slot: usize, taken: bool) {
        self.reach(slot);
        self.starts.push(Start { stretch, slot, taken });
    }

    fn reach(&mut self, slot: usize) {
        let first = if self.span.is_empty() { slot } else { self.span.start.min(slot) };
        self.span = first..self.span.end.max(slot + 1);
    }

    fn push_run(&mut self, stretches: Range<usize>, slot: usize) {
        self.reach(slot);
        let spread = stretches.len() == 1;
        match self.runs.last_mut() {
            Some(last)
                if spread
                    && last.spread
                    && last.stretches.end == stretches.start
                    && last.slot + last.stretches.len() == slot =>
            {
                last.stretches.end = stretches.end;
            }
            _ => self.runs.push(Run { stretches, slot, spread }),
        }
    }
}

impl<'a> Pass<'a> {
    pub fn new(scan: &'a Scan<'a>, plan: &'a Plan, cells: Cells) -> Pass<'a> {
        Pass {
            scan,
            boundaries: Cow::Borrowed(&plan.boundaries),
            part_of: None,
            stays: Arc::new(Stays(Vec::new())),
            cells,
            totals: [0; COLUMNS],
            api_keys: KeySet::up_to(if scan.totals { scan.api_key_count } else { 0 }),
            open_cost: 0,
            scratch: Scratch {
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

    /// Where groups change on the way, slots end: what is in one slot is in one group, and what is in one bucket in its
    /// cells, whatever the number of its slots.
    pub fn along_courses(scan: &'a Scan<'a>, plan: &'a Plan, cells: Cells) -> Pass<'a> {
        let pass = Pass::new(scan, plan, cells);
        if scan.courses.is_empty() || plan.segments().is_empty() {
            return pass;
        }
        let Range { start, end } = plan.segments();
        let changes = scan.courses.iter().flatten().map(|(from, _)| *from);
        let mut boundaries: Vec<Segment> = changes.filter(|change| start < *change && *change < end).collect();
        boundaries.extend(&plan.boundaries);
        boundaries.sort_unstable();
        boundaries.dedup();
        let slot = |segment: Segment| boundaries.partition_point(|boundary| *boundary <= segment);
        let inside = 1..boundaries.len();
        let stays = scan.courses.iter().map(|course| {
            let ends = course.iter().skip(1).map(|(from, _)| slot(*from)).chain([boundaries.len()]);
            let stays = course.iter().zip(ends).map(|((from, group), end)| Stay {
                slots: slot(*from).max(inside.start)..end.min(inside.end),
                group: *group,
            });
            stays.filter(|stay| !stay.slots.is_empty() && stay.group != NO_GROUP).collect()
        });
        let stays = Arc::new(Stays(stays.collect()));
        let part_of = |boundary: &Segment| plan.boundaries.partition_point(|of_plan| of_plan <= boundary) as u16;
        let part_of: Vec<u16> = [0].into_iter().chain(boundaries.iter().map(part_of)).collect();
        let is_finer = boundaries.len() > plan.boundaries.len();
        if is_finer {
            return Pass { boundaries: Cow::Owned(boundaries), part_of: Some(part_of), stays, ..pass };
        }
        Pass { stays, ..pass }
    }

    /// The slot of the plan that has a slot.
    #[inline]
    fn of_plan(&self, slot: usize) -> usize {
        self.part_of.as_ref().map_or(slot, |part_of| usize::from(part_of[slot]))
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
            self.read_by_series(&with_totals)?;
            self.read_unpriced(&with_totals)?;
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
        let scan = self.scan;
        let (scan_totals, stays) = (scan.totals, self.stays.clone());
        self.open_cost = self
            .open_cost
            .saturating_add(block.sum(block::COST).saturating_add(block.sum(block::COST + 1).saturating_mul(1 << 64)));
        let Scratch { open_rows: rows, open_rows_of_api_keys: of_api_keys, .. } = &mut self.scratch;
        rows.clear();
        of_api_keys.clear();
        let mut known = true;
        block.series(|number, id| match scan.series_and_group(id) {
            Some((of, group)) => {
                let group = if group < COURSES { group } else { stays.at(group, slot) };
                if group != NO_GROUP {
                    let row = OpenRow { number: number as u32, group };
                    rows.push(row);
                    if of.mode == Mode::ApiKeys {
                        of_api_keys.push(row);
                    }
                    if scan_totals {
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
        let slot = self.part_of.as_ref().map_or(slot, |part_of| usize::from(part_of[slot]));
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
        let limbs = self.limbs();
        self.each_rows(periods, &scan.api_keys, |pass, rows, (of, group), places, slots| {
            let any = pass.add_rows(rows, group, places, slots, Some(of.mode), limbs.clone())?;
            if any && scan.totals {
                pass.api_keys.insert(of.api_key.0);
                pass.add_rows_to_totals(rows, places, slots, of.mode);
            }
            Ok(())
        })
    }

    /// What a pivot cannot tell: the usage of keys that are in several groups by what else their series have.
    fn read_by_series(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let limbs = self.kept_limbs();
        self.each_rows(periods, &self.scan.by_series, |pass, rows, (of, group), places, slots| {
            pass.add_rows(rows, group, places, slots, Some(of.mode), limbs.clone()).map(drop)
        })
    }

    /// What pivots do not keep: how many calls have no price. Few have none, and their rows lie by API key.
    fn read_unpriced(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let limbs = self.kept_limbs().end..self.limbs().end;
        self.each_rows(periods, &self.scan.unpriced_api_keys, |pass, rows, (of, group), places, slots| {
            if !of.cost_source.is_unpriced() {
                return Ok(());
            }
            pass.add_rows(rows, group, places, slots, Some(of.mode), limbs.clone()).map(drop)
        })
    }

    /// Visits the rows of some API keys that count, with their series, and each group of it with its slots.
    fn each_rows(
        &mut self,
        periods: &[Period],
        api_keys: &[RangeInclusive<ValueId>],
        mut visit: impl FnMut(&mut Self, &Rows<'_>, (&Series, u32), &Places, &Range<usize>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (scan, stays) = (self.scan, self.stays.clone());
        for period in periods {
            let places = self.places(*period);
            for api_keys in api_keys {
                scan.reader.scan_rows(scan.organization, *period, api_keys.clone(), |rows| {
                    let Some((of, group)) = scan.series_and_group(rows.id) else {
                        return Err(damaged("a sealed row counts a series that has no name"));
                    };
                    stays.each(group, &places.span, |group, slots| visit(self, &rows, (of, group), &places, slots))
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
        let from = self.slot(Segment(first));
        let until = self.boundaries.partition_point(|boundary| boundary.0 < next);
        let segments = (next - first) as usize;
        let (mut slots, mut offsets) = (Vec::with_capacity(segments), Vec::with_capacity(segments));
        // Up to each boundary the slot before it, up to the period's end the last.
        let ends = self.boundaries[from..until].iter().map(|boundary| boundary.0).chain([next]);
        for (slot, end) in (from..).zip(ends) {
            slots.resize((end - first) as usize, slot as u16);
            offsets.resize((end - first) as usize, self.cells.offset(self.of_plan(slot)));
        }
        Places {
            span: from..until + 1,
            slots,
            offsets,
            after: self.boundaries.len() as u16,
            all_inside: from > 0 && until < self.boundaries.len(),
            needs_parts: self.boundaries[from..until].iter().any(|boundary| !boundary.begins_hour()),
        }
    }

    /// Adds rows of one series, whose mode says who paid, or of one value of a pivot, whose columns say it, to some of
    /// the limbs, as far as they are in some slots. Whether any of them is in the plan. Leaves the rows' segments in the scratch.
    fn add_rows(
        &mut self,
        rows: &Rows<'_>,
        group: u32,
        places: &Places,
        slots: &Range<usize>,
        mode: Option<Mode>,
        limbs: Range<usize>,
    ) -> Result<bool, StoreError> {
        let Scratch { segments, offsets, values, parts, .. } = &mut self.scratch;
        rows.segments(Which::Hours, segments)?;
        parts.clear();
        if places.needs_parts {
            rows.segments(Which::Parts, parts)?;
        }
        let always = *slots == ALWAYS;
        let inside = |segment: &u64| places.inside_of(*segment, slots);
        let all_inside = places.all_inside && always;
        if !all_inside && !segments.iter().any(inside) && !parts.iter().any(inside) {
            return Ok(false);
        }
        offsets.clear();
        if always {
            offsets.extend(segments.iter().map(|segment| places.offsets[*segment as usize]));
        } else {
            let outside = self.cells.offset(0);
            let offset = |segment: &u64| if inside(segment) { places.offsets[*segment as usize] } else { outside };
            offsets.extend(segments.iter().map(offset));
        }
        for limb in limbs.clone() {
            let Some(column) = row_column(self.cells.limbs[limb].column, mode) else { continue };
            if rows.column(Which::Hours, column, values) {
                self.cells.add_each(group, limb, offsets, values);
            }
        }
        if !parts.is_empty() {
            self.move_parts(rows, group, places, slots, mode, limbs)?;
        }
        Ok(true)
    }

    /// A part was counted with its hour; where a bucket begins between the two, it moves.
    fn move_parts(
        &mut self,
        rows: &Rows<'_>,
        group: u32,
        places: &Places,
        slots: &Range<usize>,
        mode: Option<Mode>,
        limbs: Range<usize>,
    ) -> Result<(), StoreError> {
        let Scratch { segments, parts, values, hours_of_parts, .. } = &mut self.scratch;
        Rows::hours_of_parts(segments, parts, hours_of_parts)?;
        let part_of = self.part_of.as_deref();
        let slot_of = |segment: u64| match usize::from(places.slots[segment as usize]) {
            slot if slots.contains(&slot) => part_of.map_or(slot, |part_of| usize::from(part_of[slot])),
            _ => 0,
        };
        for limb in limbs {
            let Limb { column, part: of_value } = self.cells.limbs[limb];
            let Some(column) = row_column(column, mode) else { continue };
            if !rows.column(Which::Parts, column, values) {
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
    fn add_rows_to_totals(&mut self, rows: &Rows<'_>, places: &Places, slots: &Range<usize>, mode: Mode) {
        let Scratch { segments, parts, values, hours_of_parts, .. } = &mut self.scratch;
        let all_inside = places.all_inside && *slots == ALWAYS;
        let inside = |segment: u64| all_inside || places.inside_of(segment, slots);
        for column in Column::ALL {
            let Some(source) = row_column(column, Some(mode)) else { continue };
            let total = &mut self.totals[column as usize];
            if rows.column(Which::Hours, source, values) {
                let counting = segments.iter().zip(values.iter()).filter(|(segment, _)| inside(**segment));
                *total += counting.map(|(_, value)| i128::from(*value)).sum::<i128>();
            }
            if !all_inside && !parts.is_empty() && rows.column(Which::Parts, source, values) {
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

    // ---- daily totals ----

    /// Reads periods, in order, by the scan's pivot.
    pub fn read_totals(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let (scan, stays) = (self.scan, self.stays.clone());
        let pivot = scan.pivot.expect("only asked with a pivot");
        let group = |value: u32| scan.group_of.of_value(value).ok_or_else(no_name);
        let limbs = self.kept_limbs();
        for periods in runs_of_periods(periods) {
            let mut places: Option<(Period, Places)> = None;
            scan.reader.scan_rare(scan.organization, pivot, periods, |period, rows| {
                let (_, places) = match &mut places {
                    Some(known) if known.0 == period => known,
                    other => other.insert((period, self.places(period))),
                };
                stays.each(group(rows.id)?, &places.span, |group, slots| {
                    self.add_rows(&rows, group, places, slots, None, limbs.clone()).map(drop)
                })
            })?;
        }
        let mut unknown = false;
        self.each_totals(pivot, periods, |pass, totals, at_cut| match scan.group_of.of_value(totals.value) {
            Some(group) => {
                let each: Result<(), StoreError> = stays.each(group, &at_cut.span, |group, slots| {
                    pass.add_totals(group, totals, at_cut, slots);
                    Ok(())
                });
                each.expect("adding up does not fail");
            }
            None => unknown = true,
        })?;
        if unknown { Err(no_name()) } else { Ok(()) }
    }

    /// Takes note of the API keys that have usage in a period, of which the plan has a part.
    pub fn find_api_keys(&mut self, period: Period) -> Result<(), StoreError> {
        let (scan, pivot) = (self.scan, Pivot::By(Dimension::ApiKey));
        let places = self.places(period);
        scan.reader.scan_rare(scan.organization, pivot, period..period.next(), |_, rows| {
            let segments = &mut self.scratch.segments;
            rows.segments(Which::Hours, segments)?;
            let mut any = segments.iter().any(|segment| places.inside(*segment));
            if !any && places.needs_parts {
                rows.segments(Which::Parts, segments)?;
                any = segments.iter().any(|segment| places.inside(*segment));
            }
            if rows.id as usize > scan.api_key_count {
                return Err(no_name());
            }
            if any {
                self.api_keys.insert(rows.id);
            }
            Ok(())
        })?;
        let mut unknown = false;
        self.each_totals(pivot, &[period], |pass, totals, at_cut| {
            pass.cells.clear();
            pass.add_totals(0, totals, at_cut, &ALWAYS);
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
            pass.add_totals(0, totals, at_cut, &ALWAYS);
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
        let scan = self.scan;
        // Period by period, so that its cells are still in cache when another cut changes them.
        for period in periods {
            for at_cut in self.cuts(*period) {
                for frequent in [true, false] {
                    if self.cells.limbs.iter().any(|limb| limb.column.is_frequent() == frequent) {
                        let here = *period..period.next();
                        scan.reader.scan_totals(scan.organization, pivot, frequent, at_cut.cut, here, |totals| {
                            visit(self, totals, &at_cut);
                        })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The cuts that the buckets in a period need.
    ///
    /// A bucket that begins and ends at the same cut is made of whole stretches, and so is one that reaches over an
    /// end of the period. In a zone whose clocks don't change these are all, and one cut is read. A bucket between two
    /// cuts is what comes before its end less what comes before its start.
    fn cuts(&self, period: Period) -> Vec<AtCut> {
        let (first, next) = (period.first_segment(), period.next().first_segment());
        let from = self.slot(first);
        // As (cut, the last stretch before it); cut 37 is the end of the UTC day.
        let inside = self.boundaries[from..].iter().take_while(|boundary| **boundary < next).map(|boundary| {
            let last = (boundary.0 - first.0) as usize - 1;
            Some((last % SEGMENTS + 1, last / SEGMENTS))
        });
        let mut cuts = Vec::new();
        let mut start: Option<(usize, usize)> = None;
        for (slot, end) in (from..).zip(inside.chain([None])) {
            if slot != 0 && slot != self.boundaries.len() {
                match (start, end) {
                    (Some((cut, before)), Some((end_cut, last))) if cut != end_cut => {
                        AtCut::of(&mut cuts, cut).push_start(before, slot, true);
                        AtCut::of(&mut cuts, end_cut).push_start(last, slot, false);
                    }
                    _ => {
                        let cut = end.or(start).map_or(SEGMENTS, |(cut, _)| cut);
                        let stretches =
                            start.map_or(0, |(_, before)| before + 1)..end.map_or(STRETCHES, |(_, last)| last + 1);
                        AtCut::of(&mut cuts, cut).push_run(stretches, slot);
                    }
                }
            }
            start = end;
        }
        cuts
    }

    /// Adds the totals of a value that belong to some slots.
    fn add_totals(&mut self, group: u32, totals: &Totals<'_>, at_cut: &AtCut, slots: &Range<usize>) {
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
                    let (from, to) = (run.slot.max(slots.start), (run.slot + of_run.len()).min(slots.end));
                    if from >= to {
                        continue;
                    }
                    let of_run = &of_run[from - run.slot..to - run.slot];
                    match &self.part_of {
                        None => self.cells.add_run(group, limb, from, of_run),
                        Some(part_of) => {
                            let values = part_of[from..to].iter().zip(of_run);
                            values.for_each(|(slot, value)| self.cells.add(group, limb, usize::from(*slot), *value));
                        }
                    }
                } else if slots.contains(&run.slot) {
                    let sum = of_run.iter().fold(0u64, |sum, value| sum.wrapping_add(*value));
                    self.cells.add(group, limb, self.of_plan(run.slot), sum);
                }
            }
            if !at_cut.starts.is_empty() {
                let mut sum = 0u64;
                for value in &mut stretches {
                    sum = sum.wrapping_add(*value);
                    *value = sum;
                }
                for Start { stretch, slot, taken } in at_cut.starts.iter().filter(|start| slots.contains(&start.slot)) {
                    let value = stretches[*stretch];
                    self.cells.add(group, limb, self.of_plan(*slot), if *taken { value.wrapping_neg() } else { value });
                }
            }
        }
    }
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
