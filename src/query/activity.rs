//! Usage over time, broken down.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::group::{Filter, Grouping};
use super::labels::{Group, Label, Labels, Names};
use super::numbers::GroupBy;
use super::plan::Plan;
use super::scan::Scan;
use super::slices::{Found, Slice, Sums};
use super::top::Top;
use super::{About, Query, QueryError, RankBy};
use crate::calendar::{Bucket, BucketLabel, Date};
use crate::model::{Count, Dimension, Measures, OrganizationId, Overflow, UnixMs, Usage};
use crate::store::{Column, Reader, StoreError};

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
    sums: Parts<'a>,
}

/// What buckets are made of.
#[allow(clippy::large_enum_variant, reason = "an answer has one")]
enum Parts<'a> {
    Scanned(Scan<'a>, Sums),
    /// By bucket what each of the shown has.
    Listed(Vec<Vec<Entry>>),
}

/// Usage that is known already: of a day, of whom and what, and how much.
pub struct Listed {
    pub date: Date,
    pub labels: Vec<Label>,
    pub usage: Usage,
}

/// What entries of `/analytics/activity` show.
pub const ACTIVITY_COLUMNS: &[Column] =
    &[Column::Requests, Column::TotalTokens, Column::Cost, Column::ApiKeysRequests, Column::ApiKeysCost];

/// The same, and the requests that failed: what the lines of tables show.
pub const ACTIVITY_AND_ERRORS: &[Column] = &[
    Column::Requests,
    Column::TotalTokens,
    Column::Cost,
    Column::ApiKeysRequests,
    Column::ApiKeysCost,
    Column::Errors,
    Column::ClientErrors,
];

/// Answers a question from one commit.
pub fn activity<'a>(about: About<'a>, query: &Query) -> Result<Activity<'a>, QueryError> {
    let buckets = query.window.buckets(query.granularity);
    let Some((known, id)) = about.names() else {
        let (groups, totals, ranking, shown, others) = Default::default();
        return Ok(Activity { groups, totals, ranking, buckets, shown, others, sums: Parts::Listed(Vec::new()) });
    };
    let plan = Plan::of(&buckets);
    let (mut scan, labels) = scan(about, &query.group_by, &query.filter, query.columns, &known, id);
    if let Some(top) = query.top.filter(|_| scan.is_too_much(&plan))
        && let Some(largest) = largest((about, &known, id), &scan, &labels, &plan, query, top)?
    {
        return Ok(Activity { buckets, ..largest });
    }
    let (Found { totals, api_keys }, mut sums) = scan.run(&plan)?;
    // Buckets that are still to be summed need no totals again.
    scan.totals = false;

    let over_window = over_window(&sums, scan.groups)?;
    prove(scan.reader, &over_window, &totals)?;
    let mut order: Vec<u32> = (0..scan.groups as u32).filter(|g| !over_window[*g as usize].is_zero()).collect();
    order.sort_by(|a, b| {
        // Equal ranks are in order of their keys, so that an answer is the same each time.
        let rank = |g: &u32| Reverse(rank(&over_window[*g as usize], query.rank_by));
        rank(a).cmp(&rank(b)).then_with(|| labels.compare(&known, *a, *b))
    });
    let kept = query.top.map_or(order.len(), |top| top.min(order.len()));

    let mut ranking: Vec<Entry> = Vec::with_capacity(kept + 1);
    for (rank, group) in order.iter().enumerate() {
        add_entry(&mut ranking, rank.min(kept) as u32, &over_window[*group as usize]);
    }
    let mut groups: Vec<Group> = order[..kept].iter().map(|group| labels.group(&known, *group)).collect();
    if kept < order.len() {
        groups.push(other(query.group_by.len()));
    }
    // What is not shown by itself is added up once, rather than in each bucket.
    let others = order.split_off((kept + 1).min(order.len()));
    if let Sums::ByBucket(slices) = &mut sums
        && !others.is_empty()
    {
        slices.iter_mut().for_each(|slice| slice.merge(&others, order[kept]));
    }
    let totals = totals_of((about, &known, id), &query.filter, &plan, totals, &api_keys)?;
    Ok(Activity { groups, totals, ranking, buckets, shown: order, others, sums: Parts::Scanned(scan, sums) })
}

