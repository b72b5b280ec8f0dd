//! Usage at full dimension: what each series had in each bucket.

use std::sync::Arc;

use super::activity::{ACTIVITY_COLUMNS, activity, used};
use super::courses::{Courses, NO_GROUP, at, each_stretch};
use super::group::{Filter, Grouping};
use super::labels::{Label, Names};
use super::numbers::{GroupBy, GroupOf, Numbers, number_of};
use super::plan::{Plan, boundary};
use super::scan::Scan;
use super::slices::Slice;
use super::{About, Column, Query, QueryError, RankBy};
use crate::calendar::{Bucket, Granularity, Window};
use crate::model::{CostSource, Count, Dimension, Measures, Mode, Series, SeriesId, UnixMs, Usage};
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

/// The numbers of what usage is attributed to.
type Attributed = [u32; ATTRIBUTED.len()];

/// The sums of one series in one bucket; where a key or a team changes hands in it, those of before and of after.
pub struct Rollup<'a> {
    pub bucket: &'a Bucket,
    pub measures: &'a Measures,
    of: Of<'a>,
}

/// A series and whose it is.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    pub id: SeriesId,
    series: &'a Series,
    attributed: Attributed,
    labels: &'a [Vec<Label>; GROUPS.len()],
}

impl<'a> Rollup<'a> {
    pub fn mode(&self) -> Mode {
        self.of.series.mode
    }

    pub fn cost_source(&self) -> CostSource {
        self.of.series.cost_source
    }

    pub fn label(&self, by: GroupBy) -> &'a Label {
        self.of.label(by)
    }

    pub fn of(&self) -> Of<'a> {
        self.of
    }
}

impl<'a> Of<'a> {
    /// The same for all that is of the same people, teams and cost centres.
    pub fn attributed(&self) -> [u32; ATTRIBUTED.len()] {
        self.attributed
    }

    pub fn label(&self, by: GroupBy) -> &'a Label {
        let attributed = ATTRIBUTED.iter().position(|attributed| *attributed == by);
        let number = attributed.map_or_else(|| by.value_of(self.series), |at| self.attributed[at] as usize);
        &self.labels[by as usize][number]
    }
}

/// What every series of an organization is of.
pub struct Attribution<'a> {
    names: Names<'a>,
    labels: [Vec<Label>; GROUPS.len()],
    attributed: [Numbers; ATTRIBUTED.len()],
}

impl<'a> Attribution<'a> {
    /// `None` for an organization that never had any usage.
    pub fn new(about: About<'a>) -> Option<Attribution<'a>> {
        about.names().map(|(names, _)| Attribution::of_names(names))
    }

    fn of_names(names: Names<'a>) -> Attribution<'a> {
        let (labels, attributed) = (GROUPS.map(|by| names.labels(by)), ATTRIBUTED.map(|by| names.numbers(by).0));
        Attribution { names, labels, attributed }
    }

    /// Whose a series is at a time.
    pub fn at(&self, id: SeriesId, time: UnixMs) -> Result<Of<'_>, StoreError> {
        let series = self.names.names.series().get(id.0 as usize);
        let series = series.ok_or_else(|| damaged("usage of a series without a name"))?;
        let attributed = self.attributed.each_ref().map(|numbers| {
            let number = number_of(numbers, series);
            numbers.courses.get(number).map_or(number, |course| at(course, boundary(time)))
        });
        Ok(Of { id, series, attributed, labels: &self.labels })
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
    let sum = each_rollup(about, &window.buckets(granularity), &whole.filter, |_, rollup| visit(rollup))?;
    if sum != total {
        return Err(QueryError::from(about.reader.differs("the rollups of a window do not add up to its total")).into());
    }
    Ok(())
}

/// The same of buckets that follow each other, from the first instant on: with the number of its bucket each. They add up
/// to what [`used`] says.
pub fn rollups_between<E: From<QueryError>>(
    about: About<'_>,
    buckets: &[Bucket],
    visit: impl FnMut(usize, &Rollup<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { return Ok(()) };
    let total = used(about, &(first.start..last.end), None)?.pop().map_or(Measures::ZERO, |(_, measures)| measures);
    let sum = each_rollup(about, buckets, &Filter::default(), visit)?;
    let shown = |of: &Measures| (of.get(Count::Requests), of.get(Count::TotalTokens), of.cost);
    if shown(&sum) != shown(&total) {
        return Err(
            QueryError::from(about.reader.differs("the rollups of some days do not add up to their total")).into()
        );
    }
    Ok(())
}

fn each_rollup<E: From<QueryError>>(
    about: About<'_>,
    buckets: &[Bucket],
    filter: &Filter,
    mut visit: impl FnMut(usize, &Rollup<'_>) -> Result<(), E>,
) -> Result<Measures, E> {
    let Some((known, organization)) = about.names() else { return Ok(Measures::ZERO) };
    let Attribution { labels, attributed, .. } = Attribution::of_names(known);
    let series = known.names.series();
    let Grouping { group_of, counting, api_keys, courses: of_filter, .. } = known.group(&[], filter);
    // Each series that counts is a group of its own, and each of its parts where it changes hands.
    let (mut groups, mut courses) = (Vec::<(SeriesId, &Series, Attributed)>::new(), Courses::default());
    let own = (0..).zip(series.iter()).map(|(id, series)| {
        let counts = (group_of.of(id, series).unwrap_or(NO_GROUP), &of_filter);
        let [user, team, centre] = attributed.each_ref().map(|numbers| (number_of(numbers, series), &numbers.courses));
        let (first, mut course) = (groups.len(), Vec::new());
        each_stretch(&[counts, user, team, centre], |segment, now| {
            let [counts, of_attributed @ ..] = now else { return };
            let group = match counts {
                0 => {
                    let attributed = Attributed::try_from(of_attributed).expect("one for each");
                    // What comes back to somebody is of the same group.
                    let known = groups[first..].iter().position(|(.., known)| *known == attributed);
                    let place = known.map_or(groups.len(), |known| first + known);
                    if place == groups.len() {
                        groups.push((SeriesId(id), series, attributed));
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
        organization,
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
    let (mut sum, mut usage) = (Measures::ZERO, Usage::default());
    scan.each_slice(&Plan::of(buckets), |slice: &mut Slice| {
        for number in slice.buckets.clone() {
            for (group, (id, series, attributed)) in (0..).zip(&groups) {
                if slice.usage(group, number, &mut usage) {
                    sum.add(&usage.all).map_err(|error| QueryError::from(StoreError::from(error)))?;
                    let of = Of { id: *id, series, attributed: *attributed, labels: &labels };
                    visit(number, &Rollup { bucket: &buckets[number], measures: &usage.all, of })?;
                }
            }
        }
        Ok::<_, E>(())
    })?;
    Ok(sum)
}
