//! Usage at full dimension: what each series had in each bucket.

use std::sync::Arc;

use super::activity::{ACTIVITY_COLUMNS, activity};
use super::courses::{Courses, NO_GROUP, each_stretch};
use super::group::{Filter, GroupBy, GroupOf, Grouping, Label, number_of};
use super::plan::Plan;
use super::scan::Scan;
use super::slices::Slice;
use super::{About, Column, Query, QueryError, RankBy};
use crate::calendar::{Bucket, Granularity, Window};
use crate::model::{CostSource, Dimension, Measures, Mode, Series, Usage};
use crate::store::{StoreError, damaged};

/// Every measure. What API keys paid is all or nothing by a series' mode.
pub(super) const MEASURES: &[Column] = &[
    Column::Requests,
    Column::TotalTokens,
    Column::Cost,
    Column::InputTokens,
    Column::OutputTokens,
    Column::CachedTokens,
    Column::CacheWriteTokens,
    Column::ReasoningTokens,
    Column::Errors,
    Column::ClientErrors,
    Column::CacheHits,
    Column::Unpriced,
];

/// In the order of their numbers.
const GROUPS: [GroupBy; 8] = [
    GroupBy::Model,
    GroupBy::Project,
    GroupBy::ApiKey,
    GroupBy::User,
    GroupBy::Provider,
    GroupBy::Source,
    GroupBy::Team,
    GroupBy::CostCentre,
];
/// Those of them that may change on the way.
const ATTRIBUTED: [GroupBy; 3] = [GroupBy::User, GroupBy::Team, GroupBy::CostCentre];

/// The sums of one series in one bucket; where a key or a team changes hands in it, those of before and of after.
pub struct Rollup<'a> {
    pub bucket: &'a Bucket,
    pub measures: &'a Measures,
    series: &'a Series,
    /// The numbers of what it is attributed to.
    attributed: &'a [u32; ATTRIBUTED.len()],
    labels: &'a [Vec<Label>; GROUPS.len()],
}

impl Rollup<'_> {
    pub fn mode(&self) -> Mode {
        self.series.mode
    }

    pub fn cost_source(&self) -> CostSource {
        self.series.cost_source
    }

    pub fn label(&self, by: GroupBy) -> &Label {
        let attributed = ATTRIBUTED.iter().position(|attributed| *attributed == by);
        let number = attributed.map_or_else(|| by.value_of(self.series), |at| self.attributed[at] as usize);
        &self.labels[by as usize][number]
    }
}

/// Visits the rollups of a window that a filter leaves, bucket by bucket. They add up to what [`activity`] says of the
/// window: that they do is checked at the end, so what was visited holds only when this returns without an error.
///
/// Takes the memory of one slice of buckets, whatever the window.
pub fn rollups<E: From<QueryError>>(
    about: About<'_>,
    window: Window,
    granularity: Granularity,
    filter: Filter,
    mut visit: impl FnMut(&Rollup<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Some((known, id)) = about.names() else { return Ok(()) };
    let whole = Query {
        window,
        granularity: Granularity::Month,
        group_by: Vec::new(),
        filter,
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    };
    let total = activity(about, &whole)?.totals.usage.all;
    let labels = GROUPS.map(|by| known.labels(by));
    let attributed = ATTRIBUTED.map(|by| known.numbers(by).0);
    let series = known.names.series();
    let Grouping { group_of, counting, api_keys, courses: of_filter, .. } = known.group(&[], &whole.filter);
    // Each series that counts is a group of its own, and each of its parts where it changes hands.
    let (mut groups, mut courses) = (Vec::<(&Series, [u32; ATTRIBUTED.len()])>::new(), Courses::default());
    let own = (0..).zip(series.iter()).map(|(id, series)| {
        let counts = (group_of.of(id, series).unwrap_or(NO_GROUP), &of_filter);
        let [user, team, centre] = attributed.each_ref().map(|numbers| (number_of(numbers, series), &numbers.courses));
        let (first, mut course) = (groups.len(), Vec::new());
        each_stretch(&[counts, user, team, centre], |segment, now| {
            let [counts, of_attributed @ ..] = now else { return };
            let group = match counts {
                0 => {
                    let attributed = <[u32; ATTRIBUTED.len()]>::try_from(of_attributed).expect("one for each");
                    // What comes back to somebody is of the same group.
                    let known = groups[first..].iter().position(|(_, known)| *known == attributed);
                    let place = known.map_or(groups.len(), |known| first + known);
                    if place == groups.len() {
                        groups.push((series, attributed));
                    }
                    place as u32
                }
                _ => NO_GROUP,
            };
            course.push((segment, group));
        });
        courses.number(course)
    });
    let group_of = own.collect();
    let scan = Scan {
        reader: about.reader,
        organization: id,
        series,
        api_key_count: known.names.count(Dimension::ApiKey),
        groups: groups.len(),
        group_of: Arc::new(GroupOf::Series(group_of)),
        courses: Arc::new(courses),
        by_series: Vec::new(),
        counting,
        api_keys,
        pivot: None,
        columns: MEASURES.to_vec(),
        unpriced_api_keys: Vec::new(),
        totals: false,
    };
    let buckets = window.buckets(granularity);
    let (mut sum, mut usage) = (Measures::ZERO, Usage::default());
    scan.each_slice(&Plan::of(&buckets), |slice: &mut Slice| {
        for number in slice.buckets.clone() {
            for (group, (series, attributed)) in (0..).zip(&groups) {
                if slice.usage(group, number, &mut usage) {
                    sum.add(&usage.all).map_err(|error| QueryError::from(StoreError::from(error)))?;
                    let (bucket, measures) = (&buckets[number], &usage.all);
                    visit(&Rollup { bucket, measures, series, attributed, labels: &labels })?;
                }
            }
        }
        Ok::<_, E>(())
    })?;
    if sum != total {
        return Err(QueryError::from(damaged("the rollups of a window do not add up to its total")).into());
    }
    Ok(())
}