/// Checks a breakdown by its totals.
pub(super) fn prove(reader: &Reader, breakdown: &[Usage], totals: &Usage) -> Result<(), QueryError> {
    let mut all = Usage::default();
    breakdown.iter().try_for_each(|usage| all.add(usage)).map_err(StoreError::from)?;
    check_proof(reader, (all.cost().0, all.get(Count::Requests).into()), totals)
}

/// Breakdown and totals come from different bytes. That they agree is the proof of both.
fn check_proof(reader: &Reader, (cost, requests): (i128, i128), totals: &Usage) -> Result<(), QueryError> {
    if cost != totals.cost().0 || requests != i128::from(totals.get(Count::Requests)) {
        return Err(reader.differs("a breakdown does not add up to its total").into());
    }
    Ok(())
}

/// What a question is asked of, with the names of the organization and its number.
pub(super) type Known<'k, 'a> = (About<'a>, &'k Names<'a>, OrganizationId);

pub(super) fn totals_of(
    asked: Known<'_, '_>,
    filter: &Filter,
    plan: &Plan,
    usage: Usage,
    api_keys: &RoaringBitmap,
) -> Result<Totals, QueryError> {
    let active_members = active_members(asked, filter, plan, api_keys)?;
    Ok(Totals { usage, active_api_keys: api_keys.len() as usize, active_members })
}

/// How many people have usage that counts, where it is known which of the keys do.
fn active_members(
    (about, known, id): Known<'_, '_>,
    filter: &Filter,
    plan: &Plan,
    api_keys: &RoaringBitmap,
) -> Result<usize, QueryError> {
    if !about.organization.assignments.has_owners() {
        return Ok(known.creators(api_keys));
    }
    let (mut people, moving) = known.owners_of(api_keys, &plan.segments());
    if !moving.is_empty() {
        let (mut scan, labels) = scan_of(about, known.owners_of_keys(&moving, filter), COUNTING_COLUMNS, known, id);
        scan.totals = false;
        let (_, sums) = scan.run(&plan.as_one())?;
        let sums = over_window(&sums, scan.groups)?;
        let active = (0..).zip(&sums).filter(|(_, usage)| !usage.is_zero()).map(|(group, _)| group);
        people.extend(active.filter_map(|group| labels.owner(group)));
    }
    Ok(people.len())
}

/// Whether there is any.
const COUNTING_COLUMNS: &[Column] = &[Column::Requests, Column::Cost];

/// The answer where there are too many groups to sum each in each bucket: first the window's sums of all, which say
/// which are the largest, then these in each bucket, and *Other* as what is left of the whole. Without buckets.
fn largest<'a>(
    (about, known, id): Known<'_, 'a>,
    scan: &Scan<'a>,
    labels: &Labels<'_>,
    plan: &Plan,
    query: &Query,
    top: usize,
) -> Result<Option<Activity<'a>>, QueryError> {
    let by = match query.rank_by {
        RankBy::Cost => Column::Cost,
        RankBy::RequestCount => Column::Requests,
        RankBy::TotalTokens => Column::TotalTokens,
    };
    let mut largest = Top::new(top, |a: &u32, b: &u32| labels.compare(known, *a, *b));
    let Found { totals, api_keys } = rank_groups(scan, plan, by, |rank, group| largest.offer(rank, group))?;
    let (shown, more) = largest.finish();
    let shown: Vec<u32> = shown.into_iter().map(|(_, group)| group).collect();
    let of_shown = scan.only(known, labels, &shown);
    let Some(sums) = of_shown.with_the_rest(&scan.as_one(), plan)? else { return Ok(None) };
    let over_window = over_window(&sums, of_shown.groups)?;
    if !more && !over_window[shown.len()].is_zero() {
        return Err(scan.reader.differs("a breakdown does not add up to its total").into());
    }
    let mut groups: Vec<Group> = shown.iter().map(|group| labels.group(known, *group)).collect();
    if more {
        groups.push(other(query.group_by.len()));
    }
    let ranking = (0..).zip(&over_window).take(groups.len());
    Ok(Some(Activity {
        ranking: ranking.map(|(group, usage)| Entry { group, usage: *usage }).collect(),
        totals: totals_of((about, known, id), &query.filter, plan, totals, &api_keys)?,
        buckets: Vec::new(),
        shown: (0..groups.len() as u32).collect(),
        others: Vec::new(),
        groups,
        sums: Parts::Scanned(of_shown, sums),
    }))
}

