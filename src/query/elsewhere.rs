//! Usage that is kept elsewhere, as if it were open rows.
//!
//! Whoever has it is asked for sums of just what a scan tells apart: pieces of time in which nothing changes hands, and of
//! series what decides which group they are of. A sum then counts as usage of any one series of those that it is of,
//! at the first segment of its piece, and whatever is made of rows is made of it.

use std::collections::{BTreeSet, HashMap};

use super::courses::{Courses, NO_GROUP};
use super::numbers::GroupOf;
use super::plan::Plan;
use super::scan::Scan;
use crate::model::{COUNTS, Count, Dimension, Measures, Segment, Series, SeriesId, ValueId};
use crate::rollup::Row;
use crate::store::block;
use crate::store::{Apart, Column, Elsewhere, StoreError, Wanted};

/// Values up to which whoever is asked is told that there are no others: beyond, leaving out the rest saves little.
const NAMED_VALUES: usize = 1000;

/// Rows of a segment, packed as open rows are.
pub(super) struct Fetched {
    pub segment: Segment,
    pub block: Vec<u8>,
    /// Whether they are of the API keys that they say. Where keys are not told apart they count as of any.
    pub tells_keys: bool,
}

impl Scan<'_> {
    /// What there is for a plan.
    pub fn fetch(&self, elsewhere: &dyn Elsewhere, plan: &Plan) -> Result<Vec<Fetched>, StoreError> {
        let segments = plan.segments();
        if segments.is_empty() || self.series.is_empty() {
            return Ok(Vec::new());
        }
        let apart = self.apart();
        let cuts = pieces(&plan.boundaries, &self.courses);
        let only = self.only_these(apart, &self.group_of);
        let wanted = Wanted { cuts, apart, only, counts: self.counts() };
        let sums = elsewhere.sums(self.organization, &wanted)?;
        let tells_keys = apart.has(Dimension::ApiKey);
        let mut fetched = packed(self.as_rows(sums, apart)?, tells_keys)?;
        if self.totals && !tells_keys {
            // Which keys have any usage that counts is told by rows without a measure.
            let (counts, courses) = self.counts_at_all();
            let apart = self.decides(&counts).and(Dimension::ApiKey);
            let cuts = pieces(&[segments.start, segments.end], &courses);
            let only = self.only_these(apart, &counts);
            let wanted = Wanted { cuts, apart, only, counts: [false; COUNTS] };
            let mut rows = self.as_rows(elsewhere.sums(self.organization, &wanted)?, apart)?;
            rows.iter_mut().for_each(|(_, (_, measures))| *measures = Measures::ZERO);
            fetched.extend(packed(rows, true)?);
        }
        Ok(fetched)
    }

    /// What of a series decides on its group, and on how it counts.
    fn apart(&self) -> Apart {
        let of_mode =
            |column: &Column| matches!(column, Column::ApiKeysRequests | Column::ApiKeysCost | Column::ApiKeysCostHigh);
        let apart = self.decides(&self.group_of);
        Apart { mode: apart.mode || self.totals || self.columns.iter().any(of_mode), ..apart }
    }

    fn decides(&self, group_of: &GroupOf) -> Apart {
        match group_of {
            GroupOf::One => Apart::default(),
            GroupOf::By(numbers) => {
                let apart = match numbers.dimension() {
                    Some(dimension) => Apart::of(dimension),
                    None => Apart { cost_source: true, ..Apart::default() },
                };
                if numbers.by_series.is_empty() { apart } else { apart.and(Dimension::Project) }
            }
            GroupOf::Series(groups) => self.least(groups),
        }
    }

    /// As little of a series as tells its group: all of it, less whatever can be left out.
    fn least(&self, groups: &[u32]) -> Apart {
        let tells = |apart: &Apart| {
            let mut known: HashMap<Series, u32> = HashMap::new();
            let mut all = self.series.iter().zip(groups);
            all.all(|(series, group)| *known.entry(apart.left_of(series)).or_insert(*group) == *group)
        };
        let mut apart = Apart::EVERYTHING;
        let without_cost_source = Apart { cost_source: false, ..apart };
        if tells(&without_cost_source) {
            apart = without_cost_source;
        }
        let without_mode = Apart { mode: false, ..apart };
        if tells(&without_mode) {
            apart = without_mode;
        }
        // The key last: without it there are far fewer sums.
        for dimension in
            [Dimension::Source, Dimension::Provider, Dimension::Project, Dimension::Model, Dimension::ApiKey]
        {
            let mut without = apart;
            without.dimensions[dimension as usize - 1] = false;
            if tells(&without) {
                apart = without;
            }
        }
        apart
    }

    /// Which series count, whatever as.
    fn counts_at_all(&self) -> (GroupOf, Courses) {
        let mut courses = Courses::default();
        let GroupOf::Series(groups) = &*self.group_of else { return (GroupOf::One, courses) };
        let one = |group: u32| if group == NO_GROUP { NO_GROUP } else { 0 };
        let groups = groups.iter().map(|group| self.courses.map(*group, &mut courses, one)).collect();
        (GroupOf::Series(groups), courses)
    }

    /// The values of which usage counts, where they are few among many.
    fn only_these(&self, apart: Apart, group_of: &GroupOf) -> Vec<(Dimension, Vec<ValueId>)> {
        let GroupOf::Series(groups) = group_of else { return Vec::new() };
        let of = |dimension: Dimension| {
            let (mut counting, mut all) = (BTreeSet::new(), BTreeSet::new());
            for (series, group) in self.series.iter().zip(groups) {
                all.insert(series.value(dimension));
                if *group != NO_GROUP {
                    counting.insert(series.value(dimension));
                }
            }
            let few = counting.len() <= NAMED_VALUES && 2 * counting.len() <= all.len();
            few.then(|| (dimension, counting.into_iter().collect()))
        };
        Apart::DIMENSIONS.into_iter().filter(|dimension| apart.has(*dimension)).filter_map(of).collect()
    }

    fn counts(&self) -> [bool; COUNTS] {
        let mut counts = [self.totals; COUNTS];
        for count in self.columns.iter().filter_map(|column| column.count()) {
            counts[count as usize] = true;
        }
        counts[Count::Requests as usize] = true;
        counts
    }

    /// Sums as rows of the first of the series that they are of.
    fn as_rows(&self, sums: Vec<(Segment, Series, Measures)>, apart: Apart) -> Result<Vec<(Segment, Row)>, StoreError> {
        let mut first: HashMap<Series, SeriesId> = HashMap::new();
        for (id, series) in (0..).zip(self.series.iter()) {
            first.entry(apart.left_of(series)).or_insert(SeriesId(id));
        }
        let rows = sums.into_iter().map(|(segment, series, sum)| {
            // One that has no name here is of a later state.
            let id = first.get(&series).ok_or(StoreError::Moved)?;
            Ok((segment, (*id, sum)))
        });
        rows.collect()
    }
}

/// Where pieces of time begin: where buckets do, and where something changes hands.
fn pieces(boundaries: &[Segment], courses: &Courses) -> Vec<Segment> {
    let (first, last) = (boundaries[0], boundaries[boundaries.len() - 1]);
    let changes = courses.iter().flatten().map(|(from, _)| *from);
    let mut cuts: Vec<Segment> = boundaries.iter().copied().chain(changes).collect();
    cuts.retain(|cut| (first..=last).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn packed(mut rows: Vec<(Segment, Row)>, tells_keys: bool) -> Result<Vec<Fetched>, StoreError> {
    rows.sort_unstable_by_key(|(segment, (series, _))| (*segment, *series));
    let mut fetched = Vec::new();
    for of_segment in rows.chunk_by(|a, b| a.0 == b.0) {
        let mut merged: Vec<Row> = Vec::with_capacity(of_segment.len());
        for (_, (series, measures)) in of_segment {
            match merged.last_mut() {
                Some(last) if last.0 == *series => last.1.add(measures)?,
                _ => merged.push((*series, *measures)),
            }
        }
        fetched.push(Fetched { segment: of_segment[0].0, block: block::encode(&[], &merged), tells_keys });
    }
    Ok(fetched)
}
