//! Usage over time, broken down.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::Range;

use super::group::{Filter, Group, GroupBy, Grouping, Label, Names};
use super::plan::Plan;
use super::scan::Scan;
use super::slices::{Found, Slice, Sums};
use super::{About, Query, QueryError, RankBy};
use crate::calendar::Bucket;
use crate::model::{Count, Dimension, Measures, OrganizationId, UnixMs, Usage, ValueId};
use crate::store::{Column, damaged};

/// Sums of one group, in one bucket or over a window. Of counts it has those that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Index into the answer's groups.
    pub group: u32,
    pub usage: Usage,
}

/// Sums over a whole window, in every measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    pub usage: Usage,
    pub active_api_keys: usize,
    /// Former members included, unattributed usage not.
    pub active_members: usize,
}

/// An answer. Its buckets are made when they are visited, so that a long answer takes no more memory than a short one.
pub struct Activity<'a> {
    pub groups: Vec<Group>,
    pub totals: Totals,
    /// Groups over the whole window, largest first.
    pub ranking: Vec<Entry>,
    buckets: Vec<Bucket>,
    /// The scan's groups that are shown, largest first.
    shown: Vec<u32>,
    /// Those that are added to the last of them, *Other*.
    others: Vec<u32>,
    /// `None` when the organization never had any usage.
    sums: Option<(Scan<'a>, Sums)>,
}

/// What entries of `/analytics/activity` show.
pub const ACTIVITY_COLUMNS: &[Column] =
    &[Column::Requests, Column::TotalTokens, Column::Cost, Column::ApiKeysRequests, Column::ApiKeysCost];

/// Answers a question from one commit.
pub fn activity<'a>(about: About<'a>, query: &Query) -> Result<Activity<'a>, QueryError> {
    let buckets = query.window.buckets(query.granularity);
    let Some((known, id)) = about.names() else {
        let (groups, totals, ranking, shown, others) = Default::default();
        return Ok(Activity { groups, totals, ranking, buckets, shown, others, sums: None });
    };
    let (mut scan, mut groups) = scan(about, &query.group_by, &query.filter, query.columns, &known, id);
    let (Found { totals, api_keys }, mut sums) = scan.run(&Plan::of(&buckets))?;
    // Buckets that are still to be summed need no totals again.
    scan.totals = false;

    let over_window = over_window(&sums, groups.len())?;
    let mut all = Usage::default();
    over_window.iter().try_for_each(|usage| all.add(usage)).map_err(crate::store::StoreError::from)?;
    // Breakdown and totals come from different bytes. That they agree is the proof of both.
    if all.cost() != totals.cost() || all.get(Count::Requests) != totals.get(Count::Requests) {
        return Err(damaged("a breakdown does not add up to its total").into());
    }
    let mut order: Vec<u32> = (0..groups.len() as u32).filter(|g| !over_window[*g as usize].is_zero()).collect();
    order.sort_by(|a, b| {
        // Equal ranks are in order of their keys, so that an answer is the same each time.
        let rank = |g: &u32| Reverse(rank(&over_window[*g as usize], query.rank_by));
        let keys = |g: &u32| groups[*g as usize].labels.iter().map(|label| &label.key);
        rank(a).cmp(&rank(b)).then_with(|| keys(a).cmp(keys(b)))
    });
    let kept = query.top.map_or(order.len(), |top| top.min(order.len()));

    let mut ranking: Vec<Entry> = Vec::with_capacity(kept + 1);
    for (rank, group) in order.iter().enumerate() {
        add_entry(&mut ranking, rank.min(kept) as u32, &over_window[*group as usize]);
    }
    let members: HashSet<&str> = api_keys.iter().filter_map(|key| known.creator(ValueId(key))).collect();
    let mut kept_groups: Vec<Group> = order[..kept]
        .iter()
        .map(|g| std::mem::replace(&mut groups[*g as usize], Group { labels: Vec::new() }))
        .collect();
    if kept < order.len() {
        kept_groups.push(other(query.group_by.len()));
    }
    // What is not shown by itself is added up once, rather than in each bucket.
    let others = order.split_off((kept + 1).min(order.len()));
    if let Sums::ByBucket(slices) = &mut sums
        && !others.is_empty()
    {
        slices.iter_mut().for_each(|slice| slice.merge(&others, order[kept]));
    }
    Ok(Activity {
        groups: kept_groups,
        totals: Totals { usage: totals, active_api_keys: api_keys.len() as usize, active_members: members.len() },
        ranking,
        buckets,
        shown: order,
        others,
        sums: Some((scan, sums)),
    })
}

/// The group of all that is not shown by itself.
pub(super) fn other(dimensions: usize) -> Group {
    let label = Label { key: None, label: "Other".into(), ordinal: None, deleted: false, former: false };
    Group { labels: vec![label; dimensions] }
}

/// The part of an answer that comes before ranks and labels: the sums of every bucket. How many are not zero. For
/// benches, which measure it by itself.
pub fn sum_buckets(about: About<'_>, query: &Query) -> Result<usize, QueryError> {
    let Some((known, id)) = about.names() else { return Ok(0) };
    let (mut scan, groups) = scan(about, &query.group_by, &query.filter, query.columns, &known, id);
    scan.totals = false;
    let (_, sums) = scan.run(&Plan::of(&query.window.buckets(query.granularity)))?;
    let Sums::ByBucket(slices) = sums else { return Ok(0) };
    let mut usage = Usage::default();
    // Looking at one bucket keeps the compiler from leaving the rest out.
    Ok((0..groups.len() as u32).filter(|group| slices[0].usage(*group, slices[0].buckets.start, &mut usage)).count())
}