/// Visits the groups with usage in a plan, each with what it is ranked by: its sum of a column.
pub(super) fn rank_groups(
    scan: &Scan<'_>,
    plan: &Plan,
    by: Column,
    mut visit: impl FnMut(i128, u32),
) -> Result<Found, QueryError> {
    let mut columns = vec![Column::Requests, Column::Cost];
    if !columns.contains(&by) {
        columns.push(by);
    }
    let parts = plan.in_parts(rayon::current_num_threads() as u32);
    let (found, sums) = scan.of_columns(columns).run(&parts)?;
    let Sums::ByBucket(slices) = sums else { unreachable!("there are no more parts than threads") };
    let of = [Column::Requests, Column::Cost, by].map(|column| Slice::sums_of(&slices, column));
    let mut sum = (0, 0);
    for group in 0..scan.groups as u32 {
        let (requests, cost) = (of[0](group), of[1](group));
        if (requests, cost) != (0, 0) {
            sum = (sum.0 + cost, sum.1 + requests);
            visit(of[2](group), group);
        }
    }
    check_proof(scan.reader, sum, &found.totals)?;
    Ok(found)
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
    let (mut scan, _) = scan(about, &query.group_by, &query.filter, query.columns, &known, id);
    scan.totals = false;
    let (_, sums) = scan.run(&Plan::of(&query.window.buckets(query.granularity)))?;
    let Sums::ByBucket(slices) = sums else { return Ok(0) };
    let mut usage = Usage::default();
    // Looking at one bucket keeps the compiler from leaving the rest out.
    Ok((0..scan.groups as u32).filter(|group| slices[0].usage(*group, slices[0].buckets.start, &mut usage)).count())
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
    let (mut scan, labels) = scan(about, &group_by, &Filter::default(), USED_COLUMNS, &known, id);
    scan.totals = false;
    let plan = Plan::between(time.start, time.end.min(newest.next().start_ms()));
    if plan.segments().is_empty() {
        return Ok(Vec::new());
    }
    let (_, sums) = scan.run(&plan)?;
    let sums = over_window(&sums, scan.groups)?;
    let key = |group| labels.group(&known, group).labels.into_iter().next().and_then(|label| label.key);
    let used = (0..).zip(sums).filter(|(_, usage)| !usage.is_zero());
    Ok(used.map(|(group, usage)| (key(group), usage.all)).collect())
}

/// What budgets count.
const USED_COLUMNS: &[Column] = &[Column::Requests, Column::TotalTokens, Column::Cost];

pub(super) fn scan<'a>(
    about: About<'a>,
    group_by: &[GroupBy],
    filter: &Filter,
    columns: &[Column],
    known: &Names<'a>,
    id: OrganizationId,
) -> (Scan<'a>, Labels<'a>) {
    scan_of(about, known.group(group_by, filter), columns, known, id)
}

fn scan_of<'a>(
    about: About<'a>,
    grouping: Grouping<'a>,
    columns: &[Column],
    known: &Names<'a>,
    id: OrganizationId,
) -> (Scan<'a>, Labels<'a>) {
    let Grouping { groups, labels, group_of, counting, api_keys, pivot, by_series, courses } = grouping;
    let pivot = pivot.filter(|pivot| columns.iter().all(|column| pivot.keeps(*column)));
    let unpriced = known.unpriced(&group_of);
    let mut columns = columns.to_vec();
    if !unpriced.is_empty() && !columns.contains(&Column::Unpriced) {
        columns.push(Column::Unpriced);
    }
    let keeps = pivot.is_none_or(|pivot| pivot.keeps(Column::Unpriced));
    let unpriced_api_keys = if keeps { Vec::new() } else { known.runs_of_api_keys(&unpriced) };
    let scan = Scan {
        reader: about.reader,
        organization: id,
        series: known.names.series(),
        api_key_count: known.names.count(Dimension::ApiKey),
        groups,
        group_of: Arc::new(group_of),
        courses: Arc::new(courses),
        counting,
        api_keys,
        pivot,
        by_series,
        columns,
        unpriced_api_keys,
        totals: true,
    };
    (scan, labels)
}

