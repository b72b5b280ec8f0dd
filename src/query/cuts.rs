//! At which cuts of a period's daily totals the buckets of a plan begin and end, and which stretches are whose.

use std::ops::Range;

use super::courses::{Course, NO_GROUP};
use crate::model::{Period, SEGMENTS, Segment};
use crate::store::STRETCHES;

/// Where the stretches belong that a period falls into at one cut.
pub(super) struct AtCut {
    pub cut: usize,
    pub runs: Vec<Run>,
    pub starts: Vec<Start>,
}

/// Neighbouring stretches that all belong to one slot or, `spread`, each to one of neighbouring slots.
pub(super) struct Run {
    pub stretches: Range<usize>,
    pub slot: usize,
    pub spread: bool,
}

/// Everything from the period's start up to the end of a stretch: added to a slot or taken from it.
pub(super) struct Start {
    pub stretch: usize,
    pub slot: usize,
    pub taken: bool,
}

/// What a number of a group means in one period.
pub(super) enum InPeriod {
    Nothing,
    One(u32),
    /// Groups that follow each other, each with where its stretches belong.
    Several(Vec<(u32, AtCut)>),
}

impl AtCut {
    /// The entry of a cut in `cuts`, new if it has none.
    fn of(cuts: &mut Vec<AtCut>, cut: usize) -> &mut AtCut {
        let known = cuts.iter().position(|known| known.cut == cut);
        let known = known.unwrap_or_else(|| {
            cuts.push(AtCut { cut, runs: Vec::new(), starts: Vec::new() });
            cuts.len() - 1
        });
        &mut cuts[known]
    }

    fn push_run(&mut self, stretches: Range<usize>, slot: usize) {
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

/// The slot of a segment: how many boundaries come before it.
pub(super) fn slot(boundaries: &[Segment], segment: Segment) -> usize {
    boundaries.partition_point(|boundary| *boundary <= segment)
}

/// The cuts that the buckets need between two segments of a period.
///
/// A bucket that begins and ends at the same cut is made of whole stretches, and so is one that reaches over an
/// end of the period. In a zone whose clocks don't change these are all, and one cut is read. A bucket between two
/// cuts is what comes before its end less what comes before its start.
pub(super) fn cuts(boundaries: &[Segment], period: Period, within: &Range<usize>) -> Vec<AtCut> {
    let first = period.first_segment();
    let (begin, next) = (first.plus(within.start), first.plus(within.end));
    let from = slot(boundaries, begin);
    // As (cut, the last stretch before it); cut 37 is the end of the UTC day.
    let place = |segment: Segment| {
        let last = (segment.0 - first.0) as usize - 1;
        (last % SEGMENTS + 1, last / SEGMENTS)
    };
    let inside = boundaries[from..].iter().take_while(|boundary| **boundary < next);
    let ends = inside.map(|boundary| Some(place(*boundary)));
    let last = (next < period.next().first_segment()).then(|| place(next));
    let mut cuts = Vec::new();
    let mut start: Option<(usize, usize)> = (within.start > 0).then(|| place(begin));
    for (slot, end) in (from..).zip(ends.chain([last])) {
        if slot != 0 && slot != boundaries.len() {
            match (start, end) {
                (Some((cut, before)), Some((end_cut, last))) if cut != end_cut => {
                    AtCut::of(&mut cuts, cut).starts.push(Start { stretch: before, slot, taken: true });
                    AtCut::of(&mut cuts, end_cut).starts.push(Start { stretch: last, slot, taken: false });
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

/// Only what changes hands within a period is read at other cuts than those of the plan.
pub(super) fn in_period(boundaries: &[Segment], course: &Course<u32>, period: Period) -> InPeriod {
    let mut stays = Vec::new();
    each_of_course(course, period, |group, within| stays.push((group, within.clone())));
    match &stays[..] {
        [] => InPeriod::Nothing,
        [(group, within)] if *within == segments_of(period) => InPeriod::One(*group),
        stays => {
            let each = stays.iter();
            let each =
                each.flat_map(|(group, within)| cuts(boundaries, period, within).into_iter().map(|at| (*group, at)));
            InPeriod::Several(each.collect())
        }
    }
}

pub(super) fn each_of_course(course: &Course<u32>, period: Period, mut visit: impl FnMut(u32, Range<usize>)) {
    let (first, next) = (period.first_segment(), period.next().first_segment());
    let here = &course[course.partition_point(|(from, _)| *from <= first) - 1..];
    let ends = here.iter().skip(1).map(|(from, _)| *from).chain([next]);
    for ((from, group), end) in here.iter().zip(ends).take_while(|((from, _), _)| *from < next) {
        if *group != NO_GROUP {
            let place = |segment: Segment| (segment.clamp(first, next).0 - first.0) as usize;
            visit(*group, place(*from)..place(end));
        }
    }
}

pub(super) fn segments_of(period: Period) -> Range<usize> {
    0..(period.next().first_segment().0 - period.first_segment().0) as usize
}