/// What was used between two instants at which sums can be cut, by one dimension or in all.
pub fn used(
    about: About<'_>,
    time: &Range<UnixMs>,
    by: Option<GroupBy>,
) -> Result<Vec<(Option<String>, Measures)>, QueryError> {
    let Some((known, id)) = about.names() else { return Ok(Vec::new()) };
    let Some(newest) = about.reader.newest_day(id)? else { return Ok(Vec::new()) };
    let group_by = Vec::from_iter(by);
    let (mut scan, groups) = scan(about, &group_by, &Filter::default(), USED_COLUMNS, &known, id);
    scan.totals = false;
    let plan = Plan::between(time.start, time.end.min(newest.next().start_ms()));
    if plan.segments().is_empty() {
        return Ok(Vec::new());
    }
    let (_, sums) = scan.run(&plan)?;
    let sums = over_window(&sums, groups.len())?;
    let key = |group: Group| group.labels.into_iter().next().and_then(|label| label.key);
    let used = groups.into_iter().zip(sums).filter(|(_, usage)| !usage.is_zero());
    Ok(used.map(|(group, usage)| (key(group), usage.all)).collect())
}

/// What budgets count.
const USED_COLUMNS: &[Column] = &[Column::Requests, Column::TotalTokens, Column::Cost];

fn scan<'a>(
    about: About<'a>,
    group_by: &[GroupBy],
    filter: &Filter,
    columns: &[Column],
    known: &Names<'a>,
    id: OrganizationId,
) -> (Scan<'a>, Vec<Group>) {
    let Grouping { groups, group_of_series, counting, api_keys, pivot } = known.group(group_by, filter);
    let pivot = pivot.filter(|(pivot, _)| columns.iter().all(|column| pivot.keeps(*column)));
    let unpriced = known.unpriced(&group_of_series);
    let mut columns = columns.to_vec();
    if !unpriced.is_empty() && !columns.contains(&Column::Unpriced) {
        columns.push(Column::Unpriced);
    }
    let keeps = pivot.as_ref().is_none_or(|(pivot, _)| pivot.keeps(Column::Unpriced));
    let unpriced_api_keys = if keeps { Vec::new() } else { known.runs_of_api_keys(&unpriced) };
    let scan = Scan {
        reader: about.reader,
        organization: id,
        series: known.names.series(),
        api_key_count: known.names.count(Dimension::ApiKey),
        groups: groups.len(),
        group_of_series,
        counting,
        api_keys,
        pivot,
        columns,
        unpriced_api_keys,
        totals: true,
    };
    (scan, groups)
}

impl Activity<'_> {
    /// Visits each bucket with its sum and its entries, largest group over the window first.
    pub fn each_bucket<E: From<QueryError>>(
        &self,
        mut visit: impl FnMut(&Bucket, &Usage, &[Entry]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut of_slice = |slice: &Slice| {
            for number in slice.buckets.clone() {
                entries.clear();
                let (mut total, mut usage) = (Usage::default(), Usage::default());
                for (rank, group) in (0..).zip(&self.shown) {
                    if slice.usage(*group, number, &mut usage) {
                        entries.push(Entry { group: rank, usage });
                        total.add(&usage).expect(WITHIN_THE_TOTAL);
                    }
                }
                visit(&self.buckets[number], &total, &entries)?;
            }
            Ok(())
        };
        match &self.sums {
            None => self.buckets.iter().try_for_each(|bucket| visit(bucket, &Usage::default(), &[])),
            Some((_, Sums::ByBucket(slices))) => slices.iter().try_for_each(of_slice),
            Some((scan, Sums::OverAll(_))) => scan.each_slice(&Plan::of(&self.buckets), |slice| {
                if let (Some(other), false) = (self.shown.last(), self.others.is_empty()) {
                    slice.merge(&self.others, *other);
                }
                of_slice(slice)
            }),
        }
    }

    /// All buckets at once, for answers known to be small.
    pub fn collect_buckets(&self) -> Result<Vec<(Bucket, Usage, Vec<Entry>)>, QueryError> {
        let mut buckets = Vec::with_capacity(self.buckets.len());
        self.each_bucket(|bucket, usage, entries| {
            buckets.push((*bucket, *usage, entries.to_vec()));
            Ok::<_, QueryError>(())
        })?;
        Ok(buckets)
    }
}

const WITHIN_THE_TOTAL: &str = "no more than the window's sum, which fits";

/// Adds to the last entry if it is of the same group.
fn add_entry(entries: &mut Vec<Entry>, group: u32, usage: &Usage) {
    match entries.last_mut() {
        Some(last) if last.group == group => last.usage.add(usage).expect(WITHIN_THE_TOTAL),
        _ => entries.push(Entry { group, usage: *usage }),
    }
}

fn over_window(sums: &Sums, groups: usize) -> Result<Vec<Usage>, QueryError> {
    let slices = match sums {
        Sums::ByBucket(slices) => &slices[..],
        Sums::OverAll(slice) => std::slice::from_ref(slice),
    };
    let mut over_window = vec![Usage::default(); groups];
    let mut usage = Usage::default();
    for slice in slices {
        for (group, sum) in (0..).zip(&mut over_window) {
            if slice.over_all(group, &mut usage) {
                sum.add(&usage).map_err(crate::store::StoreError::from)?;
            }
        }
    }
    Ok(over_window)
}

fn rank(usage: &Usage, by: RankBy) -> i128 {
    match by {
        RankBy::Cost => usage.cost().0,
        RankBy::RequestCount => i128::from(usage.get(Count::Requests)),
        RankBy::TotalTokens => i128::from(usage.get(Count::TotalTokens)),
    }
}
