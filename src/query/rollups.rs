//! Usage at full dimension: what each series had in each bucket.

use std::sync::Arc;

use super::activity::{ACTIVITY_COLUMNS, activity};
use super::group::{Filter, GroupBy, GroupOf, Grouping, Label, NO_GROUP};
use super::plan::Plan;
use super::scan::Scan;
use super::slices::Slice;
use super::{About, Column, Query, QueryError, RankBy};
use crate::calendar::{Bucket, Granularity, Window};
use crate::model::{CostSource, Dimension, Measures, Mode, Series, Usage};
use crate::store::{StoreError, damaged};

/// Every measure. What API keys paid is all or nothing by a series' mode.
const MEASURES: &[Column] = &[
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
const GROUPS: [GroupBy; 6] =
    [GroupBy::Model, GroupBy::Project, GroupBy::ApiKey, GroupBy::User, GroupBy::Provider, GroupBy::Source];

/// The sums of one series in one bucket.
pub struct Rollup<'a> {
    pub bucket: &'a Bucket,
    pub measures: &'a Measures,
    series: &'a Series,
    labels: &'a [(Vec<u32>, Vec<Label>); GROUPS.len()],
}

impl Rollup<'_> {
    pub fn mode(&self) -> Mode {
        self.series.mode
    }

    pub fn cost_source(&self) -> CostSource {
        self.series.cost_source
    }

    pub fn label(&self, by: GroupBy) -> &Label {
        let (label_of, labels) = &self.labels[by as usize];
        &labels[label_of[by.value_of(self.series)] as usize]
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
    let series = known.names.series();
    let Grouping { group_of, counting, api_keys, .. } = known.group(&[], &whole.filter);
    // Each series that counts is a group of its own.
    let own = (0..).zip(series.iter()).map(|(id, series)| match group_of.of(id, series) {
        Some(0) => id,
        _ => NO_GROUP,
    });
    let group_of = own.collect();
    let scan = Scan {
        reader: about.reader,
        organization: id,
        series,
        api_key_count: known.names.count(Dimension::ApiKey),
        groups: series.len(),
        group_of: Arc::new(GroupOf::Series(group_of)),
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
            for (group, series) in (0..).zip(series.iter()) {
                if slice.usage(group, number, &mut usage) {
                    sum.add(&usage.all).map_err(|error| QueryError::from(StoreError::from(error)))?;
                    visit(&Rollup { bucket: &buckets[number], measures: &usage.all, series, labels: &labels })?;
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