impl Activity<'static> {
    /// The answer to a question of days, weeks or months, from usage that is known already.
    pub fn of_listed(
        query: &Query,
        listed: Vec<Listed>,
        active_api_keys: usize,
        active_members: usize,
    ) -> Result<Activity<'static>, QueryError> {
        let buckets = query.window.buckets(query.granularity);
        let bucket_of = |date: Date| {
            buckets.partition_point(|bucket| matches!(bucket.label, BucketLabel::Day(first) if first <= date)) - 1
        };
        let mut all = Usage::default();
        let (mut numbers, mut sums) = (BTreeMap::<Vec<Option<String>>, usize>::new(), Vec::<(Group, Usage)>::new());
        let mut by_bucket: Vec<BTreeMap<usize, Usage>> = vec![BTreeMap::new(); buckets.len()];
        let mut take = |Listed { date, labels, usage }: Listed| -> Result<(), Overflow> {
            all.add(&usage)?;
            let keys = labels.iter().map(|label| label.key.clone()).collect();
            let number = *numbers.entry(keys).or_insert_with(|| {
                sums.push((Group { labels }, Usage::default()));
                sums.len() - 1
            });
            sums[number].1.add(&usage)?;
            by_bucket[bucket_of(date)].entry(number).or_default().add(&usage)
        };
        listed.into_iter().try_for_each(&mut take).map_err(StoreError::from)?;
        // Equal ranks are in order of their keys.
        let mut order: Vec<usize> = numbers.into_values().filter(|number| !sums[*number].1.is_zero()).collect();
        order.sort_by_key(|number| Reverse(rank(&sums[*number].1, query.rank_by)));
        let kept = query.top.map_or(order.len(), |top| top.min(order.len()));
        let places: HashMap<usize, u32> =
            order.iter().enumerate().map(|(place, number)| (*number, place.min(kept) as u32)).collect();
        let mut ranking: Vec<Entry> = Vec::with_capacity(kept + 1);
        order.iter().for_each(|number| add_entry(&mut ranking, places[number], &sums[*number].1));
        let mut groups: Vec<Group> = order[..kept].iter().map(|number| sums[*number].0.clone()).collect();
        if kept < order.len() {
            groups.push(other(query.group_by.len()));
        }
        let parts = by_bucket.into_iter().map(|of_bucket| {
            let mut parts: Vec<(u32, Usage)> =
                of_bucket.into_iter().filter_map(|(number, usage)| Some((*places.get(&number)?, usage))).collect();
            parts.sort_by_key(|(place, _)| *place);
            let mut entries = Vec::new();
            parts.iter().for_each(|(place, usage)| add_entry(&mut entries, *place, usage));
            entries
        });
        let sums = Parts::Listed(parts.collect());
        let totals = Totals { usage: all, active_api_keys, active_members };
        Ok(Activity { groups, totals, ranking, buckets, shown: Vec::new(), others: Vec::new(), sums })
    }
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
            Parts::Listed(parts) => (0..).zip(&self.buckets).try_for_each(|(number, bucket): (usize, _)| {
                let entries = parts.get(number).map_or(&[][..], |entries| entries);
                let mut total = Usage::default();
                entries.iter().for_each(|entry| total.add(&entry.usage).expect(WITHIN_THE_TOTAL));
                visit(bucket, &total, entries)
            }),
            Parts::Scanned(_, Sums::ByBucket(slices)) => slices.iter().try_for_each(of_slice),
            Parts::Scanned(scan, Sums::OverAll(_)) => scan.each_slice(&Plan::of(&self.buckets), |slice| {
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

pub(super) fn over_window(sums: &Sums, groups: usize) -> Result<Vec<Usage>, QueryError> {
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
